use super::*;
use crate::cluster::Recording;
use crate::domain::{Contradiction, ObjectRef, Params, Subject, SymptomReport};
use crate::remedy::samples::{deployment, intent, report};
use serde_json::json;

struct Case {
    intent: ExecutionIntent,
    report: Report,
    settings: Settings,
    memory: Memory,
    blast: Option<BlastRadius>,
    minutes_later: i64,
    name: &'static str,
    is_undo: bool,
}

fn shown(change: fn(&mut Case)) -> String {
    let mut case = Case {
        intent: intent(Action::ScaleDeployment, Params::Scale { replicas: 3 }),
        report: report(Verdict::Confirmed),
        settings: Settings::default(),
        memory: Memory::default(),
        blast: Some(BlastRadius { callers: 0, is_public: false }),
        minutes_later: 0,
        name: "web",
        is_undo: false,
    };
    change(&mut case);
    let mut object = deployment();
    object["metadata"]["name"] = json!(case.name);
    case.intent.resource_name = case.name.to_owned();
    let now = case.report.captured_at;
    let snapshot = Snapshot::new(Recording { objects: vec![object], captured_at: Some(now), ..Recording::default() });
    let risk = risk(&RiskInput {
        snapshot: &snapshot,
        report: &case.report,
        intent: &case.intent,
        settings: &case.settings,
        memory: &case.memory,
        blast_radius: case.blast,
        now: now + SignedDuration::from_mins(case.minutes_later),
        is_undo: case.is_undo,
    });
    let axes: Vec<String> = risk.axes.iter().map(|axis| format!("{} {}={}", axis.axis, axis.value, axis.level)).collect();
    format!("{}: {}", risk.level.as_str(), axes.join(", "))
}

#[test]
fn each_axis_is_shown() {
    assert_eq!(
        shown(|_| ()),
        "low: tier writable=0, kind deployment=1, blast none=0, data no=0, freshness fresh=0, confidence confirmed=0, \
         reversibility easy=0, idempotency safe=0"
    );
}

/// One change a line: the level, and what the axis shows.
#[test]
fn the_table() {
    type Change = fn(&mut Case);
    let rows: &[(&str, &str, Change)] = &[
        ("high", "tier read_only=3", |it| it.intent.namespace = "shop".into()),
        ("high", "tier forbidden=3", |it| it.intent.namespace = "kube-system".into()),
        ("low", "kind pod=0", |it| (it.intent.action, it.intent.resource_type) = (Action::EvictPod, ResourceType::Pod)),
        ("medium", "kind statefulset=2", |it| {
            (it.intent.action, it.intent.resource_type) = (Action::RestartStatefulSet, ResourceType::StatefulSet)
        }),
        ("low", "blast low (5 callers)=0", |it| it.blast = Some(BlastRadius { callers: 5, is_public: false })),
        ("low", "blast medium (9 callers)=1", |it| it.blast = Some(BlastRadius { callers: 9, is_public: false })),
        ("medium", "blast high (21 callers)=2", |it| it.blast = Some(BlastRadius { callers: 21, is_public: false })),
        ("medium", "blast high (1 caller, public)=2", |it| it.blast = Some(BlastRadius { callers: 1, is_public: true })),
        ("low", "blast unknown=1", |it| it.blast = None),
        ("low", "data maybe (its name says redis)=1", |it| it.name = "redis"),
        ("high", "data yes (policy.data_plane names web)=3", |it| it.settings.policy.data_plane = vec!["web".into()]),
        ("low", "freshness fresh=0", |it| it.minutes_later = 10),
        ("low", "freshness chronic=1", |it| it.minutes_later = 11),
        ("medium", "freshness stale=2", |it| it.minutes_later = 31),
        ("low", "freshness chronic=1", |it| it.memory.is_flapping = true),
        ("medium", "freshness stale=2", |it| it.report.symptoms = Vec::<SymptomReport>::new()),
        ("low", "freshness chronic=1", |it| {
            let long_ago = it.report.captured_at - SignedDuration::from_hours(25);
            it.report.symptoms.iter_mut().for_each(|symptom| symptom.since = Some(long_ago));
        }),
        ("low", "confidence likely=1", |it| it.report.verdict = Verdict::Likely),
        ("low", "confidence confirmed, contradicted=1", |it| {
            let subject = Subject::from(ObjectRef::new("Pod", "squad-7", "web-1"));
            it.report.contradictions = vec![Contradiction { facts: Vec::new(), subject, why: String::new() }];
        }),
        ("high", "confidence inconclusive=3", |it| it.report.verdict = Verdict::Inconclusive),
        ("medium", "reversibility partial=1", |it| it.intent = intent(Action::ResumeRollout, Params::None)),
        ("medium", "idempotency safe=0", |it| it.intent = intent(Action::RollbackDeployment, Params::Rollback { revision: 1 })),
        ("low", "idempotency guarded=1", |it| it.intent = intent(Action::RestartDeployment, Params::None)),
        // Three ones.
        ("medium", "idempotency guarded=1", |it| (it.intent, it.blast) = (intent(Action::RestartDeployment, Params::None), None)),
        // Two twos.
        ("high", "freshness stale=2", |it| {
            (it.blast, it.minutes_later) = (Some(BlastRadius { callers: 21, is_public: false }), 31);
        }),
    ];
    for (level, axis, change) in rows {
        let shown = shown(*change);
        assert!(shown.starts_with(&format!("{level}:")) && shown.contains(axis), "{level} {axis}: {shown}");
    }
}
