//! What is remembered: earlier incidents, as they were read from the store and as a bundle keeps them, and what they say
//! about the one at hand.

use super::{AttemptState, ObjectRef};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An earlier incident, or one that is open, with what it takes to compare it. One entry of a bundle's `history.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RememberedIncident {
    /// The incident's id.
    pub id: String,
    /// What it was about: the workload, a node.
    pub subject: ObjectRef,
    /// When it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When it was over; `None` while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// The id of its cause; `None` where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The names of its alerts, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// The ids of the facts that its last analysis found, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// What its last analysis proposed first: an action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<String>,
    /// What was sent for it, oldest first. Empty: no fix was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<PastFix>,
}

/// A change that was sent to the cluster for an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastFix {
    /// The action, such as `rollback_deployment`.
    pub action: String,
    /// What was changed, `NAMESPACE/type/name`.
    pub target: String,
    /// When it was sent.
    pub at: Timestamp,
    /// What became of it.
    pub result: FixResult,
}

/// Whether a fix helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixResult {
    /// It was watched, and it helped.
    Verified,
    /// The API server took it; whether it helped is not known.
    Accepted,
    /// It was watched, and it didn't help.
    InVain,
    /// It was taken back, and nobody knows whether it helped.
    TakenBack,
    /// It was sent, and nobody knows whether it landed.
    Unknown,
}

impl FixResult {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Accepted => "accepted",
            Self::InVain => "in_vain",
            Self::TakenBack => "taken_back",
            Self::Unknown => "unknown",
        }
    }

    /// What an attempt that was sent came to; `None` for one that changed nothing. `outcome` is that of its verification: what
    /// didn't help did not help, although it was taken back since.
    pub fn of(state: AttemptState, outcome: Option<&str>) -> Option<Self> {
        match state {
            AttemptState::Verified => Some(Self::Verified),
            AttemptState::Succeeded => Some(Self::Accepted),
            AttemptState::NotVerified => Some(Self::InVain),
            AttemptState::Undone if outcome == Some("not_verified") => Some(Self::InVain),
            AttemptState::Undone => Some(Self::TakenBack),
            AttemptState::Running | AttemptState::Unknown => Some(Self::Unknown),
            AttemptState::Proposed
            | AttemptState::Approved
            | AttemptState::Claimed
            | AttemptState::Failed
            | AttemptState::Declined
            | AttemptState::Expired
            | AttemptState::Superseded => None,
        }
    }
}

/// What is remembered about the incident at hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The most similar incidents, best first; at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<SimilarIncident>,
    /// How often the same was over less than seven days before this began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// How it comes and goes, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
}

/// An incident like this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimilarIncident {
    /// Its id.
    pub id: String,
    /// What it was about.
    pub subject: ObjectRef,
    /// How alike, 0 to 1.
    pub score: f64,
    /// When it was over.
    pub resolved_at: Timestamp,
    /// The id of its cause.
    pub cause: String,
    /// What decided how it ended, where something was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<PastFix>,
}

/// The same subject had the same before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recurrence {
    /// How many were over less than 24 hours before this one opened.
    pub in_24_hours: usize,
    /// How many were over less than seven days before this one opened.
    pub in_7_days: usize,
    /// What they were, newest first.
    pub before: Vec<Occurrence>,
}

/// One earlier incident of a recurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// Its id.
    pub id: String,
    /// When it was over.
    pub resolved_at: Timestamp,
    /// Its cause; `None` where only the alert is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What was done, oldest first; empty where nothing was sent.
    pub fixes: Vec<PastFix>,
    /// How long it held, in seconds: from its end until it was back.
    pub held_seconds: i64,
}

/// It begins and ends over and over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flapping {
    /// How often it came back at most an hour after it was over, within 24 hours.
    pub returns: usize,
    /// Each time that it was there, oldest first.
    pub cycles: Vec<Cycle>,
    /// What the last analysis proposed: an action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<String>,
    /// Whether a fix was applied in one of the cycles.
    pub fix_applied: bool,
}

/// One time that it was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cycle {
    /// From.
    pub from: Timestamp,
    /// Until.
    pub to: Timestamp,
    /// How long, in seconds.
    pub seconds: i64,
}
