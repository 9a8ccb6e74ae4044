use super::*;
use proptest::prelude::*;
use serde_json::json;

/// A worker with 4 CPUs, 16Gi and room for 110 pods, changed by `patch`.
fn node(name: &str, zone: &str, patch: Value) -> Object {
    let mut raw = json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}},
        "spec": {}, "status": {"allocatable": {"cpu": "3920m", "memory": "15Gi", "pods": "110"}}});
    merge(&mut raw, patch);
    Object::new(raw).unwrap()
}

fn pod(name: &str, on: &str, patch: Value) -> Object {
    let mut raw = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"nodeName": on, "containers": [{"name": "app"}]}});
    merge(&mut raw, patch);
    Object::new(raw).unwrap()
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

fn pending(spec: Value) -> Object {
    pod("new", "", json!({"spec": spec}))
}

fn asks(resources: Value) -> Value {
    json!({"containers": [{"name": "app", "resources": {"requests": resources}}]})
}

/// Each node with what keeps the pod from it, as the scheduler and as people would say it.
fn told(new: &Object, others: &[Object]) -> Vec<String> {
    let surroundings = Surroundings::of(others);
    let placement = place(&Candidate::of(new), &surroundings);
    let line = |(node, misfits): (&&str, &Vec<Misfit>)| {
        let reasons: Vec<String> = misfits.iter().map(|misfit| format!("{} [{misfit}]", misfit.words())).collect();
        format!("{node}: {}", reasons.join(" + "))
    };
    placement.nodes.iter().map(line).collect()
}

#[test]
fn a_node_without_a_reason_fits() {
    let nodes = [node("a", "1", json!({}))];
    assert_eq!(told(&pending(asks(json!({"cpu": "3920m", "memory": "15Gi"}))), &nodes), ["a: "]);
}

#[test]
fn an_observed_total_counts_where_it_is_higher_than_what_was_read() {
    let total = |cpu: &str| json!({"metadata": {"annotations": {ALLOCATED: format!("{{\"cpu\": {{\"limits\": \"0\", \"requests\": \"{cpu}\"}}}}")}}});
    let read = pod("other", "a", json!({"spec": asks(json!({"cpu": "2"}))}));
    let free = |patch: Value| {
        let objects = [node("a", "1", patch), read.clone()];
        Surroundings::of(&objects).nodes()[0].free("cpu").unwrap().to_string()
    };
    assert_eq!(free(total("3425m")), "495m");
    assert_eq!(free(total("1")), "1920m");
    assert_eq!(free(json!({"metadata": {"annotations": {ALLOCATED: "none"}}})), "1920m");
}

#[test]
fn room_is_what_the_pods_that_have_not_ended_leave() {
    let objects = [
        node("a", "1", json!({})),
        pod("p1", "a", json!({"spec": asks(json!({"cpu": "3", "memory": "1Gi"}))})),
        pod("done", "a", json!({"spec": asks(json!({"cpu": "3"})), "status": {"phase": "Succeeded"}})),
        pod("elsewhere", "b", json!({"spec": asks(json!({"cpu": "3"}))})),
    ];
    assert_eq!(
        told(&pending(asks(json!({"cpu": "1", "memory": "20Gi", "nvidia.com/gpu": 1}))), &objects),
        ["a: Insufficient cpu [1 cpu asked, 920m of 3920m free] + Insufficient memory [20Gi memory asked, 14Gi of 15Gi free] + \
          Insufficient nvidia.com/gpu [1 nvidia.com/gpu asked, 0 of 0 free]"]
    );
    assert_eq!(told(&pending(asks(json!({"cpu": "920m", "example.com/none": 0}))), &objects), ["a: "]);
    let surroundings = Surroundings::of(&objects);
    assert_eq!(surroundings.nodes()[0].free("cpu"), Quantity::parse("920m"));
}

#[test]
fn pods_are_counted() {
    let small = json!({"status": {"allocatable": {"pods": "1"}}});
    let objects = [node("a", "1", small), pod("p1", "a", json!({}))];
    assert_eq!(told(&pending(json!({})), &objects), ["a: Too many pods [runs 1 of 1 pods]"]);
}

#[test]
fn a_node_of_unknown_size_is_not_called_too_small() {
    let unknown = Object::new(json!({"kind": "Node", "metadata": {"name": "a"}})).unwrap();
    assert_eq!(told(&pending(asks(json!({"cpu": "64"}))), &[unknown]), ["a: "]);
}

#[test]
fn cordons_taints_and_labels() {
    let objects = [
        node(
            "a",
            "1",
            json!({"spec": {"unschedulable": true, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}}),
        ),
        node("b", "1", json!({"spec": {"taints": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]}})),
        node("c", "2", json!({"metadata": {"labels": {"disktype": "hdd"}}})),
        node("d", "2", json!({"metadata": {"labels": {"disktype": "ssd"}}})),
    ];
    let new = pending(json!({"nodeSelector": {"disktype": "ssd"}}));
    let no_label = "node(s) didn't match Pod's node affinity/selector [disktype=ssd asked, node has no label disktype]";
    assert_eq!(
        told(&new, &objects),
        [
            format!("a: node(s) were unschedulable [cordoned] + {no_label}"),
            format!("b: node(s) had untolerated taint(s) [taint dedicated=gpu:NoSchedule not tolerated] + {no_label}"),
            "c: node(s) didn't match Pod's node affinity/selector [disktype=ssd asked, node has disktype=hdd]".to_owned(),
            "d: ".to_owned(),
        ]
    );
    let tolerant = pending(json!({"tolerations": [{"operator": "Exists"}]}));
    assert_eq!(told(&tolerant, &objects[..2]), ["a: ", "b: "]);
}

#[test]
fn affinity_terms_are_alternatives() {
    let term = |zone: &str, extra: &str| {
        json!({"matchExpressions": [
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]},
            {"key": extra, "operator": "Exists"}]})
    };
    let affinity = |terms: Value| {
        pending(
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}),
        )
    };
    let nodes = [node("a", "1", json!({}))];
    assert_eq!(told(&affinity(json!([term("2", "gpu"), term("1", "kubernetes.io/hostname")])), &nodes), ["a: "]);
    assert_eq!(
        told(&affinity(json!([term("2", "gpu")])), &nodes),
        ["a: node(s) didn't match Pod's node affinity/selector [topology.kubernetes.io/zone=2 asked, node has \
          topology.kubernetes.io/zone=1; gpu asked, node has no label gpu]"]
    );
    assert_eq!(
        told(&affinity(json!([])), &nodes),
        ["a: node(s) didn't match Pod's node affinity/selector [its node affinity has no requirements and matches no node]"]
    );
}

#[test]
fn host_ports_conflict_by_protocol_and_address() {
    let port = |protocol: &str, ip: &str| json!({"containers": [{"name": "app", "ports": [{"containerPort": 80, "hostPort": 80, "protocol": protocol, "hostIP": ip}]}]});
    let objects = [node("a", "1", json!({})), pod("p1", "a", json!({"spec": port("TCP", "10.0.0.1")}))];
    let taken = "a: node(s) didn't have free ports for the requested pod ports [host port 80/TCP taken by Pod shop/p1]";
    assert_eq!(told(&pending(port("TCP", "")), &objects), [taken]);
    assert_eq!(told(&pending(port("TCP", "10.0.0.1")), &objects), [taken]);
    assert_eq!(told(&pending(port("TCP", "10.0.0.2")), &objects), ["a: "]);
    assert_eq!(told(&pending(port("UDP", "")), &objects), ["a: "]);
}

fn near(kind: &str, term: Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn pods_attract_and_repel_each_other() {
    let objects = [
        node("a", "1", json!({})),
        node("b", "2", json!({})),
        node("c", "2", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": null}}})),
        pod("db", "a", json!({"metadata": {"labels": {"app": "db"}}})),
    ];
    let in_zone = json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": "db"}}});
    assert_eq!(
        told(&pending(near("podAffinity", in_zone.clone())), &objects),
        [
            "a: ",
            "b: node(s) didn't match pod affinity rules [no pod with app=db in the same topology.kubernetes.io/zone]",
            "c: node(s) didn't match pod affinity rules [node has no label topology.kubernetes.io/zone]",
        ]
    );
    let mut elsewhere = in_zone.clone();
    elsewhere["namespaces"] = json!(["data"]);
    assert!(told(&pending(near("podAffinity", elsewhere)), &objects)[0].contains("no pod with app=db"));
    let mut everywhere = in_zone.clone();
    everywhere["namespaceSelector"] = json!({});
    assert_eq!(told(&pending(near("podAffinity", everywhere)), &objects)[0], "a: ");
    assert_eq!(
        told(&pending(near("podAntiAffinity", in_zone)), &objects),
        [
            "a: node(s) didn't match pod anti-affinity rules [Pod shop/db is in the same topology.kubernetes.io/zone]",
            "b: ",
            "c: "
        ]
    );
}

#[test]
fn the_first_of_a_group_may_start_it() {
    let own =
        near("podAffinity", json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}));
    let nodes = [node("a", "1", json!({})), node("b", "1", json!({}))];
    assert_eq!(told(&pending(own.clone()), &nodes), ["a: ", "b: "]);
    let with_one = [node("a", "1", json!({})), node("b", "1", json!({})), pod("first", "a", json!({"spec": own.clone()}))];
    assert!(told(&pending(own), &with_one)[1].starts_with("b: node(s) didn't match pod affinity rules"));
}

#[test]
fn pods_that_run_may_keep_others_away() {
    let apart = near(
        "podAntiAffinity",
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}),
    );
    let objects = [node("a", "1", json!({})), pod("lonely", "a", json!({"spec": apart.clone()}))];
    assert_eq!(
        told(&pending(json!({})), &objects),
        [
            "a: node(s) didn't satisfy existing pods anti-affinity rules [Pod shop/lonely in the same kubernetes.io/hostname keeps \
          this pod away]"
        ]
    );
    // Between replicas the pod's own rule says it.
    assert_eq!(
        told(&pending(apart), &objects),
        ["a: node(s) didn't match pod anti-affinity rules [Pod shop/lonely is in the same kubernetes.io/hostname]"]
    );
}

fn spread(patch: Value) -> Value {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}});
    merge(&mut constraint, patch);
    json!({"topologySpreadConstraints": [constraint]})
}

#[test]
fn pods_are_spread_evenly() {
    let objects = [
        node("a", "1", json!({})),
        node("b", "2", json!({})),
        node("c", "2", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": null}}})),
        pod("p1", "a", json!({})),
        pod("gone", "b", json!({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}})),
        pod("other", "b", json!({"metadata": {"namespace": "else"}})),
    ];
    let skewed = "a: node(s) didn't match pod topology spread constraints [spread over topology.kubernetes.io/zone would differ by 2, \
                  at most 1 is allowed]";
    let no_label = "c: node(s) didn't match pod topology spread constraints (missing required label) [node has no label \
                    topology.kubernetes.io/zone to spread over]";
    assert_eq!(told(&pending(spread(json!({}))), &objects), [skewed, "b: ", no_label]);
    assert_eq!(told(&pending(spread(json!({"maxSkew": 2}))), &objects)[0], "a: ");
    assert_eq!(told(&pending(spread(json!({"whenUnsatisfiable": "ScheduleAnyway"}))), &objects), ["a: ", "b: ", "c: "]);
    // Only the pods of its own revision count.
    assert_eq!(told(&pending(spread(json!({"matchLabelKeys": ["app"]}))), &objects)[0], skewed);
}

#[test]
fn spreading_counts_only_the_domains_that_the_pod_could_use() {
    let objects =
        [node("a", "1", json!({"metadata": {"labels": {"pool": "web"}}})), node("b", "2", json!({})), pod("p1", "a", json!({}))];
    let mut pinned = spread(json!({}));
    merge(&mut pinned, json!({"nodeSelector": {"pool": "web"}}));
    assert_eq!(told(&pending(pinned.clone()), &objects)[0], "a: ");
    merge(&mut pinned, spread(json!({"nodeAffinityPolicy": "Ignore"})));
    assert!(told(&pending(pinned.clone()), &objects)[0].contains("differ by 2"));
    merge(&mut pinned, spread(json!({"minDomains": 3})));
    assert!(told(&pending(pinned), &objects)[0].contains("differ by 2"));
}

#[test]
fn volumes_hold_pods_where_they_are() {
    let claim = |name: &str, volume: &str| {
        Object::new(json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "shop"}, "spec": {"volumeName": volume}})).unwrap()
    };
    let volume = |name: &str, patch: Value| {
        let mut raw = json!({"kind": "PersistentVolume", "metadata": {"name": name}});
        merge(&mut raw, patch);
        Object::new(raw).unwrap()
    };
    let local = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]}}}});
    let objects = [
        node("a", "1", json!({})),
        node("b", "2", json!({})),
        claim("data", "pv-1"),
        claim("zonal", "pv-2"),
        claim("unbound", ""),
        volume("pv-1", local),
        volume("pv-2", json!({"metadata": {"labels": {"failure-domain.beta.kubernetes.io/zone": "1__3"}}})),
    ];
    let with = |claim: &str| pending(json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}));
    assert_eq!(
        told(&with("data"), &objects),
        [
            "a: ",
            "b: node(s) didn't match PersistentVolume's node affinity [volume pv-1: kubernetes.io/hostname=a asked, node has \
          kubernetes.io/hostname=b]"
        ]
    );
    assert_eq!(
        told(&with("zonal"), &objects),
        ["a: ", "b: node(s) had no available volume zone [volume pv-2 needs topology.kubernetes.io/zone=1__3, node has 2]"]
    );
    assert_eq!(told(&with("unbound"), &objects), ["a: ", "b: "]);
    assert_eq!(told(&with("missing"), &objects), ["a: ", "b: "]);
}

#[test]
fn the_obstacle_that_opens_most_nodes_comes_first() {
    let full = |name: &str, on: &str, cpu: &str| pod(name, on, json!({"spec": asks(json!({"cpu": cpu}))}));
    let objects = [
        node(
            "control",
            "1",
            json!({"spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}}),
        ),
        node("w1", "1", json!({})),
        node("w2", "1", json!({})),
        node(
            "w3",
            "2",
            json!({"spec": {"taints": [
            {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}}),
        ),
        full("p1", "w1", "2"),
        full("p2", "w2", "720m"),
    ];
    let surroundings = Surroundings::of(&objects);
    let new = pending(asks(json!({"cpu": "3500m"})));
    let placement = place(&Candidate::of(&new), &surroundings);
    assert_eq!(placement.fitting().count(), 0);
    let obstacles = placement.obstacles();
    assert_eq!(obstacles.len(), 3);
    assert_eq!(obstacles[0].only_on, ["w1", "w2"]);
    assert_eq!((obstacles[0].nearest, obstacles[0].misfit.free()), ("w2", Quantity::parse("3200m")));
    assert!(!obstacles[0].misfit.exceeds_node());
    assert_eq!(obstacles[1].only_on, ["w3"]);
    assert!(matches!(obstacles[1].misfit, Misfit::Taint { key, .. } if is_node_condition(key)));
    assert!(matches!(obstacles[2].misfit, Misfit::Taint { key, .. } if is_control_plane(key)));
}

#[test]
fn a_running_pod_does_not_stand_in_its_own_way() {
    let apart = near(
        "podAntiAffinity",
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}),
    );
    let mut spec = json!({"containers": [{"name": "app", "ports": [{"containerPort": 80, "hostPort": 80}], "resources": {"requests": {"cpu": "3"}}}]});
    merge(&mut spec, apart);
    let running = pod("new", "a", json!({"spec": spec}));
    let objects = [node("a", "1", json!({"status": {"allocatable": {"pods": "1"}}})), running.clone()];
    assert_eq!(told(&running, &objects), ["a: "]);
}

#[test]
fn a_template_is_placed_like_a_pod() {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"nodeName": "b", "containers": []}});
    let objects = [node("a", "1", json!({})), node("b", "1", json!({}))];
    let surroundings = Surroundings::of(&objects);
    let placement = place(&Candidate::of_template("shop", &template), &surroundings);
    assert_eq!(placement.nodes["a"], [Misfit::NodeName { wanted: "b".into() }]);
    assert_eq!(placement.fitting().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn finds_the_label_that_was_meant() {
    let objects = [
        node("a", "1", json!({"metadata": {"labels": {"disktype": "ssd", "accelerator": "nvidia"}}})),
        node("b", "2", json!({"metadata": {"labels": {"disktype": "hdd"}}})),
    ];
    let surroundings = Surroundings::of(&objects);
    assert_eq!(surroundings.label_values("disktype"), BTreeMap::from([("hdd", 1), ("ssd", 1)]));
    assert_eq!(surroundings.similar_label("disk-type", "ssd"), Some(("disktype", "ssd")));
    assert_eq!(surroundings.similar_label("accelerator", "nvida"), Some(("accelerator", "nvidia")));
    assert_eq!(surroundings.similar_label("disktype", "nvme"), None);
}

proptest! {
    #[test]
    fn garbage_never_panics_and_never_keeps_a_pod_from_a_node(text in "\\PC{0,12}", number in any::<i64>()) {
        for garbage in [json!(null), json!(text), json!(number), json!([text]), json!({text.clone(): number}), json!([{text.clone(): [number]}])] {
            let objects = [
                Object::new(json!({"kind": "Node", "metadata": {"name": "a", "labels": garbage}, "spec": garbage, "status": garbage})).unwrap(),
                Object::new(json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "a", "containers": garbage, "affinity": garbage, "overhead": garbage}})).unwrap(),
                Object::new(json!({"kind": "Namespace", "metadata": {"name": "shop", "labels": garbage}})).unwrap(),
            ];
            let new = pending(json!({"containers": garbage, "initContainers": garbage, "tolerations": garbage, "volumes": garbage}));
            prop_assert_eq!(told(&new, &objects), ["a: "]);
            for field in ["affinity", "topologySpreadConstraints", "nodeSelector", "resources", "overhead"] {
                told(&pending(json!({field: garbage})), &objects);
            }
            told(&pending(near("podAntiAffinity", garbage.clone())), &objects);
            told(&pending(spread(json!({"labelSelector": garbage, "maxSkew": garbage}))), &objects);
        }
    }

    #[test]
    fn order_of_the_objects_does_not_matter(seed in any::<u64>()) {
        let mut objects = vec![
            node("a", "1", json!({})), node("b", "2", json!({})),
            pod("p1", "a", json!({"spec": asks(json!({"cpu": "3"}))})), pod("p2", "b", json!({"metadata": {"labels": {"app": "db"}}})),
            pod("p3", "b", json!({})),
        ];
        let mut spec = spread(json!({}));
        merge(&mut spec, near("podAntiAffinity", json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}})));
        merge(&mut spec, asks(json!({"cpu": "2"})));
        let expected = told(&pending(spec.clone()), &objects);
        for step in 0..objects.len() {
            let other = usize::try_from(seed.rotate_left(u32::try_from(step * 7).unwrap()) % 5).unwrap();
            objects.swap(step, other);
        }
        prop_assert_eq!(told(&pending(spec), &objects), expected);
    }
}
