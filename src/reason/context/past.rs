//! What people and time know: tickets, incidents like this one, and what happened when.

use super::quote::{Quotes, one_line};
use super::section::Section;
use crate::domain::{History, PastFix, TimelineEntry};
use crate::reason::Case;
use jiff::Timestamp;

const MOST_TICKETS: usize = 5;
const MOST_SIMILAR: usize = 3;
const MOST_CYCLES: usize = 6;
const MOST_MOMENTS: usize = 12;
/// The longest summary.
const TEXT: usize = 160;
const MOMENT: usize = 110;

/// Tickets, what is remembered, then the timeline.
pub fn section(case: &Case<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    for ticket in case.report.tickets.iter().take(MOST_TICKETS) {
        let place = || format!("ticket {}", ticket.key);
        let [key, status] = [(&ticket.key, 40), (&ticket.status, 40)].map(|(text, most)| quotes.quote(text, most, place));
        let state = if ticket.resolved { "resolved" } else { "open" };
        lines.push(format!("ticket {key} {state} {status} {}", quotes.quote(&one_line(&ticket.summary), TEXT, place)));
    }
    if let Some(memory) = &case.report.memory {
        remembered(memory, quotes, &mut lines);
    }
    for moment in around(&case.report.timeline, onset(case)) {
        // What it tells is quoted elsewhere, with its place.
        lines.push(format!("at {} {}", moment.at, quotes.repeat(&one_line(&moment.what), MOMENT)));
    }
    Section { name: "tickets and timeline", title: "Tickets, similar incidents, timeline", budget: 1_400, lines }
}

/// Whether it was there before, and incidents like it: what was done, and whether that held.
fn remembered(memory: &History, quotes: &Quotes, lines: &mut Vec<String>) {
    if let Some(recurrence) = &memory.recurrence {
        lines.push(format!(
            "recurrence: the same {} times in 24 hours, {} in 7 days",
            recurrence.in_24_hours, recurrence.in_7_days
        ));
        for before in recurrence.before.iter().take(MOST_SIMILAR) {
            let cause = quotes.repeat(before.cause.as_deref().unwrap_or("cause not found"), 60);
            let fixes = fixes(&before.fixes, quotes);
            lines.push(format!("  over {} {cause}, {fixes}, held {} min", before.resolved_at, before.held_seconds / 60));
        }
    }
    if let Some(flapping) = &memory.flapping {
        let minutes: Vec<String> =
            flapping.cycles.iter().rev().take(MOST_CYCLES).rev().map(|cycle| (cycle.seconds / 60).to_string()).collect();
        let proposed = flapping.proposed.as_deref().map(|action| format!(", last proposed {}", quotes.repeat(action, 60)));
        let fix = if flapping.fix_applied { "a fix was applied" } else { "no fix was applied" };
        let cycles = minutes.join(", ");
        let proposed = proposed.unwrap_or_default();
        lines.push(format!("flapping: {} returns, there for {cycles} min{proposed}, {fix}", flapping.returns));
    }
    for similar in memory.similar.iter().take(MOST_SIMILAR) {
        let [subject, cause] = [&similar.subject.to_string(), &similar.cause].map(|text| quotes.repeat(text, 100));
        let fix = fixes(similar.fix.as_slice(), quotes);
        lines.push(format!("similar {:.2} {subject} {cause}, over {}, {fix}", similar.score, similar.resolved_at));
    }
}

fn fixes(fixes: &[PastFix], quotes: &Quotes) -> String {
    let told: Vec<String> =
        fixes.iter().map(|fix| format!("{} {}", quotes.repeat(&fix.action, 60), fix.result.as_str())).collect();
    if told.is_empty() { "no fix applied".to_owned() } else { format!("fix {}", told.join(" then ")) }
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
