//! How right the diagnosis is over a folder of bundles with `expected.json`: cause and object, first and among the first
//! three, false claims, refusals, the Brier score, and the time, by family; with `--rules` also a line for each rule.
//! `cargo bench --bench accuracy -- [FOLDER] [--rules]`.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use sre_copilot::bundle::{self, Expected};
use sre_copilot::cluster::Snapshot;
use sre_copilot::diagnose::{self, Options};
use sre_copilot::domain::{CauseReport, Report, Verdict};
use sre_copilot::pipeline::{Scope, redact_recording, resolve};
use sre_copilot::redact::Redactor;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is counted of one family.
#[derive(Default)]
struct Row {
    cases: usize,
    causes: usize,
    first: usize,
    third: usize,
    false_claims: usize,
    refusals: usize,
    brier: f64,
    judged: usize,
    times: Vec<f64>,
}

/// What is counted of one rule.
#[derive(Default)]
struct Rule {
    /// Cases that expect it, and those in which it stands first with its object.
    cases: usize,
    right: usize,
    /// The confidence with which it does, added up.
    confidence: f64,
    /// Cases that exclude it, and those that rank it all the same.
    near_misses: usize,
    fooled: usize,
    /// Cases of another cause in which it stands first.
    usurped: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents"), PathBuf::from);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in bundle::list(&folder)? {
        let Some(expected) = bundle::expected(&case)? else { continue };
        let started = Instant::now();
        let mut recording = bundle::read(&case)?;
        redact_recording(&Redactor::fixed(), &mut recording);
        let snapshot = Snapshot::new(recording);
        let targets = resolve(&snapshot, &[], &Scope::default())?;
        let Some(target) = targets.first() else { continue };
        let report = diagnose::diagnose(&snapshot, target, Options::default());
        let took = started.elapsed().as_secs_f64() * 1000.0;
        count_rules(&mut rules, &expected, &report);
        let family = expected.cause.as_deref().map_or("no fault or unknown", family);
        for row in [family, "all"] {
            count(rows.entry(row.to_owned()).or_default(), &expected, &report, took);
        }
        if expected.cause.is_some()
            && !report.causes.first().is_some_and(|cause| is_right(&expected, cause))
            && is_fault(&expected)
        {
            failures.push(case.display().to_string());
        }
    }
    println!(
        "{:<26} {:>5} {:>6} {:>7} {:>7} {:>6} {:>8} {:>6} {:>7} {:>7}",
        "", "cases", "causes", "top 1", "top 3", "false", "refused", "Brier", "p50 ms", "p95 ms"
    );
    for (family, row) in &mut rows {
        row.times.sort_by(f64::total_cmp);
        let at = |share: usize| row.times.get(row.times.len() * share / 100).copied().unwrap_or(0.0);
        let rate = |hits: usize| {
            if row.causes == 0 { "-".to_owned() } else { format!("{:.1}%", 100.0 * hits as f64 / row.causes as f64) }
        };
        let brier = if row.judged == 0 { "-".to_owned() } else { format!("{:.3}", row.brier / row.judged as f64) };
        println!(
            "{family:<26} {:>5} {:>6} {:>7} {:>7} {:>6} {:>8} {brier:>6} {:>7.1} {:>7.1}",
            row.cases,
            row.causes,
            rate(row.first),
            rate(row.third),
            row.false_claims,
            row.refusals,
            at(50),
            at(95)
        );
    }
    failures.iter().for_each(|case| println!("not first: {case}"));
    if std::env::args().any(|argument| argument == "--rules") {
        println!();
        println!("| rule | cases | right | mean confidence | near misses | fooled | first in others' cases |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for (id, rule) in &rules {
            let mean = if rule.right == 0 { "-".to_owned() } else { format!("{:.2}", rule.confidence / rule.right as f64) };
            let Rule { cases, right, near_misses, fooled, usurped, .. } = rule;
            println!("| {id} | {cases} | {right} | {mean} | {near_misses} | {fooled} | {usurped} |");
        }
    }
    Ok(())
}

fn count_rules(rules: &mut BTreeMap<String, Rule>, expected: &Expected, report: &Report) {
    let first = report.causes.first();
    if let Some(id) = expected.cause.as_ref().filter(|_| is_fault(expected)) {
        let rule = rules.entry(id.clone()).or_default();
        rule.cases += 1;
        if let Some(cause) = first.filter(|cause| is_right(expected, cause)) {
            rule.right += 1;
            rule.confidence += cause.confidence;
        }
    }
    for id in &expected.not_causes {
        let rule = rules.entry(id.clone()).or_default();
        rule.near_misses += 1;
        rule.fooled += usize::from(report.causes.iter().any(|cause| cause.id == *id));
    }
    if let Some(cause) = first.filter(|cause| expected.cause.is_some() && expected.cause.as_ref() != Some(&cause.id)) {
        rules.entry(cause.id.clone()).or_default().usurped += 1;
    }
}

/// The section of the catalogue that a cause stands in.
fn family(id: &str) -> &'static str {
    let sections = diagnose::catalogue();
    let found = sections.iter().find(|(_, causes)| causes.iter().any(|cause| cause.id == id));
    found.map_or("no fault or unknown", |(section, _)| section.title())
}

/// Whether a case expects a cause to be named, rather than a verdict without one.
fn is_fault(expected: &Expected) -> bool {
    let verdict_only = ["healthy", "recovered", "unknown"];
    expected.cause.as_deref().is_some_and(|cause| !verdict_only.contains(&cause))
}

fn is_right(expected: &Expected, cause: &CauseReport) -> bool {
    let object = expected.object.as_ref().is_none_or(|object| object.matches(&cause.object));
    expected.cause.as_deref() == Some(cause.id.as_str()) && object
}

fn count(row: &mut Row, expected: &Expected, report: &Report, took: f64) {
    row.cases += 1;
    row.times.push(took);
    let first = report.causes.first();
    let claims = matches!(report.verdict, Verdict::Confirmed | Verdict::Likely);
    if is_fault(expected) {
        row.causes += 1;
        row.first += usize::from(first.is_some_and(|cause| is_right(expected, cause)));
        row.third += usize::from(report.causes.iter().take(3).any(|cause| is_right(expected, cause)));
        row.refusals += usize::from(first.is_none());
        row.false_claims += usize::from(claims && !first.is_some_and(|cause| is_right(expected, cause)));
        if let Some(cause) = first {
            let right = if is_right(expected, cause) { 1.0 } else { 0.0 };
            row.brier += (cause.confidence - right).powi(2);
            row.judged += 1;
        }
    } else {
        row.false_claims += usize::from(claims && expected.cause.is_some());
    }
}
