//! What happened around an incident, moment by moment, from everybody who knows. It says who says so, and who could not be
//! asked, so that a gap is never taken for quiet.

use jiff::Timestamp;
use serde::Serialize;

/// What sort of moment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// An alert began or ended.
    Alert,
    /// A workload got a new revision.
    Revision,
    /// Something was deployed.
    Deploy,
    /// Something happened to a pod or what it rests on.
    PodEvent,
    /// A line of a log.
    Log,
    /// A signal that left its usual range.
    Anomaly,
    /// An analysis was done.
    Run,
    /// Somebody, or a rule, decided about a change.
    Decision,
    /// A change was planned, tried or made.
    Attempt,
    /// It was looked whether the change helped.
    Verification,
    /// Somebody said what they think of an analysis.
    Feedback,
}

impl MomentKind {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Revision => "revision",
            Self::Deploy => "deploy",
            Self::PodEvent => "pod_event",
            Self::Log => "log",
            Self::Anomaly => "anomaly",
            Self::Run => "run",
            Self::Decision => "decision",
            Self::Attempt => "attempt",
            Self::Verification => "verification",
            Self::Feedback => "feedback",
        }
    }
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When, by the source's own clock.
    pub at: Timestamp,
    /// What sort.
    pub kind: MomentKind,
    /// What happened, on one line.
    pub what: String,
    /// Who says so: `alertmanager`, a source of the analysis (`kubernetes`, `logs`, `signals`, `revisions` …), `sre-copilot`, or
    /// the channel that a person used.
    pub source: String,
    /// What to look it up by: of what an analysis saw the number of its evidence (`e3`), else the id of the episode, the run or
    /// the attempt.
    pub evidence: Option<String>,
}

/// A source that could say nothing, or not all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unheard {
    /// Which.
    pub source: String,
    /// Why.
    pub why: String,
}

/// What happened within a span of time, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// From.
    pub from: Timestamp,
    /// Until.
    pub to: Timestamp,
    /// What happened.
    pub events: Vec<Moment>,
    /// Who failed or wasn't asked.
    pub unknown: Vec<Unheard>,
}
