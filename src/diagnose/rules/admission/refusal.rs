//! Objects that the API server refuses to create, as their controllers report it: the newest word of each controller, and
//! whether it has got its objects since. Several families of rules read the message; this only finds it.

use crate::cluster::{Event, Object, json};
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::{REPLICAS_MISSING, ROLLOUT_STUCK, condition_evidence};
use crate::domain::Evidence;
use jiff::{SignedDuration, Timestamp};

/// The controllers whose creations are refused, and the reasons of their events: `FailedCreate` everywhere
/// (`pkg/controller/controller_utils.go`, `pkg/controller/statefulset/stateful_pod_control.go`,
/// `pkg/controller/cronjob/cronjob_controllerv2.go`), `ReplicaSetCreateError` for a Deployment
/// (`pkg/controller/deployment/util/deployment_util.go`), `FailedBinding` for the claim of a pod's ephemeral volume
/// (`pkg/controller/volume/ephemeral/controller.go`).
const CONTROLLERS: &[(&str, &str)] = &[
    ("ReplicaSet", "FailedCreate"),
    ("ReplicationController", "FailedCreate"),
    ("StatefulSet", "FailedCreate"),
    ("DaemonSet", "FailedCreate"),
    ("Job", "FailedCreate"),
    ("CronJob", "FailedCreate"),
    ("Deployment", "ReplicaSetCreateError"),
    ("Pod", "FailedBinding"),
];

/// A refusal that healed within this time was a matter of the order in which things were created.
const PASSING: SignedDuration = SignedDuration::from_secs(60);
/// A controller that is younger than this may not have begun.
const SETTLING: SignedDuration = SignedDuration::from_secs(30);

/// One controller that is, or was, refused.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// The controller.
    pub controller: &'a Object,
    /// What the API server answered, with the controller's words around it.
    pub message: &'a str,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Since when the controller has what it asked for; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// Where it stands.
    pub evidence: Evidence,
}

/// Every refusal that lasts, or lasted for a while, in the order of the controllers' names.
pub fn all<'a>(cx: &Context<'a>) -> Vec<Refusal<'a>> {
    let mut found = Vec::new();
    for (kind, reason) in CONTROLLERS {
        for controller in cx.snap.of_kind(kind).iter().filter(|controller| controller.deleted().is_none()) {
            // A Deployment repeats what its ReplicaSet says; it speaks for itself where that was not read.
            let repeats = *kind == "Deployment" && cx.snap.children(&controller.id).next().is_some();
            found.extend(of(cx, controller, reason, repeats));
        }
    }
    found
}

fn of<'a>(cx: &Context<'a>, controller: &'a Object, reason: &str, repeats: bool) -> Option<Refusal<'a>> {
    let events: Vec<&Event> = cx.snap.events(&controller.id).iter().filter(|event| event.reason == reason).collect();
    let condition = controller.condition("ReplicaFailure");
    let fails = json::text(condition, "status") == "True" && json::text(condition, "reason") == "FailedCreate" && !repeats;
    let newest = events.iter().copied().max_by_key(|event| event.last);
    let (message, evidence) = match newest {
        Some(event) => (event.message.as_str(), event.evidence()),
        // The condition keeps the first message; without events it is all there is.
        None if fails => (json::text(condition, "message"), condition_evidence(cx, controller, "ReplicaFailure")),
        None => return None,
    };
    // The message that lasts may be younger than the first of them.
    let same = events.iter().filter(|event| newest.is_some_and(|newest| alike(&event.message, &newest.message)));
    let since = same.filter_map(|event| event.first).min().or_else(|| json::time(condition, "lastTransitionTime"));
    let last = newest.and_then(|event| event.last);
    let done = has_all(cx, controller, last) && !(fails && newest.is_none()) || created_since(cx, controller, last);
    let ended = done.then(|| last.or(since)).flatten();
    let passing = ended.zip(since).is_some_and(|(ended, since)| ended.duration_since(since) < PASSING);
    (!passing).then_some(Refusal { controller, message, since, ended, evidence })
}

/// Whether two messages are the same but for the name of the object that was to be created.
fn alike(a: &str, b: &str) -> bool {
    let why = |text: &str| text.split_once(" is forbidden: ").map(|(_, why)| why.to_owned());
    why(a).zip(why(b)).map_or(a == b, |(a, b)| a.split(',').next() == b.split(',').next())
}

/// Whether a controller has made everything that it is to make.
fn has_all(cx: &Context<'_>, controller: &Object, last: Option<Timestamp>) -> bool {
    let number = |path: &str| controller.int(path).unwrap_or(0);
    match controller.id.kind.as_str() {
        "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            let wanted = controller.int("spec.replicas").unwrap_or(1);
            wanted == 0 || !controller.at("status").is_null() && number("status.replicas") >= wanted
        }
        "DaemonSet" => number("status.currentNumberScheduled") >= number("status.desiredNumberScheduled"),
        "Job" => !job_has_no_pod(cx, controller),
        "CronJob" => {
            let ran = |path: &str| controller.time(path).is_some_and(|ran| last.is_some_and(|last| ran > last));
            !controller.list("status.active").is_empty() || ran("status.lastScheduleTime") || ran("status.lastSuccessfulTime")
        }
        "Deployment" => json::text(controller.condition("Progressing"), "reason") != "ReplicaSetCreateError",
        _ => controller.text("status.phase") != "Pending",
    }
}

/// Whether a controller made something well after it was last refused; within one sync some creations may pass and others not.
fn created_since(cx: &Context<'_>, controller: &Object, last: Option<Timestamp>) -> bool {
    let events = cx.snap.events(&controller.id).iter().filter(|event| event.reason == "SuccessfulCreate");
    let created = events.filter_map(|event| event.last).max();
    created.zip(last).is_some_and(|(created, last)| created.duration_since(last) > PASSING)
}

/// Whether a Job that should run has neither a pod nor had one.
pub fn job_has_no_pod(cx: &Context<'_>, job: &Object) -> bool {
    let number = |path: &str| job.int(path).unwrap_or(0);
    let ended = ["Complete", "Failed", "Suspended"].iter().any(|r#type| json::text(job.condition(r#type), "status") == "True");
    let pods = number("status.active") + number("status.succeeded") + number("status.failed");
    let young = job.created().is_some_and(|created| cx.snap.age(created) < SETTLING);
    let known = cx.snap.looked_for("Pod", job.id.ns()).is_ok() && job.partial().is_none();
    known && !ended && !young && !job.flag("spec.suspend") && pods == 0 && cx.snap.children(&job.id).next().is_none()
}

/// States what a refusal looks like where no other symptom shows it: a rollout whose old pods all run on.
pub fn symptom(cx: &Context<'_>, refusal: &Refusal<'_>, out: &mut Findings) {
    if refusal.ended.is_some() {
        return;
    }
    let workload = cx.workload(&refusal.controller.id);
    let evidence = vec![refusal.evidence.clone()];
    match workload.kind.as_str() {
        "Deployment" => {
            let Some(deployment) = cx.snap.get(&workload) else { return };
            let wanted = deployment.int("spec.replicas").unwrap_or(1);
            let past_deadline = json::text(deployment.condition("Progressing"), "reason") == "ProgressDeadlineExceeded";
            if deployment.int("status.readyReplicas").unwrap_or(0) >= wanted && !past_deadline {
                let summary = "the pods of the new revision can't be created; the old ones run on";
                out.symptom(&ROLLOUT_STUCK, workload, summary, refusal.since, evidence);
            }
        }
        "CronJob" => out.symptom(&REPLICAS_MISSING, workload, "can't start its Job", refusal.since, evidence),
        _ => {}
    }
}
