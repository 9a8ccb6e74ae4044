//! Who ended a container from outside: the kubelet says it in its event `Killing`.

use crate::cluster::Event;
use crate::cluster::pod::{Container, Termination};
use crate::diagnose::context::Context;
use jiff::SignedDuration;

/// Why the kubelet ended a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Killer {
    /// `Container app failed liveness probe, will be restarted`.
    Liveness,
    /// `Container app failed startup probe, will be restarted`.
    Startup,
    /// `FailedPostStartHook`.
    PostStart,
    /// `Stopping container app` and others: a deletion, an eviction, a preemption.
    Stop,
}

/// How long a container may take to end when its pod doesn't say: the API's default for terminationGracePeriodSeconds
/// (staging/src/k8s.io/api/core/v1/types.go).
const GRACE: i64 = 30;
/// Between the kubelet's event and the status, and between the clocks of both.
const SLACK: i64 = 15;

impl Killer {
    fn of(event: &Event) -> Self {
        match () {
            () if event.message.contains("failed liveness probe") => Self::Liveness,
            () if event.message.contains("failed startup probe") => Self::Startup,
            () if event.message.contains("FailedPostStartHook") => Self::PostStart,
            () => Self::Stop,
        }
    }
}

/// The kubelet's events `Killing` about a container, newest first.
pub(super) fn kills<'a>(cx: &Context<'a>, container: &Container<'_>) -> impl Iterator<Item = (&'a Event, Killer)> {
    let name = container.name.to_owned();
    let word = format!("ontainer {name} ");
    let about = move |event: &&Event| match &event.container {
        Some(container) => *container == name,
        None => format!("{} ", event.message).contains(&word),
    };
    let events = cx.snap.events(&container.pod.id).iter().rev();
    events.filter(|event| event.reason == "Killing").filter(about).map(|event| (event, Killer::of(event)))
}

/// Who ended this instance of a container, where an event says it. Events that repeat cover the time from their first to
/// their last.
pub(super) fn killer<'a>(cx: &Context<'a>, container: &Container<'_>, end: &Termination<'_>) -> Option<(&'a Event, Killer)> {
    let finished = end.finished?;
    let grace = container.pod.int("spec.terminationGracePeriodSeconds").unwrap_or(GRACE).clamp(0, 86_400);
    kills(cx, container).find(|(event, _)| {
        let after = event.first.is_none_or(|first| finished >= first - SignedDuration::from_secs(SLACK));
        let before = event.last.is_none_or(|last| finished <= last + SignedDuration::from_secs(grace + SLACK));
        after && before
    })
}
