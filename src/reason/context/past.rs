//! What people and time know: tickets, incidents like this one, and what happened when.

use super::quote::{Quotes, one_line};
use super::section::Section;
use crate::domain::TimelineEntry;
use crate::reason::Case;
use jiff::Timestamp;

const MOST_TICKETS: usize = 5;
const MOST_MOMENTS: usize = 12;
/// The longest summary.
const TEXT: usize = 160;
const MOMENT: usize = 110;

/// Tickets, then the timeline.
pub fn section(case: &Case<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    for ticket in case.report.tickets.iter().take(MOST_TICKETS) {
        let place = || format!("ticket {}", ticket.key);
        let [key, status] = [(&ticket.key, 40), (&ticket.status, 40)].map(|(text, most)| quotes.quote(text, most, place));
        let state = if ticket.resolved { "resolved" } else { "open" };
        lines.push(format!("ticket {key} {state} {status} {}", quotes.quote(&one_line(&ticket.summary), TEXT, place)));
    }
    for moment in around(&case.report.timeline, onset(case)) {
        // What it tells is quoted elsewhere, with its place.
        lines.push(format!("at {} {}", moment.at, quotes.repeat(&one_line(&moment.what), MOMENT)));
    }
    Section { name: "tickets and timeline", title: "Tickets, similar incidents, timeline", budget: 1_400, lines }
}

/// When the trouble began, as far as the report says.
fn onset(case: &Case<'_>) -> Option<Timestamp> {
    let causes = case.report.causes.iter().take(1).filter_map(|cause| cause.since);
    causes.chain(case.report.symptoms.iter().filter_map(|symptom| symptom.since)).min()
}

/// The moments nearest to the onset, half of them before it where there are as many; in order.
fn around(timeline: &[TimelineEntry], onset: Option<Timestamp>) -> &[TimelineEntry] {
    let surplus = timeline.len().saturating_sub(MOST_MOMENTS);
    let start = onset.map_or(surplus, |onset| {
        let at = timeline.partition_point(|moment| moment.at <= onset);
        at.saturating_sub(MOST_MOMENTS / 2).min(surplus)
    });
    timeline.get(start..timeline.len().min(start + MOST_MOMENTS)).unwrap_or(&[])
}
