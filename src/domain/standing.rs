//! What an incident's alerts make of it: how severe it is, how often it came back, and every episode.

use super::{Mark, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One episode, as it is shown. `starts_at` and `ended_at` are the sender's times, the others ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeRecord {
    /// UUID v7.
    pub id: String,
    /// What tells its alert from others.
    pub fingerprint: String,
    /// The alert's name.
    pub name: String,
    /// `None` is "not set", which counts as a warning.
    pub severity: Option<Severity>,
    /// The alert's labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, as they were last heard.
    pub annotations: BTreeMap<String, String>,
    /// Where it comes from.
    pub generator_url: String,
    /// What had to be assumed or cut.
    pub marks: Vec<Mark>,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it ended; `None` while it fires.
    pub ended_at: Option<Timestamp>,
    /// When we first heard of it.
    pub begun_at: Timestamp,
    /// When we last did.
    pub heard_at: Timestamp,
    /// Its incident.
    pub incident_id: Option<String>,
    /// It is a flap.
    pub is_flap: bool,
    /// It was not heard of for a long time.
    pub is_silent: bool,
    /// It fires for a long time.
    pub is_stuck: bool,
}

/// What an incident's alerts make of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertStanding {
    /// The highest severity so far.
    pub severity: Option<Severity>,
    /// How often it flapped within 24 h.
    pub flap_count: usize,
    /// That is often enough to say that it flaps (`serve.flapping_from`).
    #[serde(default)]
    pub flapping: bool,
    /// It comes again and again.
    pub chronic: bool,
    /// How many alerts the sender left out.
    pub truncated: u64,
    /// Its episodes, oldest first; at most 500.
    pub episodes: Vec<EpisodeRecord>,
}
