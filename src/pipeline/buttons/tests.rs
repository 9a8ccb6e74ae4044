use super::*;
use crate::domain::{Actor, AlertStanding, AnalysisState, Digest, Finding, Incident, ObjectRef, OutcomeMemory, Report, Verdict};
use crate::remedy::SeparateApprover;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn rules() -> ButtonRules {
    let approval = ApprovalRules { is_enabled: true, separate: SeparateApprover::Never };
    ButtonRules { approval, has_approvers: true }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn somebody(kind: &str) -> Actor {
    Actor { kind: kind.to_owned(), id: "1".to_owned(), name: "one".to_owned() }
}

pub(in crate::pipeline) fn attempt(state: AttemptState, risk: &str) -> Attempt {
    let plan = json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "c",
        "intent": {"action": "scale_deployment", "resource_type": "deployment", "resource_name": "checkout", "namespace": "shop",
                   "params": {"replicas": 4}, "cause": "x"},
        "target": {"uid": "u", "version": "generation:7"},
        "request": {"method": "PATCH", "path": "/x", "contentType": "application/json-patch+json", "body": []},
        "diff": [], "risk": {"level": risk, "axes": []},
    });
    Attempt {
        id: "attempt".to_owned(),
        code: "A-000000".to_owned(),
        incident: "incident".to_owned(),
        run_id: "run".to_owned(),
        digest: Digest::of(&plan).unwrap(),
        try_number: 1,
        plan,
        cluster: "c".to_owned(),
        target: "shop/deployment/checkout".to_owned(),
        context: json!({"decision": {"value": "approve", "rule": "needs_approval", "why": ""}}),
        state,
        version: 1,
        requested_by: None,
        decided_by: None,
        decided_at: None,
        nonce: String::new(),
        created_at: NOW,
        changed_at: NOW,
        expires_at: at(1800),
        lease_until: None,
        fence: 0,
        sent_at: None,
        token: None,
        resource_version: None,
        sends: 0,
        before: Some(json!({"spec": {"replicas": 2}})),
        after: None,
        reason: None,
        verify_due_at: None,
        verification: None,
        undo_of: None,
    }
}

fn sent(state: AttemptState, second: i64) -> Attempt {
    Attempt { sent_at: Some(at(second)), ..attempt(state, "low") }
}

fn view(attempts: Vec<Attempt>) -> IncidentView {
    let subject = ObjectRef::new("Deployment", "shop", "checkout");
    let report = Report::new(subject.clone(), Verdict::Confirmed, NOW);
    IncidentView {
        incident: Incident {
            id: "incident".to_owned(),
            cluster: "c".to_owned(),
            subject,
            status: IncidentStatus::Open,
            opened_at: NOW,
            resolved_at: None,
            merged_into: None,
            verdict: None,
            cause: None,
            summary: None,
        },
        standing: AlertStanding::default(),
        analysis: AnalysisState::Idle,
        finding: Some(Finding { run_id: "run".to_owned(), at: NOW, report }),
        attempts,
        memory: OutcomeMemory::default(),
        feedback: Vec::new(),
        clicked_at: None,
    }
}

fn drawn(view: &IncidentView, rules: &ButtonRules, now: i64) -> Vec<&'static str> {
    buttons(view, rules, at(now)).iter().map(|button| button.verb.as_str()).collect()
}

#[test]
fn what_can_be_decided_is_drawn_only_while_all_of_it_holds() {
    use AttemptState::{Approved, Declined, Expired, Failed, Proposed, Succeeded, Undone, Unknown, Verified};
    let [feedback, apply, undo] = [&["up", "down"][..], &["up", "down", "apply", "decline"], &["up", "down", "undo"]];
    let approve = &["up", "down", "approve", "decline"][..];
    let off = ButtonRules { approval: ApprovalRules { is_enabled: false, ..rules().approval }, ..rules() };
    let nobody = ButtonRules { has_approvers: false, ..rules() };
    let separate = |separate| ButtonRules { approval: ApprovalRules { separate, ..rules().approval }, ..rules() };
    let decided = |value: &str| Attempt {
        context: json!({"decision": {"value": value, "rule": "r", "why": ""}}),
        ..attempt(Proposed, "low")
    };
    let asked = |kind: &str, risk: &str| Attempt { requested_by: Some(somebody(kind)), ..attempt(Proposed, risk) };
    let day = 24 * 3600;
    type Row<'a> = (&'a str, Vec<Attempt>, ButtonRules, i64, &'a [&'a str]);
    let cases: Vec<Row<'_>> = vec![
        ("nothing is proposed", vec![], rules(), 0, feedback),
        ("proposed", vec![attempt(Proposed, "low")], rules(), 0, apply),
        ("medium", vec![attempt(Proposed, "medium")], rules(), 1799, apply),
        ("high", vec![attempt(Proposed, "high")], rules(), 0, feedback),
        ("its time is over", vec![attempt(Proposed, "low")], rules(), 1800, feedback),
        ("switched off", vec![attempt(Proposed, "low")], off, 0, feedback),
        ("no approvers", vec![attempt(Proposed, "low")], nobody, 0, feedback),
        ("blocked", vec![decided("block")], rules(), 0, feedback),
        ("a rule would apply it", vec![decided("auto")], rules(), 0, apply),
        ("no decision", vec![Attempt { context: Value::Null, ..attempt(Proposed, "low") }], rules(), 0, feedback),
        ("an unreadable plan", vec![Attempt { plan: Value::Null, ..attempt(Proposed, "low") }], rules(), 0, feedback),
        ("another has to agree, nobody asked", vec![attempt(Proposed, "low")], separate(SeparateApprover::Always), 0, apply),
        ("the program asked", vec![asked("system", "low")], separate(SeparateApprover::Always), 0, apply),
        ("somebody asked", vec![asked("discord", "low")], separate(SeparateApprover::Always), 0, approve),
        ("somebody asked, low", vec![asked("operator", "low")], separate(SeparateApprover::Medium), 0, apply),
        ("somebody asked, medium", vec![asked("person", "medium")], separate(SeparateApprover::Medium), 0, approve),
        ("somebody asked, never", vec![asked("discord", "medium")], rules(), 0, apply),
        ("approved", vec![attempt(Approved, "low")], rules(), 0, feedback),
        ("declined", vec![attempt(Declined, "low")], rules(), 0, feedback),
        ("expired", vec![attempt(Expired, "low")], rules(), 0, feedback),
        ("unknown", vec![sent(Unknown, 0)], rules(), 0, feedback),
        ("applied", vec![sent(Succeeded, 0)], rules(), day - 1, undo),
        ("applied a day ago", vec![sent(Succeeded, 0)], rules(), day, feedback),
        ("it helped", vec![sent(Verified, 0)], rules(), 0, undo),
        ("applied, switched off", vec![sent(Verified, 0)], off, 0, feedback),
        ("taken back", vec![sent(Undone, 0)], rules(), 0, feedback),
        ("itself an undo", vec![Attempt { undo_of: Some("x".to_owned()), ..sent(Verified, 0) }], rules(), 0, feedback),
        ("nothing takes it back", vec![Attempt { before: None, ..sent(Verified, 0) }], rules(), 0, feedback),
        ("a newer one failed", vec![sent(Verified, 0), sent(Failed, 9)], rules(), 9, undo),
        ("a newer one isn't known", vec![sent(Verified, 0), sent(Unknown, 9)], rules(), 9, feedback),
        ("a proposal after it", vec![sent(Verified, 0), attempt(Proposed, "low")], rules(), 9, apply),
    ];
    for (case, attempts, rules, now, expected) in cases {
        assert_eq!(drawn(&view(attempts), &rules, now), expected, "{case}");
    }
}

#[test]
fn an_incident_that_is_over_keeps_its_feedback_and_one_without_a_report_has_nothing() {
    let open = view(vec![attempt(AttemptState::Proposed, "low")]);
    let mut resolved = open.clone();
    resolved.incident.status = IncidentStatus::Resolved;
    assert_eq!(drawn(&resolved, &rules(), 0), ["up", "down"]);
    let mut merged = open.clone();
    merged.incident.status = IncidentStatus::Merged;
    assert!(drawn(&merged, &rules(), 0).is_empty());
    let mut unanalysed = open;
    unanalysed.finding = None;
    assert!(drawn(&unanalysed, &rules(), 0).is_empty());
}
