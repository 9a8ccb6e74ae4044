//! Whether a report is the one that a case expects (`expected.json` of a bundle), key by key. It judges reports and never
//! makes one.

use crate::bundle::{Expected, ExpectedObject, Gate};
use crate::cluster::Snapshot;
use crate::domain::{ObjectRef, Report, State, Verdict};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// One assertion that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key of `expected.json`; for a fact `facts.ID`.
    pub key: String,
    /// What it asserts.
    pub expected: String,
    /// What the report says.
    pub got: String,
}

/// How a report compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The assertions that don't hold, in the order of the keys in the specification.
    pub differences: Vec<Difference>,
}

/// Compares. `text` is the report as text, for `mentions`; how it is wrapped doesn't matter.
pub fn compare(expected: &Expected, report: &Report, snapshot: &Snapshot, text: &str) -> Comparison {
    let mut comparison = Comparison::default();
    let mut differs = |key: &str, expected: String, got: String| {
        comparison.differences.push(Difference { key: key.to_owned(), expected, got });
    };
    if let Some(verdict) = expected.verdict.filter(|verdict| *verdict != report.verdict) {
        differs("verdict", verdict.as_str().to_owned(), report.verdict.as_str().to_owned());
    }
    let first = report.causes.first();
    if let Some(cause) = &expected.cause {
        let ranked = first.map(|cause| cause.id.as_str());
        if ranked != Some(cause) && stands_for(report.verdict) != Some(cause) {
            differs("cause", cause.clone(), ranked.or(stands_for(report.verdict)).unwrap_or("none").to_owned());
        }
    }
    if let Some(object) = &expected.object {
        let blamed = first.map(|cause| &cause.object);
        if !blamed.is_some_and(|blamed| object.matches(blamed)) {
            differs("object", shown(object), blamed.map_or("none".to_owned(), ToString::to_string));
        }
    }
    let subjects = subjects(report, snapshot);
    for (id, state) in &expected.facts {
        let stated = states(report, id, &subjects);
        if !holds(*state, &stated) {
            let got = stated.iter().map(|state| word(*state)).collect::<Vec<_>>().join(", ");
            let got = if got.is_empty() { "not stated".to_owned() } else { got };
            differs(&format!("facts.{id}"), word(*state).to_owned(), got);
        }
    }
    let squeezed = squeeze(text);
    for mention in expected.mentions.iter().filter(|mention| !squeezed.contains(&squeeze(mention))) {
        differs("mentions", mention.clone(), "not in the text".to_owned());
    }
    for id in &expected.not_causes {
        if let Some(rank) = report.causes.iter().position(|cause| cause.id == *id) {
            differs("notCauses", format!("no {id}"), format!("ranked {}", rank + 1));
        }
    }
    let proposed = report.actions.iter().find(|action| action.intent.action.is_write());
    if let Some(wanted) = &expected.intent {
        let got = proposed.and_then(|action| serde_json::to_value(&action.intent).ok()).unwrap_or_default();
        if !has_fields(&got, wanted) {
            differs("intent", wanted.to_string(), got.to_string());
        }
    }
    if let Some(wanted) = expected.gate {
        let got = proposed.map(|action| action.decision.value.as_str());
        let wanted = match wanted {
            Gate::Block => Some("block"),
            Gate::Approve => Some("approve"),
            Gate::Auto => Some("auto"),
            Gate::None => None,
        };
        if got != wanted {
            let rule = proposed.map(|action| format!(" by {}", action.decision.rule)).unwrap_or_default();
            differs("gate", wanted.unwrap_or("none").to_owned(), format!("{}{rule}", got.unwrap_or("none")));
        }
    }
    comparison
}

/// Whether an intent has the fields that are given, those of `params` too; null asks for none at all.
fn has_fields(got: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(wanted) => wanted.iter().all(|(key, wanted)| has_fields(got.get(key).unwrap_or(&Value::Null), wanted)),
        wanted => got == wanted,
    }
}

/// The id of the catalogue that a verdict without a fault stands for.
fn stands_for(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Healthy => Some("healthy"),
        Verdict::Recovered => Some("recovered"),
        Verdict::Inconclusive => Some("unknown"),
        Verdict::Confirmed | Verdict::Likely => None,
    }
}

fn shown(expected: &ExpectedObject) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
    match &expected.namespace {
        Some(namespace) => format!("{} {namespace}/{}", part(&expected.kind), part(&expected.name)),
        None => format!("{} {}", part(&expected.kind), part(&expected.name)),
    }
}

/// The objects whose facts count: the target, the object that is blamed, and the pods of both.
fn subjects(report: &Report, snapshot: &Snapshot) -> BTreeSet<ObjectRef> {
    let mut subjects = BTreeSet::new();
    for object in std::iter::once(&report.target).chain(report.causes.first().map(|cause| &cause.object)) {
        match object.kind.as_str() {
            "Namespace" => {
                subjects.extend(snapshot.in_namespace("Pod", &object.name).iter().map(|pod| pod.id.clone()));
            }
            "Node" => subjects.extend(snapshot.pods_on(&object.name).map(|pod| pod.id.clone())),
            _ => subjects.extend(snapshot.pods_of(object).into_iter().map(|pod| pod.id.clone())),
        }
        subjects.insert(object.clone());
    }
    subjects
}

/// The states in which a fact is stated, found first.
fn states(report: &Report, id: &str, subjects: &BTreeSet<ObjectRef>) -> BTreeSet<State> {
    let about = report.facts.iter().filter(|fact| fact.id == id && subjects.contains(&fact.subject.object));
    about.map(|fact| fact.state).collect()
}

/// A fact that is found of one container is found, whatever it is of the others.
fn holds(expected: State, stated: &BTreeSet<State>) -> bool {
    stated.contains(&expected) && (expected == State::Found || !stated.contains(&State::Found))
}

fn word(state: State) -> &'static str {
    match state {
        State::Found => "found",
        State::Absent => "absent",
        State::Unknown => "unknown",
    }
}

/// Without white space and case, so that a line break in a report hides nothing.
fn squeeze(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{Comparison, compare};
    use crate::bundle::Expected;
    use crate::cluster::{Recording, Snapshot};
    use crate::diagnose::{self, Options};
    use crate::domain::{
        Action, ActionDecision, ActionReport, CauseReport, DecisionValue, ExecutionIntent, FactReport, ObjectRef, Params, Report,
        ResourceType, Risk, State, Subject, Verdict,
    };
    use serde_json::json;

    fn fact(id: &str, pod: &str, state: State) -> FactReport {
        let subject = Subject::container(ObjectRef::new("Pod", "shop", pod), "app");
        FactReport { id: id.into(), subject, state, confidence: None, reason: None, evidence: Vec::new() }
    }

    /// A report with one cause, over a snapshot of two pods of which only the first belongs to the target.
    fn case() -> (Report, Snapshot) {
        let pod = |name: &str, owner: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": name, "ownerReferences":
                [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": owner, "controller": true}]}})
        };
        let objects = vec![pod("db-0", "db"), pod("other-0", "other")];
        let snapshot = Snapshot::new(Recording { objects, ..Recording::default() });
        let target = ObjectRef::new("StatefulSet", "shop", "db");
        let mut report = diagnose::diagnose(&snapshot, &target, Options::default());
        report.verdict = Verdict::Confirmed;
        report.causes = vec![CauseReport {
            id: "oom_killed".into(),
            object: target,
            container: None,
            confidence: 0.9,
            summary: String::new(),
            fix: String::new(),
            explains: Vec::new(),
            evidence: Vec::new(),
            perspective: "infra".into(),
            since: None,
        }];
        report.facts = vec![
            fact("oom_killed", "db-0", State::Found),
            fact("oom_killed", "db-0", State::Absent),
            fact("process_crashed", "db-0", State::Absent),
            fact("disk_full", "other-0", State::Found),
        ];
        (report, snapshot)
    }

    fn differences(expected: serde_json::Value) -> Vec<String> {
        let (report, snapshot) = case();
        let expected: Expected = serde_json::from_value(expected).unwrap();
        let Comparison { differences, .. } = compare(&expected, &report, &snapshot, "limit of\n   256Mi");
        differences.into_iter().map(|it| format!("{}: {} != {}", it.key, it.expected, it.got)).collect()
    }

    #[test]
    fn what_holds() {
        let all = json!({"verdict": "confirmed", "cause": "oom_killed", "object": {"kind": "StatefulSet", "name": "db"},
            "facts": {"oom_killed": "found", "process_crashed": "absent"}, "mentions": ["LIMIT of 256mi"],
            "notCauses": ["image_not_found"]});
        assert_eq!(differences(all), Vec::<String>::new());
    }

    #[test]
    fn every_key_that_does_not_hold() {
        let all = json!({"verdict": "healthy", "cause": "disk_full", "object": {"namespace": "bank"},
            "facts": {"oom_killed": "absent", "disk_full": "found", "process_crashed": "unknown"}, "mentions": ["512Mi"],
            "notCauses": ["oom_killed"]});
        assert_eq!(
            differences(all),
            [
                "verdict: healthy != confirmed",
                "cause: disk_full != oom_killed",
                "object: * bank/* != StatefulSet shop/db",
                "facts.disk_full: found != not stated",
                "facts.oom_killed: absent != found, absent",
                "facts.process_crashed: unknown != absent",
                "mentions: 512Mi != not in the text",
                "notCauses: no oom_killed != ranked 1",
            ]
        );
    }

    #[test]
    fn a_verdict_without_a_fault_stands_for_its_id() {
        let (mut report, snapshot) = case();
        report.verdict = Verdict::Inconclusive;
        report.causes.clear();
        let expected: Expected = serde_json::from_value(json!({"cause": "unknown"})).unwrap();
        assert_eq!(compare(&expected, &report, &snapshot, ""), Comparison::default());
        let expected: Expected = serde_json::from_value(json!({"cause": "healthy"})).unwrap();
        assert_eq!(compare(&expected, &report, &snapshot, "").differences[0].got, "unknown");
    }

    #[test]
    fn what_is_proposed_and_what_policy_says() {
        let (mut report, snapshot) = case();
        let differing = |report: &Report, expected: serde_json::Value| {
            let expected: Expected = serde_json::from_value(expected).unwrap();
            compare(&expected, report, &snapshot, "").differences.into_iter().map(|it| it.key).collect::<Vec<_>>()
        };
        assert_eq!(differing(&report, json!({"intent": null, "gate": "none"})), Vec::<String>::new());
        assert_eq!(differing(&report, json!({"intent": {"action": "scale_deployment"}, "gate": "block"})), ["intent", "gate"]);
        let intent = ExecutionIntent {
            action: Action::ScaleDeployment,
            resource_type: ResourceType::Deployment,
            resource_name: "web".into(),
            namespace: "shop".into(),
            params: Params::Scale { replicas: 3 },
            risk: Risk::Low,
            reason: "slow".into(),
        };
        let decision = ActionDecision { value: DecisionValue::Block, rule: "namespace_read_only".into(), why: String::new() };
        report.actions = vec![ActionReport { intent, why: String::new(), command: String::new(), risk: Risk::Low, decision }];
        for (expected, differs) in [
            (json!({"intent": {"action": "scale_deployment", "params": {"replicas": 3}}, "gate": "block"}), &[][..]),
            (json!({"intent": {"params": {"replicas": 4}}}), &["intent"][..]),
            (json!({"intent": null, "gate": "approve"}), &["intent", "gate"][..]),
        ] {
            assert_eq!(differing(&report, expected.clone()), differs, "{expected}");
        }
    }
}
