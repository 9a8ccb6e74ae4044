//! What is proposed over all recorded incidents: every cause has a row, and nothing is proposed that the object doesn't bear out.

use crate::cases::fixtures;
use sre_copilot::cluster::Snapshot;
use sre_copilot::diagnose::catalogue;
use sre_copilot::domain::{DecisionValue, Verdict};
use sre_copilot::remedy::{self, Settings};
use std::collections::BTreeMap;

#[test]
fn every_cause_has_one_row() {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in remedy::causes() {
        *rows.entry(cause).or_default() += 1;
    }
    let twice: Vec<_> = rows.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "in two rows: {twice:?}");
    let known: Vec<&str> = catalogue().into_iter().flat_map(|(_, causes)| causes).map(|cause| cause.id).collect();
    let lacking: Vec<_> = known.iter().filter(|id| !rows.contains_key(*id)).collect();
    assert!(lacking.is_empty(), "in no row: {lacking:?}");
    let lost: Vec<_> = rows.keys().filter(|id| !known.contains(id)).collect();
    assert!(lost.is_empty(), "in no catalogue: {lost:?}");
}

#[test]
fn what_is_proposed_can_be_asked_for() {
    let settings = Settings::default();
    let mut proposed = 0;
    for case in fixtures() {
        let report = case.report();
        let snapshot = Snapshot::new(case.recording.clone());
        let candidates: Vec<_> = report.actions.iter().map(|action| action.intent.clone()).collect();
        assert!(candidates.iter().filter(|intent| intent.action.is_write()).count() <= 1, "{}: two writes", case.name);
        for action in report.actions.iter().filter(|action| action.decision.rule != "namespace_forbidden") {
            proposed += 1;
            let intent = &action.intent;
            assert!(snapshot.get(&intent.object()).is_some(), "{}: {} is not there", case.name, intent.object());
            assert!(!intent.action.is_write() || report.verdict.is_fault(), "{}: a change on a weak verdict", case.name);
            let context = remedy::ParseContext { snapshot: &snapshot, settings: &settings, candidates: &candidates };
            let again = remedy::parse(&serde_json::to_string(intent).unwrap(), &context);
            assert_eq!(again.as_ref(), Ok(intent), "{}", case.name);
        }
    }
    assert!(proposed > 80, "{proposed}");
}

#[test]
fn nothing_is_done_by_itself() {
    for case in fixtures() {
        for action in case.report().actions {
            assert!(action.decision.value != DecisionValue::Auto || !action.intent.action.is_write(), "{}", case.name);
        }
    }
}

#[test]
fn nothing_wrong_nothing_proposed() {
    for case in fixtures() {
        let report = case.report();
        let calm = matches!(report.verdict, Verdict::Healthy | Verdict::Recovered);
        assert!(!calm || report.actions.is_empty(), "{}", case.name);
    }
}
