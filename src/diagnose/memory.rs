//! What earlier incidents say about the one at hand: which are like it, whether it is one of them again, and whether it comes
//! and goes. It compares ids and names, never words, and changes no verdict.

mod similar;
#[cfg(test)]
mod tests;

use crate::domain::{
    CauseReport, Cycle, Flapping, History, ObjectRef, Occurrence, Recurrence, RememberedIncident, Report, State,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long before this one opened an incident may have been over to count as the same again.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The shorter count of a recurrence, and the span in which returns are counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Back after so long at most, it flaps.
const RETURN: SignedDuration = SignedDuration::from_hours(1);
/// So many returns within a day are called flapping.
const FLAPPING: usize = 3;
/// The most earlier incidents that a recurrence lists, and cycles that flapping does; the newest are kept.
const LISTED: usize = 20;

/// The incident at hand, as far as it is compared.
#[derive(Debug)]
struct Case<'a> {
    subject: &'a ObjectRef,
    cause: Option<&'a str>,
    alerts: BTreeSet<&'a str>,
    facts: BTreeSet<&'a str>,
    /// When it opened.
    opened: Timestamp,
}

/// What the history says about a report; `None` where it says nothing. `subject` is the workload that the report blames or is
/// about. What is open at `captured_at` is no memory: it is the incident itself, or another that goes on.
pub fn remember(report: &Report, subject: &ObjectRef, history: &[RememberedIncident]) -> Option<History> {
    let now = report.captured_at;
    let is_over = |past: &&RememberedIncident| past.resolved_at.is_some_and(|at| at <= now);
    let (over, open): (Vec<_>, Vec<_>) = history.iter().partition(is_over);
    let opened = open.iter().filter(|other| other.subject == *subject).filter_map(|other| other.opened_at).max();
    let cause = report.causes.first().filter(|_| report.verdict.is_fault());
    let case = Case {
        subject,
        cause: cause.map(|cause: &CauseReport| cause.id.as_str()),
        alerts: report.alerts.iter().map(String::as_str).collect(),
        facts: report.facts.iter().filter(|fact| fact.state == State::Found).map(|fact| fact.id.as_str()).collect(),
        opened: opened.filter(|at| *at <= now).unwrap_or(now),
    };
    let history = History {
        similar: similar::best(&case, &over),
        recurrence: recurrence(&case, &over),
        flapping: flapping(&case, &over, now),
    };
    (history != History::default()).then_some(history)
}

/// The incidents that could say something about one of these reports: what a bundle keeps of the history. What shares neither
/// subject, cause, alert nor namespace with it is never like it.
pub fn concerns(past: &RememberedIncident, report: &Report, subject: &ObjectRef) -> bool {
    let cause = report.causes.first().map(|cause| &cause.id);
    past.subject.name == subject.name
        || past.subject.namespace == subject.namespace
        || (past.cause.is_some() && past.cause.as_ref() == cause)
        || past.alerts.iter().any(|alert| report.alerts.contains(alert))
}

fn recurrence(case: &Case<'_>, over: &[&RememberedIncident]) -> Option<Recurrence> {
    let before = |past: &RememberedIncident| past.resolved_at.map(|at| case.opened.duration_since(at));
    let within = |past: &RememberedIncident, span: SignedDuration| {
        before(past).is_some_and(|before| before >= SignedDuration::ZERO && before < span)
    };
    let mut same: Vec<&RememberedIncident> = over
        .iter()
        .copied()
        .filter(|past| past.subject == *case.subject && within(past, WEEK))
        .filter(|past| match case.cause {
            Some(cause) => past.cause.as_deref() == Some(cause),
            None => past.alerts.iter().any(|alert| case.alerts.contains(alert.as_str())),
        })
        .collect();
    same.sort_by(|a, b| (b.resolved_at, &b.id).cmp(&(a.resolved_at, &a.id)));
    // It held until the same was back: the next of them, or this one.
    let mut back = case.opened;
    let mut occurrence = |past: &RememberedIncident| {
        let resolved_at = past.resolved_at?;
        let held_seconds = back.duration_since(resolved_at).as_secs().max(0);
        back = past.opened_at.unwrap_or(resolved_at);
        Some(Occurrence { id: past.id.clone(), resolved_at, cause: past.cause.clone(), fixes: past.fixes.clone(), held_seconds })
    };
    let listed = same.iter().take(LISTED).filter_map(|past| occurrence(past)).collect();
    let in_24_hours = same.iter().filter(|past| within(past, DAY)).count();
    (!same.is_empty()).then_some(Recurrence { in_24_hours, in_7_days: same.len(), before: listed })
}

fn flapping(case: &Case<'_>, over: &[&RememberedIncident], now: Timestamp) -> Option<Flapping> {
    let recent = |past: &&RememberedIncident| past.resolved_at.is_some_and(|at| now.duration_since(at) <= DAY);
    let of_subject = over.iter().copied().filter(|past| past.subject == *case.subject).filter(recent);
    let mut spans: Vec<(Timestamp, Timestamp, &RememberedIncident)> =
        of_subject.filter_map(|past| Some((past.opened_at?, past.resolved_at?, past))).collect();
    spans.sort_by(|a, b| (a.0, a.1, &a.2.id).cmp(&(b.0, b.1, &b.2.id)));
    let openings = spans.iter().skip(1).map(|(from, ..)| *from).chain([case.opened]);
    let ends = spans.iter().map(|(_, to, _)| *to);
    let gaps = openings.zip(ends).map(|(opening, end)| opening.duration_since(end));
    let returns = gaps.filter(|gap| *gap >= SignedDuration::ZERO && *gap <= RETURN).count();
    if returns < FLAPPING {
        return None;
    }
    let cycle = |(from, to, _): &(Timestamp, Timestamp, &RememberedIncident)| Cycle {
        from: *from,
        to: *to,
        seconds: to.duration_since(*from).as_secs().max(0),
    };
    Some(Flapping {
        returns,
        cycles: spans.iter().skip(spans.len().saturating_sub(LISTED)).map(cycle).collect(),
        proposed: spans.last().and_then(|(_, _, past)| past.proposed.clone()),
        fix_applied: spans.iter().any(|(_, _, past)| !past.fixes.is_empty()),
    })
}
