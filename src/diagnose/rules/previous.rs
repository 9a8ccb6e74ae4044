//! The same container in the revision before: what it looked like when it last worked, for rules that ask which field was
//! changed. It compares nothing itself.

use crate::cluster::pod::Container;
use crate::cluster::{Object, json, revisions};
use crate::diagnose::change;
use crate::diagnose::context::Context;
use serde_json::Value;

/// The specification of a pod in the newest revision before its own. `None` when there is none, or the revisions were not
/// read.
pub(super) fn previous_spec<'a>(cx: &Context<'a>, pod: &Object) -> Option<&'a Value> {
    let workload = cx.workload(&pod.id);
    let revisions = change::revisions(cx, &workload);
    let own = revisions.iter().rposition(|(_, revision)| change::is_of(pod, revision))?;
    let (_, before) = revisions.get(..own)?.last()?;
    Some(json::key(revisions::template(before)?, "spec"))
}

/// A container in the newest revision before its pod's own.
pub(super) fn previous_container<'a>(cx: &Context<'a>, container: &Container<'_>) -> Option<&'a Value> {
    let spec = previous_spec(cx, container.pod)?;
    let list = if container.spec_path("").starts_with("spec.init") { "initContainers" } else { "containers" };
    Some(json::named(spec, list, container.name)).filter(|found| found.is_object())
}
