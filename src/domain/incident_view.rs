//! An incident as a page or a message shows it: all that is known of it, in one piece.

use super::{AlertStanding, Attempt, EpisodeRecord, Feedback, Incident, OutcomeMemory, Report, Severity, owner_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

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

impl IncidentView {
    /// The alert whose name it goes by: the most severe of those that fire, of these the oldest.
    pub fn alert(&self) -> Option<&EpisodeRecord> {
        let order = |episode: &&EpisodeRecord| {
            let severity = episode.severity.unwrap_or(Severity::Warning);
            (episode.ended_at.is_some(), Reverse(severity), episode.starts_at)
        };
        self.standing.episodes.iter().min_by_key(order)
    }

    /// Who owns what it is about, as that alert says, or else the newest that says anything.
    pub fn owner(&self) -> Option<&str> {
        let said = self.alert().into_iter().chain(self.standing.episodes.iter().rev());
        said.filter_map(|episode| owner_of(&episode.labels, &episode.annotations)).next()
    }
}
