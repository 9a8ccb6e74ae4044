//! Where delivered alerts go: on disk, with all that follows from them, before the sender is answered.

use super::StoreError;
use crate::domain::{AlertStanding, Delivery, Incident};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// What became of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It began, and an analysis waits because of it.
    Queued,
    /// It began, and nothing more.
    Joined,
    /// It was known.
    Repeat,
    /// It goes on after all.
    Reopened,
    /// It is over.
    Resolved,
    /// What came later is known already.
    Late,
    /// It is kept, and nothing else.
    Suppressed,
    /// Its analysis is done already: it was waited for.
    Direct,
}

impl Taken {
    /// The word used in JSON and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Joined => "joined",
            Self::Repeat => "repeat",
            Self::Reopened => "reopened",
            Self::Resolved => "resolved",
            Self::Late => "late",
            Self::Suppressed => "suppressed",
            Self::Direct => "direct",
        }
    }
}

/// What is answered about one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertAnswer {
    /// Its place in the payload.
    pub index: usize,
    /// What tells it from other alerts.
    pub fingerprint: String,
    /// Its episode; `None` of an alert that is late.
    pub episode_id: Option<String>,
    /// The incident it belongs to; `None` where it is kept and nothing else.
    pub incident_id: Option<String>,
    /// The job that waits because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What became of it.
    pub result: Taken,
}

/// An alert that could not be read: it is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideAnswer {
    /// Its place in the payload.
    pub index: usize,
    /// Why.
    pub code: String,
}

/// What is answered about a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// UUID v7.
    pub intake_id: String,
    /// It was taken before: these are the first one's ids.
    pub replayed: bool,
    /// How many more the sender left out.
    pub truncated: u64,
    /// The alerts, in the payload's order.
    pub alerts: Vec<AlertAnswer>,
    /// Those that could not be read.
    pub set_aside: Vec<SetAsideAnswer>,
}

/// An episode that fires, as far as it is compared with what its sender holds for active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringEpisode {
    /// UUID v7.
    pub id: String,
    /// Its alert's.
    pub fingerprint: String,
    /// When it was last heard of, by our clock.
    pub heard_at: Timestamp,
}

/// Where delivered alerts go.
pub trait Intake: Sync {
    /// Takes a delivery: episodes, incidents, jobs and messages in one transaction. `body` is kept as it came. An error means
    /// that nothing of it was taken: the sender has to come again.
    fn take(&self, delivery: Delivery, body: Vec<u8>) -> impl Future<Output = Result<Accepted, StoreError>> + Send;

    /// Keeps the first 64 KiB of a body that is no delivery.
    fn set_aside(&self, code: &'static str, body: &[u8]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The episodes of a cluster that fire, whether or not they have an incident.
    fn firing(&self, cluster: &str) -> impl Future<Output = Result<Vec<FiringEpisode>, StoreError>> + Send;

    /// Ends those of these episodes that fire and were not heard of since: they are missing among their sender's active ones. How
    /// many ended.
    fn absent(&self, episodes: Vec<FiringEpisode>) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Announces the ends of incidents that have been quiet for long enough.
    fn settle(&self) -> impl Future<Output = Result<Vec<Incident>, StoreError>> + Send;

    /// Marks episodes that were not heard of for long, or fire for long. How many were marked.
    fn mark(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// What an incident's alerts make of it; `None` where there is no such incident.
    fn standing(&self, incident: &str) -> impl Future<Output = Result<Option<AlertStanding>, StoreError>> + Send;
}
