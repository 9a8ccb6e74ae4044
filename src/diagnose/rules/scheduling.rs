//! Why no node takes a pod: the scheduler's filters, computed for each node from the objects, weighed, and checked against
//! what the scheduler says. It never says what the scheduler would choose among nodes that fit, and nothing about pods whose
//! volume claims keep them from being looked at.

mod decide;
mod rows;
mod said;
mod words;

use super::storage::claims;
use crate::cluster::fitness::{self, Candidate, Misfit, NodeUsage, Placement, Surroundings};
use crate::cluster::scheduling_message;
use crate::cluster::{Object, json, pod};
use crate::diagnose::catalogue::{Family, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::{ObjectRef, Subject};
use jiff::{SignedDuration, Timestamp};
use said::Said;
use std::collections::BTreeMap;

/// The family.
pub static FAMILY: Family = Family { section: Section::Scheduling, causes: rows::ALL, check };

/// A cordon or taint that is older than this has nothing to do with what began today.
const CHRONIC: SignedDuration = SignedDuration::from_hours(24);
/// A pod that waited less than this for its node was not held up.
const HELD_UP: SignedDuration = SignedDuration::from_mins(2);

/// Pods that one answer holds for: those of one template, or a single one.
struct Waiting<'a> {
    pod: &'a Object,
    others: Vec<Subject>,
    said: Option<Said>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let waiting = waiting(cx, out);
    if waiting.is_empty() {
        return;
    }
    let nodes_known = cx.snap.looked_for("Node", "");
    let objects = cx.snap.objects().iter().filter(|object| object.partial().is_none() || object.id.kind != "Node");
    let surroundings = Surroundings::of(objects);
    for group in &waiting {
        let told = group.said.as_ref().and_then(|said| said.message.total);
        let seen = u32::try_from(surroundings.nodes().len()).unwrap_or(u32::MAX);
        let missing = match &nodes_known {
            Err(why) => Some(format!("nodes could not be read: {why}")),
            Ok(()) if seen == 0 || told.is_some_and(|told| told > seen) => Some(format!("only {seen} nodes were read")),
            Ok(()) => None,
        };
        if let Some(why) = missing {
            let would = "which node lacks what, with names and numbers";
            out.blind(group.pod.id.clone(), "the cluster's nodes", why, would);
            by_words(cx, group, out);
        } else {
            compute(cx, group, &surroundings, out);
        }
    }
}

/// The pods without a node that the scheduler looked at and refused; of one template those that say the same stand together.
fn waiting<'a>(cx: &Context<'a>, out: &mut Findings) -> Vec<Waiting<'a>> {
    let mut groups: BTreeMap<ObjectRef, Waiting<'a>> = BTreeMap::new();
    for pod in cx.pods().iter().filter(|pod| pod.partial().is_none()) {
        if !pod.text("spec.nodeName").is_empty() {
            held_up(cx, pod, out);
            continue;
        }
        let undecided = pod.condition("PodScheduled").is_null() && said::last_event(cx, pod).is_none();
        let gated = !pod.list("spec.schedulingGates").is_empty();
        if pod.deleted().is_some() || pod::is_finished(pod) || undecided || gated {
            continue;
        }
        let said = said::last_word(cx, pod);
        let by_claims = match &said {
            Some(said) => said.message.reasons.iter().any(|(_, reason)| said::is_about_claims(reason)),
            None => claims::of_pod(cx, pod).iter().any(claims::PodClaim::keeps_waiting),
        };
        if by_claims {
            continue;
        }
        // A claim may tie a pod to other nodes than its siblings.
        let own = !claims::of_pod(cx, pod).is_empty();
        let key = pod.controller().filter(|_| !own).unwrap_or_else(|| pod.id.clone());
        match groups.get_mut(&key) {
            None => drop(groups.insert(key, Waiting { pod, others: Vec::new(), said })),
            Some(group) => {
                group.others.push(pod.id.clone().into());
                if group.said.is_none() {
                    group.said = said;
                }
            }
        }
    }
    groups.into_values().collect()
}

/// Since when the pod has been waiting.
fn since(pod: &Object) -> Option<Timestamp> {
    json::time(pod.condition("PodScheduled"), "lastTransitionTime").or_else(|| pod.created())
}

fn compute(cx: &Context<'_>, group: &Waiting<'_>, surroundings: &Surroundings<'_>, out: &mut Findings) {
    let placement = fitness::place(&Candidate::of(group.pod), surroundings);
    let chronic = |node: &str, misfit: &Misfit| {
        let usage = surroundings.nodes().iter().find(|usage| usage.node.id.name == node);
        usage.is_some_and(|usage| is_chronic(cx, usage, misfit))
    };
    let choices = decide::decide(&placement, &chronic);
    let said = group.said.as_ref();
    let agrees = |choice: &decide::Choice<'_>| said.is_some_and(|said| said::says_so(&said.message, &choice.misfit));
    if choices.is_empty() || (said.is_some() && !choices.iter().any(agrees)) {
        // Something that can't be seen here decides: pods of other namespaces, a plugin of the scheduler, a node that changed.
        by_words(cx, group, out);
        return;
    }
    for (choice, node) in choices.iter().filter(|choice| said.is_none() || agrees(choice)).take(3).flat_map(to_mend) {
        let proof = match (&node, said) {
            // The taint follows from what is wrong with the node.
            (Some(_), _) => Proof::Timing,
            (None, Some(_)) => Proof::ComputedAndSaid,
            (None, None) => Proof::Computed,
        };
        let finding = out
            .found(rows::of_misfit(&choice.misfit), group.pod.id.clone(), proof)
            .blame(node.unwrap_or_else(|| cx.workload(&group.pod.id)))
            .since(since(group.pod))
            .evidence(said.map(|said| said.evidence.clone()))
            .evidence(words::evidence(cx, group.pod, choice, surroundings))
            .says(words::says(group.pod, choice, &placement, surroundings))
            .also(group.others.clone())
            .also(claims::of_pod(cx, group.pod).iter().filter(|claim| claim.waits_for_node).map(|claim| claim.subject()));
        if let Some((told, event)) = said::autoscaler(cx, group.pod).filter(|_| node_wanted(choice)) {
            finding.summary = format!("{}; {told}", finding.summary);
            finding.evidence([event.evidence()]);
        }
        if let Some(fix) = words::fix(choice, surroundings) {
            finding.fix(fix);
        }
        for command in words::next(choice) {
            finding.next(command);
        }
    }
    ruled_out(cx, group, &placement, out);
}

/// Whether a further node would help.
fn node_wanted(choice: &decide::Choice<'_>) -> bool {
    matches!(choice.misfit, Misfit::Insufficient { .. } | Misfit::TooManyPods { .. } | Misfit::PodAntiAffinity { .. })
}

/// The nodes to mend, where the taint says that they are not well; else the workload, `None`.
fn to_mend<'c, 'a>(choice: &'c decide::Choice<'a>) -> Vec<(&'c decide::Choice<'a>, Option<ObjectRef>)> {
    match &choice.misfit {
        Misfit::Taint { key, .. } if fitness::is_node_condition(key) => {
            choice.nodes.iter().map(|node| (choice, Some(ObjectRef::cluster("Node", *node)))).collect()
        }
        _ => vec![(choice, None)],
    }
}

/// Says of the usual suspects that no node refuses the pod for them.
fn ruled_out(cx: &Context<'_>, group: &Waiting<'_>, placement: &Placement<'_>, out: &mut Findings) {
    let found: Vec<&str> = placement.nodes.values().flatten().map(|misfit| rows::of_misfit(misfit).id).collect();
    for (cause, why) in rows::SUSPECTS {
        if !found.contains(&cause.id) {
            let evidence = cx.field(group.pod, "spec.nodeSelector");
            let evidence = if evidence.value.is_null() { Vec::new() } else { vec![evidence] };
            out.absent(cause.id, group.pod.id.clone(), *why, evidence);
        }
    }
}

/// Whether a cordon or taint has kept pods in general from a node for long, so that it isn't what is new.
fn is_chronic(cx: &Context<'_>, usage: &NodeUsage<'_>, misfit: &Misfit) -> bool {
    let (key, value, effect) = match misfit {
        Misfit::Unschedulable => (rows::UNSCHEDULABLE, "", "NoSchedule"),
        Misfit::Taint { key, .. } if fitness::is_control_plane(key) => return true,
        Misfit::Taint { key, value, effect } => (key.as_str(), value.as_str(), effect.as_str()),
        _ => return false,
    };
    let node = usage.node;
    let taint = node.list("spec.taints").iter().find(|taint| json::text(taint, "key") == key);
    let added = taint.and_then(|taint| json::time(taint, "timeAdded"));
    let ready = node.condition("Ready");
    let unwell = (fitness::is_node_condition(key) && json::text(ready, "status") != "True")
        .then(|| json::time(ready, "lastTransitionTime"))
        .flatten();
    let cordoned = || {
        let events = cx.snap.events(&node.id).iter().filter(|event| event.reason == "NodeNotSchedulable");
        events.filter_map(|event| event.last).max().filter(|_| *misfit == Misfit::Unschedulable)
    };
    match added.or(unwell).or_else(cordoned) {
        Some(at) => cx.snap.age(at) >= CHRONIC,
        // Pods that would be kept out now still run there: they came before.
        None => !usage.pods.iter().any(|pod| {
            let everywhere = pod.controller().is_some_and(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node"));
            !everywhere && !fitness::is_tolerated(pod.at("spec.tolerations"), key, value, effect)
        }),
    }
}

/// Falls back to the scheduler's words.
fn by_words(cx: &Context<'_>, group: &Waiting<'_>, out: &mut Findings) {
    let Some(said) = &group.said else { return };
    let Some((reason, certain)) = said::by_words(&said.message) else { return };
    let Some(cause) = rows::of_reason(reason, group.pod) else { return };
    let proof = if certain && rows::is_plain(reason, group.pod) { Proof::Event } else { Proof::Timing };
    out.found(cause, group.pod.id.clone(), proof)
        .blame(cx.workload(&group.pod.id))
        .since(since(group.pod))
        .evidence([said.evidence.clone()])
        .evidence(words::wish_evidence(cx, group.pod, cause))
        .says(words::says_of_reason(group.pod, reason, said))
        .also(group.others.clone())
        .next(format!("kubectl -n {} describe pod {}", group.pod.id.ns(), group.pod.id.name));
}

/// A pod that has its node now and waited long for it.
fn held_up(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let scheduled = pod.condition("PodScheduled");
    let (Some(created), Some(bound)) = (pod.created(), json::time(scheduled, "lastTransitionTime")) else { return };
    if json::text(scheduled, "status") != "True" || bound.duration_since(created) < HELD_UP || pod.deleted().is_some() {
        return;
    }
    let Some(event) = said::last_event(cx, pod) else { return };
    let message = scheduling_message::parse(&event.message);
    let Some((reason, true)) = said::by_words(&message) else { return };
    let Some(cause) = rows::of_reason(reason, pod) else { return };
    let waited = bound.duration_since(created).as_mins();
    out.found(cause, pod.id.clone(), Proof::Event)
        .blame(cx.workload(&pod.id))
        .since(Some(created))
        .ended(Some(bound))
        .evidence([event.evidence()])
        .says(format!("waited {waited} min for a node: {}", words::reason_in_words(reason)));
}
