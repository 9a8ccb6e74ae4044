//! Lists of incidents, a page at a time. What a page costs doesn't depend on how many incidents there are.

use super::StoreError;
use crate::domain::{IncidentStatus, IncidentSummary, Severity};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use std::path::PathBuf;

/// Where a page begins: after this incident, in the order of newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// When that one was opened.
    pub opened_at: Timestamp,
    /// Its id.
    pub id: String,
}

/// Which incidents; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct PageFilter {
    /// In this state.
    pub status: Option<IncidentStatus>,
    /// On this cluster.
    pub cluster: Option<String>,
    /// In this namespace.
    pub namespace: Option<String>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// With an alert of this name.
    pub alertname: Option<String>,
    /// Opened at this time or later.
    pub since: Option<Timestamp>,
    /// After this one.
    pub after: Option<PageKey>,
    /// At most so many.
    pub limit: usize,
    /// How long ago an incident may have been over to count as a recurrence.
    pub window: SignedDuration,
}

/// Part of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentPage {
    /// Newest first; fewer than asked for, or none, where long stretches of the list don't match.
    pub incidents: Vec<IncidentSummary>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<PageKey>,
}

/// Lists of incidents.
pub trait IncidentPages: Sync {
    /// One page, newest first.
    fn page(&self, filter: PageFilter) -> impl Future<Output = Result<IncidentPage, StoreError>> + Send;

    /// One incident as a row of a list.
    fn summary(
        &self,
        id: &str,
        window: SignedDuration,
    ) -> impl Future<Output = Result<Option<IncidentSummary>, StoreError>> + Send;

    /// The folder in which the recording of an analysis is kept, whether there is one or not. Both ids are the store's own.
    fn recording(&self, incident: &str, run: &str) -> PathBuf;
}
