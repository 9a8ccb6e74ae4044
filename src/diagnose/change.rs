//! What changed: the revisions of a workload, diffed, and whether a fault began with the one that runs.

use super::catalogue::Cause;
use super::context::Context;
use super::findings::Finding;
use crate::cluster::{Object, revisions};
use crate::domain::{Change, FieldChange, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Clocks of nodes and of the API server may differ by this much.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A fault that starts within this time after a revision is taken to have begun with it, even when no field that it is about
/// changed.
pub const SOON: SignedDuration = SignedDuration::from_mins(30);
/// A field that a fault is about may take this long to bring it: memory fills up, a nightly run comes round. A revision that
/// ran well for longer didn't bring the fault.
const AT_MOST: SignedDuration = SignedDuration::from_hours(24);

/// The revision of a workload that runs, with what it changed, if the fault began with it. `onset` is when the fault began.
pub fn began_with(cx: &Context<'_>, workload: &ObjectRef, finding: Option<&Finding>, onset: Option<Timestamp>) -> Option<Change> {
    let mut change = latest(cx, workload)?;
    let fits = |path: &str| {
        finding.is_some_and(|finding| match &finding.field {
            Some(field) => !field.is_empty() && path.contains(field.as_str()),
            None => is_about(finding.cause, path),
        })
    };
    change.explains = change.fields.iter().any(|field| fits(&field.path));
    let delay = change.at.zip(onset).map(|(at, onset)| onset.duration_since(at));
    let after = delay.is_none_or(|delay| delay >= -SKEW);
    let soon = delay.is_some_and(|delay| delay <= SOON);
    change.explains &= after && delay.is_none_or(|delay| delay <= AT_MOST);
    (after && (change.explains || soon)).then_some(change)
}

/// The latest revision of a workload and what it changed against the one before; `None` when there is only one, or the
/// revisions were not read.
pub fn latest(cx: &Context<'_>, workload: &ObjectRef) -> Option<Change> {
    let mut known = revisions(cx, workload);
    let (to, after) = known.pop()?;
    let (from, before) = known.pop()?;
    let fields = revisions::diff(revisions::template(before)?, revisions::template(after)?);
    if fields.is_empty() {
        return None;
    }
    let at = if after.created() < before.created() { scaled_up(cx, workload, after) } else { after.created() };
    Some(Change { kind: "revision".into(), object: workload.clone(), from, to, at, fields, explains: false })
}

/// Every rollout of a workload whose time is known, with the revision that it brought, oldest revision first.
pub fn rollouts<'a>(cx: &Context<'a>, workload: &ObjectRef) -> Vec<(i64, &'a Object, Timestamp)> {
    let mut newest = None;
    let rollout = |(number, revision): (i64, &'a Object)| {
        let reused = revision.created() < newest;
        newest = newest.max(revision.created());
        let at = if reused { scaled_up(cx, workload, revision) } else { revision.created() };
        Some((number, revision, at?))
    };
    revisions(cx, workload).into_iter().filter_map(rollout).collect()
}

/// The most changed fields that a sentence tells.
pub const TOLD: usize = 3;
/// How much of a changed value a sentence tells.
const QUOTED: usize = 80;

/// What changed, for a sentence: `spec.containers[app].image from a:1 to a:2, and 2 more`.
pub fn told<'a>(changes: impl IntoIterator<Item = &'a FieldChange>) -> String {
    let one = |change: &FieldChange| format!("{} from {} to {}", change.path, shown(&change.before), shown(&change.after));
    let all: Vec<&FieldChange> = changes.into_iter().collect();
    let mut told: Vec<String> = all.iter().take(TOLD).map(|change| one(change)).collect();
    if all.len() > TOLD {
        told.push(format!("and {} more", all.len() - TOLD));
    }
    told.join(", ")
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut shown: String = text.chars().take(QUOTED).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Whether a cause is about a field of a template.
pub fn is_about(cause: &Cause, path: &str) -> bool {
    cause.fields.iter().any(|field| path.contains(field))
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

/// When an old ReplicaSet was last taken into use again: a rollback makes it the newest revision, and when it was created then
/// says nothing.
fn scaled_up(cx: &Context<'_>, workload: &ObjectRef, revision: &Object) -> Option<Timestamp> {
    let events = cx.snap.events(workload).iter();
    events
        .filter(|event| event.reason == "ScalingReplicaSet" && event.message.contains(&revision.id.name))
        .filter_map(|event| event.first)
        .max()
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
