//! A deploy as a suspect: what was brought out shortly before the trouble began, and how much speaks for it.

use super::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much speaks for a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployRating {
    /// A score below 0.20.
    Unlikely,
    /// A score from 0.20.
    Weak,
    /// A score from 0.40.
    Suspect,
    /// A score from 0.70.
    Likely,
}

impl DeployRating {
    /// The rating of a score.
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 0.7 => Self::Likely,
            score if score >= 0.4 => Self::Suspect,
            score if score >= 0.2 => Self::Weak,
            _ => Self::Unlikely,
        }
    }

    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unlikely => "unlikely",
            Self::Weak => "weak",
            Self::Suspect => "suspect",
            Self::Likely => "likely",
        }
    }
}

/// One deploy near the onset, by whomever it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployReport {
    /// What was deployed.
    pub object: ObjectRef,
    /// It in words: `revision 15 of deployment/checkout, build 1481`.
    pub what: String,
    /// The revision of the workload, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The build's number, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// Minutes from the new revision's first pod to the onset; negative for one that came after.
    pub minutes_before: i64,
    /// 0 to 0.95.
    pub score: f64,
    /// The score in a word.
    pub rating: DeployRating,
    /// What was measured before and after, worst first; what changed for the better or not at all is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<Shift>,
    /// Whether only the new revision's pods are bad; `None` where no older one runs, or none is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_new_pods: Option<bool>,
    /// Who saw it, nearest first: `revisions`, `argocd`, `flux`, `deploys`.
    pub sources: Vec<String>,
    /// The namespaces in which the same was brought out at once, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// A signal that became worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    /// The signal's normalised name.
    pub signal: String,
    /// Its median in the hour before, in its own unit.
    pub before: f64,
    /// Its level since.
    pub after: f64,
    /// How far that is, in robust deviations.
    pub z: f64,
}
