//! How containers ended of themselves: by a signal of their own, or with exit code 0 although they should run on. Judged from
//! the kubelet's record of the end; kills from outside belong to other families.

use super::explains::CONTAINER_DOWN;
use super::kill::{killer, may_be_unseen};
use crate::cluster::Object;
use crate::cluster::pod::{self, Container, Role, Termination};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use jiff::SignedDuration;

/// The family.
pub static FAMILY: Family = Family { section: Section::Runtime, causes: &[&PROCESS_CRASHED, &EXITS_IMMEDIATELY], check };

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
    reads: "pod status, pod spec, events",
    source: "kubelet: terminated.reason Completed, exit code 0, under restartPolicy Always",
    doc: "The process ends well, and the pod's restart policy starts it again and again.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].command}'",
    fix: "run the program in the foreground, or make it a Job",
    fields: &[".command", ".args", ".image"],
};

/// Signals that a process raises itself, by exit code (128 + signal; signal numbers of Linux on amd64 and arm64).
const OWN_SIGNALS: &[(i64, &str)] =
    &[(132, "SIGILL"), (133, "SIGTRAP"), (134, "SIGABRT"), (135, "SIGBUS"), (136, "SIGFPE"), (139, "SIGSEGV"), (159, "SIGSYS")];
/// A process that ran longer than this didn't end "immediately": that it ends at all is still the fault, and less sure.
const IMMEDIATELY: SignedDuration = SignedDuration::from_secs(120);
/// A process that ran longer than this and ended well may have had its reasons.
const RUNS_ON: SignedDuration = SignedDuration::from_hours(1);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        for container in pod::containers(pod) {
            match container.termination() {
                Some(end) => {
                    crashed(cx, pod, &container, &end, out);
                    exit_zero(cx, pod, &container, &end, out);
                }
                None if container.restarts() > 0 => {
                    let why = "the container was restarted, and its status doesn't keep how it ended";
                    out.unknown("process_crashed", container.subject(), why);
                }
                None if container.status.is_object() => {
                    let evidence = vec![container.status_evidence("restartCount", None)];
                    out.absent("process_crashed", container.subject(), "this container has not ended", evidence);
                }
                None => {}
            }
        }
    }
}

fn crashed(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let (code, evidence) = (end.exit_code, container.termination_evidence(end));
    let signal = OWN_SIGNALS.iter().find(|(exit, _)| *exit == code).map(|(_, signal)| *signal);
    let Some(signal) = signal.filter(|_| end.reason != "OOMKilled") else {
        let why = match end.reason {
            "OOMKilled" => format!("exit code {code} with OOMKilled"),
            _ => format!("exit code {code} is not a signal of its own"),
        };
        return out.absent("process_crashed", container.subject(), why, vec![evidence]);
    };
    out.found(&PROCESS_CRASHED, container.subject(), Proof::Structure)
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([evidence])
        .says(format!("container {} died by {signal} (exit code {code}){}", container.name, restarted(container)))
        .next(format!("kubectl -n {} logs {} -c {} --previous", pod.id.ns(), pod.id.name, container.name));
}

/// `, restarted 7 times`, for the end of a sentence.
pub(super) fn restarted(container: &Container<'_>) -> String {
    match container.restarts() {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        n => format!(", restarted {n} times"),
    }
}

fn exit_zero(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let always = !matches!(pod.text("spec.restartPolicy"), "Never" | "OnFailure");
    let runs_on = matches!(container.role, Role::Main | Role::Sidecar);
    let ended_well = end.exit_code == 0 && end.reason != "OOMKilled";
    // Stopped from outside it may well end with 0: then the one who stopped it is to be found.
    if !ended_well || !always || !runs_on || container.restarts() < 2 || killer(cx, container, end).is_some() {
        return;
    }
    let run = end.ran();
    if run.is_some_and(|run| run > RUNS_ON) {
        return;
    }
    let unseen_kill = may_be_unseen(cx, container, end);
    let proof = if unseen_kill || run.is_some_and(|run| run > IMMEDIATELY) { Proof::Timing } else { Proof::Structure };
    let lasted = run.map_or(String::new(), |run| format!(" after {} s", run.as_secs()));
    let restarted = restarted(container);
    out.found(&EXITS_IMMEDIATELY, container.subject(), proof)
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end), cx.field(pod, "spec.restartPolicy")])
        .says(format!("container {} ends with exit code 0{lasted} and is started again{restarted}", container.name))
        .next(format!("kubectl -n {} logs {} -c {} --previous", pod.id.ns(), pod.id.name, container.name));
}
