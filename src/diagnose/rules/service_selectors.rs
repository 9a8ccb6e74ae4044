//! Services that select nothing since a label differs. One whose workload is scaled to zero, and one that nobody uses and that
//! resembles nothing, are no fault of the selector.

use super::explains::UNREACHABLE;
use crate::cluster::selector::{self, Difference, Requirement};
use crate::cluster::{Object, json, pod, ports, workload};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::symptoms::NO_READY_ENDPOINTS;
use crate::diagnose::workload_symptoms::selected;
use serde_json::Value;

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&SERVICE_SELECTOR_MISMATCH], check };

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

/// The kinds of workloads whose templates a Service may mean.
const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

fn check(cx: &Context<'_>, out: &mut Findings) {
    for service in cx.snap.of_kind("Service") {
        let no_selector = json::entries(&service.raw, "spec.selector").next().is_none();
        if no_selector
            || service.text("spec.type") == "ExternalName"
            || service.partial().is_some()
            || service.deleted().is_some()
        {
            continue;
        }
        if cx.snap.looked_for("Pod", service.id.ns()).is_ok() && selected(cx, service).is_empty() {
            selects_nothing(cx, service, out);
        }
    }
}

/// Labels that a Service may have meant, with why.
struct Meant<'a> {
    object: &'a Object,
    labels: &'a Value,
    differences: Vec<Difference>,
    likeness: Likeness,
}

/// What speaks for a workload to be the one that a Service means; the fields are in the order in which they count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    /// A label differs by its spelling, or its value stands under another key.
    misspelt: bool,
    /// How many of the wanted labels are there.
    same_labels: usize,
    same_name: bool,
    /// A container declares the port that the Service sends to.
    listens: bool,
}

fn selects_nothing(cx: &Context<'_>, service: &Object, out: &mut Findings) {
    let wanted = selector::map_requirements(service.at("spec.selector"));
    let candidates = templates(cx, service.id.ns());
    // Pods that it would select are on their way, or their workload is scaled to zero: another's matter.
    if candidates.iter().any(|(_, template)| selector::all_match(&wanted, json::at(template, "metadata.labels"))) {
        return;
    }
    let mut meant: Vec<Meant<'_>> =
        candidates.into_iter().filter_map(|(object, template)| likeness(cx, service, &wanted, object, template)).collect();
    meant.sort_by(|a, b| b.likeness.cmp(&a.likeness).then_with(|| a.object.id.cmp(&b.object.id)));
    let Some(nearest) = meant.first() else { return };
    // Two workloads that it might equally mean: then which one stays open. And a label that no template has at all may be one
    // that a program gives its pods while they run, such as the leader's.
    let unique = meant.get(1).is_none_or(|second| second.likeness < nearest.likeness);
    let sure = nearest.likeness.misspelt || nearest.likeness.same_name && nearest.likeness.listens;
    let proof = if unique && sure { Proof::Computed } else { Proof::Timing };
    let difference = nearest.differences.first().map_or(String::new(), |difference| {
        let other = same_value(difference, nearest.labels).or_else(|| difference.alike.clone());
        let got = difference.got.as_ref().map(|got| format!("{}={got}", difference.key)).or(other);
        let got = got.unwrap_or_else(|| format!("no label {}", difference.key));
        format!(": it wants {}, and the pods of {} have {got}", difference.wanted, nearest.object.id)
    });
    let evidence = [
        cx.field(service, "spec.selector"),
        cx.value(&nearest.object.id, labels_path(nearest.object), nearest.labels.clone(), None),
    ];
    if !reach::is_used(cx, service) && proof == Proof::Computed {
        out.symptom(&NO_READY_ENDPOINTS, service.id.clone(), "selects no pod", reach::edited(service), evidence.to_vec());
    }
    out.found(&SERVICE_SELECTOR_MISMATCH, service.id.clone(), proof)
        .since(reach::edited(service))
        .evidence(evidence)
        .says(format!("selects no pod{difference}"))
        .fix(format!("make the selector of Service {} match the labels of {}", service.id.name, nearest.object.id))
        .next(format!("kubectl -n {} get pods --show-labels", service.id.ns()));
}

fn labels_path(object: &Object) -> &'static str {
    if object.id.kind == "Pod" { "metadata.labels" } else { "spec.template.metadata.labels" }
}

/// The pod templates of a namespace with what they belong to: workloads, and pods that none of them made.
fn templates<'a>(cx: &Context<'a>, namespace: &str) -> Vec<(&'a Object, &'a Value)> {
    let workloads =
        WORKLOADS.iter().flat_map(|kind| cx.snap.in_namespace(kind, namespace)).filter(|object| object.controller().is_none());
    let pods = cx.snap.in_namespace("Pod", namespace).iter().filter(|pod| {
        let live = !pod::is_finished(pod) && pod.deleted().is_none();
        live && !WORKLOADS.contains(&cx.workload(&pod.id).kind.as_str())
    });
    workloads.chain(pods).filter_map(|object| Some((object, workload::pod_template(object)?))).collect()
}

/// Why a template may be the one that a Service means; `None` when nothing speaks for it. A workload that another Service
/// selects already is not looking for one.
fn likeness<'a>(
    cx: &Context<'a>,
    service: &Object,
    wanted: &[Requirement<'_>],
    object: &'a Object,
    template: &'a Value,
) -> Option<Meant<'a>> {
    let labels = json::at(template, "metadata.labels");
    let others = cx.snap.in_namespace("Service", service.id.ns()).iter().filter(|other| other.id != service.id);
    if others.into_iter().any(|other| selector::matches_map(other.at("spec.selector"), labels)) {
        return None;
    }
    let differences = selector::near_miss(wanted, labels);
    let declared = ports::declared(json::key(template, "spec"));
    let listens = ports::of_service(service).iter().any(|port| {
        let target = port.target_in(json::key(template, "spec"));
        declared.iter().any(|declared| Some(declared.number) == target)
    });
    let likeness = Likeness {
        misspelt: differences.iter().all(|difference| difference.alike.is_some() || same_value(difference, labels).is_some()),
        same_labels: wanted.len().saturating_sub(differences.len()),
        same_name: object.id.name == service.id.name,
        listens,
    };
    let speaks = likeness.misspelt || likeness.same_labels > 0 || likeness.same_name || likeness.listens;
    speaks.then_some(Meant { object, labels, differences, likeness })
}

/// A label that has the wanted value under another key: `app=web` where `application=web` is wanted.
fn same_value(difference: &Difference, labels: &Value) -> Option<String> {
    let (_, value) = difference.wanted.split_once('=')?;
    let found = labels.as_object()?.iter().find(|(_, other)| other.as_str() == Some(value))?;
    difference.got.is_none().then(|| format!("{}={value}", found.0))
}
