//! Writes that fail, or whose answer does: the attempt ends where the object is, and nothing is written twice.

use super::simulated::{Server, Write};
use super::{Allows, Home, code, connect, intent, memory, options};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::{ConnectOptions, KubernetesWriter};
use sre_copilot::domain::{Action, AttemptState, Decision, ExecutionIntent, PlanRequest, Risk, RiskReport};
use sre_copilot::pipeline::execute::{ExecutionStatus, Policy};
use sre_copilot::ports::AuditLog;
use std::time::Duration;

async fn writer(server: &Server) -> KubernetesWriter {
    let kubeconfig = server.kubeconfig();
    let mut options = options(&kubeconfig);
    options.connect = ConnectOptions { request_timeout: Duration::from_millis(700), ..options.connect };
    connect(options).await
}

fn more_memory() -> ExecutionIntent {
    intent("squad-7", Action::SetResources, "web", memory("128Mi"))
}

fn says(message: &str) -> Value {
    json!({"kind": "Status", "message": message})
}

#[rstest]
#[case::lands(vec![Write::Lands], AttemptState::Succeeded, "", 1)]
#[case::status_changed(vec![Write::StatusFirst], AttemptState::Succeeded, "", 1)]
#[case::status_changed_twice(vec![Write::StatusFirst, Write::StatusFirst], AttemptState::Succeeded, "", 1)]
#[case::status_never_rests(vec![Write::StatusFirst, Write::StatusFirst, Write::StatusFirst], AttemptState::Failed, "target_changed", 0)]
#[case::spec_changed(vec![Write::SpecFirst], AttemptState::Failed, "target_changed", 0)]
#[case::made_again(vec![Write::MadeAgainFirst], AttemptState::Failed, "target_replaced", 0)]
#[case::sent_twice_on_the_way(vec![Write::LandsAnswers(409, json!({"reason": "Conflict"}))], AttemptState::Succeeded, "", 1)]
#[case::forbidden(vec![Write::Answers(403, says("deployments.apps \"web\" is forbidden: User \"u\" cannot patch resource \"deployments\""))],
    AttemptState::Failed, "rbac_denied", 0)]
#[case::quota(vec![Write::Answers(403, says("x is forbidden: exceeded quota: q, requested: a=1, used: a=1, limited: a=1"))],
    AttemptState::Failed, "quota_exceeded", 0)]
#[case::webhook(vec![Write::Answers(400, says("admission webhook \"w\" denied the request: no"))],
    AttemptState::Failed, "webhook_denied", 0)]
#[case::webhook_down(vec![Write::Answers(500, says("Internal error occurred: failed calling webhook \"w\": Post: refused"))],
    AttemptState::Failed, "webhook_unavailable", 0)]
#[case::busy(vec![Write::Answers(429, says("too many requests"))], AttemptState::Failed, "throttled", 0)]
#[case::cut_after_landing(vec![Write::LandsCut], AttemptState::Succeeded, "no_answer", 1)]
#[case::silent_after_landing(vec![Write::LandsSilent], AttemptState::Succeeded, "no_answer", 1)]
#[case::error_after_landing(vec![Write::LandsAnswers(504, says("timeout"))], AttemptState::Succeeded, "server_error", 1)]
#[case::cut(vec![Write::Cut], AttemptState::Failed, "not_applied", 0)]
#[case::error(vec![Write::Answers(500, says("etcdserver: request timed out"))], AttemptState::Failed, "not_applied", 0)]
#[tokio::test]
async fn an_attempt_ends_where_the_object_is(
    #[case] fates: Vec<Write>,
    #[case] state: AttemptState,
    #[case] reason: &str,
    #[case] writes: usize,
) {
    let server = Server::start(fates).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let attempt = home.applied(&writer, &more_memory()).await;
    // What is unknown waits for 75 s on the test's clock.
    let attempt = home.executor(&writer).settle(attempt).await.unwrap();
    assert_eq!((attempt.state, server.writes()), (state, writes), "{:?}", attempt.reason);
    assert_eq!(code(&attempt), reason);
    let limit = &server.object()["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"];
    assert_eq!(*limit, if writes == 1 { "128Mi" } else { "64Mi" });
    assert!(home.executor(&writer).recover().await.unwrap().iter().all(|moved| moved.state != AttemptState::Unknown));
    assert_eq!(server.writes(), writes, "something was sent again");
}

#[tokio::test]
async fn what_was_not_seen_to_land_is_not_given_up_before_75_seconds() {
    let server = Server::start(vec![Write::Cut]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let unknown = home.applied(&writer, &more_memory()).await;
    assert_eq!(unknown.state, AttemptState::Unknown);
    home.clock.pass(SignedDuration::from_secs(70));
    let still = home.executor(&writer).read_back(unknown).await.unwrap();
    assert_eq!(still.state, AttemptState::Unknown, "{:?}", still.reason);
    home.clock.pass(SignedDuration::from_secs(6));
    let moved = home.executor(&writer).recover().await.unwrap();
    assert_eq!(
        moved.iter().map(|attempt| (attempt.state, code(attempt))).collect::<Vec<_>>(),
        [(AttemptState::Failed, "not_applied")]
    );
}

#[tokio::test]
async fn a_change_by_somebody_else_leaves_it_open_until_a_person_says() {
    let server = Server::start(vec![Write::Cut]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let unknown = home.applied(&writer, &more_memory()).await;
    server.change(Write::SpecFirst);
    home.clock.pass(SignedDuration::from_mins(10));
    let open = home.executor(&writer).settle(unknown).await.unwrap();
    assert_eq!((open.state, code(&open)), (AttemptState::Unknown, "moved_without_mark"));
    // Meanwhile nothing else may be approved for the object.
    let other = home.proposed(&writer, &intent("squad-7", Action::RestartDeployment, "web", super::Params::None)).await;
    assert!(home.executor(&writer).approve(&other, &other.digest).await.is_err());
    let resolved = home.executor(&writer).resolve(&open, false).await.unwrap();
    assert_eq!(resolved.state, AttemptState::Failed);
    home.executor(&writer).approve(&other, &other.digest).await.unwrap();
}

#[tokio::test]
async fn drift_between_approval_and_application_voids_the_approval() {
    for (change, state, reason) in [
        (Write::StatusFirst, AttemptState::Succeeded, ""),
        (Write::SpecFirst, AttemptState::Superseded, "target_changed"),
        (Write::MadeAgainFirst, AttemptState::Superseded, "target_replaced"),
    ] {
        let server = Server::start(vec![]).await;
        let (writer, home) = (writer(&server).await, Home::new());
        let approved = home.approved(&writer, &more_memory()).await;
        server.change(change);
        let attempt = home.executor(&writer).apply(&approved, &Allows).await.unwrap();
        assert_eq!((attempt.state, code(&attempt)), (state, reason));
        assert_eq!(server.writes(), usize::from(state == AttemptState::Succeeded));
    }
}

/// A policy that finds the risk higher than it was.
struct Riskier;

impl Policy for Riskier {
    fn guard(&self, intent: &ExecutionIntent, now: Timestamp) -> Decision {
        Allows.guard(intent, now)
    }

    fn risk(&self, _: &ExecutionIntent, _: Timestamp) -> RiskReport {
        RiskReport { level: Risk::High, axes: Vec::new() }
    }

    fn gate(&self, intent: &ExecutionIntent, request: &PlanRequest, risk: &RiskReport, now: Timestamp) -> Decision {
        Allows.gate(intent, request, risk, now)
    }
}

#[tokio::test]
async fn what_became_riskier_since_it_was_approved_is_not_sent() {
    let server = Server::start(vec![]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let approved = home.approved(&writer, &more_memory()).await;
    let attempt = home.executor(&writer).apply(&approved, &Riskier).await.unwrap();
    assert_eq!((attempt.state, code(&attempt), server.writes()), (AttemptState::Superseded, "risk_rose", 0));
}

#[tokio::test]
async fn a_spent_budget_is_seen_where_the_write_begins() {
    let server = Server::start(vec![]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let approved = home.approved(&writer, &more_memory()).await;
    let mut executor = home.executor(&writer);
    executor.limits.writes = Some(0);
    let attempt = executor.apply(&approved, &Allows).await.unwrap();
    assert_eq!((attempt.state, code(&attempt), server.writes()), (AttemptState::Failed, "write_budget", 0));
}

#[tokio::test]
async fn an_approval_lasts_sixty_seconds_and_a_digest_is_that_of_one_plan() {
    let server = Server::start(vec![]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let proposed = home.proposed(&writer, &more_memory()).await;
    let other = sre_copilot::domain::Digest::of(&"another").unwrap();
    assert!(home.executor(&writer).approve(&proposed, &other).await.is_err());
    let approved = home.executor(&writer).approve(&proposed, &proposed.digest).await.unwrap();
    home.clock.pass(SignedDuration::from_secs(61));
    assert!(home.executor(&writer).apply(&approved, &Allows).await.is_err());
    let moved = home.executor(&writer).recover().await.unwrap();
    assert_eq!(moved[0].state, AttemptState::Expired);
    assert_eq!(server.writes(), 0);
    // Nobody is locked out: the same plan can be proposed anew.
    assert_eq!(home.applied(&writer, &more_memory()).await.state, AttemptState::Succeeded);
}

#[tokio::test]
async fn a_dry_run_says_what_it_was_refused_for() {
    for (answer, status, reason) in [
        (
            Write::Answers(403, says("x is forbidden: exceeded quota: q, requested: a=1, used: a=1, limited: a=1")),
            ExecutionStatus::DryRunFailed,
            "quota_exceeded",
        ),
        (
            Write::Answers(400, says("admission webhook \"w\" does not support dry run")),
            ExecutionStatus::DryRunFailed,
            "dry_run_unsupported",
        ),
        (Write::Answers(503, says("etcd is down")), ExecutionStatus::Error, "server_error"),
        (Write::Cut, ExecutionStatus::Error, "no_answer"),
        (Write::LandsAnswers(200, json!({})), ExecutionStatus::DryRunOk, ""),
    ] {
        let server = Server::start(vec![]).await;
        server.dry_runs(vec![answer]);
        let (writer, home) = (writer(&server).await, Home::new());
        let outcome = home.propose(&writer, &more_memory()).await;
        assert_eq!((outcome.status, outcome.code.as_deref().unwrap_or_default()), (status, reason), "{}", outcome.text);
        assert_eq!(server.writes(), 0);
    }
    let server = Server::start(vec![]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    server.dry_runs(vec![Write::StatusFirst; 3]);
    let outcome = home.propose(&writer, &more_memory()).await;
    assert_eq!(outcome.code.as_deref(), Some("target_changed"), "{}", outcome.text);
    server.dry_runs(vec![Write::StatusFirst; 2]);
    assert_eq!(home.propose(&writer, &more_memory()).await.status, ExecutionStatus::DryRunOk);
    let outcome = home.propose(&writer, &intent("squad-7", Action::SetResources, "web", memory("64Mi"))).await;
    assert_eq!(outcome.code.as_deref(), Some("no_change"));
}

#[tokio::test]
async fn nothing_stored_or_logged_holds_an_environment_value() {
    let server = Server::start(vec![Write::LandsCut]).await;
    let (writer, home) = (writer(&server).await, Home::new());
    let attempt = home.applied(&writer, &more_memory()).await;
    let rows = home.store.list(Default::default()).await.unwrap();
    let stored = format!("{}{}", serde_json::to_string(&attempt).unwrap(), serde_json::to_string(&rows).unwrap());
    assert!(stored.contains("attempt.unknown") && !stored.contains("canary-of-"), "{stored}");
}
