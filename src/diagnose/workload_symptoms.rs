//! Symptoms of what stands above and beside pods: workloads, Services, claims, Jobs, nodes.

use super::context::Context;
use super::findings::Findings;
use super::reach;
use super::symptoms::{
    CLAIM_PENDING, JOB_FAILED, NO_READY_ENDPOINTS, NODE_NOT_READY, REPLICAS_MISSING, ROLLOUT_STUCK, condition_evidence,
};
use crate::cluster::{Object, json, pod};
use jiff::{SignedDuration, Timestamp};

/// A workload or claim younger than this is still being worked on by its controllers.
const SETTLING: SignedDuration = SignedDuration::from_secs(30);
/// How long a node may take from joining to being ready.
const JOINING: SignedDuration = SignedDuration::from_mins(3);

/// States the symptoms.
pub fn check(cx: &Context<'_>, out: &mut Findings) {
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
        cx.snap.of_kind(kind).iter().for_each(|workload| replicas(cx, workload, out));
    }
    cx.snap.of_kind("Service").iter().for_each(|service| endpoints(cx, service, out));
    for claim in cx.snap.of_kind("PersistentVolumeClaim") {
        let phase = claim.text("status.phase");
        let settled = claim.created().is_none_or(|created| cx.snap.age(created) >= SETTLING);
        if matches!(phase, "Pending" | "Lost") && settled && claim.deleted().is_none() {
            let evidence = vec![cx.field(claim, "status.phase")];
            out.symptom(&CLAIM_PENDING, claim.id.clone(), format!("is {phase}"), claim.created(), evidence);
        }
    }
    cx.snap.of_kind("Job").iter().for_each(|job| failed_job(cx, job, out));
    for node in cx.snap.of_kind("Node") {
        let ready = node.condition("Ready");
        if !matches!(json::text(ready, "status"), "True" | "") && !is_joining(cx, node) {
            let since = json::time(ready, "lastTransitionTime");
            let summary = format!("isn't ready: {}", json::text(ready, "reason"));
            out.symptom(&NODE_NOT_READY, node.id.clone(), summary, since, vec![condition_evidence(cx, node, "Ready")]);
        }
    }
}

/// Whether a node has only just joined and its kubelet says so: its network plugin is on its way.
pub(super) fn is_joining(cx: &Context<'_>, node: &Object) -> bool {
    let says_no = json::text(node.condition("Ready"), "status") == "False";
    says_no && node.created().is_some_and(|created| cx.snap.age(created) < JOINING)
}

fn failed_job(cx: &Context<'_>, job: &Object, out: &mut Findings) {
    let failed = job.condition("Failed");
    if job_succeeded(cx, job).is_some() {
        let evidence = vec![cx.field(job, "status.succeeded")];
        out.absent("job_failed", job.id.clone(), "it is complete, or a later run of its schedule is", evidence);
    } else if json::text(failed, "status") == "True" {
        let since = json::time(failed, "lastTransitionTime");
        let summary = format!("failed: {}", json::text(failed, "reason"));
        out.symptom(&JOB_FAILED, job.id.clone(), summary, since, vec![condition_evidence(cx, job, "Failed")]);
    }
}

/// When a Job completed, or a later Job of the same CronJob did: the failed run that `failedJobsHistoryLimit` keeps is history
/// then.
pub(super) fn job_succeeded(cx: &Context<'_>, job: &Object) -> Option<Timestamp> {
    let completed = |job: &Object| {
        let complete = job.condition("Complete");
        (json::text(complete, "status") == "True").then(|| json::time(complete, "lastTransitionTime")).flatten()
    };
    let later = |owner| cx.snap.children(&owner).filter(|other| other.created() > job.created()).filter_map(completed).min();
    // Kubernetes 1.21 and later record it; the Job itself may have been cleaned up.
    let recorded = |owner| cx.snap.get(&owner)?.time("status.lastSuccessfulTime").filter(|at| Some(*at) > job.created());
    completed(job).or_else(|| later(job.controller()?)).or_else(|| recorded(job.controller()?))
}

/// How many pods a workload asks for, and the path of that number.
fn desired(workload: &Object) -> (i64, &'static str) {
    match workload.id.kind.as_str() {
        "DaemonSet" => (workload.int("status.desiredNumberScheduled").unwrap_or(0), "status.desiredNumberScheduled"),
        _ => (workload.int("spec.replicas").unwrap_or(1), "spec.replicas"),
    }
}

/// How many of its pods are ready, and the path of that number.
fn ready(workload: &Object) -> (i64, &'static str) {
    match workload.id.kind.as_str() {
        "DaemonSet" => (workload.int("status.numberReady").unwrap_or(0), "status.numberReady"),
        _ => (workload.int("status.readyReplicas").unwrap_or(0), "status.readyReplicas"),
    }
}

fn replicas(cx: &Context<'_>, workload: &Object, out: &mut Findings) {
    if workload.partial().is_some() || workload.deleted().is_some() || workload.at("status").is_null() {
        return;
    }
    // A ReplicaSet's shortfall is shown at its Deployment.
    if workload.id.kind == "ReplicaSet" && workload.controller().is_some() {
        return;
    }
    let progressing = workload.condition("Progressing");
    if json::text(progressing, "reason") == "ProgressDeadlineExceeded" {
        let since = json::time(progressing, "lastTransitionTime");
        let evidence = vec![condition_evidence(cx, workload, "Progressing")];
        out.symptom(&ROLLOUT_STUCK, workload.id.clone(), "the rollout is past its deadline", since, evidence);
    }
    let ((desired, desired_path), (ready, ready_path)) = (desired(workload), ready(workload));
    if ready >= desired {
        return;
    }
    let available = workload.condition("Available");
    let since = if json::text(available, "status") == "False" { json::time(available, "lastTransitionTime") } else { None };
    if since.or_else(|| workload.created()).is_some_and(|since| cx.snap.age(since) < SETTLING) {
        return;
    }
    let evidence = vec![cx.field(workload, ready_path), cx.field(workload, desired_path)];
    let summary = format!("{ready} of {desired} pods are ready");
    out.symptom(&REPLICAS_MISSING, workload.id.clone(), summary, since, evidence);
}

/// The pods that a Service selects, finished and deleted ones left out. Empty for a Service without a selector.
pub(super) fn selected<'a>(cx: &Context<'a>, service: &Object) -> Vec<&'a Object> {
    let selector: Vec<(&str, &str)> =
        json::entries(&service.raw, "spec.selector").filter_map(|(key, value)| Some((key, value.as_str()?))).collect();
    if selector.is_empty() {
        return Vec::new();
    }
    let matches = |pod: &&Object| selector.iter().all(|(key, value)| pod.label(key) == Some(value));
    let live = |pod: &&Object| !pod::is_finished(pod) && pod.deleted().is_none();
    cx.snap.in_namespace("Pod", service.id.ns()).iter().filter(matches).filter(live).collect()
}

fn endpoints(cx: &Context<'_>, service: &Object, out: &mut Findings) {
    let no_selector = json::entries(&service.raw, "spec.selector").next().is_none();
    if no_selector || service.text("spec.type") == "ExternalName" || cx.snap.looked_for("Pod", service.id.ns()).is_err() {
        return;
    }
    let pods = selected(cx, service);
    // A Service that selects nothing and that nobody uses is left over from something.
    let is_target = cx.snap.target.as_ref() == Some(&service.id);
    if pods.is_empty() && !is_target && !reach::is_used(cx, service) {
        return;
    }
    let publishes = service.flag("spec.publishNotReadyAddresses");
    if pods.iter().any(|pod| publishes || pod::is_ready(pod)) {
        return;
    }
    let since = pods.iter().filter_map(|pod| json::time(pod.condition("Ready"), "lastTransitionTime")).max();
    let since = since.or_else(|| reach::edited(service));
    let mut evidence = vec![cx.field(service, "spec.selector")];
    evidence.extend(pods.first().map(|pod| condition_evidence(cx, pod, "Ready")));
    let summary = match pods.len() {
        0 => "selects no pod".to_owned(),
        1 => "has no ready pod: the one it selects isn't ready".to_owned(),
        n => format!("has no ready pod: none of the {n} it selects is ready"),
    };
    out.symptom(&NO_READY_ENDPOINTS, service.id.clone(), summary, since, evidence);
}
