//! The whole cluster's health, from figures that a metrics server gave. It says how the surroundings are and never what the
//! fault is: no rule reads it, and no average stands in for a node that isn't known.

use crate::cluster::{Signal, Snapshot};
use crate::domain::{ClusterHealth, FIGURES, HealthStatus, SIGNALS};
use std::collections::BTreeMap;

/// Below this share of ready nodes the cluster is critical.
const NODES_READY: f64 = 0.9;
/// Above this use of the fullest file system, in percent, it is critical.
const DISK_CRITICAL: f64 = 95.0;
/// Above this it is degraded.
const DISK_DEGRADED: f64 = 85.0;
/// More failed pods than this are more than what Jobs leave behind.
const PODS_FAILED: f64 = 10.0;

/// The cluster's health; `None` where no metrics were asked for.
pub(super) fn check(snap: &Snapshot) -> Option<ClusterHealth> {
    let state = snap.sources.get(SIGNALS)?;
    let figures = figures(&snap.signals);
    let mut health = judge(figures);
    if let Some(why) = state.why().filter(|_| health.status == HealthStatus::Unknown) {
        health.reasons = vec![format!("metrics: {why}")];
    }
    Some(health)
}

/// The newest value of each figure.
fn figures(signals: &[Signal]) -> BTreeMap<String, f64> {
    let measured = signals.iter().filter(|signal| signal.labels.is_empty() && FIGURES.contains(&signal.signal.as_str()));
    let newest = measured.filter_map(|signal| {
        let newest = signal.values.iter().filter(|(_, value)| value.is_finite()).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((signal.signal.clone(), newest.1))
    });
    newest.collect()
}

fn judge(figures: BTreeMap<String, f64>) -> ClusterHealth {
    let of = |name: &str| figures.get(name).copied();
    let above = |name: &str, bar: f64| of(name).filter(|value| *value > bar);
    let unknown = |why: &str| vec![why.to_owned()];
    let (total, ready) = match (of("nodes_total"), of("nodes_ready")) {
        (Some(total), Some(ready)) if total > 0.0 => (total, ready),
        (Some(_), Some(_)) => {
            return ClusterHealth { status: HealthStatus::Unknown, reasons: unknown("no node is counted"), figures };
        }
        _ => {
            let why = "how many nodes there are and are ready was not measured";
            return ClusterHealth { status: HealthStatus::Unknown, reasons: unknown(why), figures };
        }
    };
    let mut critical = Vec::new();
    let mut degraded = Vec::new();
    if ready < total {
        let list = if ready < NODES_READY * total { &mut critical } else { &mut degraded };
        list.push(format!("{ready} of {total} nodes are ready"));
    }
    if let Some(percent) = above("disk_peak_pct", DISK_DEGRADED) {
        let list = if percent > DISK_CRITICAL { &mut critical } else { &mut degraded };
        list.push(format!("a node's file system is {percent:.1} % full"));
    }
    if let Some(count) = above("alerts_production", 0.0) {
        critical.push(format!("critical alerts in production: {count}"));
    }
    for (name, bar, what) in [
        ("alerts_critical", 0.0, "critical alerts"),
        ("crashloops", 0.0, "containers in CrashLoopBackOff"),
        ("deploy_mismatch", 0.0, "Deployments without the replicas that they ask for"),
        ("pods_failed", PODS_FAILED, "failed pods"),
    ] {
        degraded.extend(above(name, bar).map(|count| format!("{what}: {count}")));
    }
    let missing: Vec<&str> = FIGURES.into_iter().filter(|name| of(name).is_none()).collect();
    if !missing.is_empty() {
        degraded.push(format!("not measured: {}", missing.join(", ")));
    }
    let status = match (critical.as_slice(), degraded.as_slice()) {
        ([_, ..], _) => HealthStatus::Critical,
        (_, [_, ..]) => HealthStatus::Degraded,
        _ => HealthStatus::Healthy,
    };
    critical.append(&mut degraded);
    ClusterHealth { status, figures, reasons: critical }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Recording;
    use crate::domain::SourceState;

    /// A healthy cluster of 20 nodes, with some figures changed; NaN takes one away.
    fn with(changed: &[(&str, f64)]) -> ClusterHealth {
        let mut figures: BTreeMap<&str, f64> = FIGURES.into_iter().map(|name| (name, 0.0)).collect();
        figures.extend([("nodes_total", 20.0), ("nodes_ready", 20.0), ("pods_running", 300.0), ("disk_peak_pct", 85.0)]);
        figures.extend([("pods_failed", 10.0), ("alerts_warning", 7.0), ("pods_pending", 5.0), ("cpu_pct", 99.0)]);
        figures.extend(changed.iter().copied());
        let signal = |(name, value): (&str, f64)| Signal {
            signal: name.to_owned(),
            labels: BTreeMap::new(),
            values: vec![(1.0, 77.0), (2.0, value)].into_iter().filter(|_| !value.is_nan()).collect(),
        };
        let signals = figures.into_iter().map(signal).collect();
        let sources = [(SIGNALS.to_owned(), SourceState::Ok)].into();
        check(&Snapshot::new(Recording { signals, sources, ..Recording::default() })).unwrap()
    }

    #[test]
    fn each_bar_is_where_it_is_said_to_be() {
        for (changed, status) in [
            (&[][..], "healthy"),
            (&[("nodes_ready", 19.0)], "degraded"),
            (&[("nodes_ready", 18.0)], "degraded"),
            (&[("nodes_ready", 17.0)], "critical"),
            (&[("nodes_ready", 0.0)], "critical"),
            (&[("disk_peak_pct", 85.1)], "degraded"),
            (&[("disk_peak_pct", 95.0)], "degraded"),
            (&[("disk_peak_pct", 95.1)], "critical"),
            (&[("alerts_production", 1.0)], "critical"),
            (&[("alerts_critical", 1.0)], "degraded"),
            (&[("crashloops", 1.0)], "degraded"),
            (&[("deploy_mismatch", 1.0)], "degraded"),
            (&[("pods_failed", 11.0)], "degraded"),
            (&[("cpu_pct", f64::NAN)], "degraded"),
            (&[("alerts_production", f64::NAN)], "degraded"),
            (&[("cpu_pct", f64::NAN), ("disk_peak_pct", 99.0)], "critical"),
            (&[("nodes_total", f64::NAN)], "unknown"),
            (&[("nodes_ready", f64::NAN), ("alerts_production", 3.0)], "unknown"),
            (&[("nodes_total", 0.0), ("nodes_ready", 0.0)], "unknown"),
        ] {
            let health = with(changed);
            assert_eq!(health.status.as_str(), status, "{changed:?}: {:?}", health.reasons);
            assert_eq!(health.reasons.is_empty(), status == "healthy", "{changed:?}");
        }
        let health = with(&[("nodes_ready", 17.0), ("crashloops", 2.0)]);
        assert_eq!(health.reasons, ["17 of 20 nodes are ready", "containers in CrashLoopBackOff: 2"]);
        assert!(!with(&[("cpu_pct", f64::NAN)]).figures.contains_key("cpu_pct"));
    }

    #[test]
    fn what_was_not_asked_has_no_health_and_what_failed_says_why() {
        assert_eq!(check(&Snapshot::new(Recording::default())), None);
        let sources = [(SIGNALS.to_owned(), SourceState::Unavailable("connection refused".into()))].into();
        let health = check(&Snapshot::new(Recording { sources, ..Recording::default() })).unwrap();
        assert_eq!((health.status, health.reasons), (HealthStatus::Unknown, vec!["metrics: connection refused".to_owned()]));
    }
}
