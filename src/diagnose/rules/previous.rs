//! The same container in the revision before: what it looked like when it last worked, for rules that ask which field was
//! changed. It compares nothing itself.

use crate::cluster::pod::Container;
use crate::cluster::{Object, json, revisions};
use crate::diagnose::context::Context;
use serde_json::Value;

/// The specification of a pod in the newest revision before its own. `None` when there is none, or the revisions were not
/// read.
pub(super) fn previous_spec<'a>(cx: &Context<'a>, pod: &Object) -> Option<&'a Value> {
    let workload = cx.workload(&pod.id);
    let is_own = |revision: &Object| {
        let own = pod.controller().is_some_and(|owner| owner == revision.id);
        let hash = pod.label("controller-revision-hash");
        // A ControllerRevision is named WORKLOAD-HASH; a StatefulSet's pod carries the whole name, a DaemonSet's the hash.
        own || hash.is_some_and(|hash| revision.id.name == hash || revision.id.name.ends_with(&format!("-{hash}")))
    };
    let mut revisions: Vec<(i64, bool, &Object)> = cx
        .snap
        .children(&workload)
        .filter(|child| matches!(child.id.kind.as_str(), "ReplicaSet" | "ControllerRevision"))
        .filter_map(|child| Some((revisions::revision_number(child)?, is_own(child), child)))
        .collect();
    revisions.sort_by(|a, b| (a.0, &a.2.id).cmp(&(b.0, &b.2.id)));
    let own = revisions.iter().rposition(|(_, own, _)| *own)?;
    let (_, _, before) = revisions.get(..own)?.last()?;
    Some(json::key(revisions::template(before)?, "spec"))
}

/// A container in the newest revision before its pod's own.
pub(super) fn previous_container<'a>(cx: &Context<'a>, container: &Container<'_>) -> Option<&'a Value> {
    let spec = previous_spec(cx, container.pod)?;
    let list = if container.spec_path("").starts_with("spec.init") { "initContainers" } else { "containers" };
    Some(json::named(spec, list, container.name)).filter(|found| found.is_object())
}
