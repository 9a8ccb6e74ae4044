//! The volume claims of a pod and how each stands: missing, waiting for the pod's node, waiting for a volume, bound, lost.

use crate::cluster::references::{self, Via};
use crate::cluster::{Object, json};
use crate::diagnose::context::Context;
use crate::domain::{ObjectRef, Subject};

/// One claim that a pod names.
#[derive(Debug)]
pub struct PodClaim<'a> {
    /// The claim.
    pub id: ObjectRef,
    /// It, where it exists.
    pub object: Option<&'a Object>,
    /// The field of the pod that names it.
    pub path: String,
    /// Whether Kubernetes makes it for the pod (an `ephemeral` volume).
    pub ephemeral: bool,
    /// Whether it is unbound because its class waits for the pod to get a node.
    pub waits_for_node: bool,
}

impl PodClaim<'_> {
    /// Whether the scheduler looks at no node as long as the claim is like this: it doesn't exist, has lost its volume, or is
    /// unbound although its class binds at once.
    pub fn keeps_waiting(&self) -> bool {
        let Some(claim) = self.object else { return true };
        !is_bound(claim) && !self.waits_for_node
    }

    /// The claim, as the place where something shows.
    pub fn subject(&self) -> Subject {
        self.id.clone().into()
    }
}

/// The claims of a pod, in the order of its volumes.
pub fn of_pod<'a>(cx: &Context<'a>, pod: &Object) -> Vec<PodClaim<'a>> {
    let references = references::references(pod.at("spec"), &pod.id.name).into_iter();
    let claims = references.filter(|reference| reference.kind == "PersistentVolumeClaim");
    let claim = |reference: references::Reference| {
        let id = ObjectRef::new("PersistentVolumeClaim", pod.id.ns(), &reference.name);
        let object = cx.snap.get(&id);
        let waits_for_node = object.is_some_and(|claim| !is_bound(claim) && waits_for_consumer(cx, claim));
        PodClaim { id, object, path: reference.path, ephemeral: reference.via == Via::Ephemeral, waits_for_node }
    };
    claims.map(claim).collect()
}

/// Whether a claim has its volume.
pub fn is_bound(claim: &Object) -> bool {
    claim.text("status.phase") == "Bound"
}

/// The StorageClass that a claim names, in the field or in the annotation that came before it. `None` when it names none, which
/// asks for the default; the empty name asks for a volume without a class.
pub fn class_name(claim: &Object) -> Option<&str> {
    // `GetPersistentVolumeClaimClass` in staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go.
    claim.annotation("volume.beta.kubernetes.io/storage-class").or_else(|| claim.at("spec.storageClassName").as_str())
}

/// The class that applies to a claim: the one it names, or the default. `None` where there is none, or it doesn't exist.
pub fn class<'a>(cx: &Context<'a>, claim: &Object) -> Option<&'a Object> {
    match class_name(claim) {
        Some("") => None,
        Some(name) => cx.snap.find("StorageClass", "", name),
        None => default_class(cx),
    }
}

/// The default class: of several the newest, then the first by name (`GetDefaultClass` in `pkg/volume/util/storageclass.go`).
pub fn default_class<'a>(cx: &Context<'a>) -> Option<&'a Object> {
    // isDefaultAnnotation and its beta name, in the same file.
    let is_default = |class: &&Object| {
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
            .iter()
            .any(|name| class.annotation(name) == Some("true"))
    };
    let defaults = cx.snap.of_kind("StorageClass").iter().filter(is_default);
    defaults.reduce(|best, class| if class.created() > best.created() { class } else { best })
}

/// Whether a claim isn't bound before a pod that uses it has a node.
pub fn waits_for_consumer(cx: &Context<'_>, claim: &Object) -> bool {
    // The controller says so itself, under the one reason or, since 1.19, the other where a pod is there already.
    let says = |reason: &str| matches!(reason, "WaitForFirstConsumer" | "WaitForPodScheduled");
    match class(cx, claim) {
        Some(class) => class.text("volumeBindingMode") == "WaitForFirstConsumer",
        None => {
            let newest = cx
                .snap
                .events(&claim.id)
                .iter()
                .filter(|event| event.component == "persistentvolume-controller")
                .max_by_key(|e| e.last);
            newest.is_some_and(|event| says(&event.reason))
        }
    }
}

/// The pods of a namespace that name a claim and have not ended, sorted.
pub fn users<'a>(cx: &Context<'a>, claim: &ObjectRef) -> Vec<&'a Object> {
    let pods = cx.snap.in_namespace("Pod", claim.ns()).iter();
    let live = pods.filter(|pod| !crate::cluster::pod::is_finished(pod) && pod.deleted().is_none());
    live.filter(|pod| names(pod.at("spec"), &pod.id.name, &claim.name)).collect()
}

/// Whether a pod's volumes name a claim.
fn names(spec: &serde_json::Value, pod: &str, claim: &str) -> bool {
    json::list(spec, "volumes").iter().any(|volume| {
        json::text(volume, "persistentVolumeClaim.claimName") == claim
            || json::key(volume, "ephemeral").is_object()
                && claim.strip_prefix(pod).and_then(|rest| rest.strip_prefix('-')) == Some(json::text(volume, "name"))
    })
}

/// Whose claim it is: the top controller of the pods that name it, else the workload whose template does, else the
/// StatefulSet that made it, else the claim itself.
pub fn owner(cx: &Context<'_>, claim: &ObjectRef) -> ObjectRef {
    if let Some(pod) = users(cx, claim).first() {
        return cx.workload(&pod.id);
    }
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"] {
        for workload in cx.snap.in_namespace(kind, claim.ns()) {
            let spec = workload.at(if kind == "CronJob" { "spec.jobTemplate.spec.template.spec" } else { "spec.template.spec" });
            if names(spec, "", &claim.name) || makes(workload, &claim.name) {
                return cx.workload(&workload.id);
            }
        }
    }
    claim.clone()
}

/// Whether a StatefulSet makes a claim of this name: `TEMPLATE-SET-ORDINAL`.
fn makes(workload: &Object, claim: &str) -> bool {
    workload.list("spec.volumeClaimTemplates").iter().any(|template| {
        let prefix = format!("{}-{}-", json::text(template, "metadata.name"), workload.id.name);
        let ordinal = claim.strip_prefix(prefix.as_str());
        ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
