//! Refusals that no controller reports: a Service or a claim that is needed, doesn't exist, and would not be let in now. And
//! pods that are missing while events are not to be had.

use super::{QUOTA_SERVICES_EXCEEDED, QUOTA_STORAGE_EXCEEDED, room, row_of, usage};
use crate::cluster::fitness::pod_requests;
use crate::cluster::quantity::Quantity;
use crate::cluster::service_dns::Host;
use crate::cluster::{Object, json, pod, selector};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::rules::admission::refusal::{self, Refusal};
use crate::diagnose::rules::storage::claims;
use crate::diagnose::symptoms::BROKEN_REFERENCE;
use crate::domain::{Evidence, ObjectRef};
use std::collections::BTreeMap;

/// The quota resources that count Services as such.
const SERVICES: &[&str] = &["services", "count/services"];
/// The quota resources that every claim counts towards.
const CLAIMS: &[&str] = &["requests.storage", "persistentvolumeclaims", "count/persistentvolumeclaims"];

/// The workloads that a dependency may name.
const KINDS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet"];

pub(super) fn check(cx: &Context<'_>, refusals: &[Refusal<'_>], out: &mut Findings) {
    for quota in cx.snap.of_kind("ResourceQuota").iter().filter(|quota| quota.partial().is_none()) {
        services(cx, quota, out);
        storage(cx, quota, out);
    }
    unreported(cx, refusals, out);
}

/// The Services that are called and don't exist, with who calls them and what shows it.
fn services(cx: &Context<'_>, quota: &Object, out: &mut Findings) {
    let namespace = quota.id.ns();
    let full = SERVICES.iter().find(|resource| room(quota, resource).is_some_and(|room| room < Quantity::whole(1)));
    let Some(resource) = full.filter(|_| cx.snap.looked_for("Service", namespace).is_ok()) else { return };
    let hard = json::key(quota.at("status.hard"), resource).as_str().unwrap_or_default();
    for (name, missing) in missing_services(cx, namespace) {
        // A name that nobody misses is left over from something; it isn't what the quota keeps out.
        let misses = |caller: &&ObjectRef| cx.snap.pods_of(caller).iter().any(|pod| !pod::is_ready(pod));
        let proof = match (missing.sure, missing.callers.iter().find(misses)) {
            (true, _) => Proof::Computed,
            (false, Some(_)) => Proof::Timing,
            (false, None) => continue,
        };
        let who = missing.callers.first().map_or("it is probed".to_owned(), |caller| format!("{caller} calls it"));
        let service = ObjectRef::new("Service", namespace, &name);
        for caller in &missing.callers {
            let summary = format!("calls Service {name}, which doesn't exist");
            out.symptom(&BROKEN_REFERENCE, caller.clone(), summary, None, missing.evidence.clone());
        }
        if missing.callers.is_empty() {
            out.symptom(&BROKEN_REFERENCE, service.clone(), "is called and doesn't exist", None, missing.evidence.clone());
        }
        let quota_name = &quota.id.name;
        out.found(&QUOTA_SERVICES_EXCEEDED, ObjectRef::cluster("Namespace", namespace), proof)
            .also([service.into()])
            .evidence(usage(cx, quota, resource))
            .evidence(missing.evidence)
            .also(missing.callers.into_iter().map(Into::into))
            .says(format!("quota {quota_name} allows {hard} Services and all are used, so that Service {name} can't be created, although {who}"))
            .next(format!("kubectl -n {namespace} describe quota {quota_name}"));
    }
}

/// A Service that is called and doesn't exist.
#[derive(Debug, Default)]
struct Missing {
    callers: Vec<ObjectRef>,
    evidence: Vec<Evidence>,
    /// Whether something is there that lacks just this Service, or a probe of it fails.
    sure: bool,
}

impl Missing {
    fn called(&mut self, caller: Option<ObjectRef>, evidence: Evidence) {
        match caller {
            Some(caller) if self.callers.contains(&caller) => {}
            caller => {
                self.callers.extend(caller);
                self.evidence.push(evidence);
            }
        }
    }
}

/// Names of Services that don't exist, by what names them: addresses that pods are given, calls that fail, declared
/// dependencies on workloads that no Service selects, and probes that fail.
fn missing_services(cx: &Context<'_>, namespace: &str) -> BTreeMap<String, Missing> {
    let exists = |name: &str| cx.snap.find("Service", namespace, name).is_some();
    let workload = |name: &str| KINDS.iter().find_map(|kind| cx.snap.find(kind, namespace, name));
    let unserved = |name: &str| workload(name).is_some_and(|callee| !is_served(cx, callee));
    let meant = |host: &Host<'_>| match host {
        Host::Missing(missing) if missing.namespace == namespace => Some((missing.name.clone(), missing.nearest.is_some())),
        _ => None,
    };
    let mut found: BTreeMap<String, Missing> = BTreeMap::new();
    for given in &cx.addresses {
        let Some((name, is_misspelt)) = meant(&given.host) else { continue };
        let sure = unserved(&name);
        if sure || !is_misspelt {
            let missing = found.entry(name).or_default();
            missing.called(Some(given.workload.clone()), given.evidence());
            missing.sure |= sure;
        }
    }
    for call in cx.failed_calls.iter().filter(|call| call.is_current) {
        if let Some((name, false)) = meant(&call.target) {
            let missing = found.entry(name).or_default();
            missing.called(Some(call.workload.clone()), call.line.clone());
            missing.sure = true;
        }
    }
    for edge in cx.snap.dependencies.iter().filter(|edge| edge.to.namespace == namespace && !exists(&edge.to.name)) {
        let Some(callee) = workload(&edge.to.name).filter(|callee| !is_served(cx, callee)) else { continue };
        let missing = found.entry(edge.to.name.clone()).or_default();
        let caller = workload(&edge.from.name).map(|caller| caller.id.clone());
        missing.called(caller, cx.field(callee, "spec.template.metadata.labels"));
        missing.sure = true;
    }
    for signal in cx.snap.signals.iter().filter(|signal| signal.signal == "probe_success") {
        let label = |name: &str| signal.labels.get(name).map_or("", String::as_str);
        let name = label("service");
        let Some((at, value)) = signal.values.last().filter(|(_, value)| *value == 0.0) else { continue };
        if !name.is_empty() && label("namespace") == namespace && !exists(name) {
            let missing = found.entry(name.to_owned()).or_default();
            missing.called(None, cx.sample(&ObjectRef::new("Service", namespace, name), signal, *at, *value));
            missing.sure = true;
        }
    }
    found
}

/// Whether some Service of the namespace selects a workload's pods.
fn is_served(cx: &Context<'_>, workload: &Object) -> bool {
    let labels = workload.at("spec.template.metadata.labels");
    let mut services = cx.snap.in_namespace("Service", workload.id.ns()).iter();
    services.any(|service| selector::matches_map(service.at("spec.selector"), labels))
}

/// A claim that pods name, that doesn't exist, and that the quota leaves no room for.
fn storage(cx: &Context<'_>, quota: &Object, out: &mut Findings) {
    let namespace = quota.id.ns();
    let Some((resource, proof)) = refuses_claims(cx, quota) else { return };
    if cx.snap.looked_for("PersistentVolumeClaim", namespace).is_err() {
        return;
    }
    let left = room(quota, resource).unwrap_or_default();
    for pod in cx.snap.in_namespace("Pod", namespace) {
        if pod.deleted().is_some() || pod::is_finished(pod) || pod::is_ready(pod) {
            continue;
        }
        for claim in claims::of_pod(cx, pod).iter().filter(|claim| claim.object.is_none()) {
            let why = match proof {
                Proof::Computed => "so that it can't be created".to_owned(),
                _ => "less than any volume that is free, so that it was probably refused".to_owned(),
            };
            out.found(&QUOTA_STORAGE_EXCEEDED, pod.id.clone(), proof)
                .blame(ObjectRef::cluster("Namespace", namespace))
                .since(pod.created())
                .evidence(usage(cx, quota, resource))
                .evidence([cx.field(pod, "spec.volumes")])
                .also([claim.subject()])
                .says(format!(
                    "claim {} of {} doesn't exist, and quota {} leaves {left} of {resource}, {why}",
                    claim.id.name,
                    cx.workload(&pod.id),
                    quota.id.name
                ))
                .next(format!("kubectl -n {namespace} describe quota {}", quota.id.name));
        }
    }
}

/// The resource of a quota that keeps claims out, and how sure that is: for certain when nothing is left; probably when less is
/// left than the smallest volume that waits to be claimed has.
fn refuses_claims(cx: &Context<'_>, quota: &Object) -> Option<(&'static str, Proof)> {
    let nothing = |resource: &&&str| {
        let least = if **resource == "requests.storage" { Quantity::parse("1").unwrap_or_default() } else { Quantity::whole(1) };
        room(quota, resource).is_some_and(|room| room < least)
    };
    if let Some(resource) = CLAIMS.iter().find(nothing) {
        return Some((resource, Proof::Computed));
    }
    let left = room(quota, "requests.storage")?;
    let free = cx.snap.of_kind("PersistentVolume").iter().filter(|volume| volume.text("status.phase") == "Available");
    let smallest = free.filter_map(|volume| Quantity::read(volume.at("spec.capacity.storage"))).min()?;
    (left < smallest).then_some(("requests.storage", Proof::Timing))
}

/// Whether some quota of a namespace explains why a claim that is named doesn't exist.
pub(in crate::diagnose::rules) fn leaves_no_room_for_claims(cx: &Context<'_>, namespace: &str) -> bool {
    cx.snap.in_namespace("ResourceQuota", namespace).iter().any(|quota| refuses_claims(cx, quota).is_some())
}

/// Controllers whose pods are missing without a word about it, for which a quota has no room.
fn unreported(cx: &Context<'_>, refusals: &[Refusal<'_>], out: &mut Findings) {
    for controller in ["ReplicaSet", "Job"].iter().flat_map(|kind| cx.snap.of_kind(kind)) {
        let told = refusals.iter().any(|refusal| refusal.controller.id == controller.id);
        if told || controller.partial().is_some() || controller.deleted().is_some() || !lacks_pods(cx, controller) {
            continue;
        }
        let asks = pod_requests(controller.at("spec.template.spec"));
        for quota in cx.snap.in_namespace("ResourceQuota", controller.id.ns()).iter().filter(|quota| is_for_all(quota)) {
            let amounts = asks.iter().flat_map(|(resource, amount)| {
                [format!("requests.{resource}"), resource.clone()].map(|resource| (resource, *amount))
            });
            let one = ["pods", "count/pods"].map(|resource| (resource.to_owned(), Quantity::whole(1)));
            for (resource, amount) in amounts.chain(one) {
                let Some(left) = room(quota, &resource).filter(|left| *left < amount) else { continue };
                let namespace = controller.id.ns();
                out.found(row_of(&resource), ObjectRef::cluster("Namespace", namespace), Proof::Computed)
                    .also([controller.id.clone().into()])
                    .evidence(usage(cx, quota, &resource))
                    .says(format!(
                        "quota {} leaves {left} of {resource}, and a pod of {} asks for {amount}",
                        quota.id.name,
                        cx.workload(&controller.id)
                    ))
                    .next(format!("kubectl -n {namespace} describe quota {}", quota.id.name));
            }
        }
    }
}

/// Whether a controller has fewer pods than it is to make.
fn lacks_pods(cx: &Context<'_>, controller: &Object) -> bool {
    let number = |path: &str| controller.int(path).unwrap_or(0);
    match controller.id.kind.as_str() {
        "Job" => refusal::job_has_no_pod(cx, controller),
        _ => controller.at("status").is_object() && number("status.replicas") < number("spec.replicas"),
    }
}

/// Whether a quota counts every pod: one with scopes may not count these.
fn is_for_all(quota: &Object) -> bool {
    quota.list("spec.scopes").is_empty() && quota.at("spec.scopeSelector").is_null()
}
