use super::refusals;
use crate::cluster::{Recording, Snapshot};
use crate::domain::{Action, ExecutionIntent, KUBERNETES, Params, ResourceParams, ResourceType, SourceState};
use crate::remedy::samples::{deployment, intent};
use serde_json::{Value, json};

/// The Deployment of two replicas with its revisions 14 and 15, two Ready pods on the one node, and all of it read.
fn objects() -> Vec<Value> {
    let owned = |kind: &str, name: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true}]);
    let set = |revision: &str, image: &str, replicas: i64| {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "squad-7", "name": format!("web-{revision}"),
            "annotations": {"deployment.kubernetes.io/revision": revision}, "ownerReferences": owned("Deployment", "web")},
            "spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": revision}},
                "spec": {"containers": [{"name": "app", "image": image, "resources": {"limits": {"memory": "256Mi"}}}]}}},
            "status": {"replicas": replicas}})
    };
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "squad-7", "name": name, "uid": name, "labels": {"app": "web"},
            "ownerReferences": owned("ReplicaSet", "web-15")},
            "spec": {"nodeName": "worker", "containers": [{"name": "app", "resources": {"limits": {"memory": "256Mi"}}}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-10T00:00:00Z"}]}})
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "squad-7"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker"},
        "status": {"allocatable": {"cpu": "4", "memory": "1Gi", "pods": "10"}}});
    vec![deployment(), set("14", "web:1", 0), set("15", "web:2", 2), pod("web-a"), pod("web-b"), namespace, node]
}

/// The codes that are refused, with the first one's sentence, after one object was changed or added.
fn refused(intent: &ExecutionIntent, change: fn(&mut Vec<Value>)) -> Vec<(String, String)> {
    let mut objects = objects();
    change(&mut objects);
    let sources = [(KUBERNETES.to_owned(), SourceState::Ok)].into();
    let snapshot = Snapshot::new(Recording { objects, sources, ..Recording::default() });
    refusals(&snapshot, intent).into_iter().map(|refusal| (refusal.code, refusal.why)).collect()
}

fn restart() -> ExecutionIntent {
    intent(Action::RestartDeployment, Params::None)
}

fn rollback(revision: i64) -> ExecutionIntent {
    intent(Action::RollbackDeployment, Params::Rollback { revision })
}

fn scale(replicas: i32) -> ExecutionIntent {
    intent(Action::ScaleDeployment, Params::Scale { replicas })
}

fn memory(limit: &str) -> ExecutionIntent {
    let params = ResourceParams { container: "app".into(), memory_limit: Some(limit.into()), ..ResourceParams::default() };
    intent(Action::SetResources, Params::Resources(params))
}

fn evict() -> ExecutionIntent {
    ExecutionIntent { resource_type: ResourceType::Pod, resource_name: "web-a".into(), ..intent(Action::EvictPod, Params::None) }
}

fn quota(hard: Value, used: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "squad-7", "name": "team"}, "status": {"hard": hard, "used": used}})
}

fn autoscaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "squad-7", "name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}})
}

/// One refusal a line: the code, a part of its sentence, the intent, and what is different.
#[test]
fn the_table() {
    type Change = fn(&mut Vec<Value>);
    let rows: &[(&str, &str, ExecutionIntent, Change)] = &[
        ("object_missing", "not in what was read", restart(), |it| it.truncate(0)),
        ("target_terminating", "since 2026-03-10", restart(), |it| {
            it[0]["metadata"]["deletionTimestamp"] = json!("2026-03-10T09:00:00Z")
        }),
        ("namespace_terminating", "being deleted", restart(), |it| it[5]["status"] = json!({"phase": "Terminating"})),
        ("owner_is_operator", "Rollout", restart(), |it| {
            it[0]["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "example.com/v1", "kind": "Rollout", "name": "web", "controller": true}]);
        }),
        ("rollout_paused", "is paused", restart(), |it| it[0]["spec"]["paused"] = json!(true)),
        ("rollout_paused", "is paused", rollback(14), |it| it[0]["spec"]["paused"] = json!(true)),
        ("rollout_in_progress", "1 of 2 pods", restart(), |it| it[0]["status"]["updatedReplicas"] = json!(1)),
        ("rollout_in_progress", "3 in all", restart(), |it| it[0]["status"]["replicas"] = json!(3)),
        ("autoscaler_owns_replicas", "sets the replicas", scale(3), |it| it.push(autoscaler())),
        ("same_template", "revision 15 has the template", rollback(15), |_| ()),
        ("same_template", "revision 14 has the template", rollback(14), |it| {
            it[1]["spec"]["template"]["spec"] = it[2]["spec"]["template"]["spec"].clone();
            it[0]["spec"]["template"]["metadata"]["annotations"] =
                json!({"kubectl.kubernetes.io/restartedAt": "2026-03-10T09:00:00Z"});
        }),
        ("object_missing", "revision 3", rollback(3), |_| ()),
        ("reference_missing", "Secret key-of-old", rollback(14), |it| {
            it[1]["spec"]["template"]["spec"]["volumes"] = json!([{"name": "x", "secret": {"secretName": "key-of-old"}}]);
        }),
        ("reference_missing", "ConfigMap web with key URL", rollback(14), |it| {
            it[1]["spec"]["template"]["spec"]["containers"][0]["env"] =
                json!([{"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "URL"}}}]);
            it.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "squad-7", "name": "web"}, "data": {"OTHER": ""}}));
        }),
        ("quota_headroom", "allows 2 pods, 2 are used, and 1 more", restart(), |it| {
            it.push(quota(json!({"pods": "2"}), json!({"pods": "2"})))
        }),
        ("quota_headroom", "limits.memory", memory("512Mi"), |it| {
            it.push(quota(json!({"limits.memory": "768Mi"}), json!({"limits.memory": "512Mi"})));
        }),
        ("quota_headroom", "2 more", scale(4), |it| it.push(quota(json!({"pods": "3"}), json!({"pods": "2"})))),
        ("limit_range", "384Mi memory a container, app would have 512Mi", memory("512Mi"), |it| {
            it.push(json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"namespace": "squad-7", "name": "team"},
                "spec": {"limits": [{"type": "Container", "max": {"memory": "384Mi"}}]}}));
        }),
        ("no_room", "on worker", memory("900Mi"), |_| ()),
        ("no_room", "on worker", scale(3), |it| it[6]["status"]["allocatable"]["memory"] = json!("600Mi")),
        ("no_room", "cordoned", restart(), |it| it[6]["spec"] = json!({"unschedulable": true})),
        ("pod_unmanaged", "nothing would make", evict(), |it| it[3]["metadata"]["ownerReferences"] = json!([])),
        ("mirror_pod", "file on its node", evict(), |it| {
            it[3]["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"})
        }),
        ("last_ready_pod", "the last Ready pod", evict(), |it| it[4]["status"]["conditions"][0]["status"] = json!("False")),
    ];
    for (code, part, intent, change) in rows {
        let refused = refused(intent, *change);
        let found = refused.first().is_some_and(|(found, why)| found == code && why.contains(part));
        assert!(found, "{} {code} {part}: {refused:?}", intent.action);
    }
}

#[test]
fn update_strategy_on_delete() {
    let mut set = restart();
    (set.action, set.resource_type) = (Action::RestartStatefulSet, ResourceType::StatefulSet);
    let refused = refused(&set, |it| {
        (it[0]["kind"], it[0]["spec"]["updateStrategy"]) = (json!("StatefulSet"), json!({"type": "OnDelete"}));
    });
    assert_eq!(refused[0].0, "update_strategy_on_delete");
}

/// What stands beside the rows above and is let through.
#[test]
fn what_is_not_refused() {
    type Change = fn(&mut Vec<Value>);
    let rows: &[(ExecutionIntent, Change)] = &[
        (restart(), |_| ()),
        (rollback(14), |_| ()),
        (scale(3), |_| ()),
        (memory("384Mi"), |_| ()),
        (evict(), |_| ()),
        (intent(Action::GetLogs, Params::None), |it| it.truncate(0)),
        (intent(Action::ResumeRollout, Params::None), |it| it[0]["spec"]["paused"] = json!(true)),
        // From none the count is nobody's.
        (scale(2), |it| {
            it[0]["spec"]["replicas"] = json!(0);
            it.push(autoscaler());
        }),
        // One pod goes before the next comes, so the quota has room.
        (restart(), |it| {
            it[0]["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            it.push(quota(json!({"pods": "2"}), json!({"pods": "2"})));
        }),
        // A quota for other pods.
        (restart(), |it| {
            let mut other = quota(json!({"pods": "2"}), json!({"pods": "2"}));
            other["spec"] = json!({"scopes": ["BestEffort"]});
            it.push(other);
        }),
        // The old revision still runs: nothing is made.
        (rollback(14), |it| {
            it[1]["status"]["replicas"] = json!(2);
            it.push(quota(json!({"pods": "2"}), json!({"pods": "2"})));
        }),
        // What the pod waits for in vain is optional.
        (rollback(14), |it| {
            it[1]["spec"]["template"]["spec"]["volumes"] =
                json!([{"name": "x", "secret": {"secretName": "gone", "optional": true}}]);
        }),
    ];
    for (index, (intent, change)) in rows.iter().enumerate() {
        assert_eq!(refused(intent, *change), [], "row {index}: {}", intent.action);
    }
}

#[test]
fn what_was_not_read_is_not_called_missing() {
    let mut objects = objects();
    objects[1]["spec"]["template"]["spec"]["volumes"] = json!([{"name": "x", "secret": {"secretName": "unseen"}}]);
    let forbidden = SourceState::Forbidden("secrets is forbidden".into());
    let sources = [(KUBERNETES.to_owned(), SourceState::Ok), ("kubernetes/secrets".to_owned(), forbidden)].into();
    let snapshot = Snapshot::new(Recording { objects, sources, ..Recording::default() });
    assert_eq!(refusals(&snapshot, &rollback(14)), []);
}
