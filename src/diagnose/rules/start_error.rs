//! What the kubelet and the runtime say of a container that doesn't start: the waiting message, the end of a process that
//! never ran, or the event that repeats it.

use crate::cluster::pod::Container;
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::domain::Evidence;
use jiff::Timestamp;

/// One message about a container that doesn't start.
pub(super) struct StartError<'a> {
    /// `waiting.reason` or `terminated.reason`.
    pub reason: &'a str,
    /// The component's own words.
    pub message: &'a str,
    /// What kind of proof the message is.
    pub proof: Proof,
    /// Where it was read.
    pub evidence: Vec<Evidence>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// `waiting.reason` of a container whose creation or start failed: `ErrCreateContainerConfig` and its like in
/// pkg/kubelet/kuberuntime/kuberuntime_container.go and pkg/kubelet/container/sync_result.go.
const NOT_CREATED: &[&str] =
    &["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError"];
/// `terminated.reason` of a process that never ran: containerd's `StartError`, Docker's and CRI-O's `ContainerCannotRun`.
const NEVER_RAN: &[&str] = &["StartError", "ContainerCannotRun"];

/// runc's words for a process that the kernel killed for memory before it was the container's (libcontainer/process_linux.go).
const OOM_AT_START: &str = "OOM-killed (memory limit too low?)";

/// Whether a message says that the memory limit is too low even for the start.
pub(super) fn is_oom(message: &str) -> bool {
    message.contains(OOM_AT_START)
}

/// What is said of a container that doesn't start now, or didn't at its last try.
pub(super) fn start_error<'a>(cx: &Context<'a>, container: &Container<'a>) -> Option<StartError<'a>> {
    let since = container.pod.created();
    if let Some((reason, message)) = container.waiting().filter(|(reason, _)| NOT_CREATED.contains(reason)) {
        let status = container.status_evidence("state.waiting", None);
        // Some runtimes' errors reach the event alone.
        return Some(match said_by_event(cx, container, reason) {
            Some((text, event)) if is_bare(message, reason) => {
                StartError { reason, message: text, proof: Proof::Event, evidence: vec![event, status], since }
            }
            _ => StartError { reason, message, proof: Proof::Structure, evidence: vec![status], since },
        });
    }
    let end = container.termination().filter(|end| NEVER_RAN.contains(&end.reason))?;
    if container.is_running() {
        return None;
    }
    let evidence = vec![container.termination_evidence(&end)];
    Some(match said_by_event(cx, container, end.reason) {
        Some((text, event)) if end.message.is_empty() => {
            StartError { reason: end.reason, message: text, proof: Proof::Event, evidence: vec![event], since: end.finished }
        }
        _ => StartError {
            reason: end.reason,
            message: end.message,
            proof: Proof::Structure,
            evidence,
            since: end.finished.or(since),
        },
    })
}

/// Whether a waiting message only repeats its reason.
fn is_bare(message: &str, reason: &str) -> bool {
    message.is_empty() || message == reason
}

/// The text of the kubelet's newest event `Failed` about this container: `Error: …`.
fn said_by_event<'a>(cx: &Context<'a>, container: &Container<'_>, reason: &str) -> Option<(&'a str, Evidence)> {
    let events = cx.snap.events(&container.pod.id).iter().rev();
    let mine = events.filter(|event| event.container.as_deref().is_none_or(|name| name == container.name));
    mine.filter(|event| event.reason == "Failed")
        .filter_map(|event| Some((event.message.strip_prefix("Error: ")?, event)))
        .find(|(text, _)| *text != reason && !text.ends_with("ImagePull") && !text.ends_with("PullBackOff"))
        .map(|(text, event)| (text, event.evidence()))
}
