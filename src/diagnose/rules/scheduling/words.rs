//! The sentences and the evidence for a pod that no node takes: what is asked, what is there, on which nodes.

use super::decide::{Choice, Stage, stage};
use super::rows;
use super::said::{Said, counted};
use crate::cluster::fitness::{Misfit, NodeUsage, Placement, Surroundings, is_node_condition, pod_requests};
use crate::cluster::quantity::Quantity;
use crate::cluster::scheduling_message::Reason;
use crate::cluster::{Object, json, pod, selector};
use crate::diagnose::catalogue::Cause;
use crate::diagnose::context::Context;
use crate::domain::Evidence;
use std::collections::BTreeMap;

/// How many names a sentence lists.
const NAMES: usize = 4;
const REQUIRED_AFFINITY: &str = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";

/// `a, b and 3 more`.
pub(super) fn names(of: &[&str]) -> String {
    let shown = of.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    match of.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The sentence for the choice, with what keeps the pod from the remaining nodes behind it.
pub(super) fn says(pod: &Object, choice: &Choice<'_>, placement: &Placement<'_>, surroundings: &Surroundings<'_>) -> String {
    let nodes = names(&choice.nodes);
    let many = choice.nodes.len();
    let core = match &choice.misfit {
        Misfit::Unschedulable if many == 1 => format!("the only node that would take its pod is cordoned: {nodes}"),
        Misfit::Unschedulable => format!("the only nodes that would take its pod are cordoned: {nodes}"),
        Misfit::Taint { key, value, effect } if is_node_condition(key) => {
            format!("has the taint {}, and no other node takes {}", taint(key, value, effect), pod.id)
        }
        Misfit::Taint { key, value, effect } => {
            format!("its pod doesn't tolerate the taint {} of {nodes}", taint(key, value, effect))
        }
        Misfit::NodeSelector(_) => node_selector(pod, surroundings),
        Misfit::NodeAffinity { .. } => node_affinity(pod, surroundings),
        Misfit::NodeName { wanted } => format!("its pod asks for node {wanted}, which isn't there"),
        Misfit::HostPort { port, protocol, taken_by } => {
            format!("its pod takes host port {port}/{protocol}, which is taken on {nodes} (by {taken_by} on {})", choice.nearest)
        }
        Misfit::TooManyPods { running, allowed } => {
            format!("{nodes} run as many pods as they may: {} runs {running} of {allowed}", choice.nearest)
        }
        Misfit::Insufficient { resource, asked, .. } => shortage(choice, resource, *asked, surroundings),
        Misfit::VolumeNodeAffinity { claim, volume, terms } => {
            let mut wanted: Vec<&str> = terms.iter().flatten().map(|difference| difference.wanted.as_str()).collect();
            wanted.dedup();
            let place = wanted.join(" or ");
            format!(
                "claim {claim} is bound to volume {volume}, which needs {place}, and no node that the pod may run on has that"
            )
        }
        Misfit::VolumeZone { claim, volume, key, wanted, .. } => {
            format!("claim {claim} is bound to volume {volume} in {key}={wanted}, where no node that the pod may run on is")
        }
        Misfit::TopologySpread { topology_key, max_skew, skew: Some(skew) } => format!(
            "spreading its pods over {topology_key} with maxSkew {max_skew} leaves no node: on {} the skew would be {skew}",
            choice.nearest
        ),
        Misfit::TopologySpread { topology_key, skew: None, .. } => {
            format!("its pods must be spread over the node label {topology_key}, which {nodes} don't have")
        }
        Misfit::PodAffinity { topology_key, missing_label: true, .. } => {
            format!("its pod affinity goes by the node label {topology_key}, which {nodes} don't have")
        }
        Misfit::PodAffinity { topology_key, selector, .. } => {
            format!("its pod must run in the same {topology_key} as a pod with {selector}, and none runs anywhere")
        }
        Misfit::PodAntiAffinity { topology_key, selector, against } => format!(
            "its pod must not share a {topology_key} with pods of {selector}, and each of {nodes} has one ({against} on {})",
            choice.nearest
        ),
        Misfit::ExistingPodAntiAffinity { topology_key, of } => {
            format!("{of} on {} keeps its pod out of the same {topology_key}, and so on {nodes}", choice.nearest)
        }
    };
    match rest(choice, placement) {
        rest if rest.is_empty() => core,
        rest => format!("{core} ({rest})"),
    }
}

fn taint(key: &str, value: &str, effect: &str) -> String {
    if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") }
}

/// What keeps the pod from the nodes that the choice isn't about: `the other nodes: 1 cordoned, 2 without its labels`.
fn rest(choice: &Choice<'_>, placement: &Placement<'_>) -> String {
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for (_, misfits) in placement.nodes.iter().filter(|(node, _)| !choice.nodes.contains(*node)) {
        // In the order in which the scheduler looks.
        let first = misfits.iter().min_by_key(|misfit| match stage(misfit) {
            Stage::Guard => 0,
            Stage::Wish => 1,
            _ => 2,
        });
        let what = match first {
            Some(Misfit::Unschedulable) => "cordoned".to_owned(),
            Some(Misfit::Taint { key, .. }) => format!("tainted {key}"),
            Some(Misfit::Insufficient { resource, .. }) => format!("short of {resource}"),
            Some(Misfit::TooManyPods { .. }) => "full of pods".to_owned(),
            Some(misfit) => match stage(misfit) {
                Stage::Wish => "without its labels".to_owned(),
                Stage::Volume => "out of its volume's reach".to_owned(),
                _ => "kept off by other pods".to_owned(),
            },
            None => continue,
        };
        *groups.entry(what).or_default() += 1;
    }
    if groups.is_empty() {
        return String::new();
    }
    let counted: Vec<String> = groups.iter().map(|(what, count)| format!("{count} {what}")).collect();
    format!("the other nodes: {}", counted.join(", "))
}

/// `12 cpu, more than any of the 3 nodes that it may use has: w-1 is the largest with 8 (6905m free)`.
fn shortage(choice: &Choice<'_>, resource: &str, asked: Quantity, surroundings: &Surroundings<'_>) -> String {
    let room = |node: &&str| {
        let usage = usage(surroundings, node)?;
        let allocatable = usage.allocatable.get(resource).copied().filter(|size| !size.is_zero())?;
        Some((allocatable, usage.free(resource)?.max(Quantity::ZERO), usage.node.id.name.as_str()))
    };
    let offering: Vec<(Quantity, Quantity, &str)> = choice.nodes.iter().filter_map(room).collect();
    let (Some((size, free, largest)), Some((of, left, emptiest))) = (
        offering.iter().max_by_key(|(size, free, _)| (*size, *free)),
        offering.iter().max_by_key(|(size, free, _)| (*free, *size)),
    ) else {
        return format!("its pod asks for {asked} {resource}, which no node that it may use offers");
    };
    let nodes = match offering.len() {
        1 => format!("the only node that it may use, {largest},"),
        n => format!("any of the {n} nodes that it may use"),
    };
    if asked > *size {
        return format!("its pod asks for {asked} {resource}, more than {nodes} has: {largest} has {size} ({free} free)");
    }
    format!("its pod asks for {asked} {resource}, more than {nodes} has left: {emptiest} has {left} free of {of}")
}

fn usage<'s, 'a>(surroundings: &'s Surroundings<'a>, node: &str) -> Option<&'s NodeUsage<'a>> {
    surroundings.nodes().iter().find(|usage| usage.node.id.name == node)
}

/// What the nodeSelector asks for and no node has, and what comes near.
fn node_selector(pod: &Object, surroundings: &Surroundings<'_>) -> String {
    let wanted: Vec<(&str, &str)> =
        json::entries(&pod.raw, "spec.nodeSelector").filter_map(|(key, value)| Some((key, value.as_str()?))).collect();
    let has = |key: &str, value: &str| surroundings.label_values(key).contains_key(value);
    let absent: Vec<(&str, &str)> = wanted.iter().copied().filter(|(key, value)| !has(key, value)).collect();
    let show = |labels: &[(&str, &str)]| labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" and ");
    if absent.is_empty() {
        return format!("no node carries all the labels of its nodeSelector together: {}", show(&wanted));
    }
    let nearest: Vec<String> = absent.iter().filter_map(|(key, value)| nearest(key, value, surroundings)).collect();
    let near = if nearest.is_empty() { String::new() } else { format!("; {}", nearest.join(", ")) };
    format!("no node carries {}, which its nodeSelector asks for{near}", show(&absent))
}

/// `nodes have env=staging (3)`, or a label that is nearly the same.
fn nearest(key: &str, value: &str, surroundings: &Surroundings<'_>) -> Option<String> {
    let values = surroundings.label_values(key);
    if values.is_empty() {
        let (key, value) = surroundings.similar_label(key, value)?;
        let count = surroundings.label_values(key).get(value).copied().unwrap_or_default();
        return Some(format!("the nearest is {key}={value} on {count} of {} nodes", surroundings.nodes().len()));
    }
    // Of a label with a value for each node, like the host name, a list says nothing.
    let shown: Vec<String> = values.iter().take(NAMES).map(|(value, count)| format!("{key}={value} ({count})")).collect();
    let more = if values.len() > NAMES { " and others" } else { "" };
    Some(format!("nodes have {}{more}", shown.join(", ")))
}

fn node_affinity(pod: &Object, surroundings: &Surroundings<'_>) -> String {
    let terms = json::list(pod.at(REQUIRED_AFFINITY), "nodeSelectorTerms");
    let mut near = Vec::new();
    let mut shown = Vec::new();
    for term in terms.iter().take(NAMES) {
        let mut requirements = selector::term_requirements(term);
        requirements.sort_by_key(ToString::to_string);
        shown.push(requirements.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "));
        for requirement in requirements.iter().filter(|requirement| requirement.key != "metadata.name") {
            let value = requirement.values.first().copied().unwrap_or_default();
            near.extend(nearest(requirement.key, value, surroundings).filter(|text| !near.contains(text)));
        }
    }
    shown.sort();
    near.sort();
    if shown.is_empty() {
        return "its required node affinity has no terms, and so matches no node".to_owned();
    }
    let near = if near.is_empty() { String::new() } else { format!("; {}", near.join(", ")) };
    format!("no node matches its required node affinity {}{near}", shown.join(" or "))
}

/// What to do, where it can be said exactly.
pub(super) fn fix(choice: &Choice<'_>, surroundings: &Surroundings<'_>) -> Option<String> {
    let nodes = names(&choice.nodes);
    Some(match &choice.misfit {
        Misfit::Unschedulable => format!("uncordon {nodes} if the maintenance is over, or let the pod run on other nodes"),
        Misfit::Taint { key, .. } if is_node_condition(key) => format!("bring node {} back", choice.nearest),
        Misfit::Taint { key, value, effect } => {
            let taint = taint(key, value, effect);
            format!("add a toleration for {taint} if the pod belongs on {nodes}, or remove the taint from them")
        }
        Misfit::NodeSelector(difference) => {
            let (key, value) = difference.wanted.split_once('=')?;
            let similar =
                surroundings.similar_label(key, value).map(|(key, value)| format!("change the nodeSelector to {key}={value}"));
            let correct = similar.unwrap_or_else(|| "correct the nodeSelector".to_owned());
            format!("{correct}, or label the nodes that are meant with {}", difference.wanted)
        }
        Misfit::Insufficient { resource, asked, .. } => {
            let largest = surroundings.nodes().iter().filter_map(|usage| usage.allocatable.get(resource).copied()).max();
            match largest.filter(|largest| asked > largest) {
                Some(largest) => {
                    format!("lower the {resource} request below {largest}, the most that a node has, or add larger nodes")
                }
                None => format!("free {resource} on the nodes, lower the request of {asked}, or add nodes"),
            }
        }
        _ => return None,
    })
}

/// Commands that show it.
pub(super) fn next(choice: &Choice<'_>) -> Vec<String> {
    match &choice.misfit {
        Misfit::Unschedulable => choice.nodes.iter().take(1).map(|node| format!("kubectl uncordon {node}")).collect(),
        Misfit::NodeSelector(difference) => vec![format!("kubectl get nodes -L {}", difference.key)],
        Misfit::NodeAffinity { .. } => vec!["kubectl get nodes --show-labels".to_owned()],
        Misfit::VolumeNodeAffinity { volume, .. } | Misfit::VolumeZone { volume, .. } => {
            vec![format!("kubectl get pv {volume} -o yaml")]
        }
        _ => vec![format!("kubectl describe node {}", choice.nearest)],
    }
}

/// What the pod asks for, and what the nodes have.
pub(super) fn evidence(cx: &Context<'_>, pod: &Object, choice: &Choice<'_>, surroundings: &Surroundings<'_>) -> Vec<Evidence> {
    let mut found = match &choice.misfit {
        Misfit::Insufficient { resource, .. } => requests(pod, resource),
        _ => wish_evidence(cx, pod, rows::of_misfit(&choice.misfit)),
    };
    for usage in choice.nodes.iter().take(3).filter_map(|node| usage(surroundings, node)) {
        found.extend(node_evidence(cx, usage, &choice.misfit));
    }
    found
}

/// The requests of the containers that ask for a resource.
fn requests(pod: &Object, resource: &str) -> Vec<Evidence> {
    let asks = |container: &pod::Container<'_>| {
        ["requests", "limits"]
            .into_iter()
            .find(|list| !json::key(json::at(container.spec, &format!("resources.{list}")), resource).is_null())
    };
    let containers = pod::containers(pod).into_iter();
    containers
        .filter_map(|container| Some(container.spec_evidence(&format!("resources.{}", asks(&container)?))))
        .take(3)
        .collect()
}

/// The field of the pod that a cause is about.
pub(super) fn wish_evidence(cx: &Context<'_>, pod: &Object, cause: &Cause) -> Vec<Evidence> {
    let path = match cause.id {
        "node_selector_mismatch" | "node_cordoned" => "spec.nodeSelector",
        "node_affinity_mismatch" => REQUIRED_AFFINITY,
        "taint_not_tolerated" => "spec.tolerations",
        "pod_affinity_unsatisfied" => "spec.affinity.podAffinity",
        "pod_anti_affinity_conflict" => "spec.affinity.podAntiAffinity",
        "topology_spread_unsatisfied" => "spec.topologySpreadConstraints",
        _ => return Vec::new(),
    };
    let evidence = cx.field(pod, path);
    if evidence.value.is_null() && cause.id != "taint_not_tolerated" { Vec::new() } else { vec![evidence] }
}

fn node_evidence(cx: &Context<'_>, usage: &NodeUsage<'_>, misfit: &Misfit) -> Option<Evidence> {
    let node = usage.node;
    Some(match misfit {
        Misfit::Unschedulable => cx.field(node, "spec.unschedulable"),
        Misfit::Taint { .. } => cx.field(node, "spec.taints"),
        Misfit::NodeSelector(difference) => {
            let value = json::key(node.at("metadata.labels"), &difference.key).clone();
            cx.value(&node.id, &format!("metadata.labels[{}]", difference.key), value, None)
        }
        Misfit::NodeAffinity { .. } => cx.field(node, "metadata.labels"),
        Misfit::Insufficient { resource, .. } => {
            let requested = usage.requested.get(resource).copied().unwrap_or_default();
            let allocatable = usage.allocatable.get(resource).copied().unwrap_or_default();
            let value = serde_json::json!({"allocatable": allocatable.canonical(), "requested": requested.canonical()});
            cx.value(&node.id, &format!("status.allocatable[{resource}]"), value, None)
        }
        Misfit::TooManyPods { .. } => cx.field(node, "status.allocatable.pods"),
        _ => return None,
    })
}

/// The sentence where only the scheduler's words are known.
pub(super) fn says_of_reason(pod: &Object, reason: &Reason, said: &Said) -> String {
    let counted = counted(&said.message, reason);
    match reason {
        Reason::Insufficient { resource } => {
            let asked = pod_requests(pod.at("spec")).get(resource).copied().unwrap_or_default();
            format!("its pod asks for {asked} {resource}; the scheduler finds too little on {counted}")
        }
        _ => format!("the scheduler finds on {counted} that {}", reason_in_words(reason)),
    }
}

/// A reason as the end of a sentence.
pub(super) fn reason_in_words(reason: &Reason) -> String {
    match reason {
        Reason::Unschedulable => "the node is cordoned".to_owned(),
        Reason::NodeName => "it isn't the node that the pod names".to_owned(),
        Reason::Taint { key: Some(key), value } => {
            let value = value.as_deref().filter(|value| !value.is_empty()).map(|value| format!("={value}")).unwrap_or_default();
            format!("the taint {key}{value} is not tolerated")
        }
        Reason::Taint { key: None, .. } => "a taint is not tolerated".to_owned(),
        Reason::NodeAffinity | Reason::Plugins(_) => "its node selector or affinity doesn't match".to_owned(),
        Reason::HostPort => "its host port is taken".to_owned(),
        Reason::TooManyPods => "as many pods run as may".to_owned(),
        Reason::Insufficient { resource } => format!("there is too little {resource}"),
        Reason::TooManyVolumes => "as many volumes are attached as can be".to_owned(),
        Reason::VolumeNodeAffinity | Reason::VolumeZone => "its volume can't be used there".to_owned(),
        Reason::VolumeCapacity => "its storage has too little room for the volume".to_owned(),
        Reason::TopologySpread { .. } => "its pods would be spread too unevenly".to_owned(),
        Reason::PodAffinity => "the pods that it must be near aren't there".to_owned(),
        Reason::PodAntiAffinity | Reason::ExistingPodAntiAffinity => "a pod is there that it must be apart from".to_owned(),
        _ => "it doesn't fit".to_owned(),
    }
}
