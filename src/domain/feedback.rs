//! What a person thinks of an analysis. One answer of a person about a run; the last one counts.

use super::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackReason {
    /// Something else is the cause.
    WrongCause,
    /// The cause is right, and about another object.
    WrongObject,
    /// The cause is right, and the action is not.
    WrongAction,
    /// Nothing is wrong.
    NotAFault,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feedback {
    /// The incident.
    pub incident_id: String,
    /// The analysis.
    pub run_id: String,
    /// Who said it.
    pub by: Actor,
    /// Where: `discord`, `http`, `cli`.
    pub channel: String,
    /// 1 to 5.
    pub score: u8,
    /// Whether the analysis was right.
    pub is_accepted: bool,
    /// What was wrong with it.
    pub reason: Option<FeedbackReason>,
    /// What it was instead: the id of a cause of the catalogue.
    pub cause: Option<String>,
    /// In the person's own words, at most 2000 characters.
    pub comment: Option<String>,
    /// When, by our clock.
    pub at: Timestamp,
}
