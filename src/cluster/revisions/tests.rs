use super::*;
use proptest::prelude::*;
use serde_json::json;

fn of_container(container: Value) -> Value {
    json!({"spec": {"containers": [container]}})
}

fn told(before: &Value, after: &Value) -> Vec<String> {
    let line = |change: &FieldChange| format!("{}: {} -> {}", change.path, change.before, change.after);
    diff(before, after).iter().map(line).collect()
}

#[test]
fn tells_each_field_by_its_path() {
    let before = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "1"}}, "spec": {
        "containers": [
            {"name": "app", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "x"}, {"name": "C", "value": "c"}],
             "resources": {"limits": {"memory": "512Mi", "cpu": "0.5"}}, "ports": [{"name": "http", "containerPort": 80}],
             "args": ["--fast"]},
            {"name": "old", "image": "old:1"}],
        "volumes": [{"name": "conf", "configMap": {"name": "web-1"}}],
        "tolerations": [{"key": "a", "operator": "Exists"}]}});
    let after = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "2", "app.kubernetes.io/version": "2"}}, "spec": {
        "containers": [
            {"name": "new", "image": "new:1"},
            {"name": "app", "image": "web:2",
             "env": [{"name": "C", "value": "c"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}}, {"name": "A", "value": "2"}],
             "resources": {"limits": {"memory": "256Mi", "cpu": "500m", "nvidia.com/gpu": 1}}, "ports": [{"name": "http", "containerPort": 8080}],
             "args": ["--slow"]}],
        "volumes": [{"name": "conf", "configMap": {"name": "web-2"}}],
        "tolerations": [{"key": "b", "operator": "Exists"}]}});
    assert_eq!(
        told(&before, &after),
        [
            r#"metadata.labels[app.kubernetes.io/version]: null -> "2""#,
            r#"spec.containers[app].args: ["--fast"] -> ["--slow"]"#,
            r#"spec.containers[app].env[A]: "1" -> "2""#,
            r#"spec.containers[app].env[B]: "x" -> {"secretKeyRef":{"key":"b","name":"s"}}"#,
            r#"spec.containers[app].image: "web:1" -> "web:2""#,
            r#"spec.containers[app].ports[http].containerPort: 80 -> 8080"#,
            r#"spec.containers[app].resources.limits.memory: "512Mi" -> "256Mi""#,
            r#"spec.containers[app].resources.limits[nvidia.com/gpu]: null -> 1"#,
            r#"spec.containers[new]: null -> {"image":"new:1","name":"new"}"#,
            r#"spec.containers[old]: {"image":"old:1","name":"old"} -> null"#,
            r#"spec.tolerations: [{"key":"a","operator":"Exists"}] -> [{"key":"b","operator":"Exists"}]"#,
            r#"spec.volumes[conf].configMap.name: "web-1" -> "web-2""#,
        ]
    );
}

#[test]
fn defaults_that_are_written_out_are_no_change() {
    let short = json!({"spec": {"serviceAccountName": "web",
        "containers": [{"name": "app", "image": "web:1", "ports": [{"containerPort": 80}], "env": [{"name": "EMPTY"}],
            "livenessProbe": {"httpGet": {"port": 80}}, "resources": {"limits": {"cpu": "0.5"}}}],
        "volumes": [{"name": "c", "configMap": {"name": "c"}}, {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]}});
    let long = json!({"metadata": {"creationTimestamp": null, "labels": {}}, "spec": {
        "serviceAccountName": "web", "serviceAccount": "web", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30, "securityContext": {}, "hostNetwork": false,
        "nodeSelector": {}, "tolerations": [], "enableServiceLinks": true,
        "containers": [{"name": "app", "image": "web:1", "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "EMPTY", "value": ""}],
            "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
                "successThreshold": 1, "failureThreshold": 3, "initialDelaySeconds": 0},
            "resources": {"limits": {"cpu": "500m"}}}],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}, {"name": "c", "configMap": {"name": "c", "defaultMode": 420}}]}});
    assert_eq!(told(&short, &long), [""; 0]);
    assert_eq!(told(&long, &short), [""; 0]);
}

#[test]
fn what_is_not_the_default_is_a_change() {
    let plain = of_container(json!({"name": "app"}));
    for (container, expected) in [
        (json!({"name": "app", "livenessProbe": {"tcpSocket": {"port": 1}}}), "spec.containers[app].livenessProbe"),
        (json!({"name": "app", "securityContext": {"runAsUser": 0}}), "spec.containers[app].securityContext"),
        (json!({"name": "app", "resources": {"requests": {"cpu": 0}}}), "spec.containers[app].resources.requests.cpu"),
        (json!({"name": "app", "env": [{"name": "A"}]}), "spec.containers[app].env[A]"),
        (json!({"name": "app", "stdin": true}), "spec.containers[app].stdin"),
    ] {
        let changes = diff(&plain, &of_container(container));
        assert_eq!(changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), [expected]);
    }
    let off = json!({"spec": {"containers": [{"name": "app"}], "automountServiceAccountToken": false}});
    assert_eq!(told(&plain, &off), ["spec.automountServiceAccountToken: null -> false"]);
    let slow = of_container(json!({"name": "app", "readinessProbe": {"exec": {"command": ["true"]}, "timeoutSeconds": 5}}));
    let fast = of_container(json!({"name": "app", "readinessProbe": {"exec": {"command": ["true"]}}}));
    assert_eq!(told(&fast, &slow), ["spec.containers[app].readinessProbe.timeoutSeconds: null -> 5"]);
}

#[test]
fn a_restart_changes_nothing_but_is_known() {
    let before = of_container(json!({"name": "app"}));
    let mut after = before.clone();
    after["metadata"] = json!({"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-02T05:05:54Z"}});
    assert!(diff(&before, &after).is_empty());
    assert_eq!(restarted_at(&after), "2026-01-02T05:05:54Z".parse().ok());
    assert_eq!(restarted_at(&before), None);
}

#[test]
fn elements_that_share_a_name_are_compared_as_a_whole() {
    let before = of_container(json!({"name": "app", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}));
    let after = of_container(json!({"name": "app", "env": [{"name": "A", "value": "2"}]}));
    assert_eq!(diff(&before, &after)[0].path, "spec.containers[app].env");
}

#[test]
fn revisions_of_both_kinds() {
    let replica_set = Object::new(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-1", "annotations": {"deployment.kubernetes.io/revision": "15"}}, "spec": {"template": {"spec": {"containers": []}}}})).unwrap();
    assert_eq!(revision_number(&replica_set), Some(15));
    assert!(template(&replica_set).is_some());
    let stored = json!({"$patch": "replace", "spec": {"containers": [{"name": "app"}]}});
    let revision = Object::new(json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "agent-1"},
        "revision": 3, "data": {"spec": {"template": stored}}}))
    .unwrap();
    assert_eq!(revision_number(&revision), Some(3));
    assert!(diff(template(&revision).unwrap(), &of_container(json!({"name": "app"}))).is_empty());
    let odd = Object::new(json!({"kind": "ReplicaSet", "metadata": {"name": "x"}, "spec": {"template": "x"}})).unwrap();
    assert_eq!((revision_number(&odd), template(&odd)), (None, None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let key = prop_oneof![
            Just("name"),
            Just("containers"),
            Just("env"),
            Just("value"),
            Just("ports"),
            Just("limits"),
            Just("spec"),
            Just("a.b")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(template in any_json()) {
        prop_assert!(diff(&template, &template).is_empty());
        let wrapped = json!({"spec": template});
        prop_assert!(diff(&wrapped, &wrapped).is_empty());
    }

    #[test]
    fn the_way_back_changes_the_same_fields(before in any_json(), after in any_json()) {
        let (before, after) = (json!({"spec": before}), json!({"spec": after}));
        let paths = |changes: Vec<FieldChange>| changes.into_iter().map(|change| change.path).collect::<Vec<_>>();
        let there = diff(&before, &after);
        prop_assert!(there.is_sorted_by(|a, b| a.path <= b.path));
        prop_assert_eq!(paths(there), paths(diff(&after, &before)));
    }
}
