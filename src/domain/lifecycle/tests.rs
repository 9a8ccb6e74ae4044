//! Each sentence of what starts a run, and what holds of all of them.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

const NOW: i64 = 1_790_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

/// One more pod of a workload whose incident was analysed half an hour ago.
fn joined() -> Situation {
    Situation {
        placement: Placement::Joined,
        alert_flaps: false,
        already_fires: true,
        name_is_known: true,
        severity: Some(Severity::Warning),
        cycles: 1,
        last_run: Some(at(-60)),
        run_failed: false,
    }
}

fn opened() -> Situation {
    Situation {
        placement: Placement::Opened,
        already_fires: false,
        name_is_known: false,
        severity: None,
        cycles: 0,
        last_run: None,
        ..joined()
    }
}

fn again() -> Situation {
    Situation { alert_flaps: true, already_fires: false, ..joined() }
}

fn reopened(notified: bool) -> Situation {
    Situation { placement: Placement::Reopened { notified }, already_fires: false, ..joined() }
}

use Reason::{Flap, NewAlert, Opened, Reopened, Retry, Severity as Rise};

/// Reasons, class and seconds from now of the run, whether it is a flap, and the mark.
#[rstest]
#[case::opens(opened(), &[Opened], Class::Warning, 0, false, None)]
#[case::a_new_alert_name(Situation { name_is_known: false, ..joined() }, &[NewAlert], Class::Warning, 0, false, Some(false))]
#[case::a_higher_severity(Situation { severity: Some(Severity::Info), ..joined() }, &[Rise], Class::Warning, 0, false, Some(false))]
#[case::a_flap(again(), &[Flap], Class::Warning, 540, true, None)]
#[case::a_flap_long_after_the_last_run(Situation { last_run: Some(at(-700)), ..again() }, &[Flap], Class::Warning, 0, true, None)]
#[case::a_flap_whose_run_never_began(Situation { last_run: None, ..again() }, &[Flap], Class::Warning, 0, true, None)]
#[case::reopened(reopened(true), &[Reopened, Flap], Class::Warning, 540, true, None)]
#[case::reopened_after_it_went_missing(reopened(false), &[Reopened], Class::Warning, 540, false, None)]
#[case::chronic(Situation { cycles: 4, ..again() }, &[Flap], Class::Rest, 86_340, true, Some(true))]
#[case::chronic_and_open_anew(Situation { cycles: 4, last_run: Some(at(-7_200)), ..opened() }, &[Opened], Class::Rest, 79_200, false, Some(true))]
#[case::not_yet_chronic(Situation { cycles: 3, ..again() }, &[Flap], Class::Warning, 540, true, None)]
#[case::failed_before(Situation { run_failed: true, ..joined() }, &[Retry], Class::Warning, 0, false, None)]
#[case::our_clock_was_put_back(Situation { last_run: Some(at(90_000)), ..again() }, &[Flap], Class::Warning, 600, true, None)]
fn what_starts_a_run(
    #[case] seen: Situation,
    #[case] reasons: &[Reason],
    #[case] class: Class,
    #[case] after: i64,
    #[case] is_flap: bool,
    #[case] chronic: Option<bool>,
) {
    let got = Lifecycle::default().begins(Severity::Warning, &seen, at(0));
    let run = Trigger { reasons: reasons.iter().copied().collect(), class, not_before: at(after) };
    assert_eq!((got.run, got.is_flap, got.chronic), (Some(run), is_flap, chronic));
}

#[test]
fn one_more_pod_runs_nothing() {
    let got = Lifecycle::default().begins(Severity::Warning, &joined(), at(0));
    assert_eq!((got.run, got.is_flap, got.is_cycle, got.chronic), (None, false, false, None));
    // Neither does one of forty that ends and fires again while the others go on, nor one whose end was implied.
    for quiet in [Situation { alert_flaps: true, ..joined() }, Situation { already_fires: false, ..joined() }] {
        let got = Lifecycle::default().begins(Severity::Warning, &quiet, at(0));
        assert_eq!((got.run, got.is_flap), (None, false));
    }
}

#[test]
fn severities_have_their_classes() {
    let class = |severity| Lifecycle::default().begins(severity, &opened(), at(0)).run.unwrap().class;
    assert_eq!(class(Severity::Critical), Class::Critical);
    assert_eq!(class(Severity::Warning), Class::Warning);
    assert_eq!(class(Severity::Info), Class::Rest);
}

#[test]
fn an_end_is_announced_after_a_minute_and_while_it_flaps_after_ten() {
    let rules = Lifecycle::default();
    assert_eq!((rules.settles_at(2, at(0)), rules.settles_at(3, at(0))), (at(60), at(600)));
    assert!(rules.reopens(at(0), at(3_600)) && !rules.reopens(at(0), at(3_601)) && rules.reopens(at(0), at(-1)));
}

prop_compose! {
    fn situations()(
        placement in prop_oneof![
            Just(Placement::Opened), Just(Placement::Joined),
            any::<bool>().prop_map(|notified| Placement::Reopened { notified }),
        ],
        (alert_flaps, already_fires, name_is_known, run_failed) in any::<(bool, bool, bool, bool)>(),
        severity in proptest::option::of(prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Critical)]),
        cycles in 0usize..9, last_run in proptest::option::of(-1_000_000i64..1_000_000),
    ) -> Situation {
        let last_run = last_run.map(at);
        Situation { placement, alert_flaps, already_fires, name_is_known, severity, cycles, last_run, run_failed }
    }
}

proptest! {
    #[test]
    fn whatever_was_seen(seen in situations()) {
        let rules = Lifecycle::default();
        let got = rules.begins(Severity::Warning, &seen, at(0));
        prop_assert!(!got.is_flap || got.is_cycle, "a flap is a cycle");
        prop_assert!(seen.placement != Placement::Opened || got.run.is_some(), "an incident that opens is analysed");
        if let Some(run) = got.run {
            prop_assert!(run.not_before >= at(0) && run.not_before <= at(86_400));
            prop_assert_eq!(run.class == Class::Rest, got.chronic == Some(true));
        } else {
            prop_assert!(seen.name_is_known && !got.rises && !got.is_flap);
        }
    }
}
