//! Whether it helped, and what policy says on the way, against a server made for the purpose.

use super::simulated::Server;
use super::{Allows, Home, ask, connect, intent, memory as limit, options};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::cluster::{Recording, Snapshot};
use sre_copilot::diagnose::{self, Options};
use sre_copilot::domain::{
    Action, Attempt, AttemptState, Decision, DecisionValue, ExecutionIntent, ObjectRef, Params, PlanRequest, Report, RiskReport,
    Verdict,
};
use sre_copilot::pipeline::execute::{Ask, ExecutionStatus, Judge, Policy};
use sre_copilot::pipeline::{Situation, memory};
use sre_copilot::ports::{AttemptStore, AuditFilter, AuditLog, Clock, IncidentStore};
use sre_copilot::remedy::{Memory, Mode, Outcome, PastIncident, Settings, Verification};
use std::sync::Mutex;

/// Says what it is told, one check after the other.
struct Says(Mutex<Vec<Outcome>>, Mutex<Vec<bool>>);

impl Says {
    fn new(outcomes: &[Outcome]) -> Self {
        Self(Mutex::new(outcomes.to_vec()), Mutex::default())
    }
}

impl Judge for Says {
    async fn judge(&self, _: &Attempt, is_last: bool) -> Verification {
        self.1.lock().unwrap().push(is_last);
        Verification { outcome: self.0.lock().unwrap().remove(0), criteria: Vec::new() }
    }
}

fn minutes() -> [SignedDuration; 3] {
    [1, 5, 15].map(SignedDuration::from_mins)
}

fn more_memory() -> ExecutionIntent {
    intent("squad-7", Action::SetResources, "web", limit("128Mi"))
}

#[tokio::test]
async fn it_is_looked_at_after_1_5_and_15_minutes_until_it_is_decided() {
    use Outcome::{NotVerified, Pending, Undetermined, Verified};
    for (says, state, checks) in [
        (vec![Pending, Verified], AttemptState::Verified, vec![false, false]),
        (vec![Pending, Pending, NotVerified], AttemptState::NotVerified, vec![false, false, true]),
        (vec![Pending, Pending, Undetermined], AttemptState::Succeeded, vec![false, false, true]),
    ] {
        let server = Server::start(vec![]).await;
        let (kubeconfig, home) = (server.kubeconfig(), Home::new());
        let writer = connect(options(&kubeconfig)).await;
        let mut attempt = home.applied(&writer, &more_memory()).await;
        let judge = Says::new(&says);
        for _ in 0..20 {
            attempt = home.executor(&writer).verify(attempt, &judge, &minutes()).await.unwrap();
            home.clock.pass(SignedDuration::from_secs(61));
        }
        assert_eq!((attempt.state, attempt.verify_due_at), (state, None));
        assert_eq!(*judge.1.lock().unwrap(), checks);
        assert!(home.store.due(home.clock.now()).await.unwrap().is_empty());
        // Whatever was found, it can be taken back.
        let undo = home.executor(&writer).undo(&attempt, SignedDuration::from_mins(30), &Allows, |_| json!({})).await.unwrap();
        assert_eq!(undo.status, ExecutionStatus::DryRunOk, "{}", undo.text);
        home.clock.pass(SignedDuration::from_hours(25));
        assert!(home.executor(&writer).undo(&attempt, SignedDuration::from_mins(30), &Allows, |_| json!({})).await.is_err());
    }
}

/// What an analysis found, for a policy that has nothing else to object to.
struct Found {
    snapshot: Snapshot,
    report: Report,
    settings: Settings,
}

impl Found {
    fn new(verdict: Verdict, settings: Value) -> Self {
        let mut web = super::workload("web", 2);
        web["kind"] = json!("Deployment");
        web["apiVersion"] = json!("apps/v1");
        web["metadata"] = json!({"name": "web", "namespace": "squad-7", "uid": "uid-1", "generation": 1});
        let captured_at = Some(Timestamp::now());
        let snapshot = Snapshot::new(Recording { captured_at, objects: vec![web], ..Recording::default() });
        let subject = ObjectRef::new("Deployment", "squad-7", "web");
        let mut report = diagnose::diagnose(&snapshot, &subject, Options::default());
        report.verdict = verdict;
        Self { snapshot, report, settings: serde_json::from_value(settings).unwrap() }
    }

    fn policy<'a>(&'a self, memory: &'a Memory) -> Situation<'a> {
        let Self { snapshot, report, settings } = self;
        Situation { snapshot, report, memory, settings, mode: Mode::default(), is_undo: false }
    }
}

#[tokio::test]
async fn the_guard_stops_it_before_anything_is_asked_and_the_gate_again_before_it_is_sent() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let (sure, weak) = (Found::new(Verdict::Confirmed, json!({})), Found::new(Verdict::Inconclusive, json!({})));
    let none = Memory::default();
    let cause = sure.report.causes.first().map(|cause| cause.id.clone()).unwrap_or_default();
    let back = Memory {
        incidents: vec![PastIncident { cause, resolved_at: Timestamp::now() - SignedDuration::from_hours(3) }],
        ..Memory::default()
    };
    let restart = |namespace: &str| intent(namespace, Action::RestartDeployment, "web", Params::None);
    for (intent, policy, rule) in [
        (restart("kube-system"), sure.policy(&none), "namespace_forbidden"),
        (restart("prod-eu"), sure.policy(&none), "namespace_read_only"),
        (restart("squad-7"), weak.policy(&none), "verdict_too_weak"),
        (restart("squad-7"), sure.policy(&back), "recurrence_restart"),
    ] {
        let outcome = home.executor(&writer).propose(ask(&intent), &policy).await.unwrap();
        assert_eq!(
            (outcome.status, outcome.code.as_deref()),
            (ExecutionStatus::GuardrailBlocked, Some(rule)),
            "{}",
            outcome.text
        );
    }
    assert_eq!(server.asked(), 0, "something was asked of the cluster");
    let rows = home.store.list(AuditFilter::default()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.event.event.as_str()).collect::<Vec<_>>(), ["guard.blocked"; 4]);

    // What was proposed on Thursday is not applied in Friday's freeze.
    let give = more_memory();
    let outcome = home.executor(&writer).propose(ask(&give), &sure.policy(&none)).await.unwrap();
    let proposed = *outcome.attempt.unwrap();
    assert_eq!(outcome.decision.unwrap().value, DecisionValue::Approve);
    let approved = home.executor(&writer).approve(&proposed, &proposed.digest).await.unwrap();
    let weekly = ["mon 00:00 - thu 00:00", "thu 00:00 - mon 00:00"];
    let frozen = Found::new(Verdict::Confirmed, json!({"policy": {"freeze": [{"name": "always", "weekly": weekly}]}}));
    let attempt = home.executor(&writer).apply(&approved, &frozen.policy(&none)).await.unwrap();
    assert_eq!((attempt.state, super::code(&attempt)), (AttemptState::Failed, "freeze_window"));
    assert_eq!(server.writes(), 0);
}

#[tokio::test]
async fn the_store_remembers_what_was_written_and_policy_counts_it() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let incident = home.store.open_or_join("the-cluster", &ObjectRef::new("Deployment", "squad-7", "web")).await.unwrap();
    let (sure, give) = (Found::new(Verdict::Confirmed, json!({})), more_memory());
    let asked = Ask { incident: &incident.id, ..ask(&give) };
    let executor = home.executor(&writer);
    let remembered = memory(&home.store, &incident, &incident.cluster, home.clock.now()).await.unwrap();
    let proposed = *executor.propose(asked.clone(), &sure.policy(&remembered)).await.unwrap().attempt.unwrap();
    let approved = executor.approve(&proposed, &proposed.digest).await.unwrap();
    assert_eq!(executor.apply(&approved, &sure.policy(&remembered)).await.unwrap().state, AttemptState::Succeeded);

    let remembered = memory(&home.store, &incident, &incident.cluster, home.clock.now()).await.unwrap();
    let more = intent("squad-7", Action::SetResources, "web", limit("192Mi"));
    let outcome = executor.propose(Ask { intent: &more, ..asked.clone() }, &sure.policy(&remembered)).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("cooldown"), "{}", outcome.text);
    home.clock.pass(SignedDuration::from_mins(11));
    let outcome = executor.propose(Ask { intent: &more, ..asked }, &sure.policy(&remembered)).await.unwrap();
    assert_eq!(outcome.status, ExecutionStatus::DryRunOk, "{}", outcome.text);
}

/// A policy that a rule of somebody's applies at once, or not.
struct Auto(DecisionValue);

impl Policy for Auto {
    fn guard(&self, intent: &ExecutionIntent, now: Timestamp) -> Decision {
        Allows.guard(intent, now)
    }

    fn risk(&self, intent: &ExecutionIntent, now: Timestamp) -> RiskReport {
        Allows.risk(intent, now)
    }

    fn gate(&self, intent: &ExecutionIntent, request: &PlanRequest, risk: &RiskReport, now: Timestamp) -> Decision {
        Decision { value: self.0, rule: "auto:memory".to_owned(), ..Allows.gate(intent, request, risk, now) }
    }
}

#[tokio::test]
async fn a_rule_that_somebody_wrote_approves_at_once_and_is_named() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let (executor, give, auto) = (home.executor(&writer), more_memory(), Auto(DecisionValue::Auto));
    let attempt = *executor.propose(ask(&give), &auto).await.unwrap().attempt.unwrap();
    let by = attempt.decided_by.clone().unwrap();
    assert_eq!((attempt.state, by.kind.as_str(), by.id.as_str()), (AttemptState::Approved, "policy", "auto:memory"));
    // The rule may be gone by then.
    let done = executor.apply(&attempt, &Auto(DecisionValue::Block)).await.unwrap();
    assert_eq!((done.state, super::code(&done), server.writes()), (AttemptState::Failed, "auto:memory", 0));
}

#[tokio::test]
async fn a_server_can_do_each_step_in_a_task_of_its_own() {
    fn is_send<F: Future + Send>(step: F) -> F {
        step
    }
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let (executor, give) = (home.executor(&writer), more_memory());
    let proposed = *is_send(executor.propose(ask(&give), &Allows)).await.unwrap().attempt.unwrap();
    let approved = is_send(executor.approve(&proposed, &proposed.digest)).await.unwrap();
    let done = is_send(executor.apply(&approved, &Allows)).await.unwrap();
    let done = is_send(executor.settle(done)).await.unwrap();
    let done = is_send(executor.verify(done, &Says::new(&[]), &minutes())).await.unwrap();
    is_send(executor.undo(&done, SignedDuration::from_mins(1), &Allows, |_| json!({}))).await.unwrap();
    is_send(executor.recover()).await.unwrap();
}
