//! Today's code over the recording of an analysis, and what it says otherwise. Nobody is asked but the recording: no cluster, no
//! model; what it proposes is compared, and leads to nothing.

use super::propose;
use crate::cluster::{Recording, Snapshot};
use crate::diagnose::{self, Options};
use crate::domain::{CauseReport, Report};
use crate::remedy::{Memory, Settings};
use serde::Serialize;
use serde_json::{Value, json};

/// One thing that today's code says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Otherwise {
    /// `verdict`, `summary`, `causes`, `symptoms`, `change`, `unknown` or `action`.
    pub key: &'static str,
    /// What the stored report says.
    pub before: Value,
    /// What today's code says.
    pub now: Value,
}

/// What came of a replay: the job's result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replayed {
    /// The analysis that was replayed.
    pub run_id: String,
    /// Always `recorded`.
    pub mode: &'static str,
    /// Whether today's code says the same.
    pub same: bool,
    /// What it says otherwise.
    pub differences: Vec<Otherwise>,
    /// Its report in one sentence.
    pub summary: String,
}

/// Replays the analysis that made this report. `recording` is masked, as all that is kept is.
pub fn replayed(run_id: &str, stored: &Report, recording: Recording, settings: &Settings) -> Replayed {
    let mut recording = recording;
    recording.exchanges.clear();
    let snapshot = Snapshot::new(recording);
    let mut now = diagnose::diagnose(&snapshot, &stored.target, Options::default());
    propose(&mut now, &snapshot, &Memory::default(), settings);
    let mut differences = Vec::new();
    for ((key, before), (_, now)) in said(stored).into_iter().zip(said(&now)) {
        if before != now {
            differences.push(Otherwise { key, before, now });
        }
    }
    Replayed { run_id: run_id.to_owned(), mode: "recorded", same: differences.is_empty(), differences, summary: now.summary }
}

/// What is compared: what a reader would notice, without the numbers of the evidence.
fn said(report: &Report) -> [(&'static str, Value); 7] {
    let cause = |cause: &CauseReport| {
        let percent = (cause.confidence * 100.0).floor();
        json!({"id": cause.id, "object": cause.object, "container": cause.container, "percent": percent})
    };
    let causes: Vec<Value> = report.causes.iter().map(cause).collect();
    let symptoms: Vec<Value> = report.symptoms.iter().map(|it| json!({"id": it.id, "object": it.object})).collect();
    let change = report.change.as_ref().map(|it| json!({"object": it.object, "from": it.from, "to": it.to}));
    let unknown: Vec<&str> = report.unknown.iter().map(|it| it.what.as_str()).collect();
    // What policy says depends on what happened since, and is no part of the diagnosis.
    let action = report.actions.iter().find(|action| action.intent.action.is_write());
    let action = action.map(|it| json!({"action": it.intent.action, "object": it.intent.object(), "command": it.command}));
    [
        ("verdict", json!(report.verdict)),
        ("summary", json!(report.summary)),
        ("causes", json!(causes)),
        ("symptoms", json!(symptoms)),
        ("change", json!(change)),
        ("unknown", json!(unknown)),
        ("action", json!(action)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle;
    use crate::domain::Verdict;
    use std::path::Path;

    fn recorded() -> (Report, Recording) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents/oom-after-limit-cut");
        let recording = bundle::read(&folder).unwrap();
        let snapshot = Snapshot::new(recording.clone());
        let target = recording.target.clone().unwrap();
        let mut report = diagnose::diagnose(&snapshot, &target, Options::default());
        propose(&mut report, &snapshot, &Memory::default(), &Settings::default());
        (report, recording)
    }

    #[test]
    fn the_same_code_says_the_same() {
        let (report, recording) = recorded();
        let replayed = replayed("r-1", &report, recording, &Settings::default());
        assert!(replayed.same && replayed.differences.is_empty(), "{replayed:?}");
        assert_eq!((replayed.run_id.as_str(), replayed.summary.as_str()), ("r-1", report.summary.as_str()));
    }

    #[test]
    fn what_is_said_otherwise_is_named_with_both() {
        let (mut report, recording) = recorded();
        report.verdict = Verdict::Likely;
        report.causes[0].confidence = 0.61;
        report.causes[0].evidence.clear();
        let replayed = replayed("r-1", &report, recording, &Settings::default());
        let keys: Vec<_> = replayed.differences.iter().map(|it| it.key).collect();
        assert_eq!((replayed.same, keys), (false, vec!["verdict", "causes"]));
        assert_eq!((&replayed.differences[0].before, &replayed.differences[0].now), (&json!("likely"), &json!("confirmed")));
    }
}
