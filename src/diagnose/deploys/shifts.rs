//! What became worse since a deploy: each signal of a workload, the hour before against the time since.

use super::score;
use crate::cluster::Signal;
use crate::diagnose::context::Context;
use crate::diagnose::rules::measured;
use crate::diagnose::series::median;
use crate::domain::{ObjectRef, Shift};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How long before the deploy counts as before, in seconds.
const BEFORE: f64 = 3_600.0;
/// How long after the onset still counts as since, in seconds.
const AFTER: f64 = 900.0;
/// Fewer samples than this make no baseline.
const FEWEST: usize = 3;
/// Makes the median absolute deviation comparable to a standard deviation of normal noise.
const MAD_TO_SIGMA: f64 = 1.4826;
/// A baseline's own wobble counts as at least this share of it.
const RIPPLE: f64 = 0.10;
/// A change below this many deviations is none.
const NOTABLE: f64 = 2.0;

/// Signals that say together how well something is: of a family the largest effect counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// CPU, memory, throttling.
    Resources,
    /// Errors, latency.
    Traffic,
    /// Restarts, crashes.
    Stability,
}

/// What was measured since a deploy.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// The largest effect of each family that could be measured.
    pub families: BTreeMap<Family, f64>,
    /// What became worse, worst first.
    pub shifts: Vec<Shift>,
}

/// Of a sample the value in which more is worse.
type Badness = fn(f64) -> f64;

/// How a signal is read: its family, the least deviation that counts in its own unit, and the value in which more is worse.
fn reading(signal: &str) -> Option<(Family, f64, Badness)> {
    Some(match signal {
        "error_ratio" => (Family::Traffic, 0.005, |value| value),
        "success_ratio" => (Family::Traffic, 0.005, |value| 1.0 - value),
        name if name.starts_with("latency_p") => (Family::Traffic, 5.0, |value| value),
        "cpu_throttled_ratio" => (Family::Resources, 0.02, |value| value),
        // A fiftieth of a core and 16 MiB: what an idle process does by itself.
        "cpu_usage_cores" => (Family::Resources, 0.02, |value| value),
        "memory_working_set_bytes" => (Family::Resources, 16_777_216.0, |value| value),
        "restarts_total" => (Family::Stability, 0.05, |value| value),
        _ => return None,
    })
}

/// Compares the hour before `at` with the time from then to a quarter of an hour after the onset, never past now.
pub(super) fn measure(cx: &Context<'_>, workload: &ObjectRef, at: Timestamp, onset: Timestamp) -> Measured {
    let (at, onset, now) = (seconds(at), seconds(onset), seconds(cx.snap.now));
    let mut out = Measured::default();
    for signal in &cx.snap.signals {
        let Some((family, floor, bad)) = reading(&signal.signal) else { continue };
        if measured(cx, signal).as_ref() != Some(workload) {
            continue;
        }
        let values = samples(signal, bad);
        let within = |from: f64, to: f64| -> Vec<f64> {
            values.iter().filter(|(time, _)| *time >= from && *time <= to).map(|(_, value)| *value).collect()
        };
        let before: Vec<f64> =
            values.iter().filter(|(time, _)| *time >= at - BEFORE && *time < at).map(|(_, value)| *value).collect();
        let end = (onset + AFTER).min(now);
        let since = within(at, end);
        if before.len() < FEWEST || since.is_empty() {
            continue;
        }
        let middle = median(before.iter().copied());
        let spread = median(before.iter().map(|value| (value - middle).abs()));
        // A change that came some time after the deploy shows only from its onset on.
        let from_onset = within(onset.max(at), end);
        let levels = [&since, &from_onset].into_iter().filter(|values| !values.is_empty());
        let worst = levels.map(|values| (median(values.iter().copied()), values.len())).max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((level, count)) = worst else { continue };
        let z = deviation(level, middle, spread, floor);
        let largest = out.families.entry(family).or_insert(0.0);
        *largest = largest.max(score::effect(z, count));
        if z >= NOTABLE {
            let shown = |value: f64| round(bad(value));
            // Of a success ratio the ratio itself is shown, not what is missing of it.
            let (before, after) =
                if signal.signal == "success_ratio" { (shown(middle), shown(level)) } else { (round(middle), round(level)) };
            out.shifts.push(Shift { signal: signal.signal.clone(), before, after, z: (z * 10.0).round() / 10.0 });
        }
    }
    out.shifts.sort_by(|a, b| b.z.total_cmp(&a.z).then_with(|| a.signal.cmp(&b.signal)));
    out.shifts.dedup_by(|later, first| later.signal == first.signal);
    out
}

/// How many robust deviations a level is above a median.
pub(super) fn deviation(level: f64, median: f64, spread: f64, floor: f64) -> f64 {
    (level - median) / (MAD_TO_SIGMA * spread).max(RIPPLE * median.abs()).max(floor)
}

/// The samples of a series, more being worse; of a counter its rise a minute.
fn samples(signal: &Signal, bad: Badness) -> Vec<(f64, f64)> {
    let finite = signal.values.iter().filter(|(at, value)| at.is_finite() && value.is_finite());
    if signal.signal != "restarts_total" {
        return finite.map(|(at, value)| (*at, bad(*value))).collect();
    }
    let counts: Vec<(f64, f64)> = finite.copied().collect();
    let rise = |pair: &[(f64, f64)]| {
        let [(from, first), (to, then)] = pair else { return None };
        // A counter that falls began anew.
        (to > from).then(|| (*to, (then - first).max(0.0) * 60.0 / (to - from)))
    };
    counts.windows(2).filter_map(rise).collect()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this epoch fit")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// To four digits behind the point: ratios need them.
fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
