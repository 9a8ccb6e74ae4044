//! Containers whose process can't be started: the command isn't there or can't be executed, or the security settings forbid
//! it. Read from the runtime's message, and from the exit codes that shells and runtimes keep for it.

mod reason;

use super::explains::{CONTAINER_DOWN, LAST_WORDS};
use super::image::PLATFORM_MISMATCH;
use super::kill::killer;
use super::last_lines::{self, LastLine};
use super::out_of_memory::OOM_KILLED;
use super::start_error::{StartError, is_oom, start_error};
use crate::cluster::json;
use crate::cluster::pod::{self, Container, Termination};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::domain::Evidence;
use reason::Reason;

/// The family.
pub static FAMILY: Family = Family { section: Section::Startup, causes: &[&COMMAND_INVALID, &SECURITY_CONTEXT_DENIED], check };

/// The row of a command that can't be run.
pub(super) static COMMAND_INVALID: Cause = Cause {
    id: "container_command_invalid",
    title: "the container's command can't be executed",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, LAST_WORDS],
    reads: "pod status, pod spec, logs, events",
    source: "container runtime through the kubelet: StartError, ContainerCannotRun, RunContainerError; shells: exit codes 126 and 127",
    doc: "The program that the container should run isn't in the image, isn't executable, or lacks what it is run by.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.status.containerStatuses[*].lastState.terminated.message}'",
    fix: "correct command and args, or put the program into the image and make it executable",
    fields: &[".command", ".args", ".image", ".workingDir", ".volumeMounts"],
};

/// The row of a right that the security context takes away.
pub(super) static SECURITY_CONTEXT_DENIED: Cause = Cause {
    id: "container_security_context_denied",
    title: "the security context forbids what the container does",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, LAST_WORDS, &[(Link::Container, "container_command_invalid")]],
    reads: "pod status, pod spec, logs, events",
    source: "kubelet: CreateContainerConfigError with `runAsNonRoot`; container runtime: seccomp, AppArmor, capabilities; kernel: \
             EROFS and EPERM in the container's log",
    doc: "The image wants to run as root, write to its own file system, or use a right that the security context takes away.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.securityContext}{.spec.containers[*].securityContext}'",
    fix: "set runAsUser to a user that the image supports, mount a volume where it writes, or grant what it needs",
    fields: &["securityContext", ".image"],
};

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        for container in pod::containers(pod) {
            if let Some(error) = start_error(cx, &container) {
                never_started(cx, &container, &error, out);
            } else if let Some(end) = container.termination().filter(Termination::failed) {
                ended(cx, &container, &end, out);
            }
        }
    }
}

/// The runtime's or the kubelet's own message about a process that never ran.
fn never_started(cx: &Context<'_>, container: &Container<'_>, error: &StartError<'_>, out: &mut Findings) {
    if is_oom(error.message) {
        let limit = container.limit("memory").and_then(|limit| limit.as_str()).unwrap_or("(none)");
        out.found(&OOM_KILLED, container.subject(), error.proof)
            .blame(cx.workload(&container.pod.id))
            .since(error.since)
            .evidence(error.evidence.clone())
            .evidence([container.spec_evidence("resources.limits.memory")])
            .says(format!(
                "container {} is OOM-killed at its start: its memory limit of {limit} is too low to run anything",
                container.name
            ));
        return;
    }
    let message = short(error.message);
    let (cause, says, field) = match reason::of_message(error.message) {
        Some(Reason::Command(what)) => (&COMMAND_INVALID, format!("container {} can't start: {what}", container.name), "command"),
        Some(Reason::Platform(program)) => {
            let says =
                format!("container {} can't start: {program} is built for another platform than the node's", container.name);
            (&PLATFORM_MISMATCH, says, "image")
        }
        Some(Reason::Security(what)) => {
            (&SECURITY_CONTEXT_DENIED, format!("container {} can't start: {what}", container.name), "securityContext")
        }
        None => return,
    };
    let pod = &container.pod.id;
    out.found(cause, container.subject(), error.proof)
        .blame(cx.workload(pod))
        .since(error.since)
        .evidence(error.evidence.clone())
        .evidence([container.spec_evidence(field)])
        .says(if says.len() < 300 { says } else { format!("container {} can't start: {message}", container.name) })
        .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name));
}

/// A process that ran and ended with a code that shells use for a command, or whose last lines name a right that it lacks.
fn ended(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let lines = last_lines::of(cx, container, end);
    let stopped = killer(cx, container, end).is_some();
    if let Some(line) = lines.iter().rev().find(|line| reason::is_platform(&line.text)) {
        return platform(cx, container, end, line, out);
    }
    // 126: found and not executable; 127: not found (POSIX shell, 2.8.2 Exit Status for Commands).
    if matches!(end.exit_code, 126 | 127) && !stopped {
        return command(cx, container, end, &lines, out);
    }
    if stopped {
        return;
    }
    if let Some((line, what)) = lines.iter().rev().find_map(|line| Some((line, security_line(container, &line.text)?))) {
        found(cx, container, end, &SECURITY_CONTEXT_DENIED, Proof::ExitAndLine, Some(line), out)
            .says(format!("container {} ends with exit code {}: {what}", container.name, end.exit_code));
    }
}

fn found<'o>(
    cx: &Context<'_>,
    container: &Container<'_>,
    end: &Termination<'_>,
    cause: &'static Cause,
    proof: Proof,
    line: Option<&LastLine>,
    out: &'o mut Findings,
) -> &'o mut Finding {
    let pod = &container.pod.id;
    let evidence: Vec<Evidence> = line.map(|line| line.evidence.clone()).into_iter().collect();
    out.found(cause, container.subject(), proof)
        .blame(cx.workload(pod))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end)])
        .evidence(evidence)
        .next(format!("kubectl -n {} logs {} -c {} --previous", pod.ns(), pod.name, container.name))
}

fn platform(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>, line: &LastLine, out: &mut Findings) {
    let node = container.pod.text("spec.nodeName");
    let architecture = cx.snap.find("Node", "", node).map_or("", |node| node.text("status.nodeInfo.architecture"));
    let on = if architecture.is_empty() { format!("node {node}") } else { format!("{architecture} of node {node}") };
    let finding = found(cx, container, end, &PLATFORM_MISMATCH, Proof::ExitAndLine, Some(line), out);
    finding.evidence([container.spec_evidence("image")]);
    finding.says(format!(
        "container {}: the program of image {} can't run on {on}: exec format error",
        container.name,
        container.image()
    ));
}

fn command(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>, lines: &[LastLine], out: &mut Findings) {
    let said = lines.iter().rev().find(|line| reason::is_command(&line.text));
    let proof = if said.is_some() { Proof::ExitAndLine } else { Proof::Event };
    let means = if end.exit_code == 127 { "command not found" } else { "command not executable" };
    let quoted = said.map_or_else(|| means.to_owned(), |line| short(&line.text));
    let finding = found(cx, container, end, &COMMAND_INVALID, proof, said, out);
    let spec = ["command", "args"].into_iter().filter(|field| !json::key(container.spec, field).is_null());
    finding.evidence(spec.map(|field| container.spec_evidence(field)));
    finding.says(format!("container {} ends with exit code {}: {quoted}", container.name, end.exit_code));
}

/// What a line says that the container's own security settings forbid, if they do.
fn security_line(container: &Container<'_>, line: &str) -> Option<String> {
    let own = |path: &str| json::at(container.spec, &format!("securityContext.{path}"));
    let pods = |path: &str| container.pod.at(&format!("spec.securityContext.{path}"));
    let lower = line.to_lowercase();
    if lower.contains("read-only file system") || lower.contains("erofs") {
        let path = last_lines::path_in(line);
        // A read-only volume is the volume's matter.
        let on_volume = path.is_some_and(|path| super::mounts::mount_of(container, path).is_some());
        let root = own("readOnlyRootFilesystem").as_bool() == Some(true) && !on_volume;
        let at = path.map_or(String::new(), |path| format!(" {path}"));
        return root.then(|| format!("its file system is read-only (readOnlyRootFilesystem) and it writes to{at}"));
    }
    let drops = drops_capabilities(container);
    if lower.contains("no new privileges") {
        return Some(format!("it may not gain privileges (allowPrivilegeEscalation: false): {}", short(line)));
    }
    let user = own("runAsUser").as_i64().or_else(|| pods("runAsUser").as_i64());
    let non_root = user.is_some_and(|user| user > 0)
        || own("runAsNonRoot").as_bool().or_else(|| pods("runAsNonRoot").as_bool()) == Some(true);
    let denied = lower.contains("permission denied") || lower.contains("eacces");
    if denied && last_lines::is_low_port(&lower) && (drops || non_root) {
        return Some(format!("it may not bind a port below 1024: {}", short(line)));
    }
    let forbidden = lower.contains("operation not permitted") || lower.contains("eperm");
    // Files of a volume that belong to another are the volume's matter, as long as no capability was taken away.
    let raw = lower.contains("socket") && names_capability(container, "NET_RAW");
    let on_volume = last_lines::path_in(line).is_some_and(|path| super::mounts::mount_of(container, path).is_some());
    (forbidden && (drops || raw || non_root && !on_volume)).then(|| {
        let setting = if drops || raw { "dropped capabilities" } else { "a user that isn't root" };
        format!("{setting} forbid it: {}", short(line))
    })
}

fn names_capability(container: &Container<'_>, name: &str) -> bool {
    json::list(container.spec, "securityContext.capabilities.drop").iter().any(|dropped| dropped.as_str() == Some(name))
}

/// Whether the container gives up capabilities that ordinary file operations may need. NET_RAW is for pings alone.
pub(super) fn drops_capabilities(container: &Container<'_>) -> bool {
    let dropped = json::list(container.spec, "securityContext.capabilities.drop").iter();
    dropped.filter_map(|name| name.as_str()).any(|name| name != "NET_RAW")
}

/// The first 200 letters of a message, on one line.
fn short(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
