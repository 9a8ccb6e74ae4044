//! Services that select nothing: a label that differs, or a workload that is scaled to zero.

use super::explains::UNREACHABLE;
use crate::cluster::selector::{self, Difference};
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::workload_symptoms::selected;
use crate::domain::ObjectRef;

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&SERVICE_SELECTOR_MISMATCH], check };

/// A workload that was scaled to zero; a row of the workloads, stated here because a Service without pods shows it.
pub static SCALED: Family = Family { section: Section::Workloads, causes: &[&SCALED_TO_ZERO], check: |_, _| {} };

static SERVICE_SELECTOR_MISMATCH: Cause = Cause {
    id: "service_selector_mismatch",
    title: "the Service selects no pod",
    perspective: Perspective::Infra,
    explains: &[UNREACHABLE],
    reads: "services, pods, workloads' templates",
    source: "endpoint slice controller: no address in the Service's slices, since no pod has the labels of spec.selector",
    doc: "The labels that the Service selects are on no pod, while pods that look like the ones it means carry others.",
    check: "kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.selector}'; kubectl -n NAMESPACE get pods --show-labels",
    fix: "make the Service's selector and the pods' labels the same",
    fields: &[],
};

static SCALED_TO_ZERO: Cause = Cause {
    id: "scaled_to_zero",
    title: "scaled to zero although something depends on it",
    perspective: Perspective::Infra,
    explains: &[UNREACHABLE],
    reads: "workloads, services, dependencies",
    source: "spec.replicas 0 on the workload that the Service selects",
    doc: "The workload has been scaled to zero, and a Service that others use has nobody behind it.",
    check: "kubectl -n NAMESPACE get deployments,statefulsets",
    fix: "scale it up again, after asking who scaled it down",
    fields: &[],
};

const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

fn check(cx: &Context<'_>, out: &mut Findings) {
    for service in cx.snap.of_kind("Service") {
        let no_selector = json::entries(&service.raw, "spec.selector").next().is_none();
        if no_selector || service.text("spec.type") == "ExternalName" || service.partial().is_some() {
            continue;
        }
        if cx.snap.looked_for("Pod", service.id.ns()).is_ok() && selected(cx, service).is_empty() {
            selects_nothing(cx, service, out);
        }
    }
}

fn selects_nothing(cx: &Context<'_>, service: &Object, out: &mut Findings) {
    let selects =
        |workload: &&Object| selector::matches_map(service.at("spec.selector"), workload.at("spec.template.metadata.labels"));
    let workloads = || WORKLOADS.iter().flat_map(|kind| cx.snap.in_namespace(kind, service.id.ns()));
    if let Some(workload) = workloads().find(selects) {
        if workload.int("spec.replicas") == Some(0) && workload.controller().is_none() && is_used(cx, service) {
            out.found(&SCALED_TO_ZERO, workload.id.clone(), Proof::Computed)
                .evidence([cx.field(workload, "spec.replicas"), cx.field(service, "spec.selector")])
                .also([service.id.clone().into()])
                .says(format!("is scaled to zero, and Service {} has nobody behind it", service.id.name))
                .next(format!("kubectl -n {} describe {}", workload.id.ns(), workload.id.kubectl()));
        }
        return;
    }
    let mut candidates: Vec<(u32, &Object, Vec<Difference>)> = workloads()
        .filter(|workload| workload.controller().is_none())
        .filter_map(|workload| Some((likeness(cx, service, workload)?, workload)))
        .map(|(score, workload)| (score, workload, differences(service, workload)))
        .collect();
    candidates.sort_by(|a, b| (b.0, &a.1.id).cmp(&(a.0, &b.1.id)));
    let Some((score, meant, differences)) = candidates.first() else { return };
    // Two workloads that it might equally mean: then which one stays open.
    let unique = candidates.get(1).is_none_or(|(other, ..)| other < score);
    let difference = differences.first().map_or(String::new(), |difference| {
        let got = difference.got.as_ref().map_or("no such label".to_owned(), |got| format!("{}={got}", difference.key));
        format!(": it wants {}, and the pods of {} have {got}", difference.wanted, meant.id)
    });
    out.found(&SERVICE_SELECTOR_MISMATCH, service.id.clone(), if unique { Proof::Computed } else { Proof::Timing })
        .evidence([cx.field(service, "spec.selector"), cx.field(meant, "spec.template.metadata.labels")])
        .says(format!("selects no pod{difference}"))
        .fix(format!("make the selector of Service {} match the labels of {}", service.id.name, meant.id))
        .next(format!("kubectl -n {} get pods --show-labels", service.id.ns()));
}

fn differences(service: &Object, workload: &Object) -> Vec<Difference> {
    selector::near_miss(&selector::map_requirements(service.at("spec.selector")), workload.at("spec.template.metadata.labels"))
}

/// How much a workload looks like the one that a Service means; `None` when nothing speaks for it. A workload that another
/// Service selects already is not looking for one.
fn likeness(cx: &Context<'_>, service: &Object, workload: &Object) -> Option<u32> {
    let labels = workload.at("spec.template.metadata.labels");
    let others = cx.snap.in_namespace("Service", service.id.ns()).iter();
    let taken = others
        .filter(|other| other.id != service.id && json::entries(&other.raw, "spec.selector").next().is_some())
        .any(|other| selector::matches_map(other.at("spec.selector"), labels));
    if taken {
        return None;
    }
    let wanted = selector::map_requirements(service.at("spec.selector"));
    let missed = selector::near_miss(&wanted, labels);
    let same_labels = u32::try_from(wanted.len().saturating_sub(missed.len())).unwrap_or(0);
    let misspelt = missed.iter().any(|difference| difference.alike.is_some());
    let declared =
        json::list(workload.at("spec.template.spec"), "containers").iter().flat_map(|container| json::list(container, "ports"));
    let ports: Vec<_> = declared.collect();
    let listens = service.list("spec.ports").iter().any(|port| {
        let target = json::key(port, "targetPort");
        let target = if target.is_null() { json::key(port, "port") } else { target };
        ports.iter().any(|port| json::key(port, "containerPort") == target || json::key(port, "name") == target)
    });
    let same_name = workload.id.name == service.id.name;
    let score = 4 * same_labels + 3 * u32::from(misspelt) + 2 * u32::from(listens) + 4 * u32::from(same_name);
    (score >= 2).then_some(score)
}

/// Whether something is known to use a Service.
fn is_used(cx: &Context<'_>, service: &Object) -> bool {
    let named = |name: &crate::cluster::ServiceName| {
        name.name == service.id.name && (name.namespace.is_empty() || name.namespace == service.id.ns())
    };
    let probed = cx.snap.signals.iter().any(|signal| {
        signal.signal == "probe_success"
            && signal.labels.get("service") == Some(&service.id.name)
            && signal.values.last().is_some_and(|v| v.1 == 0.0)
    });
    probed || cx.snap.dependencies.iter().any(|edge| named(&edge.to)) || routed(cx, service) || in_environment(cx, &service.id)
}

fn routed(cx: &Context<'_>, service: &Object) -> bool {
    let ingresses = cx.snap.in_namespace("Ingress", service.id.ns()).iter();
    let paths = ingresses.flat_map(|ingress| ingress.list("spec.rules")).flat_map(|rule| json::list(rule, "http.paths"));
    paths.into_iter().any(|path| json::text(path, "backend.service.name") == service.id.name)
}

/// Whether a container's environment names the Service as a host.
fn in_environment(cx: &Context<'_>, service: &ObjectRef) -> bool {
    let names = |value: &str| {
        value.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.')).any(|host| {
            host == service.name
                || host
                    .strip_prefix(&service.name)
                    .is_some_and(|rest| rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(service.ns())))
        })
    };
    let templates = WORKLOADS.iter().flat_map(|kind| cx.snap.in_namespace(kind, service.ns()));
    templates
        .flat_map(|workload| workload.list("spec.template.spec.containers"))
        .flat_map(|container| json::list(container, "env"))
        .any(|variable| names(json::text(variable, "value")))
}
