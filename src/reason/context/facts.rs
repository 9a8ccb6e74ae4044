//! The facts: those found with what proves them, those unknown with the reason, those absent by their ids alone. Found facts are
//! never left out; they are told more and more briefly.

use super::quote::{Quotes, one_line, place};
use super::section::Section;
use crate::domain::{Evidence, EvidenceSource, FactReport, State};
use crate::reason::Case;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How the found facts are told, from most to least: how many pieces of evidence for each, and how long each may be.
const LEVELS: [(usize, usize); 4] = [(2, 220), (1, 140), (1, 60), (0, 0)];

/// The number, the state and what it is a fact of: `F7 found oom_killed O2 0.98`.
fn head(case: &Case<'_>, index: usize, fact: &FactReport) -> String {
    let object = case.numbers.of_object(&fact.subject.object).unwrap_or_else(|| "O?".to_owned());
    let state = match fact.state {
        State::Found => "found",
        State::Absent => "absent",
        State::Unknown => "unknown",
    };
    let mut row = format!("F{} {state} {} {object}", index + 1, fact.id);
    if let Some(confidence) = fact.confidence.filter(|_| fact.state == State::Found) {
        let _ = write!(row, " {confidence:.2}");
    }
    row
}

fn of_state<'c>(case: &Case<'c>, state: State) -> impl Iterator<Item = (usize, &'c FactReport)> + use<'c> {
    case.report.facts.iter().enumerate().filter(move |(_, fact)| fact.state == state)
}

/// The found facts, told at several lengths, the longest first. The last form holds their numbers, ids and objects alone, in runs.
pub fn found(case: &Case<'_>, quotes: &mut Quotes) -> Vec<Vec<String>> {
    let evidence: BTreeMap<&str, &Evidence> =
        case.report.evidence.iter().map(|numbered| (numbered.id.as_str(), &numbered.evidence)).collect();
    let mut levels: Vec<Vec<String>> = Vec::with_capacity(LEVELS.len() + 1);
    for (pieces, length) in LEVELS {
        let mut rows = Vec::new();
        for (index, fact) in of_state(case, State::Found) {
            let mut row = head(case, index, fact);
            if let Some(reason) = fact.reason.as_deref().filter(|_| length > 0) {
                let _ = write!(row, " {}", quotes.repeat(reason, length));
            }
            let mut told: Vec<&str> = Vec::new();
            for id in &fact.evidence {
                if told.len() == pieces || told.contains(&id.as_str()) {
                    continue;
                }
                told.push(id);
                let Some(seen) = evidence.get(id.as_str()) else { continue };
                if let Some(object) = case.numbers.of_object(&seen.object).filter(|_| seen.object != fact.subject.object) {
                    let _ = write!(row, " {object}");
                }
                let _ = write!(row, " {}", quotes.quote(&observation(seen), length, || place(seen)));
            }
            rows.push(row);
        }
        levels.push(rows);
    }
    levels.push(in_runs(case));
    levels
}

/// What was seen, in one line: `app: lastState.terminated.reason=OOMKilled exitCode=137`.
fn observation(evidence: &Evidence) -> String {
    let mut text = String::new();
    if let Some(container) = &evidence.container {
        let _ = write!(text, "{container}: ");
    }
    let value = match &evidence.value {
        Value::String(text) => one_line(text).into_owned(),
        value => value.to_string(),
    };
    let path = evidence.path.as_str();
    let _ = match evidence.source {
        EvidenceSource::Log => {
            let line = evidence.line.map(|line| format!(" line {line}")).unwrap_or_default();
            write!(text, "{path} log{line}: {value}")
        }
        EvidenceSource::Event => write!(text, "event {path}: {value}"),
        _ => match &evidence.value {
            Value::Object(fields) => write!(text, "{}{}", of_container(path), members(fields)),
            _ => write!(text, "{}={value}", of_container(path)),
        },
    };
    if let Some(count) = evidence.count.filter(|count| *count > 1) {
        let _ = write!(text, " (×{count})");
    }
    text
}

/// The path in the container's own status, where it is in one.
fn of_container(path: &str) -> &str {
    let of_status = path.starts_with("status.") && path.contains("ontainerStatuses[");
    path.split_once("].").map_or(path, |(_, rest)| if of_status { rest } else { path })
}

/// The members of an object that are plain values, `reason` first; times say nothing here that the timeline doesn't.
fn members(fields: &serde_json::Map<String, Value>) -> String {
    let mut told: Vec<(bool, &String, String)> = fields
        .iter()
        .filter(|(key, _)| !key.ends_with("At") && !key.ends_with("ID"))
        .map(|(key, value)| (key != "reason", key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    told.sort();
    told.into_iter().enumerate().fold(String::new(), |mut text, (index, (_, key, value))| {
        let _ = write!(text, "{}{key}={value}", if index == 0 { '.' } else { ' ' });
        text
    })
}

/// Facts of one id and confidence that stand side by side share a row: `F3-F9 found crash_loop O2-O8 1.00`. The n-th number means
/// the n-th object.
fn in_runs(case: &Case<'_>) -> Vec<String> {
    let mut rows: Vec<(String, String, Runs, Runs)> = Vec::new();
    for (index, fact) in of_state(case, State::Found) {
        let confidence = format!("{:.2}", fact.confidence.unwrap_or_default());
        let object = case.numbers.of_object(&fact.subject.object).and_then(|number| number.get(1..)?.parse().ok()).unwrap_or(0);
        match rows.last_mut().filter(|(id, sure, ..)| *id == fact.id && *sure == confidence) {
            Some((_, _, facts, objects)) => {
                facts.add(index + 1);
                objects.add(object);
            }
            None => rows.push((fact.id.clone(), confidence, Runs(vec![(index + 1, index + 1)]), Runs(vec![(object, object)]))),
        }
    }
    let row = |(id, confidence, facts, objects): (String, String, Runs, Runs)| {
        format!("{} found {id} {} {confidence}", facts.shown('F'), objects.shown('O'))
    };
    rows.into_iter().map(row).collect()
}

/// Numbers in their order, those that follow on each other together.
struct Runs(Vec<(usize, usize)>);

impl Runs {
    fn add(&mut self, number: usize) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    fn shown(&self, letter: char) -> String {
        let run = |(first, last): &(usize, usize)| {
            if first == last { format!("{letter}{first}") } else { format!("{letter}{first}-{letter}{last}") }
        };
        self.0.iter().map(run).collect::<Vec<_>>().join(",")
    }
}

/// What could not be seen: unknown facts, then what the report says beside them, then the sources that failed.
pub fn unknown(case: &Case<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    for (index, fact) in of_state(case, State::Unknown) {
        let why = fact.reason.as_deref().unwrap_or("");
        lines.push(format!(
            "{} {}",
            head(case, index, fact),
            quotes.quote(&one_line(why), 160, || format!("reason of {}", fact.id))
        ));
    }
    for gap in &case.report.unknown {
        let [what, why, would] = [&gap.what, &gap.why, &gap.would].map(|text| quotes.repeat(&one_line(text), 140));
        lines.push(format!("not seen: {what} since {why}; it would tell {would}"));
    }
    for (source, state) in &case.report.sources {
        if state.why().is_some() {
            lines.push(format!("source {} {}", quotes.repeat(source, 60), quotes.repeat(&state.to_string(), 120)));
        }
    }
    Section { name: "unknown facts", title: "Unknown (could not be seen; proves and refutes nothing)", budget: 1_200, lines }
}

/// What was looked for and is not there, a line for each id: `oom_killed F3 O2, F4 O5`.
pub fn absent(case: &Case<'_>) -> Section {
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    for (index, fact) in of_state(case, State::Absent) {
        let object = case.numbers.of_object(&fact.subject.object).unwrap_or_else(|| "O?".to_owned());
        let entry = format!("F{} {object}", index + 1);
        match rows.last_mut().filter(|(id, _)| *id == fact.id) {
            Some((_, entries)) => entries.push(entry),
            None => rows.push((&fact.id, vec![entry])),
        }
    }
    let lines = rows.into_iter().map(|(id, entries)| format!("{id} {}", entries.join(", "))).collect();
    Section { name: "absent facts", title: "Absent (looked for in a live source, not there)", budget: 800, lines }
}
