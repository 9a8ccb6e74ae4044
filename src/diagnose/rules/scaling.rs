//! Workloads that were scaled to zero while others count on them. One that nobody is known to use, or that an autoscaler
//! scales, is at zero on purpose.

use super::explains::UNREACHABLE;
use crate::cluster::{Object, selector};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::workload_symptoms::selected;
use crate::domain::ObjectRef;

/// The family.
pub static FAMILY: Family = Family { section: Section::Workloads, causes: &[&SCALED_TO_ZERO], check };

static SCALED_TO_ZERO: Cause = Cause {
    id: "scaled_to_zero",
    title: "scaled to zero although something depends on it",
    perspective: Perspective::Infra,
    explains: &[UNREACHABLE, &[(Link::Pod, "not_scaling")]],
    reads: "workloads, services, dependencies, addresses in pod specs, events",
    source: "spec.replicas 0 on the workload that the Service selects; deployment controller: ScalingReplicaSet",
    doc: "The workload has been scaled to zero, and a Service that others use has nobody behind it.",
    check: "kubectl -n NAMESPACE get deployments,statefulsets; kubectl -n NAMESPACE get events --field-selector reason=ScalingReplicaSet",
    fix: "scale it up again, after asking who scaled it down",
    fields: &[],
};

fn check(cx: &Context<'_>, out: &mut Findings) {
    for kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
        for workload in cx.snap.of_kind(kind) {
            if workload.int("spec.replicas") == Some(0) && workload.controller().is_none() && workload.deleted().is_none() {
                at_zero(cx, workload, out);
            }
        }
    }
}

fn at_zero(cx: &Context<'_>, workload: &Object, out: &mut Findings) {
    let labels = workload.at("spec.template.metadata.labels");
    let services = cx.snap.in_namespace("Service", workload.id.ns()).iter();
    let alone: Vec<&Object> = services
        .filter(|service| selector::matches_map(service.at("spec.selector"), labels))
        .filter(|service| selected(cx, service).is_empty() && reach::is_used(cx, service))
        .collect();
    let Some(service) = alone.first() else { return };
    if is_autoscaled(cx, &workload.id) {
        return;
    }
    let scaled =
        cx.snap.events(&workload.id).iter().rfind(|event| event.reason == "ScalingReplicaSet" && event.message.contains(" to 0"));
    let callers: Vec<String> = cx.calls.callers(&service.id).take(3).map(ToString::to_string).collect();
    let users = if callers.is_empty() { String::new() } else { format!(", which {} uses", callers.join(", ")) };
    out.found(&SCALED_TO_ZERO, workload.id.clone(), Proof::Computed)
        .since(scaled.and_then(|event| event.last))
        .evidence([cx.field(workload, "spec.replicas"), cx.field(service, "spec.selector")])
        .evidence(scaled.map(|event| event.evidence()))
        .also(alone.iter().map(|service| service.id.clone().into()))
        .says(format!("is scaled to zero, and nobody is behind Service {}{users}", service.id.name))
        .next(format!("kubectl -n {} get {} -o yaml", workload.id.ns(), workload.id.kubectl()));
}

/// Whether an autoscaler is in charge of the number: HorizontalPodAutoscalers leave a workload at zero alone, and what scales to
/// zero on purpose (KEDA) works through one.
fn is_autoscaled(cx: &Context<'_>, workload: &ObjectRef) -> bool {
    cx.snap.in_namespace("HorizontalPodAutoscaler", workload.ns()).iter().any(|autoscaler| {
        let (kind, name) = (autoscaler.text("spec.scaleTargetRef.kind"), autoscaler.text("spec.scaleTargetRef.name"));
        kind == workload.kind && name == workload.name && autoscaler.label("scaledobject.keda.sh/name").is_some()
    })
}
