//! All that is remembered, as one bound: what the server and the workers are generic over.

use super::{
    AttemptStore, AuditLog, Buttons, Clicks, Conversations, Digests, FeedbackStore, Figures, IncidentPages, IncidentStore,
    Intake, JobQueue, Ledger, Messages, Outbox, Periodic, Replies, StoreError,
};
use std::future::Future;
use std::time::Duration;

/// Whether the store is well.
pub trait Pulse: Sync {
    /// How long ago its writer last showed that it lives; `None` once it doesn't any more.
    fn silent_for(&self) -> Option<Duration>;

    /// How many deliveries wait to be written.
    fn waiting(&self) -> usize;

    /// Writes something that means nothing and takes it back, and waits until it is on disk.
    fn probe(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// All that is remembered.
pub trait Books:
    Intake
    + JobQueue
    + Conversations
    + IncidentStore
    + IncidentPages
    + AttemptStore
    + AuditLog
    + Outbox
    + Messages
    + Periodic
    + Ledger
    + Pulse
    + Figures
    + Digests
    + FeedbackStore
    + Buttons
    + Clicks
    + Replies
    + Send
    + Sync
    + 'static
{
}

impl<T> Books for T where
    T: Intake
        + JobQueue
        + Conversations
        + IncidentStore
        + IncidentPages
        + AttemptStore
        + AuditLog
        + Outbox
        + Messages
        + Periodic
        + Ledger
        + Pulse
        + Figures
        + Digests
        + FeedbackStore
        + Buttons
        + Clicks
        + Replies
        + Send
        + Sync
        + 'static
{
}
