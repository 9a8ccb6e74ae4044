//! Horizontal autoscalers that can't do their work, by the controller's own conditions: no metrics, no requests to compare them
//! with, nothing to scale, no room left. An autoscaler that rests at its minimum, or whose target is scaled to zero, is well.

mod status;

use crate::cluster::{Object, json, workload};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::diagnose::symptoms::NOT_SCALING;
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;
use serde_json::json;
use status::{Condition, Status};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Workloads,
    causes: &[&HPA_METRICS_UNAVAILABLE, &HPA_TARGET_MISSING, &HPA_AT_MAXIMUM, &HPA_REQUESTS_MISSING, &HPA_SELECTOR_AMBIGUOUS],
    check,
};

const READS: &str = "horizontal pod autoscalers";
const CHECK: &str = "kubectl -n NAMESPACE describe hpa NAME";

static HPA_METRICS_UNAVAILABLE: Cause = Cause {
    id: "hpa_metrics_unavailable",
    title: "the autoscaler gets no metrics",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "not_scaling")]],
    reads: READS,
    source: "HPA controller: condition ScalingActive False with reason FailedGetResourceMetric, FailedGetPodsMetric, FailedGetObjectMetric, FailedGetExternalMetric or FailedGetContainerResourceMetric",
    doc: "The metrics that the autoscaler compares aren't there: their API isn't served, doesn't answer, or doesn't know the metric.",
    check: "kubectl get apiservices | grep metrics; kubectl -n NAMESPACE describe hpa NAME",
    fix: "bring back what serves the metrics: metrics-server, or the adapter of the custom or external metrics",
    fields: &[],
};

static HPA_TARGET_MISSING: Cause = Cause {
    id: "hpa_target_missing",
    title: "what the autoscaler is to scale doesn't exist",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "not_scaling")]],
    reads: "horizontal pod autoscalers, workloads",
    source: "HPA controller: condition AbleToScale False with reason FailedGetScale",
    doc: "spec.scaleTargetRef names a workload, or a kind, that isn't there.",
    check: "kubectl -n NAMESPACE get hpa NAME -o jsonpath='{.spec.scaleTargetRef}'",
    fix: "correct scaleTargetRef, or delete the autoscaler of a workload that is gone",
    fields: &[],
};

static HPA_AT_MAXIMUM: Cause = Cause {
    id: "hpa_at_maximum",
    title: "the autoscaler is at its maximum and asks for more",
    perspective: Perspective::Runtime,
    explains: &[&[
        (Link::Pod, "not_scaling"),
        (Link::Pod, "alert_firing"),
        (Link::Workload, "saturation"),
        (Link::Workload, "high_latency"),
        (Link::Workload, "cpu_saturated"),
    ]],
    reads: READS,
    source: "HPA controller: condition ScalingLimited True with reason TooManyReplicas",
    doc: "The metric stays above its target although the workload runs as many pods as maxReplicas allows.",
    check: CHECK,
    fix: "raise maxReplicas if the cluster has room, or find what brings the load",
    fields: &[],
};

static HPA_REQUESTS_MISSING: Cause = Cause {
    id: "hpa_requests_missing",
    title: "containers have no request that the autoscaler could measure by",
    perspective: Perspective::App,
    explains: &[&[(Link::Pod, "not_scaling")]],
    reads: "horizontal pod autoscalers, pod templates",
    source: "HPA controller: condition ScalingActive False, `missing request for cpu`, by newer servers with `in container NAME of Pod NAME`",
    doc: "The autoscaler's target is a share of the request, and a container of the workload requests nothing of that resource.",
    check: "kubectl -n NAMESPACE get deployment NAME -o jsonpath='{.spec.template.spec.containers[*].resources}'",
    fix: "give every container of the workload a request for that resource, sidecars too",
    fields: &["resources.requests", "spec.containers["],
};

static HPA_SELECTOR_AMBIGUOUS: Cause = Cause {
    id: "hpa_selector_ambiguous",
    title: "several autoscalers are responsible for the same pods",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "not_scaling")]],
    reads: READS,
    source: "HPA controller, 1.26 and later: condition ScalingActive False with reason AmbiguousSelector",
    doc: "The selectors of two autoscalers' targets match the same pods, so that neither scales.",
    check: "kubectl -n NAMESPACE get hpa",
    fix: "let one autoscaler remain for each workload, and give workloads selectors of their own",
    fields: &[],
};

/// Metrics of new pods come with the next scrape, and the controller looks every 15 s (`--horizontal-pod-autoscaler-sync-period`).
const SETTLING: SignedDuration = SignedDuration::from_mins(3);
/// How much of the controller's message a sentence quotes.
const QUOTED: usize = 240;

fn check(cx: &Context<'_>, out: &mut Findings) {
    for hpa in cx.snap.of_kind("HorizontalPodAutoscaler") {
        if hpa.deleted().is_none() && hpa.partial().is_none() {
            judge(cx, hpa, out);
        }
    }
}

/// What an autoscaler is to scale.
fn target(hpa: &Object) -> ObjectRef {
    ObjectRef::new(hpa.text("spec.scaleTargetRef.kind"), hpa.id.ns(), hpa.text("spec.scaleTargetRef.name"))
}

fn judge(cx: &Context<'_>, hpa: &Object, out: &mut Findings) {
    let status = Status::of(cx, hpa);
    let target = target(hpa);
    let able = status.condition("AbleToScale").filter(|condition| condition.is("False"));
    if let Some(proof) = missing(cx, &target, able) {
        let says = format!("is to scale {target}, which doesn't exist");
        let evidence = cx.field(hpa, "spec.scaleTargetRef");
        found(cx, &HPA_TARGET_MISSING, hpa, able, proof, out).evidence([evidence]).says(says);
        return;
    }
    if let Some(active) = status.condition("ScalingActive").filter(|condition| condition.is("False")) {
        inactive(cx, hpa, &target, active, out);
        return;
    }
    if let Some(limited) = status.condition("ScalingLimited").filter(|condition| condition.is("True"))
        && limited.reason() == "TooManyReplicas"
    {
        at_maximum(cx, hpa, &target, &status, limited, out);
    }
}

/// States a cause and its symptom.
fn found<'o>(
    cx: &Context<'_>,
    cause: &'static Cause,
    hpa: &Object,
    condition: Option<&Condition>,
    proof: Proof,
    out: &'o mut Findings,
) -> &'o mut Finding {
    let evidence: Vec<Evidence> = condition.map(|condition| condition.evidence(cx, hpa)).into_iter().collect();
    let since = condition.and_then(Condition::since);
    out.symptom(&NOT_SCALING, hpa.id.clone(), cause.title, since, evidence.clone());
    out.found(cause, hpa.id.clone(), proof).since(since).evidence(evidence).next(format!(
        "kubectl -n {} describe hpa {}",
        hpa.id.ns(),
        hpa.id.name
    ))
}

/// Whether the target isn't there, and what proves it.
fn missing(cx: &Context<'_>, target: &ObjectRef, able: Option<&Condition>) -> Option<Proof> {
    let said = able.filter(|condition| condition.reason() == "FailedGetScale").map(Condition::message);
    let said_missing = said.is_some_and(|message| message.contains("not found") || message.contains("no matches for kind"));
    let known_kind = matches!(target.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController");
    let looked = known_kind && cx.snap.looked_for(&target.kind, target.ns()).is_ok();
    match (cx.snap.get(target).is_some(), looked, said_missing) {
        // It is there now: the condition is of before.
        (true, ..) => None,
        (false, true, true) => Some(Proof::ComputedAndSaid),
        (false, true, false) => Some(Proof::Computed),
        (false, false, true) => Some(Proof::Structure),
        (false, false, false) => None,
    }
}

fn inactive(cx: &Context<'_>, hpa: &Object, target: &ObjectRef, active: &Condition, out: &mut Findings) {
    let message = active.message();
    let young = active.since().or_else(|| hpa.created()).is_some_and(|since| cx.snap.age(since) < SETTLING);
    let scaled = cx.snap.get(target);
    let pods_lack =
        ["any ready pods", "pods might be unready", "no pods returned by selector"].iter().any(|words| message.contains(words));
    let ready = scaled.and_then(workload::replicas).is_none_or(|replicas| replicas.are_all_ready());
    // Scaled to zero it rests, and pods that aren't ready have no metrics: neither is the autoscaler's fault.
    if active.reason() == "ScalingDisabled" || young || pods_lack && !ready {
        return;
    }
    let said = message.strip_prefix("the HPA was unable to compute the replica count: ").unwrap_or(message);
    let said: String = said.chars().take(QUOTED).collect();
    if let Some((_, resource)) = message.split_once("missing request for ") {
        let resource = resource.split([' ', ',', ':']).next().unwrap_or(resource);
        let lacking = scaled.map_or_else(Vec::new, |scaled| lacking(scaled, resource));
        let (proof, whose) = match lacking.as_slice() {
            [] => (Proof::Structure, String::new()),
            names => (Proof::ComputedAndSaid, format!(": container {}", names.join(", "))),
        };
        let evidence = scaled.map(|scaled| cx.field(scaled, "spec.template.spec.containers"));
        let evidence = evidence.filter(|_| !lacking.is_empty()).map(|mut evidence| {
            evidence.value = lacking.iter().map(|name| json!({"name": name, "resources.requests": null})).collect();
            evidence
        });
        found(cx, &HPA_REQUESTS_MISSING, hpa, Some(active), proof, out)
            .evidence(evidence)
            .says(format!("can't measure {resource}: {target} has no request for it{whose}"))
            .fix(format!("set resources.requests.{resource} for every container of {target}"));
        return;
    }
    if active.reason() == "AmbiguousSelector" {
        found(cx, &HPA_SELECTOR_AMBIGUOUS, hpa, Some(active), Proof::Structure, out).says(format!("doesn't scale: {said}"));
        return;
    }
    let fix = if message.contains("custom.metrics.k8s.io") || message.contains("external.metrics.k8s.io") {
        "bring back the adapter that serves custom or external metrics, or correct the metric's name"
    } else if message.contains("metrics.k8s.io") || message.contains("resource metrics API") {
        "bring back metrics-server, which serves CPU and memory of pods"
    } else {
        HPA_METRICS_UNAVAILABLE.fix
    };
    found(cx, &HPA_METRICS_UNAVAILABLE, hpa, Some(active), Proof::Structure, out)
        .says(format!("gets no metrics and doesn't scale {target}: {said}"))
        .fix(fix)
        .next("kubectl get apiservices v1beta1.metrics.k8s.io");
}

/// The containers of a workload's template that request nothing of a resource.
fn lacking(scaled: &Object, resource: &str) -> Vec<String> {
    let spec = workload::pod_template(scaled).map(|template| json::key(template, "spec"));
    let containers = spec.map_or(&[][..], |spec| json::list(spec, "containers")).iter();
    containers
        // The API server takes a limit for the request where none is given.
        .filter(|container| {
            ["requests", "limits"].iter().all(|of| json::key(json::at(container, &format!("resources.{of}")), resource).is_null())
        })
        .map(|container| json::text(container, "name").to_owned())
        .collect()
}

fn at_maximum(cx: &Context<'_>, hpa: &Object, target: &ObjectRef, status: &Status, limited: &Condition, out: &mut Findings) {
    let maximum = hpa.int("spec.maxReplicas").unwrap_or(i64::MAX);
    let current = hpa.int("status.currentReplicas").unwrap_or(0);
    let Some(measured) = status.above_target() else { return };
    if current < maximum {
        return;
    }
    found(cx, &HPA_AT_MAXIMUM, hpa, Some(limited), Proof::Structure, out)
        .evidence([cx.field(hpa, "spec.maxReplicas")])
        .evidence(measured.evidence(cx, hpa))
        .also([target.clone().into()])
        .says(format!("runs {target} at its maximum of {maximum} pods and asks for more: {}", measured.told()));
}
