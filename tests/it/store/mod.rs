//! The store over real files: what holds for one process, for several, and for one that is killed.

mod attempts;
mod audit;
mod file;
mod incidents;
mod ledger;
mod processes;
mod transitions;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sre_copilot::domain::{Actor, Attempt, AttemptState, AuditEvent, AuditName, Plan};
use sre_copilot::ports::{Advance, AdvanceError, AttemptStore, Changes, NewAttempt};
use sre_copilot::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// A store in a folder of its own, and the clock that it looks at.
struct Home {
    folder: TempDir,
    store: Store,
    clock: Arc<AtomicI64>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000));
        let store = open(folder.path().join("state.db"), &clock);
        Self { folder, store, clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    fn pass(&self, span: SignedDuration) {
        self.clock.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// A proposal that can be approved for half an hour.
    async fn proposed(&self, incident: &str, name: &str) -> Attempt {
        self.store.propose(proposal(incident, plan(name), self.now())).await.unwrap()
    }

    /// As it would go on if nothing happens: to that state, one transition after the other.
    async fn brought(&self, attempt: Attempt, path: &[AttemptState]) -> Attempt {
        let mut attempt = attempt;
        for state in path {
            attempt = self.store.advance(step(&attempt, *state, self.now())).await.unwrap();
        }
        attempt
    }
}

fn open(path: PathBuf, clock: &Arc<AtomicI64>) -> Store {
    let clock = Arc::clone(clock);
    Store::open(&path, move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap()).unwrap()
}

fn person(id: &str) -> Actor {
    Actor { kind: "person".to_owned(), id: id.to_owned(), name: id.to_uppercase() }
}

fn event(name: AuditName) -> AuditEvent {
    AuditEvent::new(name, person("anna"), "cli")
}

fn plan(name: &str) -> Plan {
    serde_json::from_value(json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
        "intent": {"action": "restart_deployment", "resource_type": "deployment", "resource_name": name, "namespace": "squad-7"},
        "target": {"uid": format!("uid-of-{name}"), "version": "generation:7"},
        "request": {"method": "PATCH", "path": format!("/apis/apps/v1/namespaces/squad-7/deployments/{name}"),
                    "contentType": "application/strategic-merge-patch+json", "body": {}},
        "diff": [], "risk": {"level": "low", "axes": []},
    }))
    .unwrap()
}

fn proposal(incident: &str, plan: Plan, now: Timestamp) -> NewAttempt {
    NewAttempt {
        incident: incident.to_owned(),
        run_id: format!("run-of-{incident}"),
        plan,
        context: json!({"cause": "oom_killed"}),
        requested_by: None,
        expires_at: now + SignedDuration::from_mins(30),
        before: None,
        undo_of: None,
        audit: vec![event(AuditName::ApprovalRequested)],
    }
}

fn name_of(to: AttemptState) -> AuditName {
    match to {
        AttemptState::Proposed => AuditName::ApprovalRequested,
        AttemptState::Approved => AuditName::ApprovalApproved,
        AttemptState::Declined => AuditName::ApprovalDeclined,
        AttemptState::Expired => AuditName::ApprovalExpired,
        AttemptState::Superseded => AuditName::ApprovalSuperseded,
        AttemptState::Claimed => AuditName::AttemptClaimed,
        AttemptState::Running => AuditName::AttemptRunning,
        AttemptState::Unknown => AuditName::AttemptUnknown,
        AttemptState::Succeeded => AuditName::AttemptSucceeded,
        AttemptState::Failed => AuditName::AttemptFailed,
        AttemptState::Verified => AuditName::VerifyVerified,
        AttemptState::NotVerified => AuditName::VerifyNotVerified,
        AttemptState::Undone => AuditName::AttemptUndone,
    }
}

/// A transition with what the state needs.
fn step(attempt: &Attempt, to: AttemptState, now: Timestamp) -> Advance {
    let decides = matches!(to, AttemptState::Approved | AttemptState::Declined);
    let set = Changes {
        decided_by: decides.then(|| person("anna")),
        sent_at: (to == AttemptState::Running).then_some(now),
        ..Changes::default()
    };
    Advance {
        id: attempt.id.clone(),
        from: attempt.state,
        version: attempt.version,
        fence: attempt.fence,
        to,
        set,
        audit: event(name_of(to)),
        per_hour: None,
    }
}

fn approval(attempt: &Attempt, by: &str) -> Advance {
    let mut wanted = step(attempt, AttemptState::Approved, attempt.created_at);
    wanted.set.decided_by = Some(person(by));
    wanted.audit.actor = person(by);
    wanted
}

/// Who was first, of an approval that came second.
fn winner(error: AdvanceError) -> String {
    match error {
        AdvanceError::Lost(current) => current.decided_by.unwrap().id,
        other => panic!("not a lost race: {other}"),
    }
}
