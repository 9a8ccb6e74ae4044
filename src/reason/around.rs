//! What stands next to what: facts of the same object, its owners and its node, and the facts that exclude a cause.

use super::Case;
use crate::cluster::Snapshot;
use crate::domain::{FactReport, ObjectRef, State};
use std::collections::BTreeSet;

/// The number of the fact with this index in the report.
pub(super) fn number(index: usize) -> String {
    format!("F{}", index + 1)
}

/// The facts that are cited and exist, each once, with their numbers; and how many don't.
pub(super) fn cited<'a>(case: Case<'a>, numbers: &[String]) -> (Vec<(String, &'a FactReport)>, usize) {
    let mut seen = BTreeSet::new();
    let once = numbers.iter().filter(|number| seen.insert(number.as_str()));
    let (mut facts, mut invented) = (Vec::new(), 0);
    for number in once {
        match case.numbers.fact(case.report, number) {
            Some(fact) => facts.push((number.clone(), fact)),
            None => invented += 1,
        }
    }
    (facts, invented)
}

/// Whether two objects are the same, or belong to the same workload.
pub(super) fn is_same_workload(snapshot: &Snapshot, a: &ObjectRef, b: &ObjectRef) -> bool {
    a == b || snapshot.workload(a) == snapshot.workload(b)
}

/// An object, its owners and its node.
pub(super) fn around(snapshot: &Snapshot, object: &ObjectRef) -> BTreeSet<ObjectRef> {
    let mut all: BTreeSet<ObjectRef> = snapshot.owners(object).into_iter().collect();
    let node = snapshot.get(object).filter(|object| object.id.kind == "Pod").map(|pod| pod.text("spec.nodeName"));
    all.extend(node.filter(|node| !node.is_empty()).map(|node| ObjectRef::cluster("Node", node)));
    all.insert(object.clone());
    all
}

/// Whether a fact is found, and is the cause itself on the object, or a part or owner of it.
pub(super) fn is_direct(snapshot: &Snapshot, fact: &FactReport, cause: &str, object: &ObjectRef) -> bool {
    fact.state == State::Found && fact.id == cause && touches(snapshot, &fact.subject.object, object)
}

/// Whether a fact about one object says something of the other: they are of one workload, or one is around the other.
pub(super) fn touches(snapshot: &Snapshot, subject: &ObjectRef, object: &ObjectRef) -> bool {
    is_same_workload(snapshot, subject, object)
        || around(snapshot, object).contains(subject)
        || around(snapshot, subject).contains(object)
}

/// How sure a fact is: both sides of a contradiction are capped, also where a fact was not ranked.
pub(super) fn confidence(case: Case<'_>, fact: &FactReport) -> f64 {
    let contradicted = case.report.contradictions.iter().any(|it| it.subject == fact.subject && it.facts.contains(&fact.id));
    let sure = fact.confidence.unwrap_or(0.0);
    if contradicted { sure.min(super::confidence::CONTRADICTED) } else { sure }
}
