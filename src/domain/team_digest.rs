//! A team's day: what it runs, what it brought out, what is open, what is fragile or stuck.

use super::{FragileService, ObjectRef, Part, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The digest of one team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamDigest {
    /// When it was made.
    pub at: Timestamp,
    /// The team.
    pub team: String,
    /// How many services it owns; `None` where nobody knows.
    #[serde(default)]
    pub services: Option<u64>,
    /// Deploys of 24 hours, and how many of them failed.
    #[serde(default)]
    pub deploys: Part<(u64, u64)>,
    /// Alerts that are not resolved, by severity, worst first.
    pub open: Vec<(Severity, u64)>,
    /// How many of them began within 24 hours.
    pub new_alerts: u64,
    /// Its most fragile services, worst first.
    #[serde(default)]
    pub fragile: Part<Vec<FragileService>>,
    /// What fires for 24 hours or more, longest first.
    pub stuck: Vec<StuckEpisode>,
    /// Error budgets, most burnt first.
    #[serde(default)]
    pub budgets: Part<Vec<BudgetBurn>>,
}

/// An alert that fires for a day or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StuckEpisode {
    /// The alert's name.
    pub alert: String,
    /// What it is about.
    pub subject: ObjectRef,
    /// For how long, in seconds.
    pub seconds: u64,
}

/// How much of an error budget is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetBurn {
    /// Of what.
    pub name: String,
    /// 0 to 1 and beyond.
    pub spent: f64,
}
