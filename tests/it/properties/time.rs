//! Time shift: when all times move together the report moves with them and is the same otherwise.

use super::{each, first_difference};
use crate::cases::{all, json, report};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use regex::{Captures, Regex};
use serde_json::Value;
use sre_copilot::cluster::Recording;
use std::sync::LazyLock;

const HOUR: i64 = 3_600;
/// By how much, in seconds, and whole hours. Each incident is moved by one of the first pair and one of the second.
const SHIFTS: [[i64; 2]; 2] = [[-400 * 24 * HOUR, 90 * 24 * HOUR], [24 * HOUR, 7 * HOUR]];

/// A date and time as RFC 3339, SQL and Go's logger write them, perhaps cut off after the hour by a quote's end; what follows
/// stays.
static DATE_TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(\d{4})([-/])(\d\d)[-/](\d\d)([T ])(\d\d)(:\d\d)?(:\d\d)?").unwrap());
/// Unix seconds or milliseconds of these decades, as structured loggers write them.
static UNIX: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b1[5-9]\d{8}(\d{3})?\b").unwrap());

fn shifted_text(text: &str, seconds: i64) -> String {
    let dates = DATE_TIME.replace_all(text, |found: &Captures| {
        let (dash, gap) = (&found[2], &found[5]);
        // No time at all: Go's zero, and that of a process that never started.
        if found[1].parse::<i16>().is_ok_and(|year| year < 1990) {
            return found[0].to_owned();
        }
        let (minute, second) = (found.get(7).map(|part| part.as_str()), found.get(8).map(|part| part.as_str()));
        let iso = format!(
            "{}-{}-{}T{}{}{}",
            &found[1],
            &found[3],
            &found[4],
            &found[6],
            minute.unwrap_or(":00"),
            second.unwrap_or(":00")
        );
        let form = ["%H", minute.map_or("", |_| ":%M"), second.map_or("", |_| ":%S")].concat();
        match iso.parse::<DateTime>().ok().and_then(|time| time.checked_add(seconds.seconds()).ok()) {
            Some(time) => time.strftime(&format!("%Y{dash}%m{dash}%d{gap}{form}")).to_string(),
            None => found[0].to_owned(),
        }
    });
    UNIX.replace_all(&dates, |found: &Captures| {
        let unit = if found.get(1).is_some() { 1_000 } else { 1 };
        (found[0].parse::<i64>().unwrap() + seconds * unit).to_string()
    })
    .into_owned()
}

fn shift_value(value: &mut Value, seconds: i64) {
    match value {
        Value::String(text) => *text = shifted_text(text, seconds),
        Value::Array(items) => items.iter_mut().for_each(|item| shift_value(item, seconds)),
        Value::Object(map) => map.values_mut().for_each(|value| shift_value(value, seconds)),
        _ => {}
    }
}

/// The recording at another time.
pub fn shifted(recording: &Recording, seconds: i64) -> Recording {
    let mut shifted = recording.clone();
    let shift = |time: Option<Timestamp>| time.and_then(|time| time.checked_add(SignedDuration::from_secs(seconds)).ok());
    shifted.captured_at = shift(recording.captured_at);
    shifted.objects.iter_mut().for_each(|object| shift_value(object, seconds));
    shifted.logs.values_mut().for_each(|text| *text = shifted_text(text, seconds));
    for series in &mut shifted.signals {
        series.values.iter_mut().for_each(|(at, _)| *at += seconds as f64);
    }
    for deploy in &mut shifted.deploys {
        (deploy.started_at, deploy.finished_at) = (shift(deploy.started_at), shift(deploy.finished_at));
    }
    shifted.tickets.iter_mut().for_each(|ticket| ticket.created_at = shift(ticket.created_at));
    for past in &mut shifted.history {
        (past.opened_at, past.resolved_at) = (shift(past.opened_at), shift(past.resolved_at));
        past.fixes.iter_mut().for_each(|fix| fix.at = shift(Some(fix.at)).unwrap());
    }
    for event in &mut shifted.log_events {
        event.at = shift(event.at);
        (event.message, event.exception) = (shifted_text(&event.message, seconds), shifted_text(&event.exception, seconds));
    }
    shifted.alert.iter_mut().for_each(|alert| shift_value(alert, seconds));
    shifted
}

/// A schedule of hours and days doesn't move with the times.
fn has_schedule(recording: &Recording) -> bool {
    recording.objects.iter().any(|object| object["kind"] == "CronJob")
}

#[test]
fn another_time_changes_nothing_else() {
    each("time shift", all().filter(|case| !has_schedule(&case.recording)), |case, random| {
        let before = json(&case.report());
        let moved = SHIFTS.iter().filter_map(|pair| {
            let seconds = pair[random.below(2)];
            let after = json(&report(&shifted(&case.recording, seconds)));
            let wrong = first_difference(&before, &shifted_text(&after, -seconds))?;
            Some(format!("{seconds:+} s: {wrong}"))
        });
        moved.collect()
    });
}

#[test]
fn times_of_every_form_are_shifted() {
    for (text, later) in [
        ("2026-01-31T23:00:05.5Z x", "2026-02-01T00:00:05.5Z x"),
        ("at 2026/01/31 23:00:05", "at 2026/02/01 00:00:05"),
        ("2026-01-31 23:00:05,123+02", "2026-02-01 00:00:05,123+02"),
        ("{\"ts\":1767330354.25,\"ms\":1767330354123}", "{\"ts\":1767333954.25,\"ms\":1767333954123}"),
        ("2026-01-31T23:00:05Z", "2026-02-01T00:00:05Z"),
        ("is after 2026-01-31T23", "is after 2026-02-01T00"),
        ("port 8080 pid 12345", "port 8080 pid 12345"),
        ("0001-01-01T00:00:00Z 1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z 1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(shifted_text(text, HOUR), later);
        assert_eq!(shifted_text(later, -HOUR), text);
    }
    assert_eq!(shifted_text("2026-01-31T23:00:05Z", 58), "2026-01-31T23:01:03Z");
}
