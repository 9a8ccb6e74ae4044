//! What the graph, the cluster and other sources say around an incident's subject, as a message shows it. Everything is optional:
//! what nobody asked for is empty, and nothing in here changes a verdict.

use super::Ticket;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known around a subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GraphFacts {
    /// When the graph was made; `None` where there is none.
    pub graph_at: Option<Timestamp>,
    /// The subject is in it.
    pub is_in_graph: bool,
    /// Who owns the subject.
    pub owner: Option<String>,
    /// Its owner runs what others stand on.
    pub is_platform: bool,
    /// Pods that are ready, of those that should be.
    pub replicas: Option<Replicas>,
    /// A rollout that goes on.
    pub rollout: Option<Rollout>,
    /// Revisions and deploys before the alert, newest first.
    pub changes: Vec<SeenChange>,
    /// Alerts that fire now on what the subject depends on.
    pub upstream: Vec<FiringUpstream>,
    /// What it depends on.
    pub depends_on: Vec<Dependency>,
    /// Who calls it: how many of each kind.
    pub callers: BTreeMap<String, u64>,
    /// Tickets about it.
    pub tickets: Vec<Ticket>,
    /// Events of its pods, most frequent first.
    pub events: Vec<PodEvent>,
    /// Services that fail with it, nearest first.
    pub blast_services: Vec<String>,
    /// Addresses that people reach those under.
    pub blast_addresses: Vec<String>,
    /// What it says and hears over a message broker.
    pub messaging: Vec<MessagingLink>,
    /// What its pods' events of the last hour come to, most frequent first.
    pub trail: Vec<TrailEntry>,
    /// Sources that failed, with why.
    pub failed: BTreeMap<String, String>,
}

/// Pods of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replicas {
    /// Ready ones.
    pub ready: u32,
    /// As many as there should be.
    pub desired: u32,
}

/// A rollout that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Pods of the new revision.
    pub updated: u32,
    /// As many as there should be.
    pub desired: u32,
    /// Since when.
    pub since: Timestamp,
}

/// A revision or a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenChange {
    /// In words: `revision 15`, `build 1481`.
    pub what: String,
    /// Its page.
    #[serde(default)]
    pub url: Option<String>,
    /// The commit's hash.
    #[serde(default)]
    pub commit: Option<String>,
    /// The commit's page.
    #[serde(default)]
    pub commit_url: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub who: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// An alert on what the subject depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FiringUpstream {
    /// Its name.
    pub alert: String,
    /// What it is about.
    pub object: String,
    /// Since when.
    pub since: Timestamp,
}

/// Something that the subject depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// `calls`, `uses_db` and the like.
    pub kind: String,
    /// What.
    pub target: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Who says so.
    pub source: String,
}

/// An event of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodEvent {
    /// Its reason.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// Its message.
    #[serde(default)]
    pub message: String,
}

/// One subject of a message broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagingLink {
    /// Its name.
    pub subject: String,
    /// The incident's subject publishes to it; else it listens.
    pub publishes: bool,
    /// How many listen.
    pub consumers: u64,
}

/// How often one reason came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrailEntry {
    /// The reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}
