//! What the cluster told: the alert that led here, then events, those of one kind together with how many there were.

use super::quote::{Quotes, one_line};
use super::scope::Scope;
use super::section::Section;
use crate::cluster::{Event, json};
use crate::domain::ObjectRef;
use crate::reason::Case;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The longest message, and the longest list of an alert's labels or annotations.
const MESSAGE: usize = 240;
const MOST_ALERTS: usize = 5;
const MOST_EVENTS: usize = 40;

/// Alerts and events.
pub fn section(case: &Case<'_>, scope: &Scope<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = alerts(case, quotes);
    let mut groups: BTreeMap<(bool, &str, &str), Vec<&Event>> = BTreeMap::new();
    for event in scope.objects.iter().flat_map(|object| case.snapshot.events(object)) {
        groups.entry((!event.warning, &event.reason, &event.object.kind)).or_default().push(event);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((calm, reason, kind), events)| {
        (*calm, Reverse(events.iter().map(|event| event.last).max()), *reason, *kind)
    });
    for ((calm, reason, _), events) in groups.into_iter().take(MOST_EVENTS) {
        let Some(newest) = events.iter().max_by_key(|event| (event.last, Reverse(&event.object), &event.message)) else {
            continue;
        };
        let count: u64 = events.iter().fold(0, |sum, event| sum.saturating_add(event.count));
        let place = || format!("event {reason} of {}", newest.object);
        let mut row = format!("×{count} {} {}", if calm { "normal" } else { "warning" }, quotes.quote(reason, 60, place));
        let _ = write!(row, " {}", objects(case, &events, newest, quotes));
        if let Some(last) = newest.last {
            let _ = write!(row, " last {last}");
        }
        let _ = write!(row, " {}", quotes.quote(&one_line(&newest.message), MESSAGE, place));
        lines.push(row);
        // Another wording of the same reason may say something else, or be where somebody hides something.
        for other in events.iter().filter(|event| differs(event, newest)).take(2) {
            let place = || format!("event {reason} of {}", other.object);
            lines.push(format!("  also {}", quotes.quote(&one_line(&other.message), MESSAGE, place)));
        }
    }
    Section { name: "events", title: "Alerts and events", budget: 1_500, lines }
}

/// Whether two messages begin differently: names and numbers stand further in.
fn differs(event: &Event, other: &Event) -> bool {
    let word = |event: &Event| event.message.split_whitespace().next().unwrap_or("").to_owned();
    word(event) != word(other)
}

fn objects(case: &Case<'_>, events: &[&Event], newest: &Event, quotes: &Quotes) -> String {
    let mut objects: Vec<&ObjectRef> = events.iter().map(|event| &event.object).collect();
    objects.sort();
    objects.dedup();
    let name = case.numbers.of_object(&newest.object).unwrap_or_else(|| quotes.repeat(&newest.object.to_string(), 120));
    match objects.len() {
        0 | 1 => name,
        several => format!("{name} and {} more", several - 1),
    }
}

/// The alerts of the notification, with what their authors wrote.
fn alerts(case: &Case<'_>, quotes: &mut Quotes) -> Vec<String> {
    let Some(alert) = &case.snapshot.alert else { return Vec::new() };
    let mut rows = Vec::new();
    for one in json::list(alert, "alerts").iter().take(MOST_ALERTS) {
        let name = json::text(one, "labels.alertname");
        let mut row = format!("alert {} {}", quotes.repeat(name, 80), quotes.repeat(json::text(one, "status"), 20));
        let starts = json::text(one, "startsAt");
        if let Some(at) = json::moment(starts) {
            let _ = write!(row, " since {at}");
        }
        for part in ["labels", "annotations"] {
            let told: Vec<String> = json::entries(one, part)
                .filter_map(|(key, value)| Some((key, value.as_str()?)))
                .filter(|(key, _)| *key != "alertname")
                .map(|(key, value)| format!("{key}={}", one_line(value)))
                .collect();
            if !told.is_empty() {
                let _ = write!(row, " {}", quotes.quote(&told.join(", "), MESSAGE, || format!("{part} of alert {name}")));
            }
        }
        rows.push(row);
    }
    rows
}
