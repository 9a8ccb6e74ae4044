//! What changed: the revisions of a workload, diffed, and whether a fault began with the one that runs.

use super::catalogue::Cause;
use super::context::Context;
use crate::cluster::{Object, revisions};
use crate::domain::{Change, ObjectRef};
use jiff::{SignedDuration, Timestamp};

/// Clocks of nodes and of the API server may differ by this much.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A fault that starts within this time after a revision is taken to have begun with it, even when no field that it is about
/// changed.
pub const SOON: SignedDuration = SignedDuration::from_mins(30);

/// The revision of a workload that runs, with what it changed, if the fault began with it. `onset` is when the fault began.
pub fn began_with(cx: &Context<'_>, workload: &ObjectRef, cause: Option<&Cause>, onset: Option<Timestamp>) -> Option<Change> {
    let mut change = latest(cx, workload)?;
    let fits = |path: &str| cause.is_some_and(|cause| cause.fields.iter().any(|field| path.contains(field)));
    change.explains = change.fields.iter().any(|field| fits(&field.path));
    let after = match (change.at, onset) {
        (Some(at), Some(onset)) => onset.duration_since(at) >= -SKEW,
        _ => true,
    };
    let soon = match (change.at, onset) {
        (Some(at), Some(onset)) => onset.duration_since(at) <= SOON,
        _ => false,
    };
    change.explains &= after;
    (after && (change.explains || soon)).then_some(change)
}

/// The revisions of a workload that were read, by number, oldest first.
pub fn revisions<'a>(cx: &Context<'a>, workload: &ObjectRef) -> Vec<(i64, &'a Object)> {
    let mut known: Vec<(i64, &Object)> = cx
        .snap
        .children(workload)
        .filter(|child| matches!(child.id.kind.as_str(), "ReplicaSet" | "ControllerRevision"))
        .filter_map(|child| Some((revisions::revision_number(child)?, child)))
        .collect();
    known.sort_by(|(a, x), (b, y)| (a, &x.id).cmp(&(b, &y.id)));
    known
}

/// The latest revision of a workload and what it changed against the one before; `None` when there is only one, when it
/// changed nothing (`kubectl rollout restart`), or when the revisions were not read.
pub fn latest(cx: &Context<'_>, workload: &ObjectRef) -> Option<Change> {
    let mut known = revisions(cx, workload);
    let (to, after) = known.pop()?;
    let (from, before) = known.pop()?;
    let fields = revisions::diff(revisions::template(before)?, revisions::template(after)?);
    if fields.is_empty() {
        return None;
    }
    // A rollback makes an old ReplicaSet the newest revision; when it was created then says nothing.
    let reused = after.created() < before.created();
    let scaled = || {
        let events = cx.snap.events(workload).iter();
        events
            .filter(|event| event.reason == "ScalingReplicaSet" && event.message.contains(&after.id.name))
            .filter_map(|e| e.first)
            .max()
    };
    let at = if reused { scaled() } else { after.created() };
    Some(Change { kind: "revision", object: workload.clone(), from, to, at, fields, explains: false })
}

/// Whether a pod is of a revision.
pub fn is_of(pod: &Object, revision: &Object) -> bool {
    let hash = pod.label("controller-revision-hash");
    // A ControllerRevision is named WORKLOAD-HASH; a StatefulSet's pod carries the whole name, a DaemonSet's the hash.
    pod.controller().is_some_and(|owner| owner == revision.id)
        || hash.is_some_and(|hash| {
            revision.id.name == hash || revision.id.name.strip_suffix(hash).is_some_and(|rest| rest.ends_with('-'))
        })
}
