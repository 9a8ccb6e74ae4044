//! How much speaks for a deploy as what brought the trouble: when it came, what became worse since, and on which pods.

/// A deploy so long before the onset at most counts in full.
const SOON: f64 = 15.0;
/// After that, so many minutes halve what speaks for it.
const HALF_LIFE: f64 = 30.0;
/// Clocks differ: an onset so many minutes before the first pod is taken to be with it.
const SKEW: f64 = -2.0;
/// What speaks for a deploy whose effect can't be measured.
const UNMEASURED: f64 = 0.5;
/// The most that is said of one whose effect can't be measured.
const UNMEASURED_MOST: f64 = 0.65;
/// The most that is said of any: it is timing, and no proof.
const MOST: f64 = 0.95;

/// Where the trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pods {
    /// Only the new revision's pods are bad, or the rollout failed.
    OnlyNew,
    /// Those of the older revision are as bad.
    OldAsWell,
    /// Neither can be told.
    Unclear,
}

/// How near it is. `minutes` are from the new revision's first pod to the onset.
pub(super) fn nearness(minutes: f64) -> f64 {
    if minutes < SKEW {
        0.0
    } else if minutes <= SOON {
        1.0
    } else {
        0.5_f64.powf((minutes - SOON) / HALF_LIFE)
    }
}

/// What a deviation counts, 0 to 1. Less than two is noise, six is certain; one sample alone counts half at most.
pub(super) fn effect(z: f64, samples: usize) -> f64 {
    let effect = ((z - 2.0) / 4.0).clamp(0.0, 1.0);
    if samples <= 1 { effect.min(0.5) } else { effect }
}

/// The effects of all families together, each by its largest; `None` where nothing could be measured.
pub(super) fn together(families: impl IntoIterator<Item = f64>) -> Option<f64> {
    families.into_iter().fold(None, |calm: Option<f64>, effect| Some(calm.unwrap_or(1.0) * (1.0 - effect))).map(|calm| 1.0 - calm)
}

/// The score, to two digits.
pub(super) fn score(minutes: f64, effect: Option<f64>, pods: Pods) -> f64 {
    let factor = match pods {
        Pods::OnlyNew => 1.2,
        Pods::OldAsWell => 0.3,
        Pods::Unclear => 1.0,
    };
    let most = if effect.is_some() { MOST } else { UNMEASURED_MOST };
    let score = nearness(minutes) * (0.25 + 0.75 * effect.unwrap_or(UNMEASURED)) * factor;
    (score.min(most) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::deploys::shifts::deviation;
    use crate::domain::DeployRating::{self, Likely, Suspect, Weak};
    use rstest::rstest;

    /// The examples of the graph's section 10. Each effect is one family.
    #[rstest]
    #[case::error_ratio(12.0, Some(&[(deviation(0.045, 0.002, 0.0, 0.005), 9)][..]), Pods::Unclear, 0.95, Likely)]
    #[case::p95(15.0, Some(&[(deviation(180.0, 120.0, 8.0, 5.0), 9)][..]), Pods::Unclear, 0.81, Likely)]
    #[case::p95_less(10.0, Some(&[(deviation(168.0, 120.0, 8.0, 5.0), 9)][..]), Pods::Unclear, 0.63, Suspect)]
    #[case::and_cpu(10.0, Some(&[(4.0, 9), (4.0, 9)][..]), Pods::Unclear, 0.81, Likely)]
    #[case::only_new_pods_crash(10.0, Some(&[(9.0, 9)][..]), Pods::OnlyNew, 0.95, Likely)]
    #[case::old_pods_as_bad(10.0, Some(&[(9.0, 9)][..]), Pods::OldAsWell, 0.30, Weak)]
    #[case::nothing_measurable(5.0, None, Pods::Unclear, 0.63, Suspect)]
    #[case::unchanged(10.0, Some(&[(0.0, 9)][..]), Pods::Unclear, 0.25, Weak)]
    #[case::better(10.0, Some(&[(-9.0, 9)][..]), Pods::Unclear, 0.25, Weak)]
    #[case::forty_five_minutes(45.0, Some(&[(9.0, 9)][..]), Pods::Unclear, 0.50, Suspect)]
    #[case::an_hour_and_failed(60.0, Some(&[(9.0, 9)][..]), Pods::OnlyNew, 0.42, Suspect)]
    #[case::one_point(10.0, Some(&[(9.0, 1)][..]), Pods::Unclear, 0.63, Suspect)]
    #[case::unmeasured_stays_low(5.0, None, Pods::OnlyNew, 0.65, Suspect)]
    #[case::skewed_clocks(-2.0, Some(&[(9.0, 9)][..]), Pods::Unclear, 0.95, Likely)]
    #[case::it_began_before(-2.1, Some(&[(9.0, 9)][..]), Pods::OnlyNew, 0.0, DeployRating::Unlikely)]
    fn examples(
        #[case] minutes: f64,
        #[case] families: Option<&[(f64, usize)]>,
        #[case] pods: Pods,
        #[case] expected: f64,
        #[case] rating: DeployRating,
    ) {
        let effect = together(families.into_iter().flatten().map(|(z, samples)| effect(*z, *samples)));
        let score = score(minutes, effect, pods);
        assert!((score - expected).abs() <= 0.01, "{score} is not {expected}");
        assert_eq!(DeployRating::of(score), rating);
    }
}
