//! A source that could not be read leaves unknown what it alone could show: nothing turns from found to absent, no cause is
//! confirmed that was not there when it could be read, and a fault does not become health.

use super::deletion::{found, is_general};
use super::each;
use crate::cases::{all, report};
use serde_json::Value;
use sre_copilot::cluster::{Recording, plural};
use sre_copilot::domain::{LOGS, Report, SIGNALS, SourceState, State, Verdict};
use std::collections::BTreeSet;

/// What the server says to somebody without the right.
fn forbidden() -> SourceState {
    SourceState::Forbidden("no right to list them".to_owned())
}

fn without_kind(recording: &Recording, kind: &str) -> Recording {
    let mut without = recording.clone();
    without.objects.retain(|object| object["kind"] != Value::String(kind.to_owned()));
    without.sources.insert(format!("kubernetes/{}", plural(kind)), forbidden());
    without
}

fn without_logs(recording: &Recording) -> Recording {
    let mut without = recording.clone();
    without.logs.clear();
    without.sources.insert(LOGS.to_owned(), forbidden());
    without
}

fn without_signals(recording: &Recording) -> Recording {
    let mut without = recording.clone();
    without.signals.clear();
    without.sources.insert(SIGNALS.to_owned(), forbidden());
    without
}

/// What must not follow from seeing less.
fn wrong(before: &Report, source: &str, less: &Recording) -> Vec<String> {
    let after = report(less);
    let mut wrong = Vec::new();
    let known = found(before);
    // Another cause may look likely by what is left; it is not proved by what can't be seen.
    let first = after.causes.first().filter(|_| after.verdict == Verdict::Confirmed);
    let is_weaker = |id: &str| before.causes.first().is_some_and(|cause| is_general(id, &cause.id));
    if let Some(cause) = first.filter(|cause| !known.contains(&cause.id) && !is_weaker(&cause.id)) {
        wrong.push(format!("without {source} there is {} of {}: {}", cause.id, cause.object, cause.summary));
    }
    let of = |report: &Report, state: State| -> BTreeSet<_> {
        report.facts.iter().filter(|fact| fact.state == state).map(|fact| (fact.id.clone(), fact.subject.clone())).collect()
    };
    let (was_found, is_found) = (of(before, State::Found), of(&after, State::Found));
    for (id, subject) in of(&after, State::Absent).intersection(&was_found) {
        if !is_found.contains(&(id.clone(), subject.clone())) {
            wrong.push(format!("without {source} {id} of {subject} is absent"));
        }
    }
    // Where nothing else is wrong the verdict may be health, and then says what it could not see.
    let well = matches!(after.verdict, Verdict::Healthy | Verdict::Recovered);
    if before.verdict.is_fault() && well && !after.unknown.iter().any(|unknown| unknown.what.ends_with(source)) {
        wrong.push(format!("without {source} it is {} and doesn't say what was not seen", after.verdict.as_str()));
    }
    wrong
}

#[test]
fn logs_that_can_not_be_read_are_unknown() {
    each("no logs", all(), |case, _| wrong(&case.report(), LOGS, &without_logs(&case.recording)));
}

#[test]
fn signals_that_can_not_be_read_are_unknown() {
    let with_signals = all().filter(|case| !case.recording.signals.is_empty());
    each("no signals", with_signals, |case, _| wrong(&case.report(), SIGNALS, &without_signals(&case.recording)));
}

#[test]
fn events_that_can_not_be_read_are_unknown() {
    each("no events", all(), |case, _| wrong(&case.report(), "events", &without_kind(&case.recording, "Event")));
}

#[test]
fn no_kind_that_can_not_be_read_is_absent() {
    each("no kind", all(), |case, _| {
        let before = case.report();
        let kinds: BTreeSet<&str> = case.recording.objects.iter().filter_map(|object| object["kind"].as_str()).collect();
        // Without its own kind nobody can say anything about the target.
        let target = &before.target.kind;
        let kinds = kinds.into_iter().filter(|kind| !matches!(*kind, "Event" | "Pod") && kind != target);
        kinds.flat_map(|kind| wrong(&before, &plural(kind), &without_kind(&case.recording, kind))).collect()
    });
}
