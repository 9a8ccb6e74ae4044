//! Where incidents, their analyses and the memory of what was tried live.

use super::StoreError;
use crate::domain::{Incident, IncidentRecord, IncidentStatus, ObjectRef, OutcomeMemory, RememberedIncident, Report, Run};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;

/// Which incidents; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// In this state.
    pub status: Option<IncidentStatus>,
    /// On this cluster.
    pub cluster: Option<String>,
    /// In this namespace.
    pub namespace: Option<String>,
    /// About this object.
    pub subject: Option<ObjectRef>,
    /// Opened at this time or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest; 50 without it.
    pub limit: Option<u32>,
}

/// Where incidents live.
pub trait IncidentStore: Sync {
    /// The open incident of a subject; a new one where none is open.
    fn open_or_join(&self, cluster: &str, subject: &ObjectRef) -> impl Future<Output = Result<Incident, StoreError>> + Send;

    /// Stores an analysis. Its verdict, cause and sentence become the incident's.
    fn record(&self, incident: &str, report: &Report) -> impl Future<Output = Result<Run, StoreError>> + Send;

    /// Ends an incident. One that is over already stays as it is, and one with an alert that fires stays open: it ends with that.
    /// `None` where there is no such incident.
    fn resolve(&self, incident: &str) -> impl Future<Output = Result<Option<Incident>, StoreError>> + Send;

    /// Incidents, newest first.
    fn incidents(&self, filter: IncidentFilter) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// One incident with its analyses and attempts.
    fn incident(&self, id: &str) -> impl Future<Output = Result<Option<IncidentRecord>, StoreError>> + Send;

    /// One analysis.
    fn run(&self, id: &str) -> impl Future<Output = Result<Option<Run>, StoreError>> + Send;

    /// The cluster's open incidents and those that were over at `since` or later, each with what its last analysis that named
    /// a cause found, and with what was sent for it; the newest 500 of either, newest first.
    fn remembered(
        &self,
        cluster: &str,
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<RememberedIncident>, StoreError>> + Send;

    /// What happened to the incident's subject within `window`: earlier incidents that were over less than that before this
    /// one opened, and what was sent less than that before `now`. Empty where there is no such incident.
    fn memory(
        &self,
        incident: &str,
        now: Timestamp,
        window: SignedDuration,
    ) -> impl Future<Output = Result<OutcomeMemory, StoreError>> + Send;
}
