//! How the whole cluster is at one moment, in figures. It is context beside a diagnosis and never the cause of anything.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures, which are signals without labels: `nodes_total` and `nodes_ready`; pods by phase; containers in
/// `CrashLoopBackOff`; Deployments with fewer or more replicas available than asked for; the share of CPU, memory and of the
/// fullest real file system that is in use, in percent; alerts that fire, and the critical ones of production's namespaces.
pub const FIGURES: [&str; 13] = [
    "nodes_total",
    "nodes_ready",
    "pods_running",
    "pods_pending",
    "pods_failed",
    "crashloops",
    "deploy_mismatch",
    "cpu_pct",
    "mem_pct",
    "disk_peak_pct",
    "alerts_critical",
    "alerts_warning",
    "alerts_production",
];

/// The cluster in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// How many nodes there are, or how many are ready, isn't known.
    Unknown,
    /// It fails, or is about to.
    Critical,
    /// Something is wrong somewhere, or was not measured.
    Degraded,
    /// All figures are there and none is bad.
    Healthy,
}

impl HealthStatus {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Critical => "critical",
            Self::Degraded => "degraded",
            Self::Healthy => "healthy",
        }
    }
}

/// The cluster's health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterHealth {
    /// In a word.
    pub status: HealthStatus,
    /// The figures that were measured, by the names of [`FIGURES`].
    pub figures: BTreeMap<String, f64>,
    /// Why it isn't healthy, the worst first; empty when it is.
    pub reasons: Vec<String>,
}
