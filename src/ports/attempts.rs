//! Where attempts live. Each transition and its audit rows are one durable transaction: what is answered with success is on
//! disk, and of any number of callers who want the same transition one wins.

use super::StoreError;
use crate::domain::{Actor, Attempt, AttemptState, AuditEvent, Plan};
use jiff::Timestamp;
use serde_json::Value;
use std::future::Future;
use thiserror::Error;

/// A plan to be proposed. The store gives it its id, code, nonce, digest, target and try.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// The incident that it is for.
    pub incident: String,
    /// The analysis that proposed it.
    pub run_id: String,
    /// The plan.
    pub plan: Plan,
    /// What each screen shows of the report.
    pub context: Value,
    /// Who asked for it, where somebody did.
    pub requested_by: Option<Actor>,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
    /// The target before: what the undo restores, with secrets left out.
    pub before: Option<Value>,
    /// The attempt that this one takes back: its id.
    pub undo_of: Option<String>,
    /// What the log says, in this order; usually `intent.proposed` and `approval.requested`. At least one.
    pub audit: Vec<AuditEvent>,
}

/// What a transition sets beside the state. `None` leaves a field as it is, but for `verify_due_at`.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Who approved or declined.
    pub decided_by: Option<Actor>,
    /// Until when an approved attempt can be claimed; without it, 60 s after the approval.
    pub expires_at: Option<Timestamp>,
    /// Until when its worker has it; without it, 90 s after the claim. It ends with the states claimed and running.
    pub lease_until: Option<Timestamp>,
    /// When its request is sent.
    pub sent_at: Option<Timestamp>,
    /// What its request carries.
    pub token: Option<String>,
    /// The resource version that its request names.
    pub resource_version: Option<String>,
    /// How often its request was sent.
    pub sends: Option<u32>,
    /// The target before.
    pub before: Option<Value>,
    /// The target after.
    pub after: Option<Value>,
    /// A code and a sentence.
    pub reason: Option<String>,
    /// When it is looked at next; `None` is never.
    pub verify_due_at: Option<Timestamp>,
    /// What was seen so far.
    pub verification: Option<Value>,
}

/// One transition, asked for by somebody who saw the attempt in a certain state, version and fence.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The attempt.
    pub id: String,
    /// The state that was seen.
    pub from: AttemptState,
    /// The version that was seen.
    pub version: i64,
    /// The fence that was seen; a claim counts it up.
    pub fence: i64,
    /// The state that is wanted.
    pub to: AttemptState,
    /// What else changes.
    pub set: Changes,
    /// What the log says.
    pub audit: AuditEvent,
    /// How many there may be within the hour, counted in the same transaction: of an approval those of the same person, of a
    /// first send the writes in the cluster. `None` is any number.
    pub per_hour: Option<usize>,
}

/// Particulars that change without a transition and without a row in the log: a check that decided nothing, a longer lease.
#[derive(Clone, Debug)]
pub struct Note {
    /// The attempt.
    pub id: String,
    /// The state that was seen, which stays.
    pub state: AttemptState,
    /// The version that was seen.
    pub version: i64,
    /// The fence that was seen.
    pub fence: i64,
    /// What changes.
    pub set: Changes,
}

/// Why a transition did not happen. The first three carry the attempt as it stands now.
#[derive(Debug, Error)]
pub enum AdvanceError {
    /// Somebody else was first: who and what is in the attempt.
    #[error("somebody was first: {} is {}", .0.code, .0.state)]
    Lost(Box<Attempt>),
    /// The proposal, the approval or the lease is over.
    #[error("too late: {} is {} and its time is over", .0.code, .0.state)]
    TooLate(Box<Attempt>),
    /// Another attempt, this one, holds the object.
    #[error("{} is {} and holds {}", .0.code, .0.state, .0.target)]
    TargetHeld(Box<Attempt>),
    /// As many as an hour allows happened within it.
    #[error("{given} within the hour, and {allowed} are allowed")]
    TooMany {
        /// How many there were.
        given: usize,
        /// How many may be.
        allowed: usize,
    },
    /// There is no such transition.
    #[error("an attempt that is {from} can't become {to}")]
    NoSuchTransition {
        /// The state it is in.
        from: AttemptState,
        /// The state that was wanted.
        to: AttemptState,
    },
    /// No attempt has this id.
    #[error("there is no attempt {0}")]
    NotFound(String),
    /// The store could not do it; nothing changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which attempts; `None` and an empty list are all.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// Of this incident.
    pub incident: Option<String>,
    /// Of this analysis.
    pub run_id: Option<String>,
    /// On this cluster.
    pub cluster: Option<String>,
    /// On this object, `NAMESPACE/type/name`.
    pub target: Option<String>,
    /// In one of these states.
    pub states: Vec<AttemptState>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest; 500 without it.
    pub limit: Option<u32>,
}

/// Where attempts live.
pub trait AttemptStore: Sync {
    /// Stores a proposal. An open one of the same incident is superseded, or expired where its time is over, in the same
    /// transaction. The same plan of the same analysis again, while its attempt waits or is under way, is that attempt.
    fn propose(&self, new: NewAttempt) -> impl Future<Output = Result<Attempt, StoreError>> + Send;

    /// One attempt by its id, or by its code in any case.
    fn attempt(&self, code_or_id: &str) -> impl Future<Output = Result<Option<Attempt>, StoreError>> + Send;

    /// Attempts, newest first.
    fn attempts(&self, filter: AttemptFilter) -> impl Future<Output = Result<Vec<Attempt>, StoreError>> + Send;

    /// One transition. A claim takes away what kept the attempt waiting. The success of an undo makes the attempt that it takes back undone, in the same transaction.
    fn advance(&self, advance: Advance) -> impl Future<Output = Result<Attempt, AdvanceError>> + Send;

    /// Changes particulars and leaves the state.
    fn note(&self, note: Note) -> impl Future<Output = Result<Attempt, AdvanceError>> + Send;

    /// What has to be looked at: proposals and approvals whose time is over, leases that lapsed, and what is unknown or
    /// succeeded and due. At most 500: what was sent and isn't known comes first, what only waits to be verified last.
    fn due(&self, now: Timestamp) -> impl Future<Output = Result<Vec<Attempt>, StoreError>> + Send;

    /// The database's own key, made when it is first asked for: what values that may not be shown are told apart with.
    fn key(&self) -> impl Future<Output = Result<[u8; 32], StoreError>> + Send;
}
