//! An incident as a page or a message shows it: all that is known of it, in one piece.

use super::{AlertStanding, Attempt, Feedback, Incident, OutcomeMemory, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is being done about an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum AnalysisState {
    /// Nothing waits; the newest analysis, if there is one, stands.
    Idle,
    /// One waits.
    Queued {
        /// Since when, by our clock.
        since: Timestamp,
    },
    /// One is under way.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// The last one was given up.
    Failed {
        /// Why, for people.
        why: String,
        /// When it is tried again, while the alert fires.
        retry_at: Option<Timestamp>,
    },
}

/// The newest analysis that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The run's id.
    pub run_id: String,
    /// When it was stored.
    pub at: Timestamp,
    /// What it says.
    pub report: Report,
}

/// An incident with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentView {
    /// The incident.
    pub incident: Incident,
    /// What its alerts make of it.
    pub standing: AlertStanding,
    /// What is being done.
    pub analysis: AnalysisState,
    /// What was found.
    pub finding: Option<Finding>,
    /// What was proposed and tried, oldest first.
    pub attempts: Vec<Attempt>,
    /// What happened to the subject before.
    pub memory: OutcomeMemory,
    /// What people think of the analyses.
    pub feedback: Vec<Feedback>,
    /// When somebody last pressed a button under its message, whatever came of it.
    #[serde(default)]
    pub clicked_at: Option<Timestamp>,
}
