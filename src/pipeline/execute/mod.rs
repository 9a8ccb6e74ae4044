//! Carries one approved change out, and no other: tries it, waits for the approval, does it once, looks whether it landed
//! and whether it helped. Each step is durable before the next one begins, so that a process that is killed at any moment
//! leaves a state from which [`Executor::recover`] finds out what is true.
//!
//! It never sends what the policy of that moment refuses, never sends one approval's request for another version of the
//! object than the one approved, and retries nothing that may have landed.

mod apply;
mod approve;
mod outcome;
mod planned;
mod policy;
mod propose;
mod read_back;
mod recover;
mod send;
mod undo;
mod verify;

pub use approve::ApproveError;
pub use outcome::{ExecutionStatus, Outcome};
pub use policy::note_policy;
pub use propose::Ask;
pub use read_back::{Landed, landed};
pub use undo::UndoError;
pub use verify::Judge;

use crate::domain::{
    Actor, Attempt, AttemptState, AuditData, AuditEvent, AuditName, Code, Decision, ExecutionIntent, PlanRequest, RiskReport,
};
use crate::ports::{Advance, AdvanceError, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, StoreError};
use crate::remedy::Settings;
use crate::telemetry::metrics;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// The longest that a write may take; none is begun that could outlast the lease.
const SEND: SignedDuration = SignedDuration::from_secs(15);
/// How often one approval's request is sent at most, each time after the server said that it did not take it.
const MAX_SENDS: u32 = 3;
/// After this long a request that isn't seen to have landed never will: the API server gives up after 60 s
/// (`--request-timeout`).
const LANDS_WITHIN: SignedDuration = SignedDuration::from_secs(75);

/// What policy says, with the settings, the memory and the analysis of this moment.
pub trait Policy: Sync {
    /// Whether the intent may be tried at all, before anything is asked of the cluster.
    fn guard(&self, intent: &ExecutionIntent, now: Timestamp) -> Decision;

    /// How much can go wrong.
    fn risk(&self, intent: &ExecutionIntent, now: Timestamp) -> RiskReport;

    /// Whether this request may be sent, and who has to approve it.
    fn gate(&self, intent: &ExecutionIntent, request: &PlanRequest, risk: &RiskReport, now: Timestamp) -> Decision;
}

/// Hears where the executor is. A test kills the process at each of these points.
pub trait Progress: Sync {
    /// The executor has come to this one of [`POINTS`].
    fn reached(&self, _point: &'static str) {}
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Progress for Unheard {}

/// Every point of the way from the approval to the end, in their order; the last six only when something goes wrong.
pub const POINTS: [&str; 18] = [
    "approve.stored",
    "claim.begins",
    "claim.stored",
    "cluster.known",
    "target.read",
    "dry_run.done",
    "digest.equal",
    "version.read",
    "running.stored",
    "send.begins",
    "send.answered",
    "succeeded.stored",
    "conflict.read",
    "resend.stored",
    "unknown.stored",
    "read_back.done",
    "settled.stored",
    "failed.stored",
];

/// How much may happen within an hour; `None` is any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Approvals of one person.
    pub approvals: Option<usize>,
    /// Writes that one cluster takes, undos aside.
    pub writes: Option<usize>,
}

impl Limits {
    /// What the settings allow.
    pub fn of(settings: &Settings) -> Self {
        Self { approvals: Some(settings.approval.per_hour), writes: Some(settings.policy.writes_per_hour) }
    }
}

/// Carries attempts out, for one actor on one channel.
pub struct Executor<'a, W, S, C> {
    /// The cluster.
    pub writer: &'a W,
    /// Where attempts and the audit log live.
    pub store: &'a S,
    /// The time.
    pub clock: &'a C,
    /// Who acts: whom the audit log names.
    pub actor: Actor,
    /// Through what: `cli`, `discord`, `http`, `worker`.
    pub channel: String,
    /// How much may happen within an hour.
    pub limits: Limits,
    /// Who hears where it is.
    pub progress: &'a dyn Progress,
}

impl<W, S, C> fmt::Debug for Executor<'_, W, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("actor", &self.actor).field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// What needs no cluster: a person's word, and the books.
impl<W, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    fn event(&self, name: AuditName, data: AuditData) -> AuditEvent {
        AuditEvent::new(name, self.actor.clone(), self.channel.as_str()).with(data)
    }

    async fn log(&self, name: AuditName, target: String, data: AuditData, about: (&str, &str)) -> Result<(), StoreError> {
        let mut event = self.event(name, data);
        event.target = Some(target);
        event.incident_id = Some(about.0.to_owned());
        event.run_id = Some(about.1.to_owned());
        self.store.append(event).await.map(drop)
    }

    async fn advance(
        &self,
        seen: &Attempt,
        to: AttemptState,
        set: Changes,
        name: AuditName,
        data: AuditData,
    ) -> Result<Attempt, AdvanceError> {
        let per_hour = match to {
            AttemptState::Approved => self.limits.approvals,
            AttemptState::Running if seen.undo_of.is_none() => self.limits.writes,
            _ => None,
        };
        let (id, from, version, fence) = (seen.id.clone(), seen.state, seen.version, seen.fence);
        let advanced =
            self.store.advance(Advance { id, from, version, fence, to, set, audit: self.event(name, data), per_hour }).await;
        match &advanced {
            Ok(_) => metrics().attempt(to.as_str()),
            Err(error) => tracing::info!(
                name: "approval.transition_rejected",
                { sre.attempt.id = seen.id, sre.attempt.state = seen.state.as_str(), %error },
                "an attempt stays as it is"
            ),
        }
        advanced
    }

    /// Ends an attempt that was not applied.
    async fn fail(&self, seen: &Attempt, why: &Reason) -> Result<Attempt, AdvanceError> {
        let set = Changes { reason: Some(why.to_string()), ..Changes::default() };
        let failed = self.advance(seen, AttemptState::Failed, set, AuditName::AttemptFailed, why.data()).await?;
        self.progress.reached("failed.stored");
        Ok(failed)
    }
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Whether this writer is at the cluster that an attempt is about: elsewhere a namesake would be looked at.
    async fn is_at_home(&self, attempt: &Attempt) -> bool {
        self.writer.cluster_id().await.is_ok_and(|cluster| cluster == attempt.cluster)
    }
}

/// Why something stands where it stands: a code, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reason {
    code: String,
    why: String,
    status: Option<u16>,
}

impl Reason {
    fn new(code: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into(), status: None }
    }

    fn data(&self) -> AuditData {
        AuditData { reason: Code::new(&self.code), http_status: self.status, ..AuditData::default() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.why)
    }
}

fn after(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}
