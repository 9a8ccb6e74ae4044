//! ResourceQuotas that refuse objects: as the controllers report it, and, for what nobody reports, computed from a quota at its
//! limit together with the very thing that is missing. A quota that is full and refuses nothing is no fault.

mod absent;
mod message;

use super::admission::refusal::{self, Refusal};
use super::explains::{CLAIM_WAITS, POD_DOWN, UNREACHABLE};
use crate::cluster::quantity::Quantity;
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::{Evidence, ObjectRef};
pub(super) use absent::leaves_no_room_for_claims;
use message::{QuotaMessage, Shortage, Why};
use std::collections::BTreeMap;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Admission,
    causes: &[
        &QUOTA_CPU_EXCEEDED,
        &QUOTA_MEMORY_EXCEEDED,
        &QUOTA_PODS_EXCEEDED,
        &QUOTA_SERVICES_EXCEEDED,
        &QUOTA_STORAGE_EXCEEDED,
        &QUOTA_EXCEEDED,
    ],
    check,
};

const EXPLAINS: &[Explains] = &[POD_DOWN, CLAIM_WAITS];
const READS: &str = "events and conditions of controllers, resource quotas";
const SOURCE: &str =
    "API server through the controller: event FailedCreate, `exceeded quota: NAME, requested: …, used: …, limited: …`";
const CHECK: &str = "kubectl -n NAMESPACE describe quota; kubectl -n NAMESPACE get events --field-selector reason=FailedCreate";
const FIX: &str = "raise the quota, lower what the workloads ask for, or remove what isn't needed";

const fn row(id: &'static str, title: &'static str, doc: &'static str, fields: &'static [&'static str]) -> Cause {
    let perspective = Perspective::Infra;
    Cause { id, title, perspective, explains: EXPLAINS, reads: READS, source: SOURCE, doc, check: CHECK, fix: FIX, fields }
}

static QUOTA_CPU_EXCEEDED: Cause = row(
    "quota_cpu_exceeded",
    "the namespace's quota of CPU is used up",
    "A ResourceQuota on CPU requests or limits refuses pods of the namespace.",
    &["resources.requests.cpu", "resources.limits.cpu"],
);
static QUOTA_MEMORY_EXCEEDED: Cause = row(
    "quota_memory_exceeded",
    "the namespace's quota of memory is used up",
    "A ResourceQuota on memory requests or limits refuses pods of the namespace.",
    &["resources.requests.memory", "resources.limits.memory"],
);
static QUOTA_PODS_EXCEEDED: Cause = row(
    "quota_pods_exceeded",
    "the namespace has as many pods as its quota allows",
    "A ResourceQuota on the number of pods refuses further ones.",
    &[],
);
static QUOTA_STORAGE_EXCEEDED: Cause = row(
    "quota_storage_exceeded",
    "the namespace's quota of storage is used up",
    "A ResourceQuota on storage, or on the number of claims, refuses volume claims of the namespace.",
    &["volumes", "volumeClaimTemplates"],
);
static QUOTA_EXCEEDED: Cause = row(
    "quota_exceeded",
    "a quota of the namespace is used up",
    "A ResourceQuota on some other resource, such as devices or a count of objects, refuses objects of the namespace.",
    &["resources.requests.", "resources.limits."],
);
static QUOTA_SERVICES_EXCEEDED: Cause = Cause {
    id: "quota_services_exceeded",
    title: "the namespace has as many Services as its quota allows",
    perspective: Perspective::Infra,
    explains: &[
        UNREACHABLE,
        &[
            (Link::Pod, "broken_reference"),
            (Link::Workload, "broken_reference"),
            (Link::Workload, "service_missing"),
            (Link::Workload, "environment_address_mismatch"),
            (Link::Workload, "dns_resolution_failed"),
            (Link::Calls, "dns_resolution_failed"),
        ],
    ],
    reads: "resource quotas, Services, environment variables, dependencies, probes",
    source: "ResourceQuota status: used equals hard for services; whoever creates the Service gets the refusal, no event tells it",
    doc: "A ResourceQuota on the number of Services leaves no room for a Service that is called and doesn't exist.",
    check: "kubectl -n NAMESPACE describe quota; kubectl -n NAMESPACE get services",
    fix: "raise the quota or remove a Service that isn't needed, then create the missing Service again",
    fields: &[],
};

/// The cause that a quota's resource belongs to. The names are those of `staging/src/k8s.io/api/core/v1/types.go`.
fn row_of(resource: &str) -> &'static Cause {
    match resource.strip_prefix("count/").unwrap_or(resource) {
        "cpu" | "requests.cpu" | "limits.cpu" => &QUOTA_CPU_EXCEEDED,
        "memory" | "requests.memory" | "limits.memory" => &QUOTA_MEMORY_EXCEEDED,
        "pods" => &QUOTA_PODS_EXCEEDED,
        "services" | "services.loadbalancers" | "services.nodeports" => &QUOTA_SERVICES_EXCEEDED,
        "requests.storage" | "persistentvolumeclaims" => &QUOTA_STORAGE_EXCEEDED,
        class if class.contains(".storageclass.storage.k8s.io/") => &QUOTA_STORAGE_EXCEEDED,
        _ => &QUOTA_EXCEEDED,
    }
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let refusals = refusal::all(cx);
    for refusal in &refusals {
        if let Some(message) = message::parse(refusal.message) {
            refused(cx, refusal, &message, out);
            refusal::symptom(cx, refusal, out);
        }
    }
    if !cx.snap.of_kind("ResourceQuota").is_empty() {
        absent::check(cx, &refusals, out);
    }
}

/// A controller's own report: one cause for each kind of resource that is short.
fn refused(cx: &Context<'_>, refusal: &Refusal<'_>, message: &QuotaMessage<'_>, out: &mut Findings) {
    let id = &refusal.controller.id;
    let named = cx.snap.find("ResourceQuota", id.ns(), message.quota);
    let mut others = cx.snap.in_namespace("ResourceQuota", id.ns()).iter();
    let quota = named.or_else(|| others.find(|quota| message.resources.iter().any(|shortage| is_short(quota, shortage))));
    let mut by_cause: BTreeMap<&str, (&'static Cause, Vec<&Shortage<'_>>)> = BTreeMap::new();
    for shortage in &message.resources {
        let cause = row_of(shortage.resource);
        by_cause.entry(cause.id).or_insert((cause, Vec::new())).1.push(shortage);
    }
    if message.resources.is_empty() {
        by_cause.insert(QUOTA_EXCEEDED.id, (&QUOTA_EXCEEDED, Vec::new()));
    }
    for (cause, shortages) in by_cause.into_values() {
        let computed = quota.is_some_and(|quota| shortages.iter().any(|shortage| is_short(quota, shortage)));
        let proof = if computed { Proof::ComputedAndSaid } else { Proof::Event };
        out.found(cause, ObjectRef::cluster("Namespace", id.ns()), proof)
            .also([id.clone().into()])
            .since(refusal.since)
            .ended(refusal.ended)
            .evidence([refusal.evidence.clone()])
            .evidence(
                quota.into_iter().flat_map(|quota| shortages.iter().flat_map(|shortage| usage(cx, quota, shortage.resource))),
            )
            .says(says(&cx.workload(id), message, &shortages))
            .next(format!("kubectl -n {} describe quota {}", id.ns(), message.quota).trim_end());
    }
}

fn says(workload: &ObjectRef, message: &QuotaMessage<'_>, shortages: &[&Shortage<'_>]) -> String {
    let quota = message.quota;
    let resources = shortages.iter().map(|shortage| shortage.resource).collect::<Vec<_>>().join(" and ");
    match message.why {
        Why::Exceeded => {
            let amounts = shortages
                .iter()
                .map(|s| format!("{}={}, of which {} is used, and {} more is asked", s.resource, s.limited, s.used, s.requested));
            format!("quota {quota} refuses objects of {workload}: it allows {}", amounts.collect::<Vec<_>>().join("; "))
        }
        Why::Unspecified => format!("quota {quota} refuses the pods of {workload}, which don't set {resources}"),
        Why::Other if quota.is_empty() => format!("no quota lets {workload} use {resources}, which the cluster demands"),
        Why::Other => {
            format!("quota {quota} refuses objects of {workload}, since its usage of {resources} has not been counted yet")
        }
    }
}

/// Whether the quota, as it stands, has no room for what is asked.
fn is_short(quota: &Object, shortage: &Shortage<'_>) -> bool {
    let requested = Quantity::parse(shortage.requested).unwrap_or_default();
    room(quota, shortage.resource).is_some_and(|room| room < requested)
}

/// What a quota has left of a resource; `None` when it doesn't limit it.
fn room(quota: &Object, resource: &str) -> Option<Quantity> {
    let amount = |of: &str| Quantity::read(json::key(quota.at(of), resource));
    let hard = amount("status.hard").or_else(|| amount("spec.hard"))?;
    Some(hard.minus(amount("status.used").unwrap_or_default()))
}

/// A quota's use and limit of a resource, as evidence.
fn usage(cx: &Context<'_>, quota: &Object, resource: &str) -> [Evidence; 2] {
    ["status.used", "status.hard"].map(|path| {
        let value = json::key(quota.at(path), resource).clone();
        cx.value(&quota.id, &format!("{path}[{resource}]"), value, None)
    })
}
