//! Objects that are being deleted and stay: finalizers that nobody removes, and namespaces that can't be emptied. A deletion
//! that waits for what it is meant to wait for (a claim that a pod still uses) is no fault.

use super::storage::claims;
use crate::cluster::{Event, Object, json, pod};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::{STUCK_TERMINATING, condition_evidence};
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;
use serde_json::Value;

/// The family.
pub static FAMILY: Family = Family { section: Section::Workloads, causes: &[&NAMESPACE_TERMINATING, &FINALIZER_STUCK], check };

static NAMESPACE_TERMINATING: Cause = Cause {
    id: "namespace_terminating",
    title: "the namespace is being deleted",
    perspective: Perspective::Infra,
    explains: &[&[
        (Link::Pod, "stuck_terminating"),
        (Link::Namespace, "replicas_missing"),
        (Link::Namespace, "rollout_stuck"),
        (Link::Namespace, "no_ready_endpoints"),
        (Link::Namespace, "not_ready"),
        (Link::Namespace, "container_not_starting"),
        (Link::Namespace, "pending"),
        (Link::Namespace, "claim_pending"),
        (Link::Namespace, "broken_reference"),
    ]],
    reads: "namespaces, events",
    source: "namespace controller: phase Terminating, conditions NamespaceDeletionDiscoveryFailure, NamespaceDeletionContentFailure, NamespaceFinalizersRemaining, NamespaceContentRemaining",
    doc: "The namespace is being deleted: nothing new can be made in it, and something in it or about it keeps it from going.",
    check: "kubectl get namespace NAMESPACE -o jsonpath='{.status.conditions}'",
    fix: "mend what its conditions name; a namespace that is being deleted can't be brought back",
    fields: &[],
};

static FINALIZER_STUCK: Cause = Cause {
    id: "finalizer_stuck",
    title: "a finalizer isn't removed",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "stuck_terminating"), (Link::Namespace, "namespace_terminating"), (Link::Mounts, "pending")]],
    reads: "metadata of all objects, events",
    source: "API server: metadata.deletionTimestamp is set, and metadata.finalizers isn't empty",
    doc: "The object was deleted long ago and stays, since the controller that put a finalizer on it has not taken it away.",
    check: "kubectl -n NAMESPACE get KIND NAME -o jsonpath='{.metadata.deletionTimestamp} {.metadata.finalizers}'",
    fix: "see why the finalizer's controller doesn't do its work; take the finalizer away by hand only when what it guards is gone",
    fields: &[],
};

/// A deletion may take this long, with the cleaning up that finalizers are for.
const CLEANING_UP: SignedDuration = SignedDuration::from_mins(10);
/// A namespace is emptied kind by kind, and one with much in it takes its time.
const EMPTYING: SignedDuration = SignedDuration::from_mins(5);
/// How much of a controller's message a sentence quotes.
const QUOTED: usize = 240;
/// The conditions of a namespace that say why it stays, most telling first: staging/src/k8s.io/api/core/v1/types.go.
const CONDITIONS: [&str; 5] = [
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
];
/// Finalizers of the garbage collector, which waits for the objects below: pkg/controller/garbagecollector.
const OF_DEPENDENTS: [&str; 2] = ["foregroundDeletion", "orphan"];

fn check(cx: &Context<'_>, out: &mut Findings) {
    for object in cx.snap.objects().iter().filter(|object| object.deleted().is_some() && object.partial().is_none()) {
        let finalizers: Vec<&str> = object.list("metadata.finalizers").iter().filter_map(Value::as_str).collect();
        if !finalizers.is_empty() {
            stuck(cx, object, &finalizers, out);
        }
        if object.id.kind == "Namespace" {
            terminating(cx, object, out);
        }
    }
}

fn terminating(cx: &Context<'_>, namespace: &Object, out: &mut Findings) {
    let Some(since) = namespace.deleted() else { return };
    let conditions: Vec<&str> =
        CONDITIONS.into_iter().filter(|r#type| json::text(namespace.condition(r#type), "status") == "True").collect();
    let age = cx.snap.age(since);
    if age >= EMPTYING {
        let summary = format!("was deleted {} min ago and stays", age.as_mins());
        out.symptom(&STUCK_TERMINATING, namespace.id.clone(), summary, Some(since), vec![cx.field(namespace, "status.phase")]);
    }
    let said = |r#type: &&str| json::text(namespace.condition(r#type), "message").chars().take(QUOTED).collect::<String>();
    let why: Vec<String> = conditions.iter().map(said).filter(|message| !message.is_empty()).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    let fix = match conditions.first() {
        Some(&"NamespaceDeletionDiscoveryFailure") => {
            Some("bring back the server of the API group that doesn't answer, or delete its APIService")
        }
        Some(&"NamespaceFinalizersRemaining") => Some("find the controller that should remove the finalizers, and let it finish"),
        _ => None,
    };
    let finding = out
        .found(&NAMESPACE_TERMINATING, namespace.id.clone(), Proof::Structure)
        .since(Some(since))
        .evidence([deletion(cx, namespace)])
        .evidence(conditions.iter().map(|r#type| condition_evidence(cx, namespace, r#type)))
        .says(if age >= EMPTYING {
            format!("was deleted {} min ago and stays{why}", age.as_mins())
        } else {
            format!("was deleted {} s ago and is being emptied{why}", age.as_secs())
        })
        .next(format!("kubectl get namespace {} -o jsonpath='{{.status.conditions}}'", namespace.id.name));
    if let Some(fix) = fix {
        finding.fix(fix);
    }
}

fn stuck(cx: &Context<'_>, object: &Object, finalizers: &[&str], out: &mut Findings) {
    let Some(since) = object.deleted() else { return };
    let age = cx.snap.age(since);
    if age < CLEANING_UP || waits_rightly(cx, object, finalizers) {
        return;
    }
    // The symptom of pods is stated with their other ones.
    if object.id.kind != "Pod" && object.id.kind != "Namespace" {
        let summary = format!("was deleted {} min ago and stays", age.as_mins());
        out.symptom(&STUCK_TERMINATING, object.id.clone(), summary, Some(since), vec![deletion(cx, object)]);
    }
    let events = cx.snap.events(&object.id).iter().filter(|event| event.warning && event.last >= Some(since));
    let warning = events.max_by_key(|event| event.last);
    let said = warning.map_or(String::new(), |event| {
        let message: String = event.message.chars().take(QUOTED).collect();
        format!("; {} says: {message}", or_somebody(&event.component))
    });
    let namespace = object.id.namespace.as_ref().map_or(String::new(), |namespace| format!("-n {namespace} "));
    out.found(&FINALIZER_STUCK, object.id.clone(), Proof::Structure)
        .since(Some(since))
        .evidence([cx.field(object, "metadata.finalizers"), deletion(cx, object)])
        .evidence(warning.map(Event::evidence))
        .says(format!("was deleted {} min ago and waits for the finalizer {}{said}", age.as_mins(), finalizers.join(", ")))
        .next(format!("kubectl {namespace}get {} -o yaml", object.id.kubectl()));
}

fn deletion(cx: &Context<'_>, object: &Object) -> Evidence {
    let value = object.at("metadata.deletionTimestamp").clone();
    cx.value(&object.id, "metadata.deletionTimestamp", value, object.deleted())
}

fn or_somebody(component: &str) -> &str {
    if component.is_empty() { "an event" } else { component }
}

/// Whether a deletion waits for what it is meant to wait for, or for something else that is stuck itself.
fn waits_rightly(cx: &Context<'_>, object: &Object, finalizers: &[&str]) -> bool {
    let only = |allowed: &[&str]| finalizers.iter().all(|finalizer| allowed.contains(finalizer));
    match object.id.kind.as_str() {
        // pkg/controller/volume/pvcprotection and pvprotection.
        "PersistentVolumeClaim" => {
            let unseen = cx.snap.looked_for("Pod", object.id.ns()).is_err();
            only(&["kubernetes.io/pvc-protection"]) && (unseen || !claims::users(cx, &object.id).is_empty())
        }
        "PersistentVolume" => only(&["kubernetes.io/pv-protection"]) && object.text("status.phase") == "Bound",
        "Pod" => {
            let node = cx.snap.find("Node", "", object.text("spec.nodeName"));
            let node_well = node.is_none_or(|node| json::text(node.condition("Ready"), "status") == "True");
            // As long as containers run, the kubelet has not done its part.
            !node_well || pod::containers(object).iter().any(pod::Container::is_running)
        }
        _ => only(&OF_DEPENDENTS) && has_dependents(cx, &object.id),
    }
}

fn has_dependents(cx: &Context<'_>, id: &ObjectRef) -> bool {
    cx.snap.children(id).next().is_some()
}
