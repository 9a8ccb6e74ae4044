//! Time series as five figures each: last, least, most, trend and limit. Never the series itself.

use super::quote::Quotes;
use super::scope::Scope;
use super::section::Section;
use crate::cluster::Signal;
use crate::reason::Case;
use std::fmt::Write as _;

/// No more than that fits the budget anyway.
const MOST: usize = 40;
/// A level that differs by less is steady.
const STEADY: f64 = 0.1;
/// A series and the one that bounds it.
const LIMITS: &[(&str, &str)] = &[("memory_working_set_bytes", "memory_limit_bytes")];

/// The signals: those that evidence cites first, then those of the objects in question.
pub fn section(case: &Case<'_>, scope: &Scope<'_>, quotes: &mut Quotes) -> Section {
    let mut signals: Vec<(bool, &Signal)> = case
        .snapshot
        .signals
        .iter()
        .filter(|signal| LIMITS.iter().all(|(_, limit)| signal.signal != *limit) && concerns(scope, signal))
        .map(|signal| (!is_cited(case, signal), signal))
        .collect();
    // The snapshot has them sorted; that order stays.
    signals.sort_by_key(|(uncited, _)| *uncited);
    let rows = signals.into_iter().take(MOST);
    let lines = rows.filter_map(|(_, signal)| row(case, signal, quotes)).collect();
    Section { name: "signals", title: "Signals", budget: 1_500, lines }
}

/// Whether a series is about the pods, workloads, Services, nodes or namespaces in question.
fn concerns(scope: &Scope<'_>, signal: &Signal) -> bool {
    let label = |name: &str| signal.labels.get(name).map_or("", String::as_str);
    let namespace = label("namespace");
    let node = label("node");
    if !node.is_empty() && label("pod").is_empty() {
        return scope.nodes().contains(node) || scope.objects.iter().any(|object| object.kind == "Node" && object.name == node);
    }
    let names = ["pod", "service", "workload", "persistentvolumeclaim"].map(label);
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let is_here = |ns: &str| namespace.is_empty() || namespace == ns;
    let is_named = |name: &str| scope.objects.iter().any(|object| object.name == name && is_here(object.ns()));
    match names.as_slice() {
        [] => namespace.is_empty() || scope.objects.iter().any(|object| object.ns() == namespace),
        names => {
            names.iter().any(|name| is_named(name))
                || scope.objects.iter().any(|object| object.kind == "Namespace" && object.name == namespace)
        }
    }
}

/// Evidence of a signal has the series' name and labels as its path.
fn is_cited(case: &Case<'_>, signal: &Signal) -> bool {
    let cites = |path: &str| path.split_once('{').map_or(path, |(name, _)| name) == signal.signal;
    case.report.evidence.iter().any(|numbered| {
        let evidence = &numbered.evidence;
        cites(&evidence.path)
            && signal.labels.values().all(|value| {
                evidence.path.contains(value.as_str()) || evidence.object.name == *value || evidence.object.ns() == value
            })
    })
}

fn row(case: &Case<'_>, signal: &Signal, quotes: &mut Quotes) -> Option<String> {
    let values: Vec<f64> = signal.values.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).collect();
    let last = *values.last()?;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let labels: Vec<String> = signal.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let place = || format!("labels of signal {}", signal.signal);
    let mut row = format!("{} {}", quotes.quote(&signal.signal, 60, place), quotes.quote(&labels.join(","), 160, place));
    let _ = write!(row, " last {} min {} max {} {}", figure(last), figure(least), figure(most), trend(&values));
    if let Some(limit) = limit(case, signal) {
        let _ = write!(row, " limit {}", figure(limit));
    }
    Some(row)
}

/// The last third against the first.
fn trend(values: &[f64]) -> &'static str {
    let third = values.len() / 3;
    if third == 0 {
        return "too short for a trend";
    }
    let middle = |part: &[f64]| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    };
    let (before, after) = (middle(values.get(..third).unwrap_or(&[])), middle(values.get(values.len() - third..).unwrap_or(&[])));
    let step = (before.abs() * STEADY).max(f64::EPSILON);
    match after - before {
        up if up > step => "rising",
        down if down < -step => "falling",
        _ => "steady",
    }
}

/// The bound of the same labels, where there is one.
fn limit(case: &Case<'_>, signal: &Signal) -> Option<f64> {
    let (_, name) = LIMITS.iter().find(|(used, _)| *used == signal.signal)?;
    let bound = case.snapshot.signals.iter().find(|other| other.signal == *name && other.labels == signal.labels)?;
    bound.values.last().map(|(_, value)| *value)
}

/// A figure with at most three places behind the point, and none where it is large.
fn figure(value: f64) -> String {
    if value.abs() >= 1_000.0 || value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_becomes_a_trend_and_short_figures() {
        assert_eq!(trend(&[1.0, 1.0, 1.0, 2.0, 3.0, 3.0]), "rising");
        assert_eq!(trend(&[3.0, 3.0, 2.0, 1.0]), "falling");
        assert_eq!(trend(&[100.0, 90.0, 105.0]), "steady");
        assert_eq!(trend(&[1.0, 2.0]), "too short for a trend");
        assert_eq!(
            ["0.5", "268435456", "943", "0.073"],
            [figure(0.5), figure(268_435_456.0), figure(943.0), figure(0.0731)].each_ref().map(String::as_str)
        );
    }
}
