//! What happened to the target and to what it rests on, oldest first.

use super::context::Context;
use super::scope::Scope;
use crate::cluster::{Event, pod};
use crate::domain::{Change, Evidence, ObjectRef};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The most entries that a report holds; the newest are kept.
const MOST: usize = 60;
/// How much of an event's message is kept.
const MESSAGE: usize = 240;

/// One moment, and the evidence to cite where there is one.
pub type Moment = (Timestamp, String, Option<Evidence>);

/// Collects revisions, ends of containers, and events about the target, its causes and its nodes.
pub fn collect(cx: &Context<'_>, scope: &Scope, blamed: &[ObjectRef], change: Option<&Change>) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    if let Some(change) = change
        && let Some(at) = change.at
    {
        moments.push((at, format!("{} revision {} was rolled out", change.object, change.to), None));
    }
    let concerns = |object: &ObjectRef| scope.distance(object).is_some() && object.kind != "Node" || blamed.contains(object);
    for pod in cx.pods().iter().filter(|pod| concerns(&pod.id)) {
        for container in pod::containers(pod) {
            if let Some(end) = container.termination()
                && let Some(at) = end.finished
            {
                let reason = if end.reason.is_empty() { "ended" } else { end.reason };
                let what = format!("{} {}: {reason}, exit code {}", pod.id, container.name, end.exit_code);
                moments.push((at, what, Some(container.termination_evidence(&end))));
            }
        }
    }
    let events = cx.snap.all_events().iter().filter(|event| concerns(&event.object));
    moments.extend(events.filter_map(|event| Some((event.last?, told(event), Some(event.evidence())))));
    moments.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    moments.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    let surplus = moments.len().saturating_sub(MOST);
    moments.drain(..surplus);
    moments
}

fn told(event: &Event) -> String {
    let message: String = event.message.chars().take(MESSAGE).collect();
    let times = if event.count > 1 { format!(" (×{})", event.count) } else { String::new() };
    format!("{} {}: {message}{times}", event.object, event.reason)
}

/// The warnings about the target, newest first, one for each object and reason.
pub fn warnings<'a>(cx: &Context<'a>, scope: &Scope) -> Vec<&'a Event> {
    let mut seen = BTreeSet::new();
    let mut warnings: Vec<&Event> = cx
        .snap
        .all_events()
        .iter()
        .filter(|event| event.warning && event.object.kind != "Node" && scope.distance(&event.object).is_some())
        .collect();
    warnings.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.cmp(b)));
    warnings.retain(|event| seen.insert((&event.object, &event.reason)));
    warnings
}
