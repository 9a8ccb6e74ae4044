//! What each kind of write leaves behind, and what doesn't count as its mark.

use super::*;
use crate::domain::{Actor, PlanRequest, PlanTarget, Risk, RiskReport};
use crate::ports::ApiRefusal;
use serde_json::json;

fn intent(action: Action, params: Params) -> ExecutionIntent {
    let [namespace, resource_name, reason] = ["squad-7", "web", ""].map(str::to_owned);
    let resource_type = action.works_on()[0];
    ExecutionIntent { action, resource_type, resource_name, namespace, params, risk: Risk::High, reason }
}

fn plan(intent: &ExecutionIntent, body: Value) -> Plan {
    let [method, path, content_type] = ["PATCH", "/x", "application/json"].map(str::to_owned);
    Plan {
        api_version: "sre-copilot/v1".to_owned(),
        kind: "Plan".to_owned(),
        cluster: "c".to_owned(),
        intent: intent.bound(),
        target: PlanTarget { uid: "u-1".to_owned(), version: "generation:3".to_owned(), node: None },
        request: PlanRequest { method, path, content_type, body },
        diff: Vec::new(),
        risk: RiskReport { level: Risk::Low, axes: Vec::new() },
        undo_of: None,
    }
}

fn attempt(plan: &Plan) -> Attempt {
    let at = Timestamp::UNIX_EPOCH;
    let actor = Actor { kind: "person".to_owned(), id: "anna".to_owned(), name: "Anna".to_owned() };
    Attempt {
        id: "1".to_owned(),
        code: "A-1".to_owned(),
        incident: String::new(),
        run_id: String::new(),
        digest: plan.digest().unwrap(),
        try_number: 1,
        plan: serde_json::to_value(plan).unwrap(),
        cluster: "c".to_owned(),
        target: String::new(),
        context: Value::Null,
        state: AttemptState::Unknown,
        version: 5,
        requested_by: None,
        decided_by: Some(actor),
        decided_at: Some(at),
        nonce: String::new(),
        created_at: at,
        changed_at: at,
        expires_at: at,
        lease_until: None,
        fence: 1,
        sent_at: Some(at),
        token: Some("2026-03-01T00:00:00.5Z".to_owned()),
        resource_version: Some("100".to_owned()),
        sends: 1,
        before: Some(json!({"metadata": {"generation": 3}})),
        after: None,
        reason: None,
        verify_due_at: None,
        verification: None,
        undo_of: None,
    }
}

fn object(generation: i64, spec: Value) -> Value {
    json!({"metadata": {"uid": "u-1", "generation": generation}, "spec": spec})
}

fn seen(intent: &ExecutionIntent, body: Value, live: Result<&Value, &WriteError>, revisions: &[Value]) -> Landed {
    let plan = plan(intent, body);
    landed(&attempt(&plan), &plan, intent, live, revisions)
}

fn restarted(at: &str) -> Value {
    json!({"template": {"metadata": {"annotations": {remedy::RESTARTED_AT: at}}}})
}

#[test]
fn a_restart_is_known_by_its_time_in_any_template_that_is_kept() {
    let token = "2026-03-01T00:00:00.5Z";
    let restart = intent(Action::RestartDeployment, Params::None);
    let by = |live: &Value, revisions: &[Value]| seen(&restart, json!({}), Ok(live), revisions);
    assert_eq!(by(&object(4, restarted(token)), &[]), Landed::Yes);
    assert_eq!(by(&object(3, json!({})), &[]), Landed::No);
    assert_eq!(by(&object(4, restarted("2026-03-01T00:00:01Z")), &[]), Landed::Moved);
    // Somebody wrote over it since: the ReplicaSet that it made, or the ControllerRevision, still has it.
    assert_eq!(by(&object(5, json!({})), &[json!({"spec": restarted(token)})]), Landed::Yes);
    assert_eq!(by(&object(5, json!({})), &[json!({"data": {"spec": restarted(token)}})]), Landed::Yes);
}

#[test]
fn a_count_counts_only_at_the_next_generation() {
    let scale = intent(Action::ScaleDeployment, Params::Scale { replicas: 4 });
    let by = |generation, replicas: i32| seen(&scale, json!({}), Ok(&object(generation, json!({"replicas": replicas}))), &[]);
    assert_eq!([by(4, 4), by(3, 2), by(4, 3), by(5, 4)], [Landed::Yes, Landed::No, Landed::Moved, Landed::Moved]);
}

#[test]
fn values_templates_and_pauses_count_once_the_generation_moved() {
    let params =
        ResourceParams { container: "app".to_owned(), memory_limit: Some("1024Mi".to_owned()), ..ResourceParams::default() };
    let set = intent(Action::SetResources, Params::Resources(params));
    let with = |limit: &str| json!({"template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": limit}}}]}}});
    let by = |generation, limit| seen(&set, json!({}), Ok(&object(generation, with(limit))), &[]);
    assert_eq!([by(4, "1Gi"), by(3, "512Mi"), by(4, "512Mi")], [Landed::Yes, Landed::No, Landed::Moved]);

    let resume = intent(Action::ResumeRollout, Params::None);
    let by = |generation, paused: bool| seen(&resume, json!({}), Ok(&object(generation, json!({"paused": paused}))), &[]);
    assert_eq!([by(4, false), by(3, true), by(4, true)], [Landed::Yes, Landed::No, Landed::Moved]);

    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
    let back = intent(Action::RollbackDeployment, Params::Rollback { revision: 1 });
    let body = json!([{"op": "replace", "path": "/spec/template", "value": template_hash(&template)}]);
    let by =
        |generation, template: &Value| seen(&back, body.clone(), Ok(&object(generation, json!({"template": template}))), &[]);
    assert_eq!([by(4, &template), by(3, &json!({})), by(4, &json!({}))], [Landed::Yes, Landed::No, Landed::Moved]);
}

#[test]
fn a_pod_is_evicted_when_it_is_gone_or_leaves() {
    let evict = intent(Action::EvictPod, Params::None);
    let gone = WriteError::Refused(ApiRefusal::own(ApiReason::TargetGone, "gone"));
    let dark = WriteError::NoAnswer("no connection".to_owned());
    let by = |live: Result<&Value, &WriteError>| seen(&evict, json!({}), live, &[]);
    assert_eq!(by(Err(&gone)), Landed::Yes);
    assert_eq!(by(Ok(&json!({"metadata": {"uid": "u-2"}}))), Landed::Yes);
    assert_eq!(by(Ok(&json!({"metadata": {"uid": "u-1", "deletionTimestamp": "2026-03-01T00:00:00Z"}}))), Landed::Yes);
    assert_eq!(by(Ok(&json!({"metadata": {"uid": "u-1"}}))), Landed::No);
    assert_eq!(by(Err(&dark)), Landed::Unseen("no connection".to_owned()));
    // Of a workload, a missing or another object says nothing of the write.
    let restart = intent(Action::RestartDeployment, Params::None);
    assert_eq!(seen(&restart, json!({}), Err(&gone), &[]), Landed::Moved);
    assert_eq!(seen(&restart, json!({}), Ok(&json!({"metadata": {"uid": "u-2"}})), &[]), Landed::Moved);
}
