//! How containers ended, judged from the kubelet's own record of it: `terminated.reason` and the exit code.

use super::explains::CONTAINER_DOWN;
use crate::cluster::pod::{self, Container, Role, Termination};
use crate::cluster::{Event, Object, json};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::ObjectRef;
use jiff::SignedDuration;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Runtime,
    causes: &[&OOM_KILLED, &NODE_OUT_OF_MEMORY, &PROCESS_CRASHED, &EXITS_IMMEDIATELY],
    check,
};

/// Stated here for a process that ran, and by the families of the start for one that the limit never let run.
pub(super) static OOM_KILLED: Cause = Cause {
    id: "oom_killed",
    title: "killed for memory at the container's own limit",
    perspective: Perspective::Runtime,
    explains: &[CONTAINER_DOWN, &[(Link::Container, "application_error"), (Link::Container, "liveness_probe_failing")]],
    reads: "pod status, pod spec",
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
    explains: &[CONTAINER_DOWN, &[(Link::Node, "crash_loop"), (Link::Node, "container_failed"), (Link::Node, "pod_failed")]],
    reads: "pod status, node events",
    source: "kubelet: event SystemOOM of the node; pod status Evicted for memory",
    doc: "The node itself had no memory left, so that the kernel or the kubelet ended pods that were within their limits.",
    check: "kubectl get events -A --field-selector involvedObject.kind=Node,reason=SystemOOM",
    fix: "give every container a memory request and limit, and move load off the node or add nodes",
    fields: &[],
};

static PROCESS_CRASHED: Cause = Cause {
    id: "process_crashed",
    title: "the process died by a signal of its own",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN],
    reads: "pod status",
    source: "container runtime through the kubelet: exit code 128 + signal",
    doc: "The process itself raised a fatal signal such as SIGSEGV or SIGABRT; nothing outside killed it.",
    check: "kubectl -n NAMESPACE logs POD -c CONTAINER --previous",
    fix: "find the fault in the program or its native libraries; go back to the last image that worked",
    fields: &[".image", ".command", ".args", ".env["],
};

static EXITS_IMMEDIATELY: Cause = Cause {
    id: "exits_immediately",
    title: "ends with exit code 0 although it should run on",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN],
    reads: "pod status, pod spec",
    source: "kubelet: terminated.reason Completed, exit code 0, under restartPolicy Always",
    doc: "The process ends well, and the pod's restart policy starts it again and again.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].command}'",
    fix: "run the program in the foreground, or make it a Job",
    fields: &[".command", ".args", ".image"],
};

/// Signals that a process raises itself, by exit code (128 + signal; signal numbers of Linux on amd64 and arm64).
const OWN_SIGNALS: &[(i64, &str)] =
    &[(132, "SIGILL"), (133, "SIGTRAP"), (134, "SIGABRT"), (135, "SIGBUS"), (136, "SIGFPE"), (139, "SIGSEGV"), (159, "SIGSYS")];
/// A process that ran longer than this didn't end "immediately".
const IMMEDIATELY: SignedDuration = SignedDuration::from_secs(120);
/// How close a kill and a node's SystemOOM event must be to belong together.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(60);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        for container in pod::containers(pod) {
            match container.termination() {
                Some(end) => ended(cx, pod, &container, &end, out),
                None if container.status.is_object() => never_ended(&container, out),
                None => {}
            }
        }
    }
}

/// States for a container that has not ended that nothing killed it.
fn never_ended(container: &Container<'_>, out: &mut Findings) {
    // The limit may be too low even for the start.
    if out.causes.iter().any(|found| found.cause.id == OOM_KILLED.id && found.subject.object == container.pod.id) {
        return;
    }
    let evidence = || vec![container.status_evidence("restartCount", None)];
    for id in ["oom_killed", "process_crashed"] {
        out.absent(id, container.subject(), "this container has not ended", evidence());
    }
}

fn ended(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let evidence = container.termination_evidence(end);
    let code = end.exit_code;
    let is_oom = end.reason == "OOMKilled";
    if is_oom {
        out_of_memory(cx, pod, container, end, out);
    } else if code == 137 {
        let system = system_oom(cx, pod, end);
        if let Some(event) = system {
            node_oom(cx, pod, container, end, event, out);
        }
        out.unknown("oom_killed", container.subject(), "exit 137 is a SIGKILL whose sender the status doesn't name");
    } else {
        let why = format!("exit code {code} with reason {}, not OOMKilled", or_none(end.reason));
        out.absent("oom_killed", container.subject(), why, vec![evidence.clone()]);
    }
    match OWN_SIGNALS.iter().find(|(exit, _)| *exit == code && !is_oom) {
        Some((_, signal)) => {
            out.found(&PROCESS_CRASHED, container.subject(), Proof::Structure)
                .blame(cx.workload(&pod.id))
                .since(end.finished)
                .ended(cx.recovered(container))
                .evidence([evidence.clone()])
                .says(format!("container {} died by {signal} (exit code {code}), {}", container.name, restarts(container)))
                .next(format!("kubectl -n {} logs {} -c {} --previous", pod.id.ns(), pod.id.name, container.name));
        }
        None => {
            let why = if is_oom {
                format!("exit {code} with OOMKilled")
            } else {
                format!("exit code {code} is not a signal of its own")
            };
            out.absent("process_crashed", container.subject(), why, vec![evidence.clone()]);
        }
    }
    if code == 0 && !is_oom {
        exit_zero(cx, pod, container, end, out);
    }
}

fn or_none(reason: &str) -> &str {
    if reason.is_empty() { "none" } else { reason }
}

/// `restarted 7 times`, for a sentence.
fn restarts(container: &Container<'_>) -> String {
    match container.restarts() {
        0 => "not restarted".to_owned(),
        1 => "restarted once".to_owned(),
        n => format!("restarted {n} times"),
    }
}

fn out_of_memory(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let limit = container.limit("memory").and_then(|limit| limit.as_str());
    // Kubernetes 1.34 and later: a limit of the pod as a whole.
    let pod_limit = json::text(pod.at("spec.resources.limits"), "memory");
    let system = system_oom(cx, pod, end);
    let (limit, spec) = match (limit, pod_limit, system) {
        (Some(limit), _, _) => (format!("its memory limit of {limit}"), container.spec_evidence("resources.limits.memory")),
        (None, pod_limit, _) if !pod_limit.is_empty() => {
            (format!("the pod's memory limit of {pod_limit}"), cx.field(pod, "spec.resources.limits.memory"))
        }
        (None, _, Some(event)) => return node_oom(cx, pod, container, end, event, out),
        (None, ..) => ("a memory limit that its specification doesn't set".to_owned(), container.spec_evidence("resources")),
    };
    out.found(&OOM_KILLED, container.subject(), Proof::Structure)
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end), spec])
        .says(format!("container {} was OOM-killed (exit {}) at {limit}, {}", container.name, end.exit_code, restarts(container)))
        .next(format!("kubectl -n {} top pod {} --containers", pod.id.ns(), pod.id.name));
}

/// The node's SystemOOM event at the moment of this end.
fn system_oom<'a>(cx: &Context<'a>, pod: &Object, end: &Termination<'_>) -> Option<&'a Event> {
    let node = ObjectRef::cluster("Node", pod.text("spec.nodeName"));
    let finished = end.finished?;
    let near = |event: &&Event| event.last.is_some_and(|at| at.duration_since(finished).abs() <= SAME_MOMENT);
    cx.snap.events(&node).iter().filter(|event| matches!(event.reason.as_str(), "SystemOOM" | "OOMKilling")).find(near)
}

fn node_oom(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, event: &Event, out: &mut Findings) {
    let node = pod.text("spec.nodeName");
    out.found(&NODE_OUT_OF_MEMORY, container.subject(), Proof::Structure)
        .blame(ObjectRef::cluster("Node", node))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([event.evidence(), container.termination_evidence(end)])
        .says(format!("ran out of memory and the kernel killed container {} of {}", container.name, pod.id))
        .next(format!("kubectl describe node {node}"));
}

fn exit_zero(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let always = !matches!(pod.text("spec.restartPolicy"), "Never" | "OnFailure");
    let runs_on = matches!(container.role, Role::Main | Role::Sidecar);
    if !always || !runs_on || container.restarts() < 2 {
        return;
    }
    // Stopped from outside it may well end with 0: then the one who stopped it is to be found.
    let stopped = cx.snap.events(&pod.id).iter().any(|event| {
        event.reason == "Killing" && event.container.as_deref() == Some(container.name) && event.message.contains("probe")
    });
    let run = end.started.zip(end.finished).map(|(started, finished)| finished.duration_since(started));
    if stopped || run.is_some_and(|run| run > IMMEDIATELY) {
        return;
    }
    let lasted = run.map_or(String::new(), |run| format!(" after {} s", run.as_secs()));
    out.found(&EXITS_IMMEDIATELY, container.subject(), Proof::Structure)
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end), cx.field(pod, "spec.restartPolicy")])
        .says(format!("container {} ends with exit code 0{lasted} and is started again, {}", container.name, restarts(container)))
        .next(format!("kubectl -n {} logs {} -c {} --previous", pod.id.ns(), pod.id.name, container.name));
}
