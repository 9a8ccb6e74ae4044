use super::*;
use crate::cluster::Recording;
use crate::domain::{KUBERNETES, Params, ResourceType, SourceState};
use crate::remedy::samples::{deployment, intent, report};
use serde_json::{Value, json};

/// A Deployment that was mended ten minutes ago and is well, and the last check of it.
struct Checked {
    intent: ExecutionIntent,
    objects: Vec<Value>,
    report: Report,
    minutes: i64,
    alert: Option<(State, &'static str)>,
    is_last: bool,
}

fn checked() -> Checked {
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "squad-7", "name": name, "creationTimestamp": "2026-03-10T09:32:00Z",
            "labels": {"pod-template-hash": "x"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-x", "controller": true}]},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "app", "restartCount": 0}]}})
    };
    let mut report = report(Verdict::Healthy);
    report.causes.clear();
    Checked {
        intent: intent(Action::RollbackDeployment, Params::Rollback { revision: 14 }),
        objects: vec![deployment(), pod("web-x-1"), pod("web-x-2")],
        report,
        minutes: 10,
        alert: None,
        is_last: false,
    }
}

fn judged(change: fn(&mut Checked)) -> (Outcome, Vec<&'static str>) {
    let mut checked = checked();
    change(&mut checked);
    let sources = [(KUBERNETES.to_owned(), SourceState::Ok)].into();
    let now = checked.report.captured_at;
    let snapshot = Snapshot::new(Recording { objects: checked.objects, sources, captured_at: Some(now), ..Recording::default() });
    let blamed = ObjectRef::new("Deployment", "squad-7", "web");
    let verification = judge(&VerifyInput {
        intent: &checked.intent,
        cause: ("oom_killed", &blamed),
        applied_at: now - SignedDuration::from_mins(checked.minutes),
        snapshot: &snapshot,
        report: &checked.report,
        alert: checked.alert,
        is_last: checked.is_last,
    });
    let missing =
        verification.criteria.iter().filter(|criterion| criterion.state != State::Found).map(|criterion| criterion.name);
    (verification.outcome, missing.collect())
}

/// One check a line: what it says, the criteria that aren't found, and what is different.
#[test]
fn the_table() {
    use Outcome::{NotVerified, Pending, Undetermined, Verified};
    type Change = fn(&mut Checked);
    fn restarted(it: &mut Checked, at: &str) {
        it.objects[1]["status"]["containerStatuses"][0] =
            json!({"name": "app", "restartCount": 1, "lastState": {"terminated": {"exitCode": 1, "finishedAt": at}}});
    }
    fn scaled(it: &mut Checked, replicas: i32) {
        it.intent = intent(Action::ScaleDeployment, Params::Scale { replicas });
    }
    fn evicted(it: &mut Checked) {
        it.intent = ExecutionIntent {
            resource_type: ResourceType::Pod,
            resource_name: "web-x-0".into(),
            ..intent(Action::EvictPod, Params::None)
        };
    }
    let rows: &[(Outcome, &[&str], Change)] = &[
        (Verified, &[], |_| ()),
        (Pending, &[], |it| it.minutes = 4),
        (Pending, &["cause gone"], |it| it.report = report(Verdict::Confirmed)),
        (NotVerified, &["cause gone"], |it| (it.report, it.is_last) = (report(Verdict::Confirmed), true)),
        (Undetermined, &["cause gone"], |it| (it.report.verdict, it.is_last) = (Verdict::Inconclusive, true)),
        (NotVerified, &["no new cause"], |it| {
            (it.report, it.is_last) = (report(Verdict::Confirmed), true);
            it.report.causes[0].id = "process_crashed".into();
        }),
        (Pending, &["alert resolved"], |it| it.alert = Some((State::Absent, "it fires"))),
        (Undetermined, &["alert resolved"], |it| (it.alert, it.is_last) = (Some((State::Unknown, "not heard of")), true)),
        (Pending, &["rolled out"], |it| it.objects[0]["status"]["updatedReplicas"] = json!(1)),
        (NotVerified, &["rolled out"], |it| (it.objects[0]["status"]["observedGeneration"], it.is_last) = (json!(2), true)),
        (NotVerified, &["rolled out"], |it| (it.objects[0]["status"]["availableReplicas"], it.is_last) = (json!(1), true)),
        (Undetermined, &["rolled out"], |it| {
            it.objects.remove(0);
            it.is_last = true;
        }),
        (Pending, &["no restarts"], |it| restarted(it, "2026-03-10T09:40:00Z")),
        (Verified, &[], |it| restarted(it, "2026-03-10T09:36:00Z")),
        (Verified, &[], |it| scaled(it, 2)),
        (Pending, &["replicas ready"], |it| scaled(it, 3)),
        (Verified, &[], evicted),
        (Pending, &["successor ready"], |it| {
            evicted(it);
            it.objects.iter_mut().skip(1).for_each(|pod| pod["metadata"]["creationTimestamp"] = json!("2026-03-10T08:00:00Z"));
        }),
    ];
    for (index, (outcome, missing, change)) in rows.iter().enumerate() {
        assert_eq!(judged(*change), (*outcome, missing.to_vec()), "row {index}");
    }
}
