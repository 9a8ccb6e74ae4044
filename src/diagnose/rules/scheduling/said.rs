//! What the scheduler last said about a pod, and what its words alone tell. They count nodes and name none, so they check what
//! was computed, and decide only where the nodes can't be seen.

use super::rows::UNSCHEDULABLE;
use crate::cluster::fitness::{Misfit, is_control_plane, is_node_condition};
use crate::cluster::scheduling_message::{self, Reason, SchedulerMessage};
use crate::cluster::{Event, Object, json};
use crate::diagnose::context::Context;
use crate::diagnose::symptoms::condition_evidence;
use crate::domain::Evidence;

/// How much of the autoscaler's words a sentence quotes.
const QUOTED: usize = 160;

/// The scheduler's last word about a pod.
pub(super) struct Said {
    /// Taken apart.
    pub message: SchedulerMessage,
    /// Where it stands.
    pub evidence: Evidence,
}

/// Reads the pod's PodScheduled condition, which the scheduler rewrites at each attempt, or else the newest event.
pub(super) fn last_word(cx: &Context<'_>, pod: &Object) -> Option<Said> {
    let condition = pod.condition("PodScheduled");
    let text = json::text(condition, "message");
    if json::text(condition, "status") == "False" && !text.is_empty() {
        return Some(Said { message: scheduling_message::parse(text), evidence: condition_evidence(cx, pod, "PodScheduled") });
    }
    let event = last_event(cx, pod)?;
    Some(Said { message: scheduling_message::parse(&event.message), evidence: event.evidence() })
}

/// The newest event of a scheduler. Autoscalers use the same reason for words of their own.
pub(super) fn last_event<'a>(cx: &Context<'a>, pod: &Object) -> Option<&'a Event> {
    let events = cx.snap.events(&pod.id).iter().filter(|event| event.reason == "FailedScheduling");
    events.max_by_key(|event| (event.message.contains(" nodes are available"), event.last))
}

/// What the cluster autoscaler makes of a pod that fits nowhere, as the end of a sentence, with its event (reasons
/// `TriggeredScaleUp` and `NotTriggerScaleUp` in cluster-autoscaler/processors/status/eventing_scale_up_processor.go).
pub(super) fn autoscaler<'a>(cx: &Context<'a>, pod: &Object) -> Option<(String, &'a Event)> {
    let reasons = ["TriggeredScaleUp", "NotTriggerScaleUp"];
    let events = cx.snap.events(&pod.id).iter().filter(|event| reasons.contains(&event.reason.as_str()));
    let event = events.max_by_key(|event| event.last)?;
    let why: String = event.message.split_once(": ").map_or("", |(_, why)| why).chars().take(QUOTED).collect();
    let told = if event.reason == "TriggeredScaleUp" {
        format!("the autoscaler adds a node: {why}")
    } else {
        format!("the autoscaler adds no node: {why}")
    };
    Some((told, event))
}

/// Whether a reason is about the pod's claims: then no node was looked at.
pub(super) fn is_about_claims(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::UnboundClaim
            | Reason::ClaimMissing { .. }
            | Reason::ClaimDeleting { .. }
            | Reason::ClaimLost { .. }
            | Reason::ClaimNotCreated { .. }
            | Reason::VolumeMissing
            | Reason::VolumeBinding
    )
}

/// Whether the scheduler gives this misfit as a reason.
pub(super) fn says_so(message: &SchedulerMessage, misfit: &Misfit) -> bool {
    message.reasons.iter().any(|(_, reason)| is_same(reason, misfit))
}

fn is_same(reason: &Reason, misfit: &Misfit) -> bool {
    match (reason, misfit) {
        (Reason::Unschedulable, Misfit::Unschedulable)
        | (Reason::NodeName, Misfit::NodeName { .. })
        | (Reason::NodeAffinity | Reason::Plugins(_), Misfit::NodeSelector(_) | Misfit::NodeAffinity { .. })
        | (Reason::HostPort, Misfit::HostPort { .. })
        | (Reason::TooManyPods, Misfit::TooManyPods { .. })
        | (Reason::PodAffinity | Reason::InterPodAffinity, Misfit::PodAffinity { .. })
        | (Reason::PodAntiAffinity | Reason::InterPodAffinity, Misfit::PodAntiAffinity { .. })
        | (Reason::ExistingPodAntiAffinity | Reason::InterPodAffinity, Misfit::ExistingPodAntiAffinity { .. })
        | (Reason::TopologySpread { .. }, Misfit::TopologySpread { .. })
        | (Reason::VolumeNodeAffinity | Reason::VolumeZone, Misfit::VolumeNodeAffinity { .. } | Misfit::VolumeZone { .. }) => {
            true
        }
        (Reason::Unschedulable, Misfit::Taint { key, .. }) => key == UNSCHEDULABLE,
        (Reason::Taint { key, .. }, Misfit::Taint { key: found, .. }) => key.as_ref().is_none_or(|key| key == found),
        (Reason::Insufficient { resource }, Misfit::Insufficient { resource: found, .. }) => resource == found,
        _ => false,
    }
}

/// The place of a reason in the order in which the scheduler filters (`getDefaultPlugins` in
/// `pkg/scheduler/apis/config/v1/default_plugins.go`); a node is counted under the first filter that refuses it, so the
/// nodes under the last reason came nearest. `None` for what is no filter of nodes.
fn filter(reason: &Reason) -> Option<u8> {
    Some(match reason {
        Reason::Unschedulable => 0,
        Reason::NodeName => 1,
        Reason::Taint { .. } => 2,
        Reason::NodeAffinity | Reason::Plugins(_) => 3,
        Reason::HostPort => 4,
        Reason::Insufficient { .. } | Reason::TooManyPods => 5,
        Reason::TooManyVolumes => 6,
        Reason::VolumeNodeAffinity | Reason::VolumeZone | Reason::VolumeCapacity => 7,
        Reason::TopologySpread { .. } => 8,
        Reason::PodAffinity | Reason::PodAntiAffinity | Reason::ExistingPodAntiAffinity | Reason::InterPodAffinity => 9,
        _ => return None,
    })
}

/// What stands in the way by the scheduler's words alone, and whether they leave no doubt. A control plane's taint and a
/// cordon are background beside anything else; but cordoned nodes may be just those that the pod's labels ask for.
pub(super) fn by_words(message: &SchedulerMessage) -> Option<(&Reason, bool)> {
    let background = |reason: &Reason| match reason {
        Reason::Unschedulable => true,
        Reason::Taint { key: Some(key), .. } => is_control_plane(key),
        _ => false,
    };
    let reasons: Vec<&Reason> = message.reasons.iter().map(|(_, reason)| reason).filter(|r| filter(r).is_some()).collect();
    let foreground: Vec<&Reason> = reasons.iter().copied().filter(|reason| !background(reason)).collect();
    let cordoned = reasons.contains(&&Reason::Unschedulable);
    let of = if foreground.is_empty() { reasons } else { foreground };
    let last = of.iter().copied().max_by_key(|reason| filter(reason))?;
    let unwell = |reason: &Reason| matches!(reason, Reason::Taint { key: Some(key), .. } if is_node_condition(key));
    let by_chance = cordoned && matches!(last, Reason::NodeAffinity | Reason::Plugins(_));
    // Which node is not well, and why, the words don't say.
    (!unwell(last)).then_some((last, of.len() == 1 && !by_chance))
}

/// How many nodes the scheduler counts under a stage's reasons, of how many, for a sentence.
pub(super) fn counted(message: &SchedulerMessage, reason: &Reason) -> String {
    let count: u32 = message.reasons.iter().filter(|(_, other)| other == reason).filter_map(|(count, _)| *count).sum();
    match message.total {
        Some(total) if count > 0 => format!("{count} of {total} nodes"),
        _ => "every node".to_owned(),
    }
}
