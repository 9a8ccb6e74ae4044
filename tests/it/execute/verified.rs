//! Whether it helped, and what policy says on the way, against a server made for the purpose.

use super::simulated::Server;
use super::{Allows, Home, ask, connect, intent, memory, options};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sre_copilot::domain::{
    Action, Attempt, AttemptState, DecisionValue, ExecutionIntent, ObjectRef, Params, Risk, RiskReport, Verdict,
};
use sre_copilot::pipeline::execute::{Ask, ExecutionStatus, GROUNDS, Grounds, Judge, PolicyNow, remember};
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
    intent("squad-7", Action::SetResources, "web", memory("128Mi"))
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
        let undo = home.executor(&writer).undo(&attempt, SignedDuration::from_mins(30), &Allows).await.unwrap();
        assert_eq!(undo.status, ExecutionStatus::DryRunOk, "{}", undo.text);
        home.clock.pass(SignedDuration::from_hours(25));
        assert!(home.executor(&writer).undo(&attempt, SignedDuration::from_mins(30), &Allows).await.is_err());
    }
}

fn grounds(verdict: Verdict) -> Grounds {
    Grounds {
        verdict,
        cause: "oom_killed".to_owned(),
        object: ObjectRef::new("Deployment", "squad-7", "web"),
        is_contradicted: false,
        holds_data: None,
        refusals: Vec::new(),
        gitops_owner: None,
        risk: RiskReport { level: Risk::Medium, axes: Vec::new() },
    }
}

#[tokio::test]
async fn the_guard_stops_it_before_anything_is_asked_and_the_gate_again_before_it_is_sent() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let (settings, none, sure) = (Settings::default(), Memory::default(), grounds(Verdict::Confirmed));
    let policy = PolicyNow { settings: &settings, mode: Mode::default(), memory: &none, grounds: &sure, is_undo: false };
    let weak = grounds(Verdict::Inconclusive);
    let back = Memory {
        incidents: vec![PastIncident {
            cause: "oom_killed".to_owned(),
            resolved_at: Timestamp::now() - SignedDuration::from_hours(3),
        }],
        ..Memory::default()
    };
    let restart = |namespace: &str| intent(namespace, Action::RestartDeployment, "web", Params::None);
    for (intent, policy, rule) in [
        (restart("kube-system"), policy.clone(), "namespace_forbidden"),
        (restart("prod-eu"), policy.clone(), "namespace_read_only"),
        (restart("squad-7"), PolicyNow { grounds: &weak, ..policy.clone() }, "verdict_too_weak"),
        (restart("squad-7"), PolicyNow { memory: &back, ..policy.clone() }, "recurrence_restart"),
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
    let outcome = home.executor(&writer).propose(ask(&give), &policy).await.unwrap();
    let proposed = *outcome.attempt.unwrap();
    assert_eq!(outcome.decision.unwrap().value, DecisionValue::Approve);
    let approved = home.executor(&writer).approve(&proposed, &proposed.digest).await.unwrap();
    let frozen: Settings = serde_json::from_value(json!({
        "policy": {"freeze": [{"name": "always", "weekly": ["mon 00:00 - thu 00:00", "thu 00:00 - mon 00:00"]}]},
    }))
    .unwrap();
    let attempt = home.executor(&writer).apply(&approved, &PolicyNow { settings: &frozen, ..policy }).await.unwrap();
    assert_eq!((attempt.state, super::code(&attempt)), (AttemptState::Failed, "freeze_window"));
    assert_eq!(server.writes(), 0);
}

#[tokio::test]
async fn the_store_remembers_what_was_written_and_policy_counts_it() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let incident = home.store.open_or_join("the-cluster", &ObjectRef::new("Deployment", "squad-7", "web")).await.unwrap();
    let sure = grounds(Verdict::Confirmed);
    let mut context = json!({});
    sure.keep(&mut context);
    assert_eq!(context[GROUNDS]["cause"], "oom_killed");
    let give = more_memory();
    let asked = Ask { incident: &incident.id, context: context.clone(), ..ask(&give) };
    let settings = Settings::default();
    let now = || remember(&home.store, &incident, false, home.clock.now());
    let memory = now().await.unwrap();
    let policy = PolicyNow { settings: &settings, mode: Mode::default(), memory: &memory, grounds: &sure, is_undo: false };
    let executor = home.executor(&writer);
    let proposed = *executor.propose(asked.clone(), &policy).await.unwrap().attempt.unwrap();
    assert_eq!(Grounds::kept_in(&proposed), Some(sure.clone()));
    let approved = executor.approve(&proposed, &proposed.digest).await.unwrap();
    assert_eq!(executor.apply(&approved, &policy).await.unwrap().state, AttemptState::Succeeded);

    let memory = now().await.unwrap();
    let policy = PolicyNow { memory: &memory, ..policy };
    let more = intent("squad-7", Action::SetResources, "web", super::memory("192Mi"));
    let outcome = executor.propose(Ask { intent: &more, ..asked.clone() }, &policy).await.unwrap();
    assert_eq!(outcome.code.as_deref(), Some("cooldown"), "{}", outcome.text);
    home.clock.pass(SignedDuration::from_mins(11));
    let outcome = executor.propose(Ask { intent: &more, ..asked }, &policy).await.unwrap();
    assert_eq!(outcome.status, ExecutionStatus::DryRunOk, "{}", outcome.text);
}

#[tokio::test]
async fn a_rule_that_somebody_wrote_approves_a_low_risk_at_once() {
    let server = Server::start(vec![]).await;
    let (kubeconfig, home) = (server.kubeconfig(), Home::new());
    let writer = connect(options(&kubeconfig)).await;
    let settings: Settings =
        serde_json::from_value(json!({"policy": {"auto": [{"name": "memory", "actions": ["set_resources"]}]}})).unwrap();
    let low = Grounds { risk: RiskReport { level: Risk::Low, axes: Vec::new() }, ..grounds(Verdict::Confirmed) };
    let memory = Memory::default();
    let free = Mode { safe_mode: false, approval_required: false, is_production: false };
    let auto = PolicyNow { settings: &settings, mode: free, memory: &memory, grounds: &low, is_undo: false };
    for (mode, state) in [(Mode::default(), AttemptState::Proposed), (free, AttemptState::Approved)] {
        let intent = more_memory();
        let outcome = home.executor(&writer).propose(ask(&intent), &PolicyNow { mode, ..auto.clone() }).await.unwrap();
        let attempt = *outcome.attempt.unwrap();
        assert_eq!(attempt.state, state);
        if state == AttemptState::Approved {
            let by = attempt.decided_by.clone().unwrap();
            assert_eq!((by.kind.as_str(), by.id.as_str()), ("policy", "auto:memory"));
            let done = home.executor(&writer).apply(&attempt, &auto).await.unwrap();
            assert_eq!(done.state, AttemptState::Succeeded);
        } else {
            home.executor(&writer).decline(&attempt, None).await.unwrap();
        }
    }
    assert_eq!(server.writes(), 1);
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
    is_send(executor.undo(&done, SignedDuration::from_mins(1), &Allows)).await.unwrap();
    is_send(executor.recover()).await.unwrap();
}
