//! What digests are made of, as far as it is remembered: counted where it lies, so that a day of many alerts stays small.

use super::StoreError;
use crate::domain::{ObjectRef, Severity};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;

/// What fired not long ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// The window in which it is counted what is chronic.
    pub window: SignedDuration,
    /// By subject, alert and severity.
    pub fired: Vec<Fired>,
}

/// One subject, alert name and severity that fired within 24 hours, or within the window of what is chronic. A severity that nobody set is a warning. Times are ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// What it is about.
    pub subject: ObjectRef,
    /// The alert's name.
    pub alert: String,
    /// How severe.
    pub severity: Severity,
    /// The labels of the episode that began last.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// How often it began anew within the window of what is chronic; forty pods of one workload at once are once.
    pub cycles: u64,
    /// How many fire.
    pub firing: u64,
    /// How many of these began within the last 24 hours.
    pub new: u64,
    /// How many fired 24 hours before.
    pub fired_before: u64,
    /// When the oldest of those that fire began; only of what fires for so long that it is stuck.
    pub stuck_since: Option<Timestamp>,
    /// When it began last.
    pub last_at: Timestamp,
    /// What else there is to say of what came that often that it is chronic.
    pub chronic: Option<Chronic>,
}

/// Of what is chronic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chronic {
    /// How long it fired within the window, in seconds; what overlaps counts once.
    pub firing_seconds: u64,
    /// The cause that was found last, by its id.
    pub cause: Option<String>,
}

/// The last 24 hours. Incidents that turned out to be others don't count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayFigures {
    /// When the oldest episode began that is remembered.
    pub oldest: Option<Timestamp>,
    /// Incidents that were opened.
    pub opened: u64,
    /// Incidents that were over.
    pub resolved: u64,
    /// Those that were opened, by the word of their verdict; `None` where there is none yet.
    pub by_verdict: BTreeMap<Option<String>, u64>,
    /// How many incidents came back, by their first alert's name.
    pub resurfaced: BTreeMap<String, u64>,
    /// What calls to models cost on the day before, UTC, in millionths of a US dollar, and how many there were.
    pub spent: (u64, u64),
}

/// Who counts for digests.
pub trait Digests: Sync {
    /// What fired within 24 hours, or within the window of what is chronic where that is longer.
    fn recent(&self, now: Timestamp) -> impl Future<Output = Result<Recent, StoreError>> + Send;

    /// The last 24 hours.
    fn day(&self, now: Timestamp) -> impl Future<Output = Result<DayFigures, StoreError>> + Send;
}
