//! What an on-call engineer sees: the symptoms that causes are asked to explain. A symptom is never a root cause.

use super::context::Context;
use super::findings::Findings;
use crate::cluster::pod::{self, Container, Role, Termination};
use crate::cluster::{Object, json};
use crate::domain::Evidence;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// One symptom of the catalogue.
#[derive(Debug)]
pub struct Symptom {
    /// The public id.
    pub id: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A container restarts over and over.
pub static CRASH_LOOP: Symptom = Symptom { id: "crash_loop", doc: "a container ends and is restarted over and over" };
/// A container ended badly and is not in a loop yet.
pub static CONTAINER_FAILED: Symptom =
    Symptom { id: "container_failed", doc: "a container ended with an error, or was killed, a short while ago" };
/// A container can't start.
pub static CONTAINER_NOT_STARTING: Symptom =
    Symptom { id: "container_not_starting", doc: "a container waits for its image, its configuration or its volumes" };
/// A pod has no node.
pub static PENDING: Symptom = Symptom { id: "pending", doc: "a pod has no node" };
/// A pod runs and isn't ready.
pub static NOT_READY: Symptom = Symptom { id: "not_ready", doc: "a pod runs and gets no traffic, since it isn't ready" };
/// A pod ended with an error.
pub static POD_FAILED: Symptom = Symptom { id: "pod_failed", doc: "a pod ended with an error, or was evicted or refused" };
/// A pod is being deleted and doesn't go.
pub static STUCK_TERMINATING: Symptom = Symptom { id: "stuck_terminating", doc: "an object is being deleted and stays" };
/// Fewer pods than asked for.
pub static REPLICAS_MISSING: Symptom =
    Symptom { id: "replicas_missing", doc: "a workload has fewer ready pods than it asks for" };
/// A rollout doesn't get on.
pub static ROLLOUT_STUCK: Symptom = Symptom { id: "rollout_stuck", doc: "a rollout has made no progress within its deadline" };
/// A Service has nobody behind it.
pub static NO_READY_ENDPOINTS: Symptom = Symptom { id: "no_ready_endpoints", doc: "a Service has no ready pod behind it" };
/// A claim isn't bound.
pub static CLAIM_PENDING: Symptom = Symptom { id: "claim_pending", doc: "a volume claim isn't bound" };
/// A Job failed.
pub static JOB_FAILED: Symptom = Symptom { id: "job_failed", doc: "a Job has failed" };
/// A node isn't ready.
pub static NODE_NOT_READY: Symptom = Symptom { id: "node_unready", doc: "a node's Ready condition isn't true" };
/// Answers take long.
pub static HIGH_LATENCY: Symptom = Symptom { id: "high_latency", doc: "answers take longer than before" };
/// Answers fail.
pub static ERROR_RATE: Symptom = Symptom { id: "error_rate", doc: "more answers fail than before" };
/// Calls to others fail.
pub static CALLS_FAIL: Symptom = Symptom { id: "calls_fail", doc: "calls to another service fail, by the caller's log" };
/// What is served has a certificate that isn't valid.
pub static CERTIFICATE_INVALID: Symptom =
    Symptom { id: "certificate_invalid", doc: "a host is served with a certificate that isn't valid" };
/// Nobody has given it an address.
pub static NO_ADDRESS: Symptom =
    Symptom { id: "no_address", doc: "a Service or Ingress that is to be reached from outside has no address" };
/// A configured thing can't work as it stands.
pub static BROKEN_REFERENCE: Symptom =
    Symptom { id: "broken_reference", doc: "an object names something in a way that can't work" };
/// A resource runs high.
pub static SATURATION: Symptom = Symptom { id: "saturation", doc: "a resource is used up or grows towards its limit" };
/// A probe from outside fails.
pub static PROBE_FAILED: Symptom = Symptom { id: "probe_failed", doc: "a probe from outside gets no answer" };
/// An autoscaler can't do its work.
pub static NOT_SCALING: Symptom = Symptom { id: "not_scaling", doc: "an autoscaler can't scale as it is asked to" };
/// A CronJob's run is overdue.
pub static SCHEDULE_MISSED: Symptom = Symptom { id: "schedule_missed", doc: "a CronJob has not run when it was due" };
/// A drain waits.
pub static DRAIN_BLOCKED: Symptom = Symptom { id: "drain_blocked", doc: "pods that are to leave a node may not be evicted" };
/// An alert for which nothing else stands.
pub static ALERT_FIRING: Symptom =
    Symptom { id: "alert_firing", doc: "an alert is firing about an object in which nothing else is seen to be wrong" };
/// A node is short of something.
pub static PRESSURE: Symptom = Symptom { id: "pressure", doc: "a node is short of disk, memory or process ids" };
/// A system unit of a node is down.
pub static UNIT_DOWN: Symptom = Symptom { id: "unit_down", doc: "a system unit of a node is inactive" };
/// Packets are lost.
pub static PACKET_LOSS: Symptom = Symptom { id: "packet_loss", doc: "a node's packets are lost" };
/// Every symptom, for the documentation and for the test of ids.
pub static SYMPTOMS: &[&Symptom] = &[
    &CRASH_LOOP,
    &CONTAINER_FAILED,
    &CONTAINER_NOT_STARTING,
    &PENDING,
    &NOT_READY,
    &POD_FAILED,
    &STUCK_TERMINATING,
    &REPLICAS_MISSING,
    &ROLLOUT_STUCK,
    &NO_READY_ENDPOINTS,
    &CLAIM_PENDING,
    &JOB_FAILED,
    &NODE_NOT_READY,
    &HIGH_LATENCY,
    &ERROR_RATE,
    &CALLS_FAIL,
    &NO_ADDRESS,
    &CERTIFICATE_INVALID,
    &BROKEN_REFERENCE,
    &SATURATION,
    &PROBE_FAILED,
    &NOT_SCALING,
    &SCHEDULE_MISSED,
    &DRAIN_BLOCKED,
    &ALERT_FIRING,
    &PRESSURE,
    &UNIT_DOWN,
    &PACKET_LOSS,
];

/// A container or pod that is younger than this may still be on its way: nothing has had the time to fail.
const SETTLING: SignedDuration = SignedDuration::from_secs(30);
/// How long ago a restart may be to count as part of a loop, when no back-off is running. Kubernetes resets a container's
/// back-off after ten minutes of running (pkg/kubelet: twice `MaxContainerBackOff`).
const LOOP_WINDOW: SignedDuration = SignedDuration::from_secs(600);
/// How long a failed pod of a controller counts; by then the pod that takes its place runs, or shows symptoms of its own.
const LEFTOVER: SignedDuration = SignedDuration::from_hours(1);
/// How many restarts make a loop.
const LOOP_RESTARTS: i64 = 3;

/// States every symptom of pods, workloads, Services, claims, Jobs and nodes.
pub fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods() {
        pod_symptoms(cx, pod, out);
    }
    super::workload_symptoms::check(cx, out);
}

fn pod_symptoms(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let id = &pod.id;
    let phase = pod.text("status.phase");
    if let Some(deleted) = pod.deleted() {
        let grace = pod.int("metadata.deletionGracePeriodSeconds").unwrap_or(0).clamp(0, 86_400);
        if cx.snap.age(deleted) > SignedDuration::from_secs(grace) + LOOP_WINDOW {
            let evidence = vec![cx.field(pod, "metadata.deletionTimestamp")];
            out.symptom(&STUCK_TERMINATING, id.clone(), "is being deleted and stays", Some(deleted), evidence);
        }
        return;
    }
    if phase == "Failed" {
        let reason = pod.text("status.reason");
        let at = ended_at(pod);
        if made_up_for(cx, pod).is_some() {
            return;
        }
        let summary = if reason.is_empty() { "failed".to_owned() } else { format!("failed: {reason}") };
        out.symptom(&POD_FAILED, id.clone(), summary, at, vec![cx.field(pod, "status.reason"), cx.field(pod, "status.phase")]);
        return;
    }
    if phase == "Succeeded" {
        return;
    }
    let scheduled = pod.condition("PodScheduled");
    let bound = !pod.text("spec.nodeName").is_empty();
    if !bound && matches!(phase, "Pending" | "") && pod.partial().is_none() {
        let since = json::time(scheduled, "lastTransitionTime").or_else(|| pod.created());
        if scheduled.is_null() && since.is_some_and(|since| cx.snap.age(since) < SETTLING) {
            return;
        }
        let reason = json::text(scheduled, "reason");
        let summary = if reason.is_empty() { "has no node".to_owned() } else { format!("has no node: {reason}") };
        let evidence = cx.value(id, "status.conditions[PodScheduled]", condition_value(scheduled), since);
        out.symptom(&PENDING, id.clone(), summary, since, vec![evidence]);
        return;
    }
    let mut explained = false;
    for container in pod::containers(pod).iter().filter(|container| container.role != Role::Ephemeral) {
        explained |= container_symptoms(cx, container, out);
    }
    if !explained {
        readiness(cx, pod, out);
    }
}

/// When a finished pod ended, from its containers.
pub(super) fn ended_at(pod: &Object) -> Option<Timestamp> {
    let ends = pod::containers(pod).into_iter().filter_map(|container| container.terminated()?.finished).max();
    ends.or_else(|| json::time(pod.condition("DisruptionTarget"), "lastTransitionTime"))
        .or_else(|| json::time(pod.condition("Ready"), "lastTransitionTime"))
        .or_else(|| pod.time("status.startTime"))
}

/// Since when a failed pod is only what is left of a trouble that is over: nothing deletes it, and its controller has made up
/// for it. Every controller but a Job has when a while has passed; that a workload has too few pods shows at the workload.
pub(super) fn made_up_for(cx: &Context<'_>, pod: &Object) -> Option<Timestamp> {
    let owner = pod.controller()?;
    match owner.kind.as_str() {
        "Node" => None,
        "Job" => super::workload_symptoms::job_succeeded(cx, cx.snap.get(&owner)?),
        _ => ended_at(pod).filter(|ended| cx.snap.age(*ended) > LEFTOVER),
    }
}

/// States what is wrong with one container; says whether anything is.
fn container_symptoms(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) -> bool {
    let waiting = container.waiting().map_or("", |(reason, _)| reason);
    let state = |field: &str| vec![container.status_evidence(field, None)];
    if waiting == "CrashLoopBackOff" {
        let since = first_failure(cx, container);
        let mut evidence = state("state.waiting.reason");
        evidence.push(container.status_evidence("restartCount", None));
        let summary = format!("container {} is in CrashLoopBackOff after {}", container.name, restarts(container));
        out.symptom(&CRASH_LOOP, container.subject(), summary, since, evidence);
        return true;
    }
    if !matches!(waiting, "" | "ContainerCreating" | "PodInitializing") {
        let summary = format!("container {} waits: {waiting}", container.name);
        out.symptom(&CONTAINER_NOT_STARTING, container.subject(), summary, container.pod.created(), state("state.waiting"));
        return true;
    }
    let restarts_often = container.restarts() >= LOOP_RESTARTS;
    let ends_well = restarts_often && container.role == Role::Main && restarts_always(container.pod);
    let end = container.terminated().or(container.last_terminated().filter(|end| end.failed() || ends_well));
    let recent = end.is_none_or(|end| end.finished.is_none_or(|at| cx.snap.age(at) <= LOOP_WINDOW));
    let long_run = end.and_then(|end| end.ran()).is_some_and(|run| run > LOOP_WINDOW);
    let loops = end.is_some() && restarts_often && recent && !long_run;
    if !loops && container.status.is_object() {
        out.absent(
            "crash_loop",
            container.subject(),
            format!("{}, and no back-off runs", restarts(container)),
            state("restartCount"),
        );
    }
    if let Some(end) = end {
        let stands = !container.is_running() && (end.failed() || container.role == Role::Main && restarts_always(container.pod));
        // One that is ready and still not well again ends over and over, only slowly.
        let repeats = container.is_ready() || recent;
        if cx.recovered(container).is_none() && (stands || loops || end.failed() && repeats && !end.current) {
            let symptom = if loops { &CRASH_LOOP } else { &CONTAINER_FAILED };
            let summary = format!("container {} ended with exit code {}, {}", container.name, end.exit_code, restarts(container));
            let since = first_failure(cx, container).or(end.finished);
            out.symptom(symptom, container.subject(), summary, since, vec![container.termination_evidence(&end)]);
            return true;
        }
    } else if container.restarts() > 0 && container.termination().is_none() && cx.recovered(container).is_none() {
        let summary =
            format!("container {} was started again, {}, and its status doesn't keep why", container.name, restarts(container));
        out.symptom(&CONTAINER_FAILED, container.subject(), summary, container.running_since(), state("restartCount"));
        return true;
    }
    false
}

fn restarts_always(pod: &Object) -> bool {
    !matches!(pod.text("spec.restartPolicy"), "Never" | "OnFailure")
}

/// `3 restarts`, for a sentence.
fn restarts(container: &Container<'_>) -> String {
    match container.restarts() {
        0 => "no restarts".to_owned(),
        1 => "1 restart".to_owned(),
        n => format!("{n} restarts"),
    }
}

/// When a container first failed, as far as its events tell; else as its last end and the restarts before it do.
fn first_failure(cx: &Context<'_>, container: &Container<'_>) -> Option<Timestamp> {
    let events = cx.snap.events(&container.pod.id).iter();
    let backed_off = events
        .filter(|event| event.reason == "BackOff" && event.container.as_deref() == Some(container.name))
        .filter_map(|event| event.first)
        .min();
    let end = container.last_terminated().or_else(|| container.terminated())?;
    match backed_off {
        Some(first) => Some(end.finished.map_or(first, |finished| finished.min(first))),
        None => loop_began(container, &end).or(end.finished),
    }
}

/// When a loop began of which only the last end and the number of restarts are known: events are gone after an hour. Each
/// restart took the back-off before it and a run like the last one.
fn loop_began(container: &Container<'_>, end: &Termination<'_>) -> Option<Timestamp> {
    let run = end.ran()?;
    // A longer run resets the back-off, so that these restarts may lie days apart.
    if container.restarts() < LOOP_RESTARTS || run >= LOOP_WINDOW || run.is_negative() {
        return None;
    }
    let restarts = i32::try_from(container.restarts().min(10_000)).ok()?;
    let doubling = (0..restarts.min(5)).map(|n| 10 << n).sum::<i32>();
    let back_off = SignedDuration::from_secs(i64::from(doubling + 300 * (restarts - 5).max(0)));
    let began = end.finished?.checked_sub(back_off).ok()?.checked_sub(run * restarts).ok()?;
    Some(container.pod.created().map_or(began, |created| began.max(created)))
}

/// A pod that has its node, whose containers have not failed, and that isn't ready.
fn readiness(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let ready = pod.condition("Ready");
    if json::text(ready, "status") != "False" {
        return;
    }
    let since = json::time(ready, "lastTransitionTime").or_else(|| pod.created());
    let age = since.map(|since| cx.snap.age(since));
    let warned = cx.snap.events(&pod.id).iter().any(|event| event.warning && event.last >= since);
    if !warned && age.is_some_and(|age| age < SETTLING) {
        return;
    }
    let evidence = cx.value(&pod.id, "status.conditions[Ready]", condition_value(ready), since);
    let running = pod::containers(pod).iter().any(Container::is_running);
    let initialized = json::text(pod.condition("Initialized"), "status") != "False";
    if running && initialized && pod.text("status.phase") == "Running" {
        let containers = pod::containers(pod);
        let mut mains = containers.iter().filter(|container| container.role == Role::Main && !container.is_ready()).peekable();
        // A pod that runs to its end gets no traffic: that a container has done its work while another runs on is no symptom.
        let done = |container: &&Container<'_>| container.terminated().is_some_and(|end| !end.failed());
        if mains.peek().is_some() && !restarts_always(pod) && mains.clone().all(|container| done(&container)) {
            return;
        }
        let names: Vec<&str> = mains.map(|container| container.name).collect();
        let what = if names.is_empty() { "isn't ready".to_owned() } else { format!("isn't ready: {}", names.join(", ")) };
        out.symptom(&NOT_READY, pod.id.clone(), what, since, vec![evidence]);
    } else {
        out.symptom(&CONTAINER_NOT_STARTING, pod.id.clone(), "has its node and doesn't start", since, vec![evidence]);
    }
}

/// A condition without its heartbeat and probe times, which say nothing.
pub(super) fn condition_value(condition: &Value) -> Value {
    let mut value = condition.clone();
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, value| !matches!(key.as_str(), "lastProbeTime" | "lastHeartbeatTime") && !value.is_null());
    }
    value
}

/// Evidence for a condition of an object.
pub(super) fn condition_evidence(cx: &Context<'_>, object: &Object, r#type: &str) -> Evidence {
    let condition = object.condition(r#type);
    let at = json::time(condition, "lastTransitionTime");
    cx.value(&object.id, &format!("status.conditions[{type}]"), condition_value(condition), at)
}
