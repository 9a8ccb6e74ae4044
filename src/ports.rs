//! What the core asks of the world. Adapters and bundles answer; nothing in here knows how.

mod attempts;
mod audit;
mod books;
mod clicks;
mod clock;
mod conversations;
mod digests;
mod evidence;
mod feedback;
mod figures;
mod incidents;
mod intake;
mod jobs;
mod ledger;
mod messages;
mod model;
mod notifier;
mod outbox;
mod pages;
mod periodic;
mod store_error;
mod writer;

pub use attempts::{Advance, AdvanceError, AttemptFilter, AttemptStore, Changes, NewAttempt, Note};
pub use audit::{AuditFilter, AuditLog};
pub use books::{Books, Pulse};
pub use clicks::{
    Button, Buttons, Click, Clicked, Clicks, Effect, FollowUp, Minted, NewButton, NewButtons, Place, Refusal, Replies, Reply,
    ReplyTo, Seen, Told,
};
pub use clock::Clock;
pub use conversations::{AskError, Asked, Conversations, NewQuestion};
pub use digests::{Chronic, DayFigures, Digests, Fired, Recent};
pub use evidence::{Answered, DeployHistory, EvidenceRequest, LogSearch, NodeNames, SignalSource, TicketTracker};
pub use feedback::FeedbackStore;
pub use figures::{Figures, StoreFigures};
pub use incidents::{IncidentFilter, IncidentStore};
pub use intake::{Accepted, AlertAnswer, FiringEpisode, Intake, SetAsideAnswer, Taken};
pub use jobs::{Finished, JobFilter, JobQueue, Leased, NewJob, Outcome};
pub use ledger::{Ledger, Reservation};
pub use messages::{Affected, Messages, Planned, ReplacedMessage, Stands};
pub use model::{Egress, LanguageModel, Message, ModelAnswer, ModelError, ModelRequest, Role};
pub use notifier::{Delivery, Notifier, channel};
pub use outbox::{MessageOp, Notice, Outbox, Outgoing, Sent};
pub use pages::{IncidentPage, IncidentPages, PageFilter, PageKey};
pub use periodic::{Periodic, PeriodicTask, Schedule};
pub use store_error::StoreError;
pub use writer::{Access, AccessQuestion, ApiReason, ApiRefusal, ClusterWriter, WriteError, permits};

use crate::cluster::Recording;
use crate::domain::ObjectRef;
use std::future::Future;
use thiserror::Error;

/// What to read of a cluster.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The targets; their namespaces are read, and what is cluster-wide. A target of kind `Namespace` without further
    /// targets reads that namespace.
    pub targets: Vec<ObjectRef>,
    /// Read every namespace (`-A`).
    pub all_namespaces: bool,
}

/// Why nothing at all could be read. A single kind that could not be read is no error: it is a source's state.
#[derive(Debug, Error)]
pub enum ReadError {
    /// No server answers at the address.
    #[error("no answer from {server}: {why}")]
    Unreachable {
        /// The server's address without credentials.
        server: String,
        /// The transport's own words.
        why: String,
    },
    /// The server answered 401.
    #[error("{server} does not accept these credentials: {why}")]
    Unauthorized {
        /// The server's address.
        server: String,
        /// The server's own words.
        why: String,
    },
    /// The kubeconfig is missing, unreadable, or names what it doesn't hold.
    #[error("{0}")]
    Config(String),
    /// None of the kinds could be read.
    #[error("nothing could be read: {0}")]
    Nothing(String),
}

/// Reads the objects and logs that an analysis needs.
pub trait ClusterReader {
    /// Reads everything for these targets: one LIST a kind, in parallel, paged, with deadlines; then the logs of the
    /// containers that need them.
    fn read(&self, request: &ReadRequest) -> impl Future<Output = Result<Recording, ReadError>> + Send;
}
