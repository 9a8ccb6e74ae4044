//! Evidence deletion: without what it rests on a confirmed cause is weaker, and never another cause in its place.

use super::each;
use crate::cases::{all, report};
use serde_json::Value;
use sre_copilot::cluster::{Object, Recording};
use sre_copilot::domain::{Evidence, EvidenceSource, ObjectRef, Report, State, Verdict};
use std::collections::BTreeSet;

/// How often everything that a cause cites is taken away before it must have nothing left: further pods of the workload, and
/// further lines and events that say the same, prove it again.
const ROUNDS: usize = 60;

/// Takes one observation away; says whether it was there.
pub fn remove(recording: &mut Recording, evidence: &Evidence) -> bool {
    match evidence.source {
        EvidenceSource::Event => remove_event(recording, evidence),
        EvidenceSource::Log => remove_line(recording, evidence),
        EvidenceSource::Kubernetes => {
            let is_object = |raw: &&mut Value| Object::new((**raw).clone()).is_some_and(|object| object.id == evidence.object);
            let mut removed = false;
            for raw in recording.objects.iter_mut().filter(is_object) {
                removed |= remove_path(raw, &segments(&evidence.path));
            }
            removed
        }
        EvidenceSource::Signal => {
            let before = recording.signals.len();
            let name = evidence.path.split(['{', '[']).next().unwrap_or("");
            recording.signals.retain(|series| series.signal != name);
            recording.signals.len() < before
        }
        EvidenceSource::Alert => recording.alert.take().is_some(),
        EvidenceSource::Dependency => !std::mem::take(&mut recording.dependencies).is_empty(),
        EvidenceSource::Deploy => !std::mem::take(&mut recording.deploys).is_empty(),
    }
}

fn remove_event(recording: &mut Recording, evidence: &Evidence) -> bool {
    let before = recording.objects.len();
    recording.objects.retain(|raw| {
        let about = ["involvedObject", "regarding"].map(|key| &raw[key]["name"]);
        let text = [&raw["message"], &raw["note"]];
        let is_it = raw["kind"] == "Event"
            && raw["reason"] == Value::String(evidence.path.clone())
            && about.iter().any(|name| name.as_str() == Some(&evidence.object.name))
            && text.iter().any(|text| **text == evidence.value);
        !is_it
    });
    recording.objects.len() < before
}

fn remove_line(recording: &mut Recording, evidence: &Evidence) -> bool {
    let Some(number) = evidence.line else { return false };
    let log = recording.logs.iter_mut().find(|(key, _)| {
        key.namespace == evidence.object.ns()
            && key.pod == evidence.object.name
            && Some(&key.container) == evidence.container.as_ref()
            && key.previous == (evidence.path == "previous")
    });
    let Some((_, text)) = log else { return false };
    let kept: Vec<&str> = text.lines().enumerate().filter(|(index, _)| index + 1 != number).map(|(_, line)| line).collect();
    let removed = kept.len() < text.lines().count();
    *text = kept.join("\n");
    removed
}

/// The parts of `status.containerStatuses[app].state` and of `metadata.labels[app.kubernetes.io/name]`.
fn segments(path: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut inside = false;
    for char in path.chars() {
        match char {
            '[' | ']' | '.' if !inside || char == ']' => {
                inside = char == '[';
                if segments.last().is_some_and(|last| !last.is_empty()) {
                    segments.push(String::new());
                }
            }
            char => segments.last_mut().unwrap().push(char),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn remove_path(value: &mut Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match value {
        Value::Object(map) => {
            // A key that holds dots, or dots that part keys.
            if let Some(end) = (1..=path.len()).rev().find(|end| map.contains_key(&path[..*end].join("."))) {
                let key = path[..end].join(".");
                return match path.get(end..) {
                    Some([]) | None => map.remove(&key).is_some(),
                    Some(rest) => map.get_mut(&key).is_some_and(|value| remove_path(value, rest)),
                };
            }
            false
        }
        Value::Array(items) => {
            let named = |item: &Value| {
                let own = ["name", "type", "key", "topologyKey", "uid", "resource", "host", "path", "secretName"];
                own.iter().any(|key| item[key].as_str() == Some(first)) || item["parentRef"]["name"].as_str() == Some(first)
            };
            let Some(index) = items.iter().position(named).or_else(|| first.parse().ok().filter(|index| *index < items.len()))
            else {
                return false;
            };
            if rest.is_empty() {
                items.remove(index);
                return true;
            }
            remove_path(&mut items[index], rest)
        }
        _ => false,
    }
}

/// What the first cause cites.
fn cited(report: &Report) -> Vec<Evidence> {
    let ids = report.causes.first().map(|cause| cause.evidence.as_slice()).unwrap_or_default();
    report.evidence.iter().filter(|item| ids.contains(&item.id)).map(|item| item.evidence.clone()).collect()
}

/// The causes that a report found, of whatever rank: consequences and further causes too.
pub fn found(report: &Report) -> BTreeSet<String> {
    report.facts.iter().filter(|fact| fact.state == State::Found).map(|fact| fact.id.clone()).collect()
}

/// Causes that say less than another, not something else: they are left when what made the other more exact can't be seen.
const GENERAL: &[(&str, &[&str])] = &[
    (
        "application_error",
        &[
            "configuration_invalid",
            "database_credentials_invalid",
            "database_port_wrong",
            "dependency_unreachable",
            "disk_full",
            "environment_variable_missing",
            "port_conflict",
            "rate_limited",
        ],
    ),
    // Whether the Service is to change or who calls it is a matter of how many call it so.
    ("environment_address_mismatch", &["service_target_port_mismatch"]),
];

/// Causes that something's absence shows, which can't be taken away: an Ingress without a class where none is the default.
const OF_ABSENCE: &[&str] = &["ingress_class_missing"];

/// Whether a cause says less of the same.
pub fn is_general(id: &str, of: &str) -> bool {
    GENERAL.iter().any(|(general, exact)| *general == id && exact.contains(&of))
}

fn confirmed(report: &Report) -> Option<(&str, &ObjectRef)> {
    let first = report.causes.first().filter(|_| report.verdict == Verdict::Confirmed)?;
    Some((&first.id, &first.object))
}

#[test]
fn no_single_observation_taken_away_confirms_another_cause() {
    each("deletion of one", all(), |case, _| {
        let before = case.report();
        let Some((cause, _)) = confirmed(&before) else { return Vec::new() };
        let known = found(&before);
        let mut wrong = Vec::new();
        for evidence in cited(&before) {
            let mut recording = case.recording.clone();
            if !remove(&mut recording, &evidence) {
                continue;
            }
            let after = report(&recording);
            if let Some((id, object)) = confirmed(&after).filter(|(id, _)| !known.contains(*id) && !is_general(id, cause)) {
                wrong.push(format!("{cause} without {} {} became {id} of {object}", evidence.object, evidence.path));
            }
        }
        wrong
    });
}

#[test]
fn a_cause_without_any_of_its_evidence_is_not_confirmed() {
    each("deletion of all", all(), |case, _| {
        let before = case.report();
        let Some((cause, _)) = confirmed(&before).filter(|(cause, _)| !OF_ABSENCE.contains(cause)) else { return Vec::new() };
        let known = found(&before);
        let mut recording = case.recording.clone();
        let mut current = before.clone();
        for _ in 0..ROUNDS {
            let removed = cited(&current).iter().filter(|evidence| remove(&mut recording, evidence)).count();
            if removed == 0 {
                let cites: Vec<String> = cited(&current).iter().map(|it| format!("{} {}", it.object, it.path)).collect();
                return vec![format!("{cause} stays confirmed and cites nothing that is there: {cites:?}")];
            }
            current = report(&recording);
            match confirmed(&current) {
                Some((id, _)) if id == cause => {}
                Some((id, object)) if !known.contains(id) && !is_general(id, cause) => {
                    return vec![format!("{cause} became {id} of {object}")];
                }
                _ => return Vec::new(),
            }
        }
        vec![format!("{cause} is still confirmed after {ROUNDS} rounds")]
    });
}

#[test]
fn paths_lead_where_evidence_points() {
    let object = serde_json::json!({"metadata": {"labels": {"app.kubernetes.io/name": "x", "tier": "y"}},
        "status": {"containerStatuses": [{"name": "a.b", "state": {"waiting": {}}}, {"name": "c"}]}});
    for (path, left) in [
        ("metadata.labels[app.kubernetes.io/name]", "/metadata/labels/app.kubernetes.io~1name"),
        ("metadata.labels.app.kubernetes.io/name", "/metadata/labels/app.kubernetes.io~1name"),
        ("status.containerStatuses[a.b].state.waiting", "/status/containerStatuses/0/state/waiting"),
        ("status.containerStatuses[c]", "/status/containerStatuses/1"),
    ] {
        let mut changed = object.clone();
        assert!(object.pointer(left).is_some() && remove_path(&mut changed, &segments(path)), "{path}");
        assert!(changed.pointer(left).is_none(), "{path}: {changed}");
        assert!(!remove_path(&mut changed, &segments(path)), "{path} twice");
    }
}
