//! What the stages after the diagnosis make of every fixture: without a model, and with one that says anything.

use crate::cases::{self, Case as Fixture};
use sre_copilot::cluster::Snapshot;
use sre_copilot::domain::{Narrative, Report};
use sre_copilot::reason::{Case, Numbers, analyze, confidence, criticize, fix, hypothesize, synthesize};

/// A fixture as the stages see it.
struct Seen {
    report: Report,
    snapshot: Snapshot,
    numbers: Numbers,
}

impl Seen {
    fn of(fixture: &Fixture) -> Self {
        let report = fixture.report();
        let numbers = Numbers::of(&report);
        Self { snapshot: Snapshot::new(fixture.recording.clone()), report, numbers }
    }

    fn case(&self) -> Case<'_> {
        Case { report: &self.report, snapshot: &self.snapshot, numbers: &self.numbers }
    }
}

/// Prints what the rules write, for people who work on the templates: `cargo test --test it stages::print -- --ignored --nocapture`.
#[test]
#[ignore = "prints"]
fn print() {
    let step: usize = std::env::var("STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(1);
    for fixture in cases::fixtures().iter().skip(step / 2).step_by(step) {
        let seen = Seen::of(fixture);
        let Narrative { headline, happened, because, next, raises_confidence, .. } = synthesize::by_rules(seen.case());
        println!("\n=== {} [{}]\n{headline}\n{happened}", fixture.name, seen.report.verdict.as_str());
        because.iter().for_each(|it| println!("  - {} {:?}", it.text, it.facts));
        next.iter().for_each(|it| println!("  > {} {}", it.text, it.intent.clone().unwrap_or_default()));
        raises_confidence.iter().for_each(|it| println!("  ? {it}"));
        let analysis = analyze::by_rules(seen.case());
        println!("  A {}", analysis.summary);
        analysis.missing.iter().for_each(|it| println!("  A? {it}"));
    }
}
