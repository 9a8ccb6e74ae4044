//! Every recorded incident replays as its `expected.json` says, twice the same, and through the program as through the
//! library.

use crate::cases::{Case, fixtures, json, report, root, whole};
use sre_copilot::cluster::Snapshot;
use sre_copilot::pipeline::expectation::compare;
use sre_copilot::render::{self, Layout, Reports};
use std::process::Output;

/// Columns of the text in which `mentions` are looked for.
const SCREEN: Layout = Layout { width: 100, color: false, verbose: false };

/// What differs from what a case expects, one line each.
fn differences(case: &Case) -> Vec<String> {
    let Some(expected) = &case.expected else { return vec![format!("{}: has no expected.json", case.name)] };
    let snapshot = Snapshot::new(case.recording.clone());
    let report = report(&case.recording);
    let comparison = compare(expected, &report, &snapshot, &render::text(Reports::One(&report), SCREEN));
    let line = |it: &sre_copilot::pipeline::expectation::Difference| {
        format!("{}: {}: expected {}, got {}", case.name, it.key, it.expected, it.got)
    };
    comparison.differences.iter().map(line).collect()
}

#[test]
fn every_incident_replays_as_expected() {
    assert!(!fixtures().is_empty(), "no fixtures were found");
    let different: Vec<String> = fixtures().iter().flat_map(differences).collect();
    assert!(different.is_empty(), "{} assertions don't hold:\n{}", different.len(), different.join("\n"));
}

#[test]
fn nothing_in_a_fixture_is_left_unread() {
    let warned = fixtures().iter().filter(|case| !case.recording.warnings.is_empty());
    let warned: Vec<String> = warned.map(|case| format!("{}: {}", case.name, case.recording.warnings.join("; "))).collect();
    assert!(warned.is_empty(), "{}", warned.join("\n"));
}

#[test]
fn fixtures_say_when_they_were_captured_and_what_they_are_about() {
    for case in fixtures() {
        assert!(case.recording.captured_at.is_some(), "{}: no capturedAt", case.name);
        assert!(case.recording.target.is_some(), "{}: no target", case.name);
        assert!(case.name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-'), "{}", case.name);
    }
}

#[test]
fn a_bundle_that_is_read_twice_gives_the_same_bytes() {
    for case in fixtures() {
        let again = Case::read(case.path.clone());
        assert!(again.recording == case.recording, "{}: read differently", case.name);
        assert!(json(&case.report()) == json(&again.report()), "{}: reported differently", case.name);
    }
}

#[test]
fn replay_of_all_is_as_expected() {
    let output = program(&["replay", "--all", "fixtures/incidents", "--diff"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let different = text.lines().skip_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{different}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(&format!("{0} cases: {0} as expected", fixtures().len())), "{different}");
}

/// Both commands are asked about every eighth incident, since each is a process.
#[test]
fn analyze_of_a_bundle_says_what_replay_says() {
    for case in fixtures().iter().step_by(8) {
        let path = case.path.to_str().unwrap();
        let replayed = program(&["replay", path, "-o", "json"]);
        let analyzed = program(&["analyze", "--from", path, "-o", "json"]);
        assert!(replayed.status.success() && analyzed.status.success(), "{}", case.name);
        assert!(replayed.stdout == analyzed.stdout, "{}: the commands differ", case.name);
        assert!(replayed.stdout == json(&whole(&case.recording)).into_bytes(), "{}: the library differs", case.name);
    }
}

fn program(args: &[&str]) -> Output {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("sre-copilot"));
    command.current_dir(root()).args(args).output().unwrap()
}
