//! How much there is of what is remembered, at one moment: what a scrape of the metrics reads.

use super::StoreError;
use crate::domain::{JobKind, JobState, Severity};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::future::Future;

/// How much there is. A severity that nobody set counts as a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Open incidents.
    pub incidents_open: BTreeMap<Severity, u64>,
    /// Episodes that fire, those that are kept and nothing else too.
    pub episodes_firing: BTreeMap<Severity, u64>,
    /// Jobs that wait, run, or were given up; those that are done were counted when they ended.
    pub jobs: BTreeMap<(JobKind, JobState), u64>,
    /// Since when the job waits that could have begun first.
    pub oldest_jobs: BTreeMap<JobKind, Timestamp>,
    /// When the message was written that waits longest, by its channel's name.
    pub oldest_messages: BTreeMap<String, Timestamp>,
    /// When the alert was heard of last that says that alerting works.
    pub watchdog_at: Option<Timestamp>,
    /// The size of the database's file.
    pub store_bytes: u64,
    /// The size of its write-ahead log.
    pub wal_bytes: u64,
}

/// Who counts.
pub trait Figures: Sync {
    /// Counts. `watchdog` is the name of the alert that says that alerting works.
    fn figures(&self, now: Timestamp, watchdog: &str) -> impl Future<Output = Result<StoreFigures, StoreError>> + Send;
}
