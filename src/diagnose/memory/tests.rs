use super::*;
use crate::domain::{FactReport, FixResult, PastFix, Verdict};
use rstest::rstest;

fn now() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn subject() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout")
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A report about the checkout; without a cause it is inconclusive.
fn report(cause: Option<&str>, facts: &[&str], alerts: &[&str]) -> Report {
    let verdict = if cause.is_some() { Verdict::Confirmed } else { Verdict::Inconclusive };
    let cause = cause.map(|id| CauseReport {
        id: id.to_owned(),
        object: subject(),
        container: None,
        confidence: 0.9,
        summary: String::new(),
        fix: String::new(),
        explains: Vec::new(),
        evidence: Vec::new(),
        perspective: "app".into(),
        since: None,
    });
    let fact = |id: &&str| FactReport {
        id: (*id).to_owned(),
        subject: subject().into(),
        state: State::Found,
        confidence: Some(1.0),
        reason: None,
        evidence: Vec::new(),
    };
    Report {
        causes: cause.into_iter().collect(),
        facts: facts.iter().map(fact).collect(),
        alerts: owned(alerts),
        ..Report::new(subject(), verdict, now())
    }
}

/// An incident of the checkout that was there for ten minutes.
fn past(id: &str, cause: Option<&str>, ended: i64) -> RememberedIncident {
    RememberedIncident {
        id: id.to_owned(),
        subject: subject(),
        opened_at: Some(ago(ended + 10)),
        resolved_at: Some(ago(ended)),
        cause: cause.map(str::to_owned),
        ..RememberedIncident::default()
    }
}

fn fix(result: FixResult) -> PastFix {
    PastFix { action: "rollback_deployment".into(), target: "shop/deployment/checkout".into(), at: ago(600), result }
}

const WEEKS: i64 = 7 * 24 * 60;

#[rstest]
#[case::all_alike("checkout", "shop", "oom_killed", &["HighErrors"], &["oom_killed", "crash_loop"], None, Some(1.0))]
#[case::service_and_cause("checkout", "other", "oom_killed", &[], &[], None, Some(0.6))]
#[case::half_of_the_facts("checkout", "other", "oom_killed", &[], &["oom_killed"], None, Some(0.65))]
#[case::exactly_the_bar("checkout", "shop", "disk_full", &[], &[], None, None)]
#[case::above_it_since_it_helped("checkout", "shop", "disk_full", &[], &[], Some(FixResult::Verified), Some(0.5))]
#[case::above_it_since_it_was_taken("checkout", "shop", "disk_full", &[], &[], Some(FixResult::Accepted), Some(0.44))]
#[case::in_vain("checkout", "other", "oom_killed", &["HighErrors"], &[], Some(FixResult::InVain), None)]
#[case::in_vain_and_yet_alike("checkout", "shop", "oom_killed", &["HighErrors"], &[], Some(FixResult::InVain), Some(0.45))]
#[case::never_above_one("checkout", "shop", "oom_killed", &["HighErrors"], &["oom_killed", "crash_loop"], Some(FixResult::Verified), Some(1.0))]
#[case::unknown_cause("checkout", "shop", "unknown", &["HighErrors"], &["oom_killed"], None, None)]
fn alike(
    #[case] name: &str,
    #[case] namespace: &str,
    #[case] cause: &str,
    #[case] alerts: &[&str],
    #[case] facts: &[&str],
    #[case] result: Option<FixResult>,
    #[case] expected: Option<f64>,
) {
    let other = RememberedIncident {
        subject: ObjectRef::new("Deployment", namespace, name),
        alerts: owned(alerts),
        facts: owned(facts),
        fixes: result.map(fix).into_iter().collect(),
        ..past("p", Some(cause), 2 * WEEKS)
    };
    let report = report(Some("oom_killed"), &["oom_killed", "crash_loop"], &["HighErrors"]);
    let history = remember(&report, &subject(), &[other]).unwrap_or_default();
    assert_eq!(history.similar.first().map(|similar| similar.score), expected);
}

#[test]
fn the_best_three_of_ninety_days_are_shown_and_never_itself() {
    let mut known: Vec<RememberedIncident> =
        (0..6).map(|number| past(&format!("p{number}"), Some("oom_killed"), 2 * WEEKS + number)).collect();
    known[4].fixes.push(fix(FixResult::Verified));
    known.push(past("too old", Some("oom_killed"), 90 * 24 * 60 + 1));
    known.push(past("without a cause", None, 10));
    // Open, and over only later than this report: the incident itself, seen again in a replay.
    known.push(RememberedIncident { resolved_at: None, ..past("open", Some("oom_killed"), 0) });
    known.push(RememberedIncident { resolved_at: Some(ago(-5)), ..past("itself", Some("oom_killed"), 0) });
    let history = remember(&report(Some("oom_killed"), &[], &[]), &subject(), &known).unwrap();
    let shown: Vec<&str> = history.similar.iter().map(|similar| similar.id.as_str()).collect();
    assert_eq!(shown, ["p4", "p0", "p1"]);
    assert_eq!(history.similar[0].fix.as_ref().map(|fix| fix.result), Some(FixResult::Verified));
}

#[test]
fn only_the_newest_five_hundred_are_compared() {
    let near = |number: i64| RememberedIncident {
        subject: ObjectRef::new("Deployment", "other", "else"),
        ..past(&format!("p{number}"), Some("disk_full"), WEEKS + number)
    };
    let mut known: Vec<RememberedIncident> = (0..500).map(near).collect();
    known.push(past("the 501st", Some("oom_killed"), 2 * WEEKS));
    assert_eq!(remember(&report(Some("oom_killed"), &[], &[]), &subject(), &known), None);
    known.remove(0);
    assert!(remember(&report(Some("oom_killed"), &[], &[]), &subject(), &known).is_some());
}

#[test]
fn a_recurrence_counts_the_same_cause_within_a_day_and_a_week() {
    let open = RememberedIncident { resolved_at: None, opened_at: Some(ago(60)), ..past("this", None, 0) };
    let known = [
        open,
        RememberedIncident { fixes: vec![fix(FixResult::InVain)], ..past("newest", Some("oom_killed"), 90) },
        past("another cause", Some("disk_full"), 200),
        past("yesterday", Some("oom_killed"), 60 + 25 * 60),
        past("just in time", Some("oom_killed"), 60 + WEEKS - 1),
        past("a week ago", Some("oom_killed"), 60 + WEEKS),
        RememberedIncident { subject: ObjectRef::new("Deployment", "shop", "cart"), ..past("other", Some("oom_killed"), 100) },
        past("after it opened", Some("oom_killed"), 30),
    ];
    let recurrence = remember(&report(Some("oom_killed"), &[], &[]), &subject(), &known).unwrap().recurrence.unwrap();
    assert_eq!((recurrence.in_24_hours, recurrence.in_7_days), (1, 3));
    let listed: Vec<(&str, i64)> = recurrence.before.iter().map(|past| (past.id.as_str(), past.held_seconds / 60)).collect();
    assert_eq!(
        listed,
        [("newest", 30), ("yesterday", 60 + 25 * 60 - 100), ("just in time", 60 + WEEKS - 1 - (60 + 25 * 60 + 10))]
    );
    assert_eq!(recurrence.before[0].fixes[0].result, FixResult::InVain);
}

#[test]
fn while_no_cause_is_known_an_alert_of_the_same_name_is_the_same() {
    let with_alert = |id: &str, alert: &str| RememberedIncident { alerts: owned(&[alert]), ..past(id, Some("oom_killed"), 90) };
    let known = [with_alert("same", "HighErrors"), with_alert("other", "Slow")];
    let report = report(None, &[], &["HighErrors"]);
    let recurrence = remember(&report, &subject(), &known).unwrap().recurrence.unwrap();
    assert_eq!(recurrence.before.iter().map(|past| past.id.as_str()).collect::<Vec<_>>(), ["same"]);
    assert_eq!(remember(&report_without_alert(), &subject(), &known).and_then(|history| history.recurrence), None);
}

fn report_without_alert() -> Report {
    report(None, &[], &[])
}

#[test]
fn three_returns_within_an_hour_each_are_flapping() {
    // Ten minutes there, twenty away.
    let cycle = |number: i64| RememberedIncident {
        proposed: Some(format!("action {number}")),
        ..past(&format!("c{number}"), None, 20 + 30 * number)
    };
    let known: Vec<RememberedIncident> = (0..3).map(cycle).collect();
    let flapping = remember(&report(None, &[], &[]), &subject(), &known).unwrap().flapping.unwrap();
    assert_eq!((flapping.returns, flapping.cycles.len(), flapping.fix_applied), (3, 3, false));
    assert_eq!(flapping.cycles[0], Cycle { from: ago(90), to: ago(80), seconds: 600 });
    assert_eq!(flapping.proposed.as_deref(), Some("action 0"));
    let mut fixed = known.clone();
    fixed[2].fixes.push(fix(FixResult::Accepted));
    assert!(remember(&report(None, &[], &[]), &subject(), &fixed).unwrap().flapping.unwrap().fix_applied);
    assert_eq!(remember(&report(None, &[], &[]), &subject(), &known[..2]), None, "two returns are none");
    let slow: Vec<RememberedIncident> = (0..4).map(|number| past(&format!("s{number}"), None, 61 + 75 * number)).collect();
    assert_eq!(remember(&report(None, &[], &[]), &subject(), &slow), None, "over for more than an hour each time");
}

#[test]
fn a_bundle_keeps_what_could_be_alike() {
    let report = report(Some("oom_killed"), &[], &["HighErrors"]);
    let elsewhere =
        RememberedIncident { subject: ObjectRef::new("Deployment", "other", "else"), ..past("p", Some("disk_full"), 90) };
    assert!(!concerns(&elsewhere, &report, &subject()));
    assert!(concerns(&RememberedIncident { alerts: owned(&["HighErrors"]), ..elsewhere.clone() }, &report, &subject()));
    assert!(concerns(&RememberedIncident { cause: Some("oom_killed".into()), ..elsewhere }, &report, &subject()));
}
