use super::*;
use crate::cluster::Recording;
use crate::domain::{Change, FieldChange, KUBERNETES, SourceState, Verdict};
use crate::remedy::PastIncident;
use crate::remedy::samples::{deployment, report};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A Deployment at revision 15 with two pods of which one fails, its revisions 14 and 15, and what the diagnosis says of it.
struct Seen {
    objects: Vec<Value>,
    report: Report,
    memory: Memory,
    replica_sets: SourceState,
    signals: Vec<Value>,
    dependencies: Value,
}

const DEPLOYMENT: usize = 0;
const OLD_SET: usize = 1;
const FAILING: usize = 3;
const WELL: usize = 4;

fn seen(cause: &str) -> Seen {
    let owned = |kind: &str, name: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true}]);
    let set = |revision: i64, image: &str, ready: i64| {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "squad-7", "name": format!("web-{revision}"),
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}, "ownerReferences": owned("Deployment", "web")},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image,
                "resources": {"limits": {"memory": "256Mi"}}}]}}}, "status": {"readyReplicas": ready}})
    };
    let pod = |name: &str, node: &str, ready: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "squad-7", "name": name, "creationTimestamp": "2026-03-10T08:00:00Z",
            "ownerReferences": owned("ReplicaSet", "web-15")},
            "spec": {"nodeName": node, "containers": [{"name": "app"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-03-10T09:11:27Z"}]}})
    };
    let mut report = report(Verdict::Confirmed);
    report.causes[0].id = cause.to_owned();
    Seen {
        objects: vec![
            deployment(),
            set(14, "web:1", 2),
            set(15, "web:2", 0),
            pod("web-1", "a", "False"),
            pod("web-2", "b", "True"),
        ],
        report,
        memory: Memory::default(),
        replica_sets: SourceState::Ok,
        signals: Vec::new(),
        dependencies: json!([]),
    }
}

impl Seen {
    /// The fault began with revision 15.
    fn changed(&mut self) {
        let field = FieldChange { path: "spec.containers[app].image".into(), before: json!("web:1"), after: json!("web:2") };
        let object = self.report.target.clone();
        let at = Some(self.report.captured_at - SignedDuration::from_mins(31));
        self.report.change =
            Some(Change { kind: "revision".into(), object, from: 14, to: 15, at, fields: vec![field], explains: true });
    }

    fn signal(&mut self, signal: &str, value: f64) {
        for pod in ["web-1", "web-2"] {
            let labels = json!({"namespace": "squad-7", "pod": pod, "container": "app"});
            self.signals.push(json!({"signal": signal, "labels": labels, "values": [[1.0, value]]}));
        }
    }

    /// Another end that is back, which the evidence names, and a caller of it that is well.
    fn other_end(&mut self) {
        let condition = |since: &str| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]);
        let other = |name: &str, kind: &str, since: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "squad-7", "name": name, "labels": {"app": name},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true}]},
                "status": {"phase": "Running", "conditions": condition(since)}})
        };
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "squad-7", "name": "store"}, "spec": {"selector": {"app": "store"}}});
        let caller = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"namespace": "squad-7", "name": "mail"}, "spec": {}});
        let pods = [other("store", "StatefulSet", "2026-03-10T09:31:27Z"), other("mail", "StatefulSet", "2026-03-10T08:00:00Z")];
        self.objects.extend([service, caller]);
        self.objects.extend(pods);
        self.dependencies =
            json!([{"from": {"namespace": "squad-7", "name": "mail"}, "to": {"namespace": "squad-7", "name": "store"}}]);
        let evidence = crate::domain::Evidence {
            source: crate::domain::EvidenceSource::Kubernetes,
            object: ObjectRef::new("Service", "squad-7", "store"),
            container: None,
            path: "spec.ports".into(),
            line: None,
            value: Value::Null,
            at: None,
            count: None,
        };
        self.report.evidence = vec![crate::domain::NumberedEvidence { id: "e1".into(), evidence }];
        self.report.causes[0].evidence = vec!["e1".into()];
    }

    fn advice(&self) -> Advice {
        let sources =
            [(KUBERNETES.to_owned(), SourceState::Ok), ("kubernetes/replicasets".to_owned(), self.replica_sets.clone())].into();
        let snapshot = Snapshot::new(Recording {
            objects: self.objects.clone(),
            sources,
            captured_at: Some(self.report.captured_at),
            signals: serde_json::from_value(json!(self.signals)).unwrap(),
            dependencies: serde_json::from_value(self.dependencies.clone()).unwrap(),
            ..Recording::default()
        });
        advise(&snapshot, &self.report, &self.memory, &Settings::default())
    }
}

/// The proposal in a line: `!` and the code before one that is refused, and a `+` for each read beside it.
fn proposed(seen: &Seen) -> String {
    let advice = seen.advice();
    let line = |intent: &ExecutionIntent| {
        let params = serde_json::to_value(&intent.params).unwrap();
        let params = if params.is_null() { String::new() } else { format!(" {params}") };
        format!("{} {}/{}{params}", intent.action, intent.resource_type, intent.resource_name)
    };
    let refused = advice.refused.iter().map(|refused| format!("!{} {}", refused.refusal.code, line(&refused.intent)));
    refused.chain(advice.candidates.iter().map(line)).collect::<Vec<_>>().join("; ")
}

const BACK_TO_14: &str = r#"rollback_deployment deployment/web {"revision":14}"#;
const TO_384: &str = r#"set_resources deployment/web {"container":"app","memory_limit":"384Mi"}"#;
const LOG: &str = r#"get_logs pod/web-1 {"container":"app","previous":false,"tail":200}"#;
const DESCRIBE: &str = "describe_resource deployment/web";

/// One case a line: the cause, what is different, and what is proposed.
#[test]
fn the_table() {
    type Change = fn(&mut Seen);
    let rows: &[(&str, Change, &str)] = &[
        // R.
        ("image_not_found", Seen::changed, BACK_TO_14),
        ("image_not_found", |_| (), ""),
        ("oom_killed", Seen::changed, BACK_TO_14),
        ("volume_full", Seen::changed, ""),
        ("pod_sandbox_failed", |it| it.objects[FAILING]["spec"]["nodeName"] = json!("b"), ""),
        // The old revision never was well: nobody can say, or it is known.
        (
            "oom_killed",
            |it| {
                it.changed();
                it.objects[OLD_SET]["status"] = json!({});
            },
            "",
        ),
        (
            "oom_killed",
            |it| {
                it.changed();
                it.objects[OLD_SET]["status"] = json!({});
                it.objects[DEPLOYMENT]["status"]["conditions"] =
                    json!([{"type": "Available", "status": "False", "lastTransitionTime": "2026-03-01T00:00:00Z"}]);
            },
            TO_384,
        ),
        (
            "oom_killed",
            |it| {
                it.changed();
                it.objects[OLD_SET]["status"] = json!({});
                it.objects[DEPLOYMENT]["status"]["conditions"] =
                    json!([{"type": "Available", "status": "False", "lastTransitionTime": "2026-03-10T09:12:00Z"}]);
            },
            BACK_TO_14,
        ),
        // A mere restart made the revision.
        (
            "image_not_found",
            |it| {
                it.changed();
                it.objects[OLD_SET]["spec"]["template"] = it.objects[DEPLOYMENT]["spec"]["template"].clone();
            },
            "",
        ),
        // Nobody knows whether there was a revision.
        ("oom_killed", |it| it.replica_sets = SourceState::Forbidden("no".into()), ""),
        ("process_crashed", |it| it.replica_sets = SourceState::Forbidden("no".into()), LOG),
        ("process_crashed", |_| (), LOG),
        // Resources.
        ("oom_killed", |_| (), TO_384),
        ("oom_killed", |it| it.signal("memory_working_set_bytes", 200.0 * 1048576.0), TO_384),
        (
            "oom_killed",
            |it| it.signal("memory_working_set_bytes", 300.0 * 1048576.0),
            r#"set_resources deployment/web {"container":"app","memory_limit":"512Mi"}"#,
        ),
        (
            "oom_killed",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] =
                    json!({"memory": "256Mi"})
            },
            r#"set_resources deployment/web {"container":"app","memory_limit":"384Mi","memory_request":"384Mi"}"#,
        ),
        ("oom_killed", |it| it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({}), ""),
        (
            "cpu_throttled",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("500m")
            },
            r#"set_resources deployment/web {"container":"app","cpu_limit":"800m"}"#,
        ),
        // Evictions.
        ("liveness_probe_failing", |_| (), "evict_pod pod/web-1"),
        (
            "liveness_probe_failing",
            |it| it.objects[WELL]["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-10T09:32:00Z"),
            "",
        ),
        ("readiness_probe_failing", |it| it.objects[WELL]["status"]["conditions"][0]["status"] = json!("False"), ""),
        ("pod_sandbox_failed", |_| (), "evict_pod pod/web-1"),
        // The other end.
        (
            "dependency_unreachable",
            |it| {
                it.other_end();
                it.objects[WELL]["status"]["conditions"][0]["status"] = json!("False");
            },
            "restart_deployment deployment/web",
        ),
        ("dependency_unreachable", Seen::other_end, "restart_deployment deployment/web"),
        ("dependency_unreachable", |_| (), ""),
        (
            "dependency_unreachable",
            |it| {
                it.other_end();
                it.objects[7]["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-10T09:37:00Z");
            },
            "",
        ),
        (
            "dependency_unreachable",
            |it| {
                it.other_end();
                it.replica_sets = SourceState::Forbidden("no".into());
            },
            "",
        ),
        (
            "dependency_unreachable",
            |it| {
                it.other_end();
                it.dependencies = json!([]);
                it.objects[WELL]["status"]["conditions"][0]["status"] = json!("False");
            },
            "",
        ),
        // A Secret that changed after the pods started.
        (
            "database_credentials_invalid",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
                    json!([{"secretRef": {"name": "db"}}]);
                it.objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "squad-7", "name": "db", "creationTimestamp": "2026-03-10T09:00:00Z"}}));
            },
            "restart_deployment deployment/web",
        ),
        (
            "database_credentials_invalid",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
                    json!([{"secretRef": {"name": "db"}}]);
                it.objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "squad-7", "name": "db", "creationTimestamp": "2026-03-10T07:00:00Z"}}));
            },
            "",
        ),
        // Load.
        (
            "memory_growing",
            |it| it.objects[FAILING]["status"]["conditions"][0]["status"] = json!("True"),
            "restart_deployment deployment/web",
        ),
        ("memory_growing", |_| (), ""),
        (
            "cpu_saturated",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("1");
                it.signal("cpu_usage_cores", 1.0);
            },
            r#"scale_deployment deployment/web {"replicas":3}"#,
        ),
        ("cpu_saturated", |_| (), ""),
        // Counts.
        ("rollout_paused", |it| it.objects[DEPLOYMENT]["spec"]["paused"] = json!(true), "resume_rollout deployment/web"),
        (
            "scaled_to_zero",
            |it| {
                it.objects[DEPLOYMENT]["spec"]["replicas"] = json!(0);
                it.objects.push(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "squad-7", "name": "e"}, "reason": "ScalingReplicaSet",
                "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "squad-7", "name": "web"},
                "message": "Scaled down replica set web-15 from 4 to 0", "lastTimestamp": "2026-03-10T09:00:00Z"}));
            },
            r#"scale_deployment deployment/web {"replicas":4}"#,
        ),
        ("scaled_to_zero", |it| it.objects[DEPLOYMENT]["spec"]["replicas"] = json!(0), ""),
        // Weak, or no fault.
        (
            "oom_killed",
            |it| it.report.verdict = Verdict::Inconclusive,
            "get_logs pod/web-1 {\"container\":\"app\",\"previous\":false,\"tail\":200}; describe_resource deployment/web",
        ),
        (
            "unknown",
            |it| {
                it.report.verdict = Verdict::Inconclusive;
                it.report.causes.clear();
            },
            "get_logs pod/web-1 {\"container\":\"app\",\"previous\":false,\"tail\":200}; describe_resource deployment/web",
        ),
        (
            "healthy",
            |it| {
                it.report.verdict = Verdict::Healthy;
                it.report.causes.clear();
            },
            "",
        ),
        // What holds data, and what something speaks against.
        (
            "oom_killed",
            |it| {
                let spec = &mut it.objects[DEPLOYMENT]["spec"]["template"]["spec"];
                spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "web"}}]);
                spec["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
            },
            "",
        ),
        (
            "image_not_found",
            |it| {
                it.changed();
                it.objects[DEPLOYMENT]["spec"]["paused"] = json!(true);
            },
            "!rollout_paused rollback_deployment deployment/web {\"revision\":14}",
        ),
    ];
    for (index, (cause, change, wanted)) in rows.iter().enumerate() {
        let mut seen = seen(cause);
        change(&mut seen);
        assert_eq!(proposed(&seen), *wanted, "row {index}: {cause}");
    }
}

#[test]
fn what_recurs_is_not_restarted_again_for_seven_days() {
    let recurring = |days: i64| {
        let mut seen = seen("dependency_unreachable");
        seen.other_end();
        let resolved_at = seen.report.captured_at - SignedDuration::from_hours(24 * days);
        seen.memory.incidents = vec![PastIncident { cause: "dependency_unreachable".into(), resolved_at }];
        proposed(&seen)
    };
    assert_eq!(recurring(6), format!("!recurrence_restart restart_deployment deployment/web; {LOG}; {DESCRIBE}"));
    assert_eq!(recurring(7), "restart_deployment deployment/web");
}

#[test]
fn bare_pods_and_other_kinds_are_mended_by_hand() {
    let mut bare = seen("oom_killed");
    bare.report.causes[0].object = ObjectRef::new("Pod", "squad-7", "alone");
    assert_eq!(proposed(&bare), "");
    let mut set = seen("oom_killed");
    set.changed();
    set.report.change.as_mut().unwrap().object.kind = "StatefulSet".into();
    assert_eq!(proposed(&set), "");
    assert!(set.advice().by_hand.ends_with("(nothing is proposed: only a Deployment is rolled back)"));
}

#[test]
fn a_name_that_is_none_goes_into_no_intent() {
    for name in ["../secrets", "a b", "A", "$(reboot)", ""] {
        let object = ObjectRef::new("Deployment", "squad-7", name);
        assert_eq!(intent(Action::RestartDeployment, &object, Params::None, String::new()), None, "{name}");
    }
}

#[test]
fn each_action_stands_in_a_row_and_each_row_says_what_to_do() {
    let steps: Vec<Step> = table::ROWS.iter().flat_map(|row| row.steps).copied().collect();
    for step in [
        Step::Rollback,
        Step::SetMemory,
        Step::SetCpu,
        Step::EvictAlone,
        Step::EvictOnNode,
        Step::RestartToReach,
        Step::RestartForSecret,
        Step::RestartToBuyTime,
        Step::ScaleOut,
        Step::ScaleBack,
        Step::Resume,
        Step::Logs,
    ] {
        assert!(steps.contains(&step), "{step:?}");
    }
    let silent = table::ROWS.iter().filter(|row| row.by_hand.is_empty()).flat_map(|row| row.causes);
    assert_eq!(silent.collect::<Vec<_>>(), [&"healthy", &"recovered", &"waiting_by_design", &"expected_alert", &"unknown"]);
}
