//! The cluster's day: figures with their change against the day before, each from a source that may have failed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One part of a digest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    /// What was measured.
    Measured(T),
    /// Its source failed, with why.
    NotMeasured(String),
    /// Nobody asks for it here.
    #[default]
    Absent,
}

/// A figure now and by the same query 24 hours before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// Now.
    pub now: f64,
    /// Then; `None` on the first day.
    #[serde(default)]
    pub before: Option<f64>,
}

/// The daily digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DailyDigest {
    /// When it was made.
    pub at: Timestamp,
    /// The cluster, where there are several.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Nodes that are ready, and all.
    #[serde(default)]
    pub nodes: Part<(u64, u64)>,
    /// Containers that crash again and again.
    #[serde(default)]
    pub crash_loops: Part<Changed>,
    /// Alerts that fire.
    #[serde(default)]
    pub firing: Part<Changed>,
    /// Processor, memory and disk.
    #[serde(default)]
    pub resources: Part<Resources>,
    /// What fires by team, most first; the team is `None` for what nobody owns.
    #[serde(default)]
    pub teams: Part<Vec<TeamCount>>,
    /// The namespaces in which most fires.
    #[serde(default)]
    pub namespaces: Part<Vec<(String, u64)>>,
    /// Namespaces in which something fires that nobody owns, most first.
    #[serde(default)]
    pub unowned: Part<Vec<UnownedNamespace>>,
    /// The alerts that fire most, noise left out.
    #[serde(default)]
    pub alerts: Part<Vec<NoisyAlert>>,
    /// Incidents of 24 hours.
    #[serde(default)]
    pub incidents: Part<IncidentFigures>,
    /// What was unusual.
    #[serde(default)]
    pub anomalies: Part<Anomalies>,
    /// The services that log most errors.
    #[serde(default)]
    pub errors: Part<Vec<ErrorSource>>,
    /// Deploys of 24 hours, newest first.
    #[serde(default)]
    pub deploys: Part<Vec<DeployLine>>,
    /// Services of poor health with several callers, worst first.
    #[serde(default)]
    pub fragile: Part<Vec<FragileService>>,
    /// The other services, most callers first.
    #[serde(default)]
    pub wide: Part<Vec<WideService>>,
    /// What nobody brought out for 30 days.
    #[serde(default)]
    pub stale: Part<StaleWorkloads>,
    /// How good the graph is.
    #[serde(default)]
    pub graph: Part<GraphFigures>,
    /// What models cost.
    #[serde(default)]
    pub spend: Part<ModelSpend>,
}

/// Use of resources in per cent, as means over 24 hours; `before` is the mean of the 24 hours before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Processor.
    pub cpu: Changed,
    /// Memory.
    pub memory: Changed,
    /// Disk.
    pub disk: Changed,
}

/// What fires of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamCount {
    /// The team.
    pub team: Option<String>,
    /// How many.
    pub firing: u64,
}

/// A namespace without an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnownedNamespace {
    /// It.
    pub namespace: String,
    /// What fires in it.
    pub firing: u64,
    /// Who might own it, and how sure that is, 0 to 1.
    #[serde(default)]
    pub suggested: Option<(String, f64)>,
}

/// An alert that fires much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoisyAlert {
    /// Its name.
    pub alert: String,
    /// How many fire.
    pub firing: Changed,
    /// How many of them are chronic.
    #[serde(default)]
    pub chronic: u64,
    /// How many came back.
    #[serde(default)]
    pub resurfaced: u64,
}

/// Incidents of 24 hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentFigures {
    /// How many were opened.
    pub opened: u64,
    /// How many were over.
    pub resolved: u64,
    /// By verdict.
    pub by_verdict: BTreeMap<String, u64>,
}

/// What was unusual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomalies {
    /// Within 24 hours.
    pub today: u64,
    /// Signals that were unusual on three of seven days.
    #[serde(default)]
    pub recurring: Vec<String>,
}

/// A service that logs errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSource {
    /// It.
    pub service: String,
    /// How many.
    pub errors: u64,
}

/// One deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployLine {
    /// What was deployed.
    pub service: String,
    /// The build or revision.
    pub what: String,
    /// When.
    pub at: Timestamp,
    /// It failed.
    #[serde(default)]
    pub failed: bool,
}

/// A service of poor health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FragileService {
    /// It.
    pub service: String,
    /// 0 to 1.
    pub health: f64,
    /// How many call it.
    pub callers: u64,
}

/// A service that many call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WideService {
    /// It.
    pub service: String,
    /// How many call it.
    pub callers: u64,
}

/// What nobody brought out for 30 days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleWorkloads {
    /// Those of which that is suspicious.
    pub suspicious: Vec<String>,
    /// How many are expected to be.
    pub expected: u64,
}

/// How good the graph is, in per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphFigures {
    /// Components.
    pub components: u64,
    /// Those that have an owner.
    pub owned_pct: f64,
    /// Those that nothing links to.
    pub orphan_pct: f64,
}

/// What models cost within 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSpend {
    /// Millionths of a US dollar.
    pub micro_usd: u64,
    /// What may be spent; 0 where nothing bounds it.
    #[serde(default)]
    pub budget_micro_usd: u64,
    /// Calls.
    pub calls: u64,
}
