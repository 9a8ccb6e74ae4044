//! Context for causes: whether a workload was rolled out shortly before its trouble began. It proves nothing by itself, and is
//! stated whatever the cause.

use super::change;
use super::context::Context;
use crate::cluster::Object;
use crate::domain::{Evidence, FactReport, ObjectRef, State, Subject};
use jiff::{SignedDuration, Timestamp};

/// The public id.
const RECENT_DEPLOY: &str = "recent_deploy";
/// How long before the trouble a rollout counts as recent.
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// Clocks of nodes and of the API server may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The fact about an object, and what it rests on; `None` for what isn't rolled out (a bare pod, a node). `onset` is when the
/// trouble began, or now.
pub fn recent(cx: &Context<'_>, object: &ObjectRef, onset: Timestamp) -> Option<(FactReport, Option<Evidence>)> {
    let workload = cx.workload(object);
    let revision_kind = match workload.kind.as_str() {
        "Deployment" => "ReplicaSet",
        "StatefulSet" | "DaemonSet" => "ControllerRevision",
        _ => return None,
    };
    let rollouts = change::rollouts(cx, &workload);
    let before = |at: Timestamp| onset.duration_since(at);
    let last = rollouts.iter().filter(|(_, _, at)| before(*at) >= -SKEW).max_by_key(|(number, _, at)| (*at, *number));
    let (state, reason) = match last {
        Some((number, _, at)) if before(*at) <= RECENT => {
            let minutes = before(*at).as_mins().max(0);
            (State::Found, format!("revision {number} was rolled out {minutes} min before"))
        }
        Some((number, _, at)) => (State::Absent, format!("the last rollout before, revision {number}, was at {at}")),
        None => {
            let unread = cx.snap.looked_for(revision_kind, workload.ns()).err();
            (State::Unknown, unread.unwrap_or_else(|| "no revision of it was read".to_owned()))
        }
    };
    let created = |revision: &Object, at| {
        let value = revision.at("metadata.creationTimestamp").clone();
        cx.value(&revision.id, "metadata.creationTimestamp", value, Some(at))
    };
    let evidence = last.map(|(_, revision, at)| created(revision, *at));
    let confidence = (state != State::Unknown).then_some(1.0);
    let subject = Subject::from(object.clone());
    let id = RECENT_DEPLOY.to_owned();
    Some((FactReport { id, subject, state, confidence, reason: Some(reason), evidence: Vec::new() }, evidence))
}
