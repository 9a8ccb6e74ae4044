//! What the API server would accept and the snapshot speaks against: a change that would never roll out, that somebody else
//! would undo, or that would take the last pod that works.

mod capacity;

use super::Refusal;
use super::request::template;
use super::rollout::{Rollout, revision_of};
use crate::cluster::references::{Reference, Via, references};
use crate::cluster::{Object, Snapshot, json, pod, revisions, workload};
use crate::domain::{Action, ExecutionIntent, Params};

/// Why an intent can't be done, with what was seen.
type Test = fn(&Target<'_>) -> Option<Refusal>;

/// The rows, the plainest reason first.
const ROWS: [Test; 15] = [
    target_terminating,
    namespace_terminating,
    owner_is_operator,
    rollout_paused,
    rollout_in_progress,
    update_strategy_on_delete,
    autoscaler_owns_replicas,
    same_template,
    reference_missing,
    mirror_pod,
    pod_unmanaged,
    last_ready_pod,
    capacity::quota_headroom,
    capacity::limit_range,
    capacity::no_room,
];

/// What an intent is about, as the snapshot has it.
struct Target<'a> {
    snapshot: &'a Snapshot,
    intent: &'a ExecutionIntent,
    object: &'a Object,
    rollout: Option<Rollout<'a>>,
}

impl Target<'_> {
    fn does(&self, actions: &[Action]) -> bool {
        actions.contains(&self.intent.action)
    }
}

/// Everything in the snapshot that speaks against an intent; nothing for a read.
pub fn refusals(snapshot: &Snapshot, intent: &ExecutionIntent) -> Vec<Refusal> {
    if !intent.action.is_write() {
        return Vec::new();
    }
    let Some(object) = snapshot.get(&intent.object()) else {
        return vec![Refusal::new("object_missing", format!("{} is not in what was read", intent.object()))];
    };
    let target = Target { snapshot, intent, object, rollout: Rollout::of(snapshot, intent) };
    ROWS.iter().filter_map(|test| test(&target)).collect()
}

fn target_terminating(target: &Target<'_>) -> Option<Refusal> {
    let at = target.object.deleted()?;
    Some(Refusal::new("target_terminating", format!("{} is being deleted since {at}", target.object.id)))
}

fn namespace_terminating(target: &Target<'_>) -> Option<Refusal> {
    let namespace = target.snapshot.find("Namespace", "", &target.intent.namespace)?;
    let ends = namespace.deleted().is_some() || namespace.text("status.phase") == "Terminating";
    ends.then(|| {
        Refusal::new(
            "namespace_terminating",
            format!("namespace {} is being deleted: no new pod is made in it", namespace.id.name),
        )
    })
}

fn owner_is_operator(target: &Target<'_>) -> Option<Refusal> {
    let owner = target.object.controller().filter(|_| !target.does(&[Action::EvictPod]))?;
    Some(Refusal::new("owner_is_operator", format!("{owner} controls {} and would set it back", target.object.id)))
}

fn rollout_paused(target: &Target<'_>) -> Option<Refusal> {
    let applies = target.does(&[Action::RestartDeployment, Action::RollbackDeployment]) && target.object.flag("spec.paused");
    applies.then(|| Refusal::new("rollout_paused", format!("{} is paused: nothing would roll out", target.object.id)))
}

fn rollout_in_progress(target: &Target<'_>) -> Option<Refusal> {
    let replicas = workload::replicas(target.object).filter(|_| target.intent.action.is_restart())?;
    let workload::Replicas { desired, existing, updated, is_observed, .. } = replicas;
    let done = is_observed && updated >= desired && existing <= updated;
    let why = || format!("{} has {updated} of {desired} pods at its current revision, and {existing} in all", target.object.id);
    (!done).then(|| Refusal::new("rollout_in_progress", why()))
}

fn update_strategy_on_delete(target: &Target<'_>) -> Option<Refusal> {
    let on_delete = target.object.text("spec.updateStrategy.type") == "OnDelete";
    let why =
        || format!("{} has update strategy OnDelete: its pods stay as they are until somebody deletes them", target.object.id);
    on_delete.then(|| Refusal::new("update_strategy_on_delete", why()))
}

fn autoscaler_owns_replicas(target: &Target<'_>) -> Option<Refusal> {
    let live = target.object.int("spec.replicas").unwrap_or(1);
    if !target.does(&[Action::ScaleDeployment]) || live == 0 {
        return None;
    }
    let id = &target.object.id;
    let mut autoscalers = target.snapshot.in_namespace("HorizontalPodAutoscaler", id.ns()).iter();
    let own = autoscalers
        .find(|it| it.text("spec.scaleTargetRef.kind") == id.kind && it.text("spec.scaleTargetRef.name") == id.name)?;
    Some(Refusal::new("autoscaler_owns_replicas", format!("{} sets the replicas of {id} and would set them back", own.id)))
}

/// The ReplicaSet that a rollback goes back to.
fn old_revision<'a>(target: &Target<'a>) -> Option<&'a Object> {
    match target.intent.params {
        Params::Rollback { revision } => revision_of(target.snapshot, target.object, revision),
        _ => None,
    }
}

fn same_template(target: &Target<'_>) -> Option<Refusal> {
    let Params::Rollback { revision } = target.intent.params else { return None };
    let Some(old) = old_revision(target) else {
        return Some(Refusal::new("object_missing", format!("no ReplicaSet of {} has revision {revision}", target.object.id)));
    };
    let same = revisions::diff(revisions::template(old)?, revisions::template(target.object)?).is_empty();
    same.then(|| Refusal::new("same_template", format!("revision {revision} has the template that {} has now", target.object.id)))
}

fn reference_missing(target: &Target<'_>) -> Option<Refusal> {
    let old = old_revision(target)?;
    let template = template(&old.raw)?;
    let all = references(json::key(&template, "spec"), "");
    let missing = all.iter().find(|reference| is_missing(target.snapshot, old.id.ns(), reference))?;
    let key = missing.key.as_deref().map(|key| format!(" with key {key}")).unwrap_or_default();
    let revision = revisions::revision_number(old).unwrap_or(0);
    let why = format!("revision {revision} needs {} {}{key}, which is not there any more", missing.kind, missing.name);
    Some(Refusal::new("reference_missing", why))
}

/// Whether a pod would wait for this, and it was looked for and isn't there.
fn is_missing(snapshot: &Snapshot, namespace: &str, reference: &Reference) -> bool {
    let Reference { kind, name, key, optional, via, .. } = reference;
    // A pull secret is not waited for; classes lie outside the namespace; the account `default` is made by itself.
    if *optional || matches!(via, Via::PullSecret | Via::Class) || (*via == Via::ServiceAccount && name == "default") {
        return false;
    }
    match snapshot.find(kind, namespace, name) {
        None => snapshot.looked_for(kind, namespace).is_ok(),
        Some(object) if object.partial().is_some() => false,
        Some(object) => key.as_ref().is_some_and(|key| {
            let holds = |map| !json::key(object.at(map), key).is_null();
            !["data", "binaryData", "stringData"].into_iter().any(holds)
        }),
    }
}

fn mirror_pod(target: &Target<'_>) -> Option<Refusal> {
    let object = target.object;
    // `MirrorPodAnnotationKey` in staging/src/k8s.io/api/core/v1/annotation_key_constants.go.
    let is_mirror = object.annotation("kubernetes.io/config.mirror").is_some();
    (is_mirror && target.does(&[Action::EvictPod]))
        .then(|| Refusal::new("mirror_pod", format!("{} is the mirror of a file on its node, which stays", object.id)))
}

fn pod_unmanaged(target: &Target<'_>) -> Option<Refusal> {
    let alone = target.does(&[Action::EvictPod]) && target.object.controller().is_none();
    alone.then(|| Refusal::new("pod_unmanaged", format!("nothing would make {} again", target.object.id)))
}

fn last_ready_pod(target: &Target<'_>) -> Option<Refusal> {
    let evicted = target.object;
    if !target.does(&[Action::EvictPod]) || !pod::is_ready(evicted) {
        return None;
    }
    let workload = target.snapshot.workload(&evicted.id);
    let pods = target.snapshot.pods_of(&workload);
    let others = pods.iter().filter(|other| other.id != evicted.id && other.deleted().is_none() && pod::is_ready(other)).count();
    (others == 0).then(|| Refusal::new("last_ready_pod", format!("{} is the last Ready pod of {workload}", evicted.id)))
}

#[cfg(test)]
mod tests;
