//! What the scheduler says when it finds no node: the message of a `FailedScheduling` event or of the `PodScheduled`
//! condition, taken apart. The scheduler names no node, only how many failed for which reason; `fitness` says which.
//!
//! The form is `FitError.Error()` in `pkg/scheduler/framework/types.go`: `0/N nodes are available: REASONS. POSTFILTER`. The
//! wordings are the `ErrReason` constants of `pkg/scheduler/framework/plugins/*` from Kubernetes 1.18 to 1.37, and those of
//! `pkg/scheduler/algorithm/predicates/error.go` before.

/// The scheduler's message, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulerMessage {
    /// How many nodes are available: 0. `None` when the message doesn't count nodes.
    pub available: Option<u32>,
    /// How many nodes there are. `None` when the message doesn't count nodes.
    pub total: Option<u32>,
    /// Each reason with the number of nodes that failed for it, in the message's order. No number where the reason is about
    /// the pod and not about nodes.
    pub reasons: Vec<(Option<u32>, Reason)>,
    /// What came of the attempt to make room by evicting pods, in the scheduler's words.
    pub preemption: Option<String>,
}

/// Why a node, or every node, is not for the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There are no nodes at all.
    NoNodes,
    /// The pod has scheduling gates.
    Gated,
    /// The node is cordoned.
    Unschedulable,
    /// The pod asks for another node by name.
    NodeName,
    /// The node has a taint that the pod doesn't tolerate. The newest releases, and those before 1.18, don't say which.
    Taint {
        /// The taint's key.
        key: Option<String>,
        /// The taint's value, often empty.
        value: Option<String>,
    },
    /// The node has not the labels that the pod's `nodeSelector` or node affinity asks for.
    NodeAffinity,
    /// The host port that the pod asks for is taken.
    HostPort,
    /// The node has not enough left of a resource.
    Insufficient {
        /// `cpu`, `memory`, `ephemeral-storage`, or an extended resource.
        resource: String,
    },
    /// The node runs as many pods as it may.
    TooManyPods,
    /// The pod wants to be near pods that aren't there.
    PodAffinity,
    /// The pod wants to be away from pods that are there.
    PodAntiAffinity,
    /// Pods that are there want to be away from this pod.
    ExistingPodAntiAffinity,
    /// One of the three above; before 1.22 the message says it beside the exact one.
    InterPodAffinity,
    /// The pod would be spread too unevenly.
    TopologySpread {
        /// Whether it is because the node lacks the label that the topology goes by.
        missing_label: bool,
    },
    /// The pod's volume can't be used on the node.
    VolumeNodeAffinity,
    /// The pod's volume is in another zone.
    VolumeZone,
    /// No volume is left that the claim could bind to on the node.
    VolumeBinding,
    /// The node's storage has not enough room for the volume.
    VolumeCapacity,
    /// The claim is bound to a volume that doesn't exist.
    VolumeMissing,
    /// The node has as many volumes attached as it can.
    TooManyVolumes,
    /// Another pod uses the disk, or a claim that only one pod may use.
    VolumeInUse,
    /// A claim whose class binds at once is not bound.
    UnboundClaim,
    /// The claim doesn't exist.
    ClaimMissing {
        /// The claim's name.
        claim: String,
    },
    /// The claim is being deleted.
    ClaimDeleting {
        /// The claim's name.
        claim: String,
    },
    /// The claim has lost its volume.
    ClaimLost {
        /// The claim's name.
        claim: String,
        /// The volume's name.
        volume: String,
    },
    /// The claim of an `ephemeral` volume has not been made yet.
    ClaimNotCreated {
        /// The claim's name.
        claim: String,
    },
    /// A device that the pod claims can't be had: dynamic resource allocation. The scheduler's words.
    Device(String),
    /// The pod may only use nodes that these plugins name (`NodeAffinity` for the pods of a DaemonSet), and this isn't one.
    Plugins(Vec<String>),
    /// The node is not well: not ready, under pressure, without network. The scheduler's words; since 1.18 these are taints.
    NodeCondition(String),
    /// Anything else, in the scheduler's words.
    Other(String),
}

/// Wordings that are always the same.
const FIXED: &[(&str, Reason)] = &[
    ("no nodes available to schedule pods", Reason::NoNodes),
    ("Scheduling is blocked due to non-empty scheduling gates", Reason::Gated),
    ("node(s) were unschedulable", Reason::Unschedulable),
    ("node(s) didn't match the requested node name", Reason::NodeName),
    ("node(s) didn't match the requested hostname", Reason::NodeName),
    ("node(s) had taints that the pod didn't tolerate", Reason::Taint { key: None, value: None }),
    ("node(s) had untolerated taint(s)", Reason::Taint { key: None, value: None }),
    ("node(s) had untolerated taint", Reason::Taint { key: None, value: None }),
    ("node(s) didn't match Pod's node affinity/selector", Reason::NodeAffinity),
    ("node(s) didn't match Pod's node affinity", Reason::NodeAffinity),
    ("node(s) didn't match node selector", Reason::NodeAffinity),
    ("node(s) didn't match scheduler-enforced node affinity", Reason::NodeAffinity),
    ("pod affinity terms conflict", Reason::NodeAffinity),
    ("node(s) didn't have the requested labels", Reason::NodeAffinity),
    ("node(s) didn't have free ports for the requested pod ports", Reason::HostPort),
    ("Too many pods", Reason::TooManyPods),
    ("node(s) didn't match pod affinity rules", Reason::PodAffinity),
    ("node(s) didn't match pod anti-affinity rules", Reason::PodAntiAffinity),
    ("node(s) didn't satisfy existing pods anti-affinity rules", Reason::ExistingPodAntiAffinity),
    ("node(s) didn't match pod affinity/anti-affinity rules", Reason::InterPodAffinity),
    ("node(s) didn't match pod affinity/anti-affinity", Reason::InterPodAffinity),
    ("node(s) didn't match pod topology spread constraints", Reason::TopologySpread { missing_label: false }),
    (
        "node(s) didn't match pod topology spread constraints (missing required label)",
        Reason::TopologySpread { missing_label: true },
    ),
    ("node(s) had volume node affinity conflict", Reason::VolumeNodeAffinity),
    ("node(s) didn't match PersistentVolume's node affinity", Reason::VolumeNodeAffinity),
    ("node(s) had no available volume zone", Reason::VolumeZone),
    ("node(s) didn't find available persistent volumes to bind", Reason::VolumeBinding),
    ("node(s) did not have enough free storage", Reason::VolumeCapacity),
    ("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", Reason::VolumeMissing),
    ("node(s) exceed max volume count", Reason::TooManyVolumes),
    ("node(s) had no available disk", Reason::VolumeInUse),
    ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode", Reason::VolumeInUse),
    ("pod has unbound immediate PersistentVolumeClaims", Reason::UnboundClaim),
    ("pod has unbound PersistentVolumeClaims", Reason::UnboundClaim),
];

/// Beginnings of the wordings of dynamic resource allocation, in `pkg/scheduler/framework/plugins/dynamicresources`.
const DEVICE: &[&str] = &[
    "cannot allocate all claims",
    "device class ",
    "request ",
    "resourceclaim ",
    "timed out trying to allocate devices",
    "unallocated immediate resourceclaim",
    "waiting for dynamic resource controller ",
    "waiting for resource driver ",
];

/// Node conditions, as the scheduler named them before they became taints.
const CONDITIONS: &[&str] = &[
    "node(s) were not ready",
    "node(s) were out of disk space",
    "node(s) had memory pressure",
    "node(s) had disk pressure",
    "node(s) had pid pressure",
    "node(s) had unavailable network",
    "node(s) had unknown conditions",
];

/// Where the scheduler's words about the filters end and those about what it tried afterwards begin: preemption, and
/// freeing devices that no pod uses (`PostFilter` of the two plugins).
const AFTERWARDS: &[&str] =
    &["preemption:", "no new claims to deallocate", "still not schedulable", "deallocation of ResourceClaim completed"];

/// Takes a message apart. Text in no known form becomes one [`Reason::Other`]; an empty message has no reasons.
pub fn parse(message: &str) -> SchedulerMessage {
    let message = message.trim();
    let (nodes, body) = match header(message) {
        Some((available, total, body)) => (Some((available, total)), body),
        None => (None, message),
    };
    let start = AFTERWARDS.iter().filter_map(|words| position_of_sentence(body, words)).min().unwrap_or(body.len());
    let (filters, afterwards) = body.split_at(start);
    let reasons = split_reasons(filters).map(counted).collect();
    let preemption = afterwards.split_once("preemption:").map(|(_, text)| text.trim().to_owned());
    SchedulerMessage {
        available: nodes.map(|(available, _)| available),
        total: nodes.map(|(_, total)| total),
        reasons,
        preemption: preemption.filter(|text| !text.is_empty()),
    }
}

/// `0/4 nodes are available: ` → (0, 4, what follows).
fn header(message: &str) -> Option<(u32, u32, &str)> {
    let (counts, body) = message.split_once(" nodes are available")?;
    let (available, total) = counts.split_once('/')?;
    Some((available.parse().ok()?, total.parse().ok()?, body.trim_start_matches([':', '.', ' '])))
}

/// Where these words begin a sentence.
fn position_of_sentence(text: &str, words: &str) -> Option<usize> {
    text.match_indices(words)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || text.get(..*at).is_some_and(|before| before.ends_with(". ")))
}

/// The reasons are joined by commas and sentences. A comma inside of one is never followed by a count.
fn split_reasons(filters: &str) -> impl Iterator<Item = &str> {
    let mut rest = filters.trim();
    std::iter::from_fn(move || {
        let end = reason_end(rest);
        let reason = rest.get(..end)?.trim_matches([' ', ',', '.']);
        rest = rest.get(end..)?.trim_start_matches([' ', ',', '.']);
        (!reason.is_empty()).then_some(reason)
    })
}

fn reason_end(text: &str) -> usize {
    let ends = |(at, separator): &(usize, &str)| {
        let Some(rest) = text.get(at + 1..).and_then(|rest| rest.strip_prefix(' ')) else { return false };
        let after_digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        *separator == "." || after_digits.len() < rest.len() && after_digits.starts_with(' ')
    };
    text.match_indices(['.', ',']).find(ends).map_or(text.len(), |(at, _)| at)
}

fn counted(text: &str) -> (Option<u32>, Reason) {
    match text.split_once(' ').map(|(count, reason)| (count.parse::<u32>(), reason)) {
        Some((Ok(count), reason)) => (Some(count), classify(reason.trim())),
        _ => (None, classify(text)),
    }
}

fn classify(text: &str) -> Reason {
    // Kubernetes 1.18 and 1.19 wrap an error of a plugin: `error while running "VolumeBinding" prefilter plugin for pod "x":
    // pod has …`, and say `(repeated 2 times)` when several claims have it.
    let text = match text.split_once("plugin for pod ").and_then(|(_, rest)| rest.split_once(": ")) {
        Some((_, cause)) => cause,
        None => text,
    };
    let text = text.split_once(" (repeated ").map_or(text, |(text, _)| text);
    if let Some((_, reason)) = FIXED.iter().find(|(words, _)| *words == text) {
        return reason.clone();
    }
    if let Some(resource) = text.strip_prefix("Insufficient ") {
        return Reason::Insufficient { resource: resource.to_owned() };
    }
    if let Some(taint) = text.strip_prefix("node(s) had taint {").or_else(|| text.strip_prefix("node(s) had untolerated taint {"))
    {
        let taint = taint.split_once('}').map_or(taint, |(taint, _)| taint);
        let (key, value) = taint.split_once(':').unwrap_or((taint, ""));
        return Reason::Taint { key: Some(key.trim().to_owned()), value: Some(value.trim().to_owned()) };
    }
    if let Some(reason) = claim(text) {
        return reason;
    }
    if let Some(list) = text.strip_prefix("node(s) didn't satisfy plugin") {
        let names = list.trim_start_matches("(s)").trim_end_matches("simultaneously");
        let names = names.split([' ', '[', ']', ',']).filter(|name| !name.is_empty());
        return Reason::Plugins(names.map(str::to_owned).collect());
    }
    if CONDITIONS.contains(&text) {
        return Reason::NodeCondition(text.to_owned());
    }
    if DEVICE.iter().any(|beginning| text.starts_with(beginning)) {
        return Reason::Device(text.to_owned());
    }
    Reason::Other(text.to_owned())
}

/// The wordings that name a claim, in `pkg/scheduler/framework/plugins/volumebinding/volume_binding.go`.
fn claim(text: &str) -> Option<Reason> {
    let waiting = "waiting for ephemeral volume controller to create the persistentvolumeclaim ";
    if let Some(rest) = text.strip_prefix(waiting) {
        return Some(Reason::ClaimNotCreated { claim: quoted(rest)?.0.to_owned() });
    }
    // The volume plugins that look a claim up by themselves say where: `looking up PVC NAMESPACE/NAME: persistentvolumeclaim …`.
    let text = match text.strip_prefix("looking up PVC ").and_then(|rest| rest.split_once(": ")) {
        Some((_, cause)) => cause,
        None => text,
    };
    let (claim, rest) = quoted(text.strip_prefix("persistentvolumeclaim ")?)?;
    let claim = claim.to_owned();
    if rest.trim() == "not found" {
        return Some(Reason::ClaimMissing { claim });
    }
    if rest.trim() == "is being deleted" {
        return Some(Reason::ClaimDeleting { claim });
    }
    let (volume, _) = quoted(rest.strip_prefix(" bound to non-existent persistentvolume ")?)?;
    Some(Reason::ClaimLost { claim, volume: volume.to_owned() })
}

/// `"name" rest` → (name, rest).
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

#[cfg(test)]
mod tests;
