//! What keeps a pod from being made, or from getting from its first container to its last: the ServiceAccount, lifecycle
//! hooks, and init containers that wait for something.

use super::explains::{CONTAINER_DOWN, LAST_WORDS, POD_DOWN};
use super::last_lines::{self, LastLine};
use crate::cluster::pod::{self, Container, Role};
use crate::cluster::{Event, Object, json};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::Evidence;
use jiff::{SignedDuration, Timestamp};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Startup,
    causes: &[&SERVICE_ACCOUNT_MISSING, &LIFECYCLE_HOOK_FAILED, &INIT_CONTAINER_HANGING],
    check,
};

static SERVICE_ACCOUNT_MISSING: Cause = Cause {
    id: "service_account_missing",
    title: "the ServiceAccount doesn't exist",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, POD_DOWN],
    reads: "pod template, ServiceAccounts, events",
    source: "controllers: event FailedCreate with the admission plugin's `error looking up service account … not found`",
    doc: "Pods that name a ServiceAccount which isn't in their namespace are refused, so that none is made.",
    check: "kubectl -n NAMESPACE get serviceaccount NAME",
    fix: "create the ServiceAccount, or correct serviceAccountName in the pod template",
    fields: &["serviceAccountName"],
};

static LIFECYCLE_HOOK_FAILED: Cause = Cause {
    id: "lifecycle_hook_failed",
    title: "a lifecycle hook fails or hangs",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, POD_DOWN, LAST_WORDS, &[(Link::Container, "exits_immediately")]],
    reads: "pod status, pod spec, events",
    source: "kubelet: events FailedPostStartHook and FailedPreStopHook",
    doc: "postStart fails, so that the kubelet kills the container it belongs to, or hangs, so that the container never counts as started.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].lifecycle}'",
    fix: "mend the hook's command or address, let it end quickly, and let it tolerate that the main process isn't up yet",
    fields: &[".lifecycle", ".image"],
};

static INIT_CONTAINER_HANGING: Cause = Cause {
    id: "init_container_hanging",
    title: "an init container runs on and on",
    perspective: Perspective::App,
    explains: &[POD_DOWN],
    reads: "pod status, pod spec, logs",
    source: "kubelet: an init container's state.running, the main containers' PodInitializing",
    doc: "An init container neither ends nor fails, so that the main containers never start.",
    check: "kubectl -n NAMESPACE logs POD -c INIT_CONTAINER --tail=20",
    fix: "provide what the init container waits for, or give it a deadline after which it fails",
    fields: &["initContainers"],
};

/// How long an init container may run before it counts as hanging when it says that it waits.
const WAITS: SignedDuration = SignedDuration::from_mins(2);
/// The same when it says nothing.
const SILENT: SignedDuration = SignedDuration::from_mins(10);
/// The same when it says nothing and it is certain: hardly any preparation takes as long without a word.
const ENDLESS: SignedDuration = SignedDuration::from_mins(30);
/// How long a postStart hook may run before it counts as hanging.
const HOOK: SignedDuration = SignedDuration::from_mins(2);
/// How long ago a failed hook may be to be about now, where the container hasn't come up since: the longest back-off of a
/// restart (pkg/kubelet/kubelet.go, `MaxContainerBackOff`), twice.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for kind in ["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"] {
        cx.snap.of_kind(kind).iter().for_each(|owner| service_account(cx, owner, out));
    }
    let bare = |deployment: &&Object| cx.snap.children(&deployment.id).next().is_none();
    cx.snap.of_kind("Deployment").iter().filter(bare).for_each(|owner| service_account(cx, owner, out));
    for pod in cx.pods().iter().filter(|pod| !pod::is_finished(pod)) {
        let containers = pod::containers(pod);
        for container in &containers {
            hook(cx, container, out);
        }
        if pod.deleted().is_none() {
            init(cx, pod, &containers, out);
        }
    }
}

/// A controller that asks for pods and gets none, since their ServiceAccount isn't there.
fn service_account(cx: &Context<'_>, owner: &Object, out: &mut Findings) {
    let name = match owner.text("spec.template.spec.serviceAccountName") {
        "" => "default",
        name => name,
    };
    let ns = owner.id.ns();
    let quoted = format!("serviceaccount \"{name}\" not found");
    let events = refusals(cx, owner);
    let event = events.iter().rev().find(|event| event.reason == "FailedCreate" && event.message.contains(&quoted));
    let condition = Some(owner.condition("ReplicaFailure"))
        .filter(|failure| json::text(failure, "status") == "True" && json::text(failure, "message").contains(&quoted));
    let exists = cx.snap.find("ServiceAccount", ns, name).is_some();
    let looked = cx.snap.looked_for("ServiceAccount", ns).is_ok();
    // A controller that could make a pod since has found the account.
    let made = |at: Option<Timestamp>| events.iter().any(|other| other.reason == "SuccessfulCreate" && other.last >= at);
    let lacks_pods = owner.deleted().is_none() && owner.partial().is_none() && wanted(owner) > pods_of(cx, owner);
    let since = event.and_then(|event| event.first).or_else(|| json::time(condition?, "lastTransitionTime"));
    let evidence = event
        .map(|event| event.evidence())
        .into_iter()
        .chain(condition.map(|failure| cx.value(&owner.id, "status.conditions[ReplicaFailure]", failure.clone(), since)));
    let said: Vec<Evidence> = evidence.collect();
    let over = exists || !lacks_pods || condition.is_none() && event.is_some_and(|event| made(event.last));
    if over && !said.is_empty() {
        // At the start of a namespace its accounts come a moment after its workloads.
        let why = if exists { "the ServiceAccount exists" } else { "pods were made since" };
        out.absent("service_account_missing", owner.id.clone(), why, said);
        return;
    }
    let unseen = said.is_empty() && cx.snap.looked_for("Event", ns).is_err() && looked;
    if over || said.is_empty() && !unseen {
        return;
    }
    let proof = match (looked, said.is_empty()) {
        (true, false) => Proof::ComputedAndSaid,
        (true, true) => Proof::Computed,
        (false, _) => Proof::Event,
    };
    out.found(&SERVICE_ACCOUNT_MISSING, owner.id.clone(), proof)
        .blame(cx.workload(&owner.id))
        .since(since.or(owner.created()))
        .evidence(said)
        .evidence([cx.field(owner, "spec.template.spec.serviceAccountName")])
        .says(format!("its pods can't be made: ServiceAccount {name} doesn't exist in namespace {ns}"))
        .fix(format!("create ServiceAccount {name} in namespace {ns}, or correct serviceAccountName in the pod template"))
        .next(format!("kubectl -n {ns} get serviceaccounts"));
}

/// The events about making a controller's pods. Those of a Deployment are written about its ReplicaSets, which may not have been
/// read.
fn refusals<'a>(cx: &Context<'a>, owner: &Object) -> Vec<&'a Event> {
    if owner.id.kind != "Deployment" {
        return cx.snap.events(&owner.id).iter().collect();
    }
    let hash = |name: &str| name.strip_prefix(&owner.id.name)?.strip_prefix('-').map(|hash| !hash.contains('-'));
    let own = |event: &&Event| {
        event.object.kind == "ReplicaSet" && event.object.ns() == owner.id.ns() && hash(&event.object.name).unwrap_or(false)
    };
    cx.snap.all_events().iter().filter(own).collect()
}

/// How many pods a controller has.
fn pods_of(cx: &Context<'_>, owner: &Object) -> usize {
    match owner.id.kind.as_str() {
        "Deployment" => usize::try_from(owner.int("status.replicas").unwrap_or(0)).unwrap_or(0),
        _ => cx.snap.children(&owner.id).count(),
    }
}

/// How many pods a controller asks for.
fn wanted(owner: &Object) -> usize {
    let number = match owner.id.kind.as_str() {
        "DaemonSet" => owner.int("status.desiredNumberScheduled").unwrap_or(0),
        "Job" if owner.flag("spec.suspend") => 0,
        "Job" => owner.int("spec.parallelism").unwrap_or(1),
        _ => owner.int("spec.replicas").unwrap_or(1),
    };
    usize::try_from(number).unwrap_or(0)
}

/// A hook of a container that the kubelet says failed, or that never ends.
fn hook(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let lifecycle = json::key(container.spec, "lifecycle");
    if !lifecycle.is_object() {
        return;
    }
    let pod = container.pod;
    let mine = |event: &&Event| event.container.as_deref().is_none_or(|name| name == container.name);
    let newest = |reason: &str| cx.snap.events(&pod.id).iter().rev().filter(mine).find(|event| event.reason == reason);
    let up = if container.is_ready() { container.running_since() } else { None };
    for (reason, field, word) in
        [("FailedPostStartHook", "lifecycle.postStart", "postStart"), ("FailedPreStopHook", "lifecycle.preStop", "preStop")]
    {
        let Some(event) = newest(reason) else { continue };
        let ended = up.filter(|up| event.last.is_none_or(|last| *up > last));
        if ended.is_none() && event.last.is_some_and(|last| cx.snap.age(last) > RECENT) && container.is_running() {
            continue;
        }
        let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
        let effect = if word == "postStart" { ", so that the kubelet kills the container" } else { "" };
        let said = hook_error(&event.message).map_or(String::new(), |error| format!(": {error}"));
        out.found(&LIFECYCLE_HOOK_FAILED, container.subject(), Proof::Event)
            .blame(cx.workload(&pod.id))
            .since(event.first)
            .ended(ended)
            .evidence([event.evidence(), container.spec_evidence(field)])
            .says(format!("container {}: its {word} hook fails{times}{effect}{said}", container.name))
            .next(format!("kubectl -n {} describe pod {}", pod.id.ns(), pod.id.name));
    }
    if pod.deleted().is_none() && json::at(lifecycle, "postStart").is_object() {
        refused_hook(cx, container, out);
        hanging_hook(cx, container, newest("Started").and_then(|event| event.last), out);
    }
}

/// A container that waits since its postStart hook failed: `ErrPostStartHook` in pkg/kubelet/kuberuntime.
fn refused_hook(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let Some((_, message)) = container.waiting().filter(|(reason, _)| reason.starts_with("PostStartHookError")) else { return };
    let pod = &container.pod.id;
    out.found(&LIFECYCLE_HOOK_FAILED, container.subject(), Proof::Structure)
        .blame(cx.workload(pod))
        .since(container.pod.created())
        .evidence([container.status_evidence("state.waiting", None), container.spec_evidence("lifecycle.postStart")])
        .says(format!(
            "container {}: its postStart hook fails, so that the kubelet kills the container: {message}",
            container.name
        ))
        .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name));
}

/// A container whose process was started and which still counts as being created: its postStart hook hasn't ended.
fn hanging_hook(cx: &Context<'_>, container: &Container<'_>, started: Option<Timestamp>, out: &mut Findings) {
    let waits = matches!(container.waiting(), Some(("ContainerCreating" | "PodInitializing", _)));
    let Some(started) = started.filter(|at| waits && cx.snap.age(*at) >= HOOK) else { return };
    let minutes = cx.snap.age(started).as_mins();
    let pod = &container.pod.id;
    out.found(&LIFECYCLE_HOOK_FAILED, container.subject(), Proof::Structure)
        .blame(cx.workload(pod))
        .since(Some(started))
        .evidence([container.status_evidence("state.waiting", None), container.spec_evidence("lifecycle.postStart")])
        .says(format!(
            "container {}: its postStart hook hasn't ended {minutes} min after the process started, so that the container doesn't \
             count as started",
            container.name
        ))
        .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name));
}

/// The error in the kubelet's long message: `Exec lifecycle hook ([…]) for Container … failed - error: …, message: "…"`.
fn hook_error(message: &str) -> Option<String> {
    let (_, error) = message.split_once("failed - error: ")?;
    Some(error.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect())
}

/// An init container that runs, while everything after it waits.
fn init(cx: &Context<'_>, pod: &Object, containers: &[Container<'_>], out: &mut Findings) {
    let running = containers.iter().find(|container| container.role == Role::Init && container.is_running());
    let Some(container) = running else { return };
    let Some(since) = container.running_since() else { return };
    let ran = cx.snap.age(since);
    let lines = last_lines::of_running(cx, container);
    let waits = lines.iter().rev().find(|line| last_lines::says(&line.text, WAITING));
    if ran < if waits.is_some() { WAITS } else { SILENT } {
        return;
    }
    // Lines that say something new each time are work, not waiting.
    let works = waits.is_none() && lines.len() > 1 && !repeats(&lines);
    let sure = waits.is_some() || !works && (!lines.is_empty() || ran >= ENDLESS);
    let proof = if sure { Proof::Structure } else { Proof::Timing };
    let minutes = ran.as_mins();
    let what = waits.or(lines.last()).map_or(String::new(), |line| format!("; it says: {}", line.text.trim()));
    out.found(&INIT_CONTAINER_HANGING, container.subject(), proof)
        .blame(cx.workload(&pod.id))
        .since(Some(since))
        .evidence([container.status_evidence("state.running", Some(since))])
        .evidence(waits.map(|line| line.evidence.clone()))
        .evidence([container.spec_evidence("command")])
        .says(format!(
            "init container {} has run for {minutes} min without an end, and the main containers wait{what}",
            container.name
        ))
        .next(format!("kubectl -n {} logs {} -c {} --tail=20", pod.id.ns(), pod.id.name, container.name));
}

/// What a line that says that something is waited for has, as the usual wait scripts and clients put it.
const WAITING: &[&str] = &[
    "wait",
    "retry",
    "not ready",
    "not yet",
    "unavailable",
    "refused",
    "can't resolve",
    "could not resolve",
    "bad address",
    "timed out",
    "sleeping",
    "no response",
    "not reachable",
    "unreachable",
    "nxdomain",
];

/// Whether the last lines only differ in their digits: times, counters.
fn repeats(lines: &[LastLine]) -> bool {
    let shape = |line: &LastLine| line.text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut newest = lines.iter().rev().take(4).map(shape);
    let first = newest.next();
    newest.all(|other| Some(other) == first)
}
