//! Logs: the lines that decide with two around each, the ends of logs in which nothing decides, then the kinds of lines with their
//! counts. Of a long log only its end is counted.

use super::quote::{Quotes, last_lines};
use super::scope::Scope;
use super::section::Section;
use super::templates::templates;
use crate::cluster::pod;
use crate::domain::{EvidenceSource, ObjectRef};
use crate::reason::Case;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Lines around a deciding one.
const AROUND: usize = 2;
/// The longest line, and the longest of those around.
const LINE: usize = 400;
const BESIDE: usize = 200;
/// Of so many logs deciding lines, ends and kinds are shown.
const MOST_CITED: usize = 12;
const MOST_ENDS: usize = 3;
const MOST_COUNTED: usize = 16;
/// So much of a log's end is counted, as much as is read of a live one.
const COUNTED: usize = 64 * 1024;
/// So many lines of an end.
const END: usize = 5;
/// No more than that fits the budget anyway.
const MOST_TEMPLATES: usize = 40;

/// One log: of which pod and container, and whether of the previous instance.
type Log<'a> = (&'a ObjectRef, &'a str, bool);

/// The logs.
pub fn section(case: &Case<'_>, scope: &Scope<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    let cited = cited(case);
    for (log, deciding) in cited.iter().take(MOST_CITED) {
        excerpt(case, *log, deciding, &mut lines, quotes);
    }
    let logs = read(case, scope);
    let silent = logs
        .iter()
        .filter(|((pod, container, _), _)| !cited.iter().any(|((other, name, _), _)| (other, name) == (pod, container)));
    let failing = silent.filter(|((pod, _, _), _)| case.snapshot.get(pod).is_some_and(|pod| !pod::is_ready(pod)));
    for (log, text) in failing.take(MOST_ENDS) {
        end(case, *log, text, &mut lines, quotes);
    }
    counts(&logs, &mut lines, quotes);
    lines.extend(searched(case, quotes));
    Section { name: "logs", title: "Logs", budget: 3_500, lines }
}

/// The logs that the report cites, in its order, each with the numbers of its deciding lines and what was quoted of them.
fn cited<'c>(case: &Case<'c>) -> Vec<(Log<'c>, BTreeMap<usize, &'c str>)> {
    let mut logs: Vec<(Log<'c>, BTreeMap<usize, &'c str>)> = Vec::new();
    for numbered in &case.report.evidence {
        let evidence = &numbered.evidence;
        let (EvidenceSource::Log, Some(line), Value::String(text)) = (evidence.source, evidence.line, &evidence.value) else {
            continue;
        };
        let log = (&evidence.object, evidence.container.as_deref().unwrap_or(""), evidence.path == "previous");
        let index = logs.iter().position(|(known, _)| *known == log).unwrap_or_else(|| {
            logs.push((log, BTreeMap::new()));
            logs.len() - 1
        });
        if let Some((_, deciding)) = logs.get_mut(index) {
            deciding.insert(line, text.as_str());
        }
    }
    logs
}

fn title(case: &Case<'_>, (pod, container, previous): Log<'_>, quotes: &Quotes) -> String {
    let object = case.numbers.of_object(pod).unwrap_or_else(|| quotes.repeat(&pod.to_string(), 120));
    let instance = if previous { " (previous instance)" } else { "" };
    format!("log {object} {}{instance}", quotes.repeat(container, 80))
}

fn place((pod, container, _): Log<'_>, line: usize) -> String {
    format!("log {}/{}/{container} line {line}", pod.ns(), pod.name)
}

/// The deciding lines, marked `>`, and those around them.
fn excerpt(case: &Case<'_>, log: Log<'_>, deciding: &BTreeMap<usize, &str>, lines: &mut Vec<String>, quotes: &mut Quotes) {
    lines.push(title(case, log, quotes));
    let wanted: BTreeSet<usize> =
        deciding.keys().flat_map(|line| line.saturating_sub(AROUND).max(1)..=line.saturating_add(AROUND)).collect();
    let (pod, container, previous) = log;
    let text = case.snapshot.log(pod, container, previous).unwrap_or("");
    let mut around: BTreeMap<usize, &str> = BTreeMap::new();
    if let Some(last) = wanted.last() {
        let told = text.split('\n').take(*last).enumerate().map(|(index, line)| (index + 1, line));
        around.extend(told.filter(|(number, line)| wanted.contains(number) && !line.trim().is_empty()));
    }
    for number in wanted {
        if let Some(text) = deciding.get(&number) {
            // The quote holds the words that decide, which a long line may have far in.
            lines.push(format!("> {number} {}", quotes.quote(text, LINE, || place(log, number))));
        } else if let Some(line) = around.get(&number) {
            lines.push(format!("  {number} {}", quotes.quote(line.trim_end(), BESIDE, || place(log, number))));
        }
    }
}

/// The logs of the pods in question, the failing pods' first.
fn read<'a>(case: &Case<'a>, scope: &Scope<'a>) -> Vec<(Log<'a>, &'a str)> {
    let mut logs = Vec::new();
    for pod in &scope.pods {
        for container in pod::containers(pod) {
            for previous in [true, false] {
                if let Some(text) = case.snapshot.log(&pod.id, container.name, previous).filter(|text| !text.trim().is_empty()) {
                    logs.push(((&pod.id, container.name, previous), text));
                }
            }
        }
    }
    logs.sort_by_key(|((pod, _, _), _)| case.snapshot.get(pod).is_some_and(pod::is_ready));
    logs.truncate(MOST_COUNTED);
    logs
}

/// The last words of a container of whose log no line decides.
fn end(case: &Case<'_>, log: Log<'_>, text: &str, lines: &mut Vec<String>, quotes: &mut Quotes) {
    let tail: Vec<&str> = last_lines(text, COUNTED).lines().filter(|line| !line.trim().is_empty()).collect();
    lines.push(format!("{} ends", title(case, log, quotes)));
    for line in tail.iter().skip(tail.len().saturating_sub(END)) {
        lines.push(format!("  {}", quotes.quote(line.trim_end(), BESIDE, || place(log, number_of(text, line)))));
    }
}

/// The kinds of lines, those of containers of one name together.
fn counts(logs: &[(Log<'_>, &str)], lines: &mut Vec<String>, quotes: &mut Quotes) {
    let names: BTreeSet<&str> = logs.iter().map(|((_, container, _), _)| *container).collect();
    for name in names {
        let own: Vec<&(Log<'_>, &str)> = logs.iter().filter(|((_, container, _), _)| *container == name).collect();
        let tails: Vec<&str> = own.iter().map(|(_, text)| last_lines(text, COUNTED)).collect();
        let cut = own.iter().zip(&tails).any(|((_, text), tail)| tail.len() < text.len());
        let of = if cut { ", of each the last 64 KiB" } else { "" };
        lines.push(format!("kinds of lines of {} in {} logs{of}", quotes.repeat(name, 80), own.len()));
        for template in templates(&tails).into_iter().take(MOST_TEMPLATES) {
            let (log, first) = template.first;
            let place = || own.get(log).map(|(log, text)| place(*log, number_of(text, first))).unwrap_or_default();
            lines.push(format!("×{} {}", template.count, quotes.quote(template.text.trim_end(), BESIDE, place)));
        }
    }
}

/// The number of a line that is a part of a text, from 1.
fn number_of(text: &str, line: &str) -> usize {
    let at = (line.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    text.as_bytes().get(..at).map_or(0, |before| memchr::memchr_iter(b'\n', before).count()) + 1
}

/// What a search in structured logs found.
fn searched(case: &Case<'_>, quotes: &mut Quotes) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &case.report.log_searches {
        let mut row = format!("structured log ×{}", found.count);
        for text in [&found.level, &found.template, &found.example, &found.exception].into_iter().filter(|text| !text.is_empty())
        {
            let _ = write!(row, " {}", quotes.quote(text, BESIDE, || "structured log".to_owned()));
        }
        lines.push(row);
    }
    lines
}
