//! What the workers have done elsewhere: whatever needs the cluster, a model or a disk beside the store.

use super::Backups;
use crate::domain::{Actor, Attempt, IncidentView, Job, ObjectRef, Report};
use crate::pipeline::Measured;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::future::Future;
use tokio::time::Instant;

/// What an analysis has come to before anything is proposed.
#[derive(Debug)]
pub struct Analysed<E> {
    /// What was seen, for whoever goes on.
    pub examined: E,
    /// The real subject of the incident; `None` where it could not be seen.
    pub subject: Option<ObjectRef>,
}

/// Everything that isn't the store. An error is a sentence for people: the job is tried again. What can't be seen is no error but
/// part of a report. Nothing goes on past `until` but what is already on its way.
pub trait World: Send + Sync + 'static {
    /// What was seen.
    type Examined: Send;

    /// Reads the cluster and the other witnesses, and diagnoses.
    fn examine(
        &self,
        view: &IncidentView,
        until: Instant,
    ) -> impl Future<Output = Result<Analysed<Self::Examined>, String>> + Send;

    /// Has the model speak, has a change tried and proposed, keeps a recording, and gives the report.
    fn conclude(
        &self,
        examined: Self::Examined,
        view: &IncidentView,
        run_id: &str,
        until: Instant,
    ) -> impl Future<Output = Result<Report, String>> + Send;

    /// Today's code over an incident's recording.
    fn replay(&self, view: &IncidentView) -> impl Future<Output = Result<Value, String>> + Send;

    /// An operator's question.
    fn answer(&self, job: &Job, until: Instant) -> impl Future<Output = Result<Value, String>> + Send;

    /// Applies what was approved; the attempt as it then stands.
    fn apply(&self, attempt: &Attempt) -> impl Future<Output = Result<Attempt, String>> + Send;

    /// Plans how an applied attempt is taken back, for this person; or why it can't be.
    fn undo(&self, applied: &Attempt, by: &Actor) -> impl Future<Output = Result<Attempt, String>> + Send;

    /// Reads back what is unknown, and looks whether what was applied helped. The attempts that moved.
    fn look_after(&self) -> impl Future<Output = Result<Vec<Attempt>, String>> + Send;

    /// The cluster's figures at a moment, by the names of [`FIGURES`](crate::domain::FIGURES): counts as they were then, shares as
    /// the mean of the 24 hours before it. `whole` are only means of as good as all of these hours.
    fn figures(&self, at: Timestamp, whole: bool) -> impl Future<Output = Measured> + Send;

    /// The fingerprints of all alerts that the sender of this cluster's alerts holds for active.
    fn active_alerts(&self) -> impl Future<Output = Result<BTreeSet<String>, String>> + Send;

    /// Removes rows and recordings that were kept for long enough.
    fn tidy(&self) -> impl Future<Output = Result<Value, String>> + Send;

    /// Makes a copy of the database, and removes the oldest.
    fn back_up(&self, backups: &Backups) -> impl Future<Output = Result<Value, String>> + Send;
}
