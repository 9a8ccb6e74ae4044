//! Change detection in time series: has this series left its own baseline, when, and how far? Robust against outliers:
//! median and median absolute deviation, with floors, so that a flat series doesn't make every ripple significant.

use crate::cluster::json;
use jiff::Timestamp;

/// Fewer samples than this give no baseline: the answer is then unknown, not "no change".
const FEWEST: usize = 9;
/// The share of the samples, from the start, that the baseline is taken from.
const BASELINE_SHARE: usize = 3;
/// Makes the median absolute deviation comparable to a standard deviation of normal noise.
const MAD_TO_SIGMA: f64 = 1.4826;
/// How many deviations from the baseline count as a change.
const Z: f64 = 6.0;
/// How many samples in a row must be off the baseline.
const RUN: usize = 2;

/// How far a series must move to count, beside being improbable.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// The least relative rise over the baseline: 1.5 means half as much again.
    pub ratio: f64,
    /// The least rise in the series' own unit.
    pub step: f64,
}

/// A rise over the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// The median of the baseline.
    pub baseline: f64,
    /// The highest level that held for [`RUN`] samples.
    pub peak: f64,
    /// When the series left its baseline.
    pub onset: f64,
    /// The level at the end of the series.
    pub last: f64,
}

impl Rise {
    /// How many times the baseline the peak is. The baseline counts as at least `floor`.
    pub fn ratio(&self, floor: f64) -> f64 {
        self.peak / self.baseline.max(floor)
    }

    /// When it began.
    pub fn since(&self) -> Option<Timestamp> {
        time(self.onset)
    }
}

/// Unix seconds as a time.
pub fn time(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large saturates and then gives no timestamp")]
    Timestamp::from_second(seconds as i64).ok().filter(json::can_be)
}

/// The middle value; 0 for an empty slice. Values that aren't numbers are left out.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What a series says about a rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// It rose.
    Rose(Rise),
    /// It stayed near its baseline.
    Calm,
    /// Too few samples to tell.
    Unknown,
}

impl Answer {
    /// The rise, if there is one.
    pub fn rise(self) -> Option<Rise> {
        match self {
            Self::Rose(rise) => Some(rise),
            Self::Calm | Self::Unknown => None,
        }
    }
}

/// Looks for a rise over the baseline that holds for at least two samples. `values` are (unix seconds, value), oldest first.
pub fn rise(values: &[(f64, f64)], bar: Bar) -> Answer {
    if values.len() < FEWEST {
        return Answer::Unknown;
    }
    let (before, after) = values.split_at(values.len() / BASELINE_SHARE);
    let baseline = median(before.iter().map(|(_, value)| *value));
    let deviation = median(before.iter().map(|(_, value)| (value - baseline).abs())) * MAD_TO_SIGMA;
    let threshold = (baseline + Z * deviation).max(baseline * bar.ratio).max(baseline + bar.step);
    let mut found: Option<Rise> = None;
    for window in after.windows(RUN) {
        let held = window.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
        if held < threshold || !held.is_finite() {
            continue;
        }
        let onset = window.first().map_or(0.0, |(at, _)| *at);
        let rise = found.get_or_insert(Rise { baseline, peak: held, onset, last: 0.0 });
        rise.peak = rise.peak.max(held);
    }
    match found {
        Some(mut rise) => {
            rise.last = values.last().map_or(0.0, |(_, value)| *value);
            Answer::Rose(rise)
        }
        None => Answer::Calm,
    }
}

/// Whether a series grows steadily: each third higher than the one before, most steps upward, and by `ratio` in all. Gives
/// the first and the last third's median.
pub fn growth(values: &[(f64, f64)], ratio: f64) -> Option<(f64, f64)> {
    if values.len() < FEWEST {
        return None;
    }
    let third = values.len() / 3;
    let level = |part: &[(f64, f64)]| median(part.iter().map(|(_, value)| *value));
    let (first, middle, last) = (level(&values[..third]), level(&values[third..2 * third]), level(&values[2 * third..]));
    let rising = values.windows(2).filter(|pair| pair[1].1 >= pair[0].1).count();
    let steady = rising * 10 >= (values.len() - 1) * 7;
    (steady && first > 0.0 && first < middle && middle < last && last >= first * ratio).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: Bar = Bar { ratio: 1.5, step: 1.0 };

    fn series(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().enumerate().map(|(index, value)| (1_000.0 + 5.0 * index as f64, *value)).collect()
    }

    #[test]
    fn finds_a_rise_and_when_it_began() {
        let values = series(&[10.0, 11.0, 10.0, 10.5, 10.0, 10.0, 40.0, 42.0, 41.0, 10.0, 10.0, 10.0]);
        let rise = rise(&values, BAR).rise().unwrap();
        assert_eq!((rise.baseline, rise.onset, rise.last), (10.25, 1_030.0, 10.0));
        assert!(rise.peak > 40.0);
    }

    #[test]
    fn one_sample_is_no_rise() {
        let values = series(&[10.0, 10.0, 10.0, 10.0, 10.0, 90.0, 10.0, 10.0, 10.0, 10.0]);
        assert_eq!(rise(&values, BAR), Answer::Calm);
    }

    #[test]
    fn noise_raises_the_bar() {
        let values = series(&[10.0, 20.0, 15.0, 25.0, 12.0, 45.0, 44.0, 43.0, 45.0, 12.0, 40.0, 41.0, 39.0, 15.0, 20.0]);
        assert_eq!(rise(&values, BAR), Answer::Calm);
    }

    #[test]
    fn few_samples_are_unknown() {
        assert_eq!(rise(&series(&[1.0, 9.0, 9.0]), BAR), Answer::Unknown);
    }

    #[test]
    fn growth_is_steady() {
        let growing: Vec<f64> = (0..30).map(|n| 100.0 + 5.0 * f64::from(n)).collect();
        assert!(growth(&series(&growing), 1.3).is_some());
        let saw: Vec<f64> = (0..30).map(|n| 100.0 + 50.0 * f64::from(n % 5)).collect();
        assert!(growth(&series(&saw), 1.3).is_none());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(values in proptest::collection::vec((proptest::num::f64::ANY, proptest::num::f64::ANY), 0..40)) {
            let _ = rise(&values, BAR);
            let _ = growth(&values, 1.3);
        }
    }
}
