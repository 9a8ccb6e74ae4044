//! Disruption budgets that keep a node from being drained. A budget that allows no eviction is no fault as long as nobody
//! tries one: it is only mentioned.

use crate::cluster::{Event, Object, json, pod, selector};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::DRAIN_BLOCKED;
use crate::domain::{Evidence, ObjectRef, Subject};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The family.
pub static FAMILY: Family = Family { section: Section::Workloads, causes: &[&PDB_BLOCKS_EVICTION], check };

static PDB_BLOCKS_EVICTION: Cause = Cause {
    id: "pdb_blocks_eviction",
    title: "a disruption budget allows no eviction",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "drain_blocked"), (Link::Pod, "alert_firing")]],
    reads: "pod disruption budgets, pods, nodes, events",
    source: "disruption controller: status.disruptionsAllowed 0; API server to whoever drains: `Cannot evict pod as it would violate the pod's disruption budget.`",
    doc: "A node is being drained, and the budget of pods that still run there allows none of them to be evicted.",
    check: "kubectl -n NAMESPACE get pdb; kubectl get pods -A -o wide --field-selector spec.nodeName=NODE",
    fix: "run one pod more than the budget asks for, or loosen the budget for the time of the drain",
    fields: &[],
};

/// A node that was cordoned longer ago than this isn't being drained now.
const DRAINING: SignedDuration = SignedDuration::from_hours(24);
/// An event that is older than this says nothing about now.
const NEWS: SignedDuration = SignedDuration::from_hours(1);
/// What those who drain nodes quote or say when a budget stops them: the API server's words (registry/core/pod/storage/eviction.go),
/// which kubectl, the cluster autoscaler and others repeat, and the words of managed services' own.
const REFUSED: [&str; 3] = ["disruption budget", "eviction blocked", "prevents pod eviction"];

/// What shows that somebody tries to evict pods that a budget guards: the nodes that they should leave, and who was refused.
struct Attempt<'a> {
    draining: Vec<(&'a Object, Option<Timestamp>)>,
    refusal: Option<&'a Event>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let budgets: Vec<&Object> = cx
        .snap
        .of_kind("PodDisruptionBudget")
        .iter()
        .filter(|budget| budget.deleted().is_none() && budget.partial().is_none())
        .filter(|budget| budget.int("status.disruptionsAllowed") == Some(0) && budget.int("status.expectedPods") != Some(0))
        .collect();
    if budgets.is_empty() {
        return;
    }
    let guarded: Vec<Vec<&Object>> = budgets.iter().map(|budget| guarded_pods(cx, budget)).collect();
    let stuck: BTreeSet<&ObjectRef> = guarded.iter().flatten().map(|pod| &pod.id).collect();
    for (budget, pods) in budgets.into_iter().zip(guarded) {
        let draining = draining(cx, &pods, &stuck);
        let refusal = refusal(cx, budget, &pods);
        judge(cx, budget, &Attempt { draining, refusal }, out);
    }
}

fn guarded_pods<'a>(cx: &Context<'a>, budget: &Object) -> Vec<&'a Object> {
    let pods = cx.snap.in_namespace("Pod", budget.id.ns()).iter();
    let live = pods.filter(|pod| !pod::is_finished(pod) && pod.deleted().is_none());
    live.filter(|pod| selector::matches(budget.at("spec.selector"), pod.at("metadata.labels"))).collect()
}

/// The cordoned nodes on which, apart from what runs on every node, only such pods are left as may not be evicted.
fn draining<'a>(cx: &Context<'a>, pods: &[&Object], stuck: &BTreeSet<&ObjectRef>) -> Vec<(&'a Object, Option<Timestamp>)> {
    let names: BTreeSet<&str> = pods.iter().map(|pod| pod.text("spec.nodeName")).collect();
    let nodes =
        names.into_iter().filter_map(|name| cx.snap.find("Node", "", name)).filter(|node| node.flag("spec.unschedulable"));
    let stays = |pod: &Object| pod.controller().is_some_and(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node"));
    let emptied = |node: &&Object| {
        let mut left = cx.snap.pods_on(&node.id.name).filter(|pod| !pod::is_finished(pod) && pod.deleted().is_none());
        left.all(|pod| stays(pod) || stuck.contains(&pod.id))
    };
    let cordoned = nodes.filter(emptied).map(|node| (node, cordoned_at(cx, node)));
    cordoned.filter(|(_, at)| at.is_none_or(|at| cx.snap.age(at) <= DRAINING)).collect()
}

/// When a node was cordoned: the time of its taint (`timeAdded`, not on every server), or the kubelet's event.
fn cordoned_at(cx: &Context<'_>, node: &Object) -> Option<Timestamp> {
    let mut taints = node.list("spec.taints").iter();
    let taint = taints.find(|taint| json::text(taint, "key") == "node.kubernetes.io/unschedulable");
    let said = || {
        let events = cx.snap.events(&node.id).iter().filter(|event| event.reason == "NodeNotSchedulable");
        events.filter_map(|event| event.last).max()
    };
    taint.and_then(|taint| json::time(taint, "timeAdded")).or_else(said)
}

/// The newest event that says that a budget stopped an eviction, about the budget, one of its pods or a node under them.
fn refusal<'a>(cx: &Context<'a>, budget: &Object, pods: &[&Object]) -> Option<&'a Event> {
    let nodes = pods.iter().map(|pod| ObjectRef::cluster("Node", pod.text("spec.nodeName")));
    let about: BTreeSet<ObjectRef> = pods.iter().map(|pod| pod.id.clone()).chain([budget.id.clone()]).chain(nodes).collect();
    let said = |event: &&Event| {
        let message = event.message.to_lowercase();
        let refused = REFUSED.iter().any(|words| message.contains(words));
        // An event about a node doesn't tell which budget, unless it names it.
        let ours = event.object.kind != "Node" || names(&event.message, &budget.id);
        refused && ours && event.last.is_some_and(|at| cx.snap.age(at) <= NEWS)
    };
    about.iter().flat_map(|object| cx.snap.events(object)).filter(said).max_by_key(|event| event.last)
}

/// Whether a message names a budget, alone or with its namespace.
fn names(message: &str, budget: &ObjectRef) -> bool {
    let part_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
    message.split(|char| !part_of_name(char)).any(|word| word.trim_end_matches('.') == budget.name)
}

fn judge(cx: &Context<'_>, budget: &Object, attempt: &Attempt<'_>, out: &mut Findings) {
    let number = |field: &str| budget.int(&format!("status.{field}")).unwrap_or(0);
    let (healthy, desired, expected) = (number("currentHealthy"), number("desiredHealthy"), number("expectedPods"));
    let never = desired >= expected && expected > 0;
    // That somebody tries: a drain says so, and a warning does. Normal events come from autoscalers that only consider it.
    let warned = attempt.refusal.filter(|event| event.warning || !attempt.draining.is_empty());
    let proof = match (attempt.draining.is_empty(), warned) {
        (false, Some(_)) => Proof::ComputedAndSaid,
        (true, Some(_)) => Proof::Event,
        (false, None) => Proof::Timing,
        (true, None) if never => Proof::Computed,
        (true, None) => return,
    };
    let is_tried = proof != Proof::Computed;
    let limit = ["spec.minAvailable", "spec.maxUnavailable"].into_iter().find(|path| !budget.at(path).is_null());
    let asks = limit.map_or(String::new(), |path| {
        let value = budget.at(path);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{} {value}, ", path.trim_start_matches("spec."))
    });
    let nodes: Vec<&str> = attempt.draining.iter().map(|(node, _)| node.id.name.as_str()).collect();
    let drained = match nodes.as_slice() {
        [] => String::new(),
        [node] => format!(", so that node {node} can't be drained"),
        nodes => format!(", so that nodes {} can't be drained", nodes.join(", ")),
    };
    let says =
        format!("allows no pod to be evicted ({asks}{healthy} of {expected} pods are healthy, {desired} have to be){drained}");
    let since = attempt.draining.iter().filter_map(|(_, at)| *at).min().or_else(|| warned.and_then(|event| event.first));
    let evidence: Vec<Evidence> = std::iter::once(cx.field(budget, "status.disruptionsAllowed"))
        .chain(limit.map(|path| cx.field(budget, path)))
        .chain(warned.map(Event::evidence))
        .chain(attempt.draining.iter().map(|(node, _)| cx.field(node, "spec.unschedulable")))
        .collect();
    if is_tried {
        let summary = "pods that are to leave may not be evicted";
        for object in std::iter::once(&budget.id).chain(attempt.draining.iter().map(|(node, _)| &node.id)) {
            out.symptom(&DRAIN_BLOCKED, object.clone(), summary, since, evidence.clone());
        }
    }
    let on_nodes = attempt.draining.iter().map(|(node, _)| Subject::from(node.id.clone()));
    out.found(&PDB_BLOCKS_EVICTION, budget.id.clone(), proof)
        .since(since)
        .evidence(evidence)
        .also(on_nodes)
        .says(says)
        .next(format!("kubectl -n {} describe pdb {}", budget.id.ns(), budget.id.name));
}

#[cfg(test)]
mod tests {
    use super::names;
    use crate::domain::ObjectRef;

    #[test]
    fn finds_the_budget_in_a_message() {
        let budget = ObjectRef::new("PodDisruptionBudget", "shop", "web");
        for message in [
            "Pdb prevents pod evictions (PodDisruptionBudget=[shop/web])",
            "pdb shop/web prevents pod evictions",
            "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently",
        ] {
            assert!(names(message, &budget), "{message}");
        }
        assert!(!names("Pdb prevents pod evictions (PodDisruptionBudget=[shop/web-2])", &budget));
    }
}
