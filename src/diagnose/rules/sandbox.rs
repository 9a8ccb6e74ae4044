//! Pods whose sandbox can't be made: the network plugin or the runtime fails before any container is touched. Whether one
//! workload or a whole node is concerned decides what to mend.

use super::explains::{CONTAINER_DOWN, POD_DOWN};
use super::out_of_memory::OOM_KILLED;
use super::start_error::is_oom;
use crate::cluster::{Event, Object, pod};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::ObjectRef;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// The family.
pub static FAMILY: Family = Family { section: Section::Startup, causes: &[&POD_SANDBOX_FAILED], check };

static POD_SANDBOX_FAILED: Cause = Cause {
    id: "pod_sandbox_failed",
    title: "the pod's sandbox can't be made",
    perspective: Perspective::Infra,
    explains: &[CONTAINER_DOWN, POD_DOWN],
    reads: "pod status, events",
    source: "kubelet: event FailedCreatePodSandBox (`failed to setup network for sandbox`), or NetworkNotReady",
    doc: "The network plugin or the container runtime can't make what the pod's containers would run in.",
    check: "kubectl -n NAMESPACE get events --field-selector involvedObject.name=POD,reason=FailedCreatePodSandBox",
    fix: "mend the network plugin or the runtime on the node: look at its pods and logs there",
    fields: &["runtimeClassName", "metadata.annotations", "hostNetwork"],
};

/// How long an event speaks for the present: the kubelet tries again within seconds and the event spam filter passes one
/// update in five minutes at least (client-go/tools/record, `defaultSpamQPS`).
const FRESH: SignedDuration = SignedDuration::from_mins(15);

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut on_node: BTreeMap<&str, Vec<(&Object, &Event)>> = BTreeMap::new();
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod)) {
        if let Some(event) = failing(cx, pod) {
            on_node.entry(pod.text("spec.nodeName")).or_default().push((pod, event));
        }
    }
    let workloads: BTreeMap<&str, BTreeSet<ObjectRef>> = on_node
        .iter()
        .map(|(node, pods)| {
            let theirs = pods.iter().filter(|(_, event)| !is_oom(&event.message));
            (*node, theirs.map(|(pod, _)| cx.workload(&pod.id)).collect())
        })
        .collect();
    for (node, pods) in &on_node {
        let concerned = workloads.get(node).map_or(0, BTreeSet::len);
        for (pod, event) in pods {
            if is_oom(&event.message) {
                out_of_memory(cx, pod, event, out);
                continue;
            }
            let whole_node = concerned > 1 && !names_runtime_class(pod, event);
            state(cx, pod, event, whole_node.then_some(pods.len()), out);
        }
    }
}

/// The newest event about a sandbox of a pod that waits for it still.
fn failing<'a>(cx: &Context<'a>, pod: &Object) -> Option<&'a Event> {
    let containers = pod::containers(pod);
    if pod.text("spec.nodeName").is_empty() || !containers.iter().all(|container| container.waiting().is_some()) {
        return None;
    }
    let events = cx.snap.events(&pod.id);
    let sandbox = |event: &&Event| matches!(event.reason.as_str(), "FailedCreatePodSandBox" | "NetworkNotReady");
    let event = events.iter().rev().find(sandbox)?;
    // An image is pulled, and a container made, only inside a sandbox.
    let made =
        |other: &Event| matches!(other.reason.as_str(), "Pulling" | "Pulled" | "Created" | "Started") && other.last > event.last;
    let fresh = event.last.is_none_or(|last| cx.snap.age(last) <= FRESH);
    (fresh && !events.iter().any(made)).then_some(event)
}

/// Whether the runtime has no handler for the pod's own runtime class, which is the pod's matter.
fn names_runtime_class(pod: &Object, event: &Event) -> bool {
    let class = pod.text("spec.runtimeClassName");
    let words = ["runtimehandler", "no runtime for", "runtime handler"];
    !class.is_empty() && words.iter().any(|words| event.message.to_lowercase().contains(words))
}

fn state(cx: &Context<'_>, pod: &Object, event: &Event, on_node: Option<usize>, out: &mut Findings) {
    let node = pod.text("spec.nodeName");
    let reason = reason(&event.message);
    let (blames, says) = match on_node {
        Some(pods) => {
            let says = format!("can't make the sandbox of {pods} pods of several workloads: {reason}");
            (ObjectRef::cluster("Node", node), says)
        }
        None => {
            let tries = if event.count > 1 { format!(" in {} tries", event.count) } else { String::new() };
            (cx.workload(&pod.id), format!("the sandbox of pod {} can't be made on node {node}{tries}: {reason}", pod.id.name))
        }
    };
    out.found(&POD_SANDBOX_FAILED, pod.id.clone(), Proof::Event)
        .blame(blames)
        .since(event.first.or(pod.created()))
        .evidence([event.evidence()])
        .says(says)
        .next(format!("kubectl get pods -A -o wide --field-selector spec.nodeName={node}"))
        .next(format!("kubectl -n {} describe pod {}", pod.id.ns(), pod.id.name));
}

/// A memory limit that is too low for the sandbox itself: the pod's cgroup has the sum of its containers' limits.
fn out_of_memory(cx: &Context<'_>, pod: &Object, event: &Event, out: &mut Findings) {
    let limited = pod::containers(pod).into_iter().filter_map(|container| {
        let limit = container.limit("memory")?.as_str()?;
        Some((format!("{} {limit}", container.name), container.spec_evidence("resources.limits.memory")))
    });
    let (limits, evidence): (Vec<String>, Vec<_>) = limited.unzip();
    let tries = if event.count > 1 { format!(" in {} tries", event.count) } else { String::new() };
    out.found(&OOM_KILLED, pod.id.clone(), Proof::Event)
        .blame(cx.workload(&pod.id))
        .since(event.first.or(pod.created()))
        .evidence([event.evidence()])
        .evidence(evidence.into_iter().take(4))
        .says(format!(
            "its pod is OOM-killed at its start{tries}: the memory limit ({}) is too low to run anything",
            limits.join(", ")
        ))
        .next(format!("kubectl -n {} describe pod {}", pod.id.ns(), pod.id.name));
}

/// The runtime's own words, without the kubelet's prefix and the sandbox's id.
fn reason(message: &str) -> String {
    let text = message.split_once("desc = ").map_or(message, |(_, reason)| reason);
    let words = text.split_whitespace().filter(|word| {
        let id = word.trim_matches(['"', ':', ',']);
        id.len() < 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    words.collect::<Vec<_>>().join(" ").chars().take(240).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandboxs_id_is_left_out() {
        let id = "8f2e".repeat(16);
        let message = format!(
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"{id}\": plugin \
             type=\"calico\" failed (add): dial tcp 127.0.0.1:9099: connect: connection refused"
        );
        let said = "failed to setup network for sandbox plugin type=\"calico\" failed (add): dial tcp 127.0.0.1:9099: connect: \
                    connection refused";
        assert_eq!(reason(&message), said);
    }
}
