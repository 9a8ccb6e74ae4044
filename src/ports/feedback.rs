//! Where people's answers to analyses live.

use super::StoreError;
use crate::domain::{Feedback, FeedbackCounts};
use jiff::Timestamp;
use std::future::Future;

/// Where people's answers to analyses live.
pub trait FeedbackStore: Sync {
    /// Stores an answer, with the store's own time, and gives it back. The same person's earlier one about the same analysis
    /// goes.
    ///
    /// # Errors
    /// The store can't write; [`StoreError::Invalid`] where the analysis isn't one of the incident.
    fn put_feedback(&self, feedback: Feedback) -> impl Future<Output = Result<Feedback, StoreError>> + Send;

    /// The answers to an incident's analyses, oldest first; at most the newest 500.
    fn feedback(&self, incident: &str) -> impl Future<Output = Result<Vec<Feedback>, StoreError>> + Send;

    /// How the answers given from `from` on and before `to` add up; `None` is no bound.
    fn feedback_counts(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Future<Output = Result<FeedbackCounts, StoreError>> + Send;
}
