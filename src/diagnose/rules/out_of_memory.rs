//! Who ran out of memory: a container at its own limit, or the node. The kubelet's record of the end decides; a bare exit
//! code 137 is a SIGKILL, whose sender is looked for before memory is suspected. Never reads a log for this: programs write
//! "out of memory" about heaps and about their neighbours.

use super::explains::{CONTAINER_DOWN, POD_DOWN};
use super::kill::killer;
use super::termination::restarted;
use crate::cluster::pod::{self, Container, Termination};
use crate::cluster::quantity::Quantity;
use crate::cluster::{Event, Object, json};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::{PRESSURE, ended_at};
use crate::domain::{Evidence, ObjectRef, Subject};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The family.
pub static FAMILY: Family = Family { section: Section::Runtime, causes: &[&OOM_KILLED, &NODE_OUT_OF_MEMORY], check };

/// Stated here for a process that ran, and by the families of the start for one that the limit never let run.
pub(super) static OOM_KILLED: Cause = Cause {
    id: "oom_killed",
    title: "killed for memory at the container's own limit",
    perspective: Perspective::Runtime,
    explains: &[
        CONTAINER_DOWN,
        POD_DOWN,
        &[
            (Link::Pod, "pod_sandbox_failed"),
            (Link::Pod, "container_command_invalid"),
            (Link::Container, "application_error"),
            (Link::Container, "liveness_probe_failing"),
        ],
    ],
    reads: "pod status, pod spec, events, signal memory_working_set_bytes",
    source: "container runtime through the kubelet: terminated.reason OOMKilled, exit code 137",
    doc: "The kernel killed the process because the container's memory cgroup reached its limit.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.status.containerStatuses[*].lastState.terminated}'",
    fix: "raise the container's memory limit above its peak, or find what grows",
    fields: &["resources.limits.memory", "resources.requests.memory", ".image", ".env[", ".command", ".args"],
};

static NODE_OUT_OF_MEMORY: Cause = Cause {
    id: "node_out_of_memory",
    title: "the node ran out of memory",
    perspective: Perspective::Infra,
    explains: &[CONTAINER_DOWN, &[(Link::Node, "pressure")]],
    reads: "pod status, node events",
    source: "kubelet: event SystemOOM of the node; pod status Evicted, \"The node was low on resource: memory\"",
    doc: "The node itself had no memory left, so that the kernel or the kubelet ended pods that were within their limits.",
    check: "kubectl get events -A --field-selector involvedObject.kind=Node,reason=SystemOOM",
    fix: "give every container a memory request and limit, and move load off the node or add nodes",
    fields: &[],
};

/// 128 + 9: the exit code of a process that a SIGKILL ended, whoever sent it.
const SIGKILL: i64 = 137;
/// How close a kill and a node's event of it must be to belong together.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(60);
/// From this share of the limit a sample of the working set counts as having reached it: between two samples, tens of seconds
/// apart, the last bit goes unseen.
const AT_LIMIT: f64 = 0.95;
/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;
/// Evictions longer ago than this are history.
const EVICTED_RECENTLY: SignedDuration = SignedDuration::from_hours(1);

fn check(cx: &Context<'_>, out: &mut Findings) {
    // The limit may be too low even for the start, which the families of the start say before this one.
    let stated = out.causes.iter().filter(|found| found.cause.id == OOM_KILLED.id);
    let stated: BTreeSet<Subject> = stated.map(|found| found.subject.clone()).collect();
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        if pod.partial().is_some() {
            out.unknown("oom_killed", pod.id.clone(), "its container status was not read");
        }
        evicted(cx, pod, out);
        if stated.contains(&pod.id.clone().into()) {
            continue;
        }
        for container in pod::containers(pod) {
            if !stated.contains(&container.subject()) {
                judge(cx, pod, &container, out);
            }
        }
    }
    unseen_target(cx, out);
}

fn judge(cx: &Context<'_>, pod: &Object, container: &Container<'_>, out: &mut Findings) {
    let subject = container.subject();
    match container.termination() {
        Some(end) if end.reason == "OOMKilled" => out_of_memory(cx, pod, container, &end, out),
        Some(end) if end.exit_code == SIGKILL => killed(cx, pod, container, &end, out),
        Some(end) => {
            let reason = if end.reason.is_empty() { "none" } else { end.reason };
            let why = format!("exit code {} with reason {reason}, not OOMKilled", end.exit_code);
            out.absent("oom_killed", subject, why, vec![container.termination_evidence(&end)]);
        }
        None if container.restarts() > 0 => {
            out.unknown("oom_killed", subject, "the container was restarted, and its status doesn't keep how it ended");
        }
        None if container.status.is_object() => {
            let evidence = vec![container.status_evidence("restartCount", None)];
            out.absent("oom_killed", subject, "this container has not ended", evidence);
        }
        None => {}
    }
}

/// The kubelet's record says `OOMKilled`: by the container's limit, by the pod's, or, where there is none, by the node's end.
fn out_of_memory(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let limit = container.limit("memory").and_then(|limit| limit.as_str());
    // Kubernetes 1.34 and later: a limit of the pod as a whole.
    let pod_limit = json::text(pod.at("spec.resources.limits"), "memory");
    let (at, spec, number) = match (limit, node_event(cx, pod, end)) {
        (Some(_), Some(event)) if says_global(event) => {
            out.unknown("oom_killed", container.subject(), "the node itself ran out of memory in the same moment");
            return node_out_of_memory(cx, pod, container, end, event, out);
        }
        (Some(limit), _) => match template_limit(cx, container) {
            Some(before) => {
                let at = format!(" (its memory limit is {limit} now, {before} in its template)");
                (at, container.spec_evidence("resources.limits.memory"), limit)
            }
            None => (format!(" at its memory limit of {limit}"), container.spec_evidence("resources.limits.memory"), limit),
        },
        (None, _) if !pod_limit.is_empty() => {
            let spec = cx.field(pod, "spec.resources.limits.memory");
            (format!(" at the pod's memory limit of {pod_limit}"), spec, pod_limit)
        }
        (None, Some(event)) => return node_out_of_memory(cx, pod, container, end, event, out),
        (None, None) => {
            (" at a memory limit that its specification doesn't set".to_owned(), container.spec_evidence("resources"), "")
        }
    };
    let restarted = restarted(container);
    // Without a limit it was the node's memory or a limit further up, and only the node's events tell which.
    let is_blind = number.is_empty() && cx.snap.looked_for("Event", "").is_err();
    let proof = if is_blind { Proof::Timing } else { Proof::Structure };
    let peak = peak(cx, container, end);
    let reached = peak.as_ref().map_or(String::new(), |(peak, _)| format!(", its working set at up to {:.0} MiB", peak / MIB));
    let finding = out.found(&OOM_KILLED, container.subject(), proof);
    finding
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end), spec])
        .evidence(peak.map(|(_, evidence)| evidence))
        .says(format!("container {} was OOM-killed (exit {}){at}{reached}{restarted}", container.name, end.exit_code))
        .next(format!("kubectl -n {} top pod {} --containers", pod.id.ns(), pod.id.name));
    if !number.is_empty() {
        finding.fix(format!("raise the memory limit of container {} above {number}, or find what grows", container.name));
    }
}

/// The limit that the template gives the container, where the pod itself has another: it was resized in place, or an admission
/// webhook changed it.
fn template_limit<'a>(cx: &Context<'a>, container: &Container<'_>) -> Option<&'a str> {
    let template = cx.snap.get(&container.pod.controller().filter(|owner| owner.kind == "ReplicaSet")?)?;
    let spec = json::named(&template.raw, "spec.template.spec.containers", container.name);
    let limit = json::key(json::at(spec, "resources.limits"), "memory");
    (Quantity::read(limit)? != Quantity::read(container.limit("memory")?)?).then(|| limit.as_str()).flatten()
}

/// A SIGKILL without `OOMKilled`: the kubelet's own kills come first, then memory, as far as anything shows it.
fn killed(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let subject = container.subject();
    let ended = container.termination_evidence(end);
    if let Some((event, _)) = killer(cx, container, end) {
        let why = format!("the kubelet killed it: {}", event.message);
        return out.absent("oom_killed", subject, why, vec![ended, event.evidence()]);
    }
    let reason = pod.text("status.reason");
    if !reason.is_empty() {
        let why = format!("it was killed with its pod: {reason}");
        return out.absent("oom_killed", subject, why, vec![ended, cx.field(pod, "status.reason")]);
    }
    let limit = container.limit("memory").filter(|limit| Quantity::read(limit).is_some_and(|limit| !limit.is_zero()));
    let reached = limit.and_then(|limit| {
        let (peak, evidence) = peak(cx, container, end)?;
        (peak >= Quantity::read(limit)?.to_f64() * AT_LIMIT).then_some((limit.as_str().unwrap_or(""), evidence))
    });
    if let Some((limit, evidence)) = reached {
        let restarted = restarted(container);
        out.found(&OOM_KILLED, subject, Proof::Signal)
            .blame(cx.workload(&pod.id))
            .since(end.finished)
            .ended(cx.recovered(container))
            .evidence([ended, evidence, container.spec_evidence("resources.limits.memory")])
            .says(format!(
                "container {} was killed (exit {SIGKILL}) when its working set reached its memory limit of {limit}{restarted}",
                container.name
            ))
            .next(format!("kubectl -n {} top pod {} --containers", pod.id.ns(), pod.id.name));
        return;
    }
    if let Some(event) = node_event(cx, pod, end) {
        node_out_of_memory(cx, pod, container, end, event, out);
    }
    let unread = cx.snap.looked_for("Event", pod.id.ns()).err().map_or(String::new(), |why| format!("; events: {why}"));
    out.unknown("oom_killed", subject, format!("exit {SIGKILL} is a SIGKILL whose sender the status doesn't name{unread}"));
}

/// The highest sample of the working set of the instance that ended.
fn peak(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>) -> Option<(f64, Evidence)> {
    let seconds = |at: Timestamp| at.as_duration().as_secs_f64();
    let ran = seconds(end.started?)..=seconds(end.finished?);
    let label = |labels: &BTreeMap<String, String>, key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
    let own = cx.snap.signals.iter().filter(|signal| {
        signal.signal == "memory_working_set_bytes"
            && label(&signal.labels, "pod", &container.pod.id.name)
            && label(&signal.labels, "container", container.name)
            && signal.labels.get("namespace").is_none_or(|namespace| namespace == container.pod.id.ns())
    });
    let samples = own.flat_map(|signal| signal.values.iter().map(move |(at, value)| (signal, *at, *value)));
    let (signal, at, value) =
        samples.filter(|(_, at, value)| ran.contains(at) && value.is_finite()).max_by(|a, b| a.2.total_cmp(&b.2))?;
    Some((value, cx.sample(&container.pod.id, signal, at, value)))
}

/// The node's event of a kill for memory at the moment of this end, unless it names a cgroup's limit as the reason.
fn node_event<'a>(cx: &Context<'a>, pod: &Object, end: &Termination<'_>) -> Option<&'a Event> {
    let node = ObjectRef::cluster("Node", pod.text("spec.nodeName"));
    let finished = end.finished?;
    let near = |event: &&Event| event.last.is_some_and(|at| at.duration_since(finished).abs() <= SAME_MOMENT);
    // `SystemOOM` is the kubelet's, `OOMKilling` the node problem detector's, which repeats the kernel's line.
    let tells = |event: &&Event| match event.reason.as_str() {
        "SystemOOM" => true,
        "OOMKilling" => !event.message.contains("emory cgroup"),
        _ => false,
    };
    let mut events = cx.snap.events(&node).iter().filter(tells).filter(near);
    let first = events.clone().next()?;
    Some(events.find(|event| says_global(event)).unwrap_or(first))
}

/// Whether the kernel itself says that the whole node was out of memory (mm/oom_kill.c: "Out of memory: Killed process", against
/// "Memory cgroup out of memory: Killed process"). The kubelet's `SystemOOM` doesn't settle it where a limit is set: with some
/// kernels and container runtimes it is also written for a cgroup's limit.
fn says_global(event: &Event) -> bool {
    event.message.contains("Out of memory: Kill")
}

fn node_out_of_memory(
    cx: &Context<'_>,
    pod: &Object,
    container: &Container<'_>,
    end: &Termination<'_>,
    event: &Event,
    out: &mut Findings,
) {
    let node = ObjectRef::cluster("Node", pod.text("spec.nodeName"));
    // Without a limit of its own only the node can have run out; else the same moment is all that joins the two.
    let proof = if end.reason == "OOMKilled" && container.limit("memory").is_none() { Proof::Structure } else { Proof::Timing };
    let ended = cx.recovered(container);
    let says = format!("ran out of memory, and the kernel killed container {} of {}", container.name, pod.id);
    if ended.is_none() {
        pressure(&node, &says, end.finished, event.evidence(), out);
    }
    out.found(&NODE_OUT_OF_MEMORY, container.subject(), proof)
        .blame(node.clone())
        .since(end.finished)
        .ended(ended)
        .evidence([event.evidence(), container.termination_evidence(end)])
        .says(says)
        .next(format!("kubectl describe node {}", node.name));
}

/// A pod that the kubelet ended, or didn't take, because the node was short of memory.
fn evicted(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let (message, node) = (pod.text("status.message").trim(), pod.text("spec.nodeName"));
    // pkg/kubelet/eviction/helpers.go: "The node was low on resource: memory. ", and at admission "The node had condition:
    // [MemoryPressure]. "
    let for_memory = message.contains("low on resource: memory") || message.contains("[MemoryPressure]");
    if pod.text("status.reason") != "Evicted" || !for_memory || node.is_empty() {
        return;
    }
    let node = ObjectRef::cluster("Node", node);
    let at = ended_at(pod).or_else(|| pod.created());
    let over = at.filter(|at| cx.snap.age(*at) > EVICTED_RECENTLY);
    let evidence = cx.value(&pod.id, "status.message", pod.at("status.message").clone(), at);
    let says = format!("was short of memory and evicted {}: {message}", pod.id);
    if over.is_none() {
        pressure(&node, &says, at, evidence.clone(), out);
    }
    out.found(&NODE_OUT_OF_MEMORY, pod.id.clone(), Proof::Structure)
        .blame(node.clone())
        .since(at)
        .ended(over)
        .evidence([evidence, cx.field(pod, "status.reason")])
        .says(says)
        .next(format!("kubectl describe node {}", node.name));
}

/// What is seen of it at the node, once for each node.
fn pressure(node: &ObjectRef, says: &str, since: Option<Timestamp>, evidence: Evidence, out: &mut Findings) {
    let known = out.symptoms.iter().any(|seen| seen.symptom.id == PRESSURE.id && seen.subject.object == *node);
    if !known {
        out.symptom(&PRESSURE, node.clone(), says, since, vec![evidence]);
    }
}

/// A pod that is asked about and was not read: whatever a text says about it, no status tells how it ended.
fn unseen_target(cx: &Context<'_>, out: &mut Findings) {
    let target = cx.snap.target.as_ref().filter(|target| target.kind == "Pod" && cx.snap.get(target).is_none());
    if let Some(target) = target {
        out.unknown("oom_killed", target.clone(), "its container status was not read");
        out.blind(
            target.clone(),
            format!("container status of {target}"),
            "the pod is not in what was read",
            "a kill for memory from a failed liveness probe, a drain and a crash of its own",
        );
    }
}
