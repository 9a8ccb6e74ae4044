//! Rollouts: a fault that began with a revision, a rollout that somebody paused, a StatefulSet whose Service is missing. That a
//! revision came before a fault is a guess, which anything more exact replaces.

mod governing;
mod revision;

use crate::cluster::{Object, json, revisions, workload};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::change;
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::{ROLLOUT_STUCK, condition_evidence};
use crate::domain::{Evidence, FieldChange};

/// The family.
pub static FAMILY: Family =
    Family { section: Section::Workloads, causes: &[&BAD_ROLLOUT, &ROLLOUT_PAUSED, &STATEFUL_SET_SERVICE_MISSING], check };

/// What follows for a workload when its pods fail, whichever container it is.
const PODS_FAIL: Explains = &[
    (Link::Workload, "crash_loop"),
    (Link::Workload, "container_failed"),
    (Link::Workload, "container_not_starting"),
    (Link::Workload, "not_ready"),
    (Link::Workload, "pod_failed"),
    (Link::Workload, "replicas_missing"),
    (Link::Workload, "rollout_stuck"),
    (Link::Selects, "no_ready_endpoints"),
    (Link::Selects, "probe_failed"),
];

static BAD_ROLLOUT: Cause = Cause {
    id: "bad_rollout",
    title: "the fault began with a revision",
    perspective: Perspective::App,
    explains: &[
        PODS_FAIL,
        &[
            (Link::Workload, "error_rate"),
            (Link::Workload, "high_latency"),
            (Link::Workload, "saturation"),
            (Link::Calls, "error_rate"),
            (Link::Calls, "high_latency"),
            // Slow answers right after a revision speak for the revision before the network.
            (Link::Workload, "network_delay"),
        ],
    ],
    reads: "ReplicaSets, ControllerRevisions, pods, signals, deploys",
    source: "deployment, stateful set and daemon set controllers: the revisions that they keep, and when each was made",
    doc: "The workload's trouble began within minutes after a revision, its pods of older revisions are well, and nothing more exact explains it.",
    check: "kubectl -n NAMESPACE rollout history deployment/NAME --revision=REVISION",
    fix: "go back to the revision before, then find what of the change broke it",
    fields: &["spec.", "metadata."],
};

static ROLLOUT_PAUSED: Cause = Cause {
    id: "rollout_paused",
    title: "the rollout is paused",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Workload, "rollout_stuck"), (Link::Workload, "replicas_missing")]],
    reads: "deployments, ReplicaSets",
    source: "deployment controller: spec.paused; condition Progressing Unknown with reason DeploymentPaused",
    doc: "Somebody paused the Deployment, so that a change to its template isn't rolled out.",
    check: "kubectl -n NAMESPACE get deployment NAME -o jsonpath='{.spec.paused}'",
    fix: "resume the rollout, after asking who paused it",
    fields: &[],
};

static STATEFUL_SET_SERVICE_MISSING: Cause = Cause {
    id: "stateful_set_service_missing",
    title: "the Service that gives its pods their names doesn't exist",
    perspective: Perspective::Infra,
    explains: &[
        PODS_FAIL,
        &[
            (Link::Pod, "broken_reference"),
            (Link::Workload, "dns_resolution_failed"),
            (Link::Calls, "dns_resolution_failed"),
            (Link::Workload, "dependency_unreachable"),
        ],
    ],
    reads: "stateful sets, services",
    source: "spec.serviceName names no Service of the namespace; no controller says so",
    doc: "The StatefulSet's governing Service is missing, so that names such as NAME-0.SERVICE don't resolve.",
    check: "kubectl -n NAMESPACE get statefulset NAME -o jsonpath='{.spec.serviceName}'; kubectl -n NAMESPACE get services",
    fix: "create the headless Service that spec.serviceName names; the field itself can't be changed",
    fields: &[],
};

fn check(cx: &Context<'_>, out: &mut Findings) {
    for deployment in cx.snap.of_kind("Deployment").iter().filter(|deployment| deployment.flag("spec.paused")) {
        paused(cx, deployment, out);
    }
    for set in cx.snap.of_kind("StatefulSet") {
        governing::check(cx, set, out);
    }
    revision::check(cx, out);
}

fn paused(cx: &Context<'_>, deployment: &Object, out: &mut Findings) {
    let Some(replicas) = workload::replicas(deployment).filter(|replicas| replicas.desired > 0) else { return };
    if deployment.deleted().is_some() || deployment.partial().is_some() || deployment.at("status").is_null() {
        return;
    }
    // While paused the controller makes no ReplicaSet for a new template.
    let newest = change::revisions(cx, &deployment.id).pop().map(|(_, newest)| newest);
    let templates = newest.and_then(revisions::template).zip(revisions::template(deployment));
    let waits = templates.map_or_else(Vec::new, |(runs, wanted)| revisions::diff(runs, wanted));
    let halfway = newest.is_some() && replicas.updated < replicas.desired && replicas.existing > replicas.updated;
    let never = newest.is_none() && replicas.existing == 0 && cx.snap.looked_for("ReplicaSet", deployment.id.ns()).is_ok();
    let progressing = deployment.condition("Progressing");
    let is_paused = json::text(progressing, "reason") == "DeploymentPaused";
    let since = is_paused.then(|| json::time(progressing, "lastTransitionTime")).flatten();
    let says = match (waits.is_empty(), never, halfway) {
        (false, ..) => format!("is paused, so that a change isn't rolled out: {}", change::told(&waits)),
        (_, true, _) => "is paused and was never rolled out: it has no pod".to_owned(),
        (_, _, true) => {
            format!("is paused half-way: {} of {} pods are of the new revision", replicas.updated, replicas.desired)
        }
        _ => "is paused, with nothing to roll out".to_owned(),
    };
    if !waits.is_empty() || never || halfway {
        out.symptom(
            &ROLLOUT_STUCK,
            deployment.id.clone(),
            "the rollout is paused",
            since,
            vec![cx.field(deployment, "spec.paused")],
        );
    }
    let condition = is_paused.then(|| condition_evidence(cx, deployment, "Progressing"));
    out.found(&ROLLOUT_PAUSED, deployment.id.clone(), Proof::Structure)
        .since(since)
        .evidence([cx.field(deployment, "spec.paused")])
        .evidence(condition)
        .evidence(waits.iter().take(change::TOLD).map(|change| field(cx, deployment, change)))
        .says(says)
        .next(format!("kubectl -n {} rollout resume {}", deployment.id.ns(), deployment.id.kubectl()));
}

/// A field of a template that changed, as evidence.
fn field(cx: &Context<'_>, object: &Object, change: &FieldChange) -> Evidence {
    let template = workload::template_path(&object.id.kind);
    cx.value(&object.id, &format!("{template}.{}", change.path), change.after.clone(), None)
}
