//! Who ended a container from outside: the kubelet says it in its event `Killing`.

use crate::cluster::Event;
use crate::cluster::pod::{Container, Termination};
use crate::cluster::probe::{ProbeRole, probe};
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

/// Whether the kubelet may have killed this instance for a probe although no event says so: the process ran long enough for
/// the probe to give up, and the probe did fail, or the events can't be read.
pub(super) fn may_be_unseen(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>) -> bool {
    let gives_up = [ProbeRole::Liveness, ProbeRole::Startup]
        .into_iter()
        .filter_map(|role| probe(container.spec, role))
        .map(|probe| probe.gives_up_after())
        .min();
    let Some(gives_up) = gives_up else { return false };
    if end.ran().is_some_and(|ran| ran.as_secs().saturating_add(SLACK) < gives_up) {
        return false;
    }
    // The kubelet says that a probe failed before it says that it kills for it; the second word may be lost.
    let failed_probe = |event: &Event| {
        event.reason == "Unhealthy"
            && !event.message.starts_with("Readiness")
            && event.container.as_deref().is_none_or(|of| of == container.name)
            && event.last >= end.started
    };
    let pod = &container.pod.id;
    cx.snap.looked_for("Event", pod.ns()).is_err() || cx.snap.events(pod).iter().any(failed_probe)
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
