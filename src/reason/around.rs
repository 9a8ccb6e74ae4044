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
    all.extend(node_of(snapshot, object).map(|node| ObjectRef::cluster("Node", node)));
    all.insert(object.clone());
    all
}

/// Whether a fact is found, and is the cause itself on the object, or a part or owner of it.
pub(super) fn is_direct(snapshot: &Snapshot, fact: &FactReport, cause: &str, object: &ObjectRef) -> bool {
    fact.state == State::Found && fact.id == cause && touches(snapshot, &fact.subject.object, object)
}

/// Whether a fact about one object says something of the other: they are of one workload, or one is around the other.
pub(super) fn touches(snapshot: &Snapshot, subject: &ObjectRef, object: &ObjectRef) -> bool {
    if subject == object {
        return true;
    }
    let (of_subject, of_object) = (snapshot.owners(subject), snapshot.owners(object));
    of_subject.last().unwrap_or(subject) == of_object.last().unwrap_or(object)
        || of_object.contains(subject)
        || of_subject.contains(object)
        || is_node_of(snapshot, subject, object)
        || is_node_of(snapshot, object, subject)
}

fn is_node_of(snapshot: &Snapshot, node: &ObjectRef, pod: &ObjectRef) -> bool {
    node.kind == "Node" && node_of(snapshot, pod) == Some(node.name.as_str())
}

/// The node that an object is bound to, if it is a pod.
fn node_of<'a>(snapshot: &'a Snapshot, object: &ObjectRef) -> Option<&'a str> {
    let pod = snapshot.get(object).filter(|object| object.id.kind == "Pod")?;
    Some(pod.text("spec.nodeName")).filter(|node| !node.is_empty())
}

/// How sure a fact is: both sides of a contradiction are capped, also where a fact was not ranked.
pub(super) fn confidence(case: Case<'_>, fact: &FactReport) -> f64 {
    let contradicted = case.report.contradictions.iter().any(|it| it.subject == fact.subject && it.facts.contains(&fact.id));
    let sure = fact.confidence.unwrap_or(0.0);
    if contradicted { sure.min(super::confidence::CONTRADICTED) } else { sure }
}
