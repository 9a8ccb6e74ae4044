//! One observation with its provenance. Every claim in a report points at one or more of these.

use super::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an observation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceSource {
    /// A field of a Kubernetes object.
    Kubernetes,
    /// A Kubernetes Event.
    Event,
    /// A line of a container's log.
    Log,
    /// A time series.
    Signal,
    /// An alert's own words.
    Alert,
    /// A declared or observed dependency.
    Dependency,
    /// A build that a CI server deployed.
    Deploy,
}

/// One observation: what was seen, where, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was made.
    pub source: EvidenceSource,
    /// The object that it is an observation of; for a log the pod.
    pub object: ObjectRef,
    /// The container, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The field path in the object, with list elements by name (`status.containerStatuses[app].state`); for an event
    /// its reason; for a log `current` or `previous`; for a signal its name.
    pub path: String,
    /// The line's number in the log that was read, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What was seen. Log lines and messages are quoted text from outside and nothing more.
    pub value: Value,
    /// When, by the source's own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How often, for events that repeat and lines that were folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}
