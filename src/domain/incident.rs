//! What is wrong with one subject, from when it was noticed until it was over, and what was tried.

use super::{Attempt, AttemptState, ObjectRef, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// It goes on.
    Open,
    /// It is over.
    Resolved,
    /// It turned out to be another one.
    Merged,
}

impl IncidentStatus {
    /// The word used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Merged => "merged",
        }
    }
}

/// One incident. At most one of a subject is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// UUID v7.
    pub id: String,
    /// The UID of the cluster's namespace `kube-system`, or the name that the alerts give the cluster.
    pub cluster: String,
    /// What it is about.
    pub subject: ObjectRef,
    /// Where it stands.
    pub status: IncidentStatus,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// The incident that it turned out to be.
    pub merged_into: Option<String>,
    /// Of the last analysis.
    pub verdict: Option<Verdict>,
    /// The last cause that an analysis found; a later healthy verdict doesn't take it away.
    pub cause: Option<String>,
    /// The last analysis in one sentence.
    pub summary: Option<String>,
}

/// One analysis of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// UUID v7; a plan's `run_id`.
    pub id: String,
    /// The incident.
    pub incident: String,
    /// How sure it was.
    pub verdict: Verdict,
    /// The id of the first cause.
    pub cause: Option<String>,
    /// When the cluster was read.
    pub captured_at: Timestamp,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The report, as `Report` writes itself.
    pub report: Value,
}

/// An incident with all that belongs to it, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentRecord {
    /// The incident itself.
    #[serde(flatten)]
    pub incident: Incident,
    /// Its analyses.
    pub runs: Vec<Run>,
    /// What was proposed and tried.
    pub attempts: Vec<Attempt>,
    /// When somebody last pressed a button under its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<Timestamp>,
}

/// What happened to a subject before: the last word on a fix that did not hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutcomeMemory {
    /// Other incidents of the subject that were over within the window before this one opened, newest first.
    pub incidents: Vec<Incident>,
    /// What was sent for this incident and for those within the window before now, newest first.
    pub attempts: Vec<Attempt>,
}

impl OutcomeMemory {
    /// How many of the earlier incidents had this cause.
    pub fn recurrences(&self, cause: &str) -> usize {
        self.incidents.iter().filter(|incident| incident.cause.as_deref() == Some(cause)).count()
    }

    /// The newest fix of which it is known whether it helped.
    pub fn last_fix(&self) -> Option<&Attempt> {
        let known = |state| matches!(state, AttemptState::Verified | AttemptState::NotVerified | AttemptState::Undone);
        self.attempts.iter().find(|attempt| known(attempt.state))
    }
}
