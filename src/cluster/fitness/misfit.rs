//! Why one pod can't run on one node: one variant for each way in which a filter of the scheduler can refuse a node.

use crate::cluster::quantity::Quantity;
use crate::cluster::selector::Difference;
use crate::domain::ObjectRef;
use std::fmt;

/// Why a pod can't run on a node, in the order in which the scheduler looks (`getDefaultPlugins` in
/// `pkg/scheduler/apis/config/v1/default_plugins.go`). The scheduler stops at the first filter that refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The node is cordoned.
    Unschedulable,
    /// The pod names another node.
    NodeName {
        /// `spec.nodeName`.
        wanted: String,
    },
    /// The node has a taint that the pod doesn't tolerate.
    Taint {
        /// The taint's key.
        key: String,
        /// Its value, often empty.
        value: String,
        /// `NoSchedule` or `NoExecute`.
        effect: String,
    },
    /// The node lacks one label of the pod's `nodeSelector`.
    NodeSelector(Difference),
    /// The node matches none of the pod's required node affinity terms.
    NodeAffinity {
        /// For each term what it asks for and the node lacks. A term without requirements matches nothing and is empty.
        terms: Vec<Vec<Difference>>,
    },
    /// Another pod has taken the host port.
    HostPort {
        /// The port on the node.
        port: u16,
        /// `TCP`, `UDP` or `SCTP`.
        protocol: String,
        /// Who has it.
        taken_by: ObjectRef,
    },
    /// The node runs as many pods as it may.
    TooManyPods {
        /// How many run.
        running: usize,
        /// How many may (`status.allocatable.pods`).
        allowed: Quantity,
    },
    /// The node has not enough left of a resource.
    Insufficient {
        /// `cpu`, `memory`, `ephemeral-storage` or an extended resource.
        resource: String,
        /// What the pod asks for.
        asked: Quantity,
        /// What the pods on the node ask for together.
        used: Quantity,
        /// What the node has for pods. Zero for a resource that it doesn't have.
        allocatable: Quantity,
    },
    /// The pod's volume can't be reached from the node.
    VolumeNodeAffinity {
        /// The claim.
        claim: String,
        /// The volume that it is bound to.
        volume: String,
        /// For each term of the volume's node affinity what the node lacks.
        terms: Vec<Vec<Difference>>,
    },
    /// The pod's volume is in another zone or region.
    VolumeZone {
        /// The claim.
        claim: String,
        /// The volume that it is bound to.
        volume: String,
        /// The label of the volume and the node (`topology.kubernetes.io/zone`).
        key: String,
        /// The volume's zones.
        wanted: String,
        /// The node's zone.
        got: Option<String>,
    },
    /// The pods would be spread too unevenly.
    TopologySpread {
        /// The node label that the spread goes by.
        topology_key: String,
        /// By how many pods two domains may differ.
        max_skew: i64,
        /// By how many they would. `None` when the node lacks the label.
        skew: Option<i64>,
    },
    /// The pod wants to run where certain pods run, and none of them does here.
    PodAffinity {
        /// The node label that says what "where" means.
        topology_key: String,
        /// Which pods, in kubectl's notation.
        selector: String,
        /// Whether the node lacks the label, so that no pod would help.
        missing_label: bool,
    },
    /// The pod wants to run away from certain pods, and one of them runs here.
    PodAntiAffinity {
        /// The node label that says what "here" means.
        topology_key: String,
        /// Which pods, in kubectl's notation.
        selector: String,
        /// One that runs here.
        against: ObjectRef,
    },
    /// A pod that runs here wants to be away from this one.
    ExistingPodAntiAffinity {
        /// The node label that says what "here" means.
        topology_key: String,
        /// The pod that runs here.
        of: ObjectRef,
    },
}

impl Misfit {
    /// The words of the current scheduler for it, as they stand in a FailedScheduling message.
    pub fn words(&self) -> String {
        match self {
            Self::Unschedulable => "node(s) were unschedulable",
            Self::NodeName { .. } => "node(s) didn't match the requested node name",
            Self::Taint { .. } => "node(s) had untolerated taint(s)",
            Self::NodeSelector(_) | Self::NodeAffinity { .. } => "node(s) didn't match Pod's node affinity/selector",
            Self::HostPort { .. } => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods { .. } => "Too many pods",
            Self::Insufficient { resource, .. } => return format!("Insufficient {resource}"),
            Self::VolumeNodeAffinity { .. } => "node(s) didn't match PersistentVolume's node affinity",
            Self::VolumeZone { .. } => "node(s) had no available volume zone",
            Self::TopologySpread { skew: Some(_), .. } => "node(s) didn't match pod topology spread constraints",
            Self::TopologySpread { skew: None, .. } => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Self::PodAffinity { .. } => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity { .. } => "node(s) didn't match pod anti-affinity rules",
            Self::ExistingPodAntiAffinity { .. } => "node(s) didn't satisfy existing pods anti-affinity rules",
        }
        .to_owned()
    }

    /// What of a resource the node has left, for a shortage of one. Negative when more is promised than the node has.
    pub fn free(&self) -> Option<Quantity> {
        match self {
            Self::Insufficient { used, allocatable, .. } => Some(allocatable.minus(*used)),
            _ => None,
        }
    }

    /// Whether even an empty node of this size would be too small.
    pub fn exceeds_node(&self) -> bool {
        matches!(self, Self::Insufficient { asked, allocatable, .. } if asked > allocatable)
    }

    /// Equal for misfits on different nodes that one change would remove: the same taint, label, resource, port or rule.
    pub(super) fn cause(&self) -> (String, String) {
        let detail = match self {
            Self::Unschedulable | Self::NodeName { .. } | Self::TooManyPods { .. } | Self::Insufficient { .. } => String::new(),
            Self::NodeAffinity { .. } => "affinity".to_owned(),
            // Not its effect: a node that is not ready has the same taint with two effects.
            Self::Taint { key, value, .. } => format!("{key}={value}"),
            Self::NodeSelector(difference) => difference.wanted.clone(),
            Self::HostPort { port, protocol, .. } => format!("{port}/{protocol}"),
            Self::VolumeNodeAffinity { volume, .. } | Self::VolumeZone { volume, .. } => volume.clone(),
            Self::TopologySpread { topology_key, .. } | Self::ExistingPodAntiAffinity { topology_key, .. } => {
                topology_key.clone()
            }
            Self::PodAffinity { topology_key, selector, .. } | Self::PodAntiAffinity { topology_key, selector, .. } => {
                format!("{topology_key} {selector}")
            }
        };
        (self.words(), detail)
    }
}

/// What is asked for and what is there, in a few words: `4 cpu asked, 3200m of 8 free`.
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unschedulable => f.write_str("cordoned"),
            Self::NodeName { wanted } => write!(f, "pod asks for node {wanted}"),
            Self::Taint { key, value, effect } if value.is_empty() => write!(f, "taint {key}:{effect} not tolerated"),
            Self::Taint { key, value, effect } => write!(f, "taint {key}={value}:{effect} not tolerated"),
            Self::NodeSelector(difference) => show_difference(f, difference),
            Self::NodeAffinity { terms } => show_terms(f, terms),
            Self::HostPort { port, protocol, taken_by } => write!(f, "host port {port}/{protocol} taken by {taken_by}"),
            Self::TooManyPods { running, allowed } => write!(f, "runs {running} of {allowed} pods"),
            Self::Insufficient { resource, asked, used, allocatable } => {
                write!(f, "{asked} {resource} asked, {} of {allocatable} free", allocatable.minus(*used))
            }
            Self::VolumeNodeAffinity { volume, terms, .. } => {
                write!(f, "volume {volume}: ")?;
                show_terms(f, terms)
            }
            Self::VolumeZone { volume, key, wanted, got, .. } => {
                write!(f, "volume {volume} needs {key}={wanted}, node has {}", got.as_deref().unwrap_or("no such label"))
            }
            Self::TopologySpread { topology_key, max_skew, skew: Some(skew) } => {
                write!(f, "spread over {topology_key} would differ by {skew}, at most {max_skew} is allowed")
            }
            Self::TopologySpread { topology_key, skew: None, .. } => write!(f, "node has no label {topology_key} to spread over"),
            Self::PodAffinity { topology_key, missing_label: true, .. } => write!(f, "node has no label {topology_key}"),
            Self::PodAffinity { topology_key, selector, .. } => write!(f, "no pod with {selector} in the same {topology_key}"),
            Self::PodAntiAffinity { topology_key, against, .. } => write!(f, "{against} is in the same {topology_key}"),
            Self::ExistingPodAntiAffinity { topology_key, of } => {
                write!(f, "{of} in the same {topology_key} keeps this pod away")
            }
        }
    }
}

fn show_difference(f: &mut fmt::Formatter<'_>, difference: &Difference) -> fmt::Result {
    match &difference.got {
        Some(got) => write!(f, "{} asked, node has {}={got}", difference.wanted, difference.key),
        None => write!(f, "{} asked, node has no label {}", difference.wanted, difference.key),
    }
}

fn show_terms(f: &mut fmt::Formatter<'_>, terms: &[Vec<Difference>]) -> fmt::Result {
    let mut first = true;
    for difference in terms.iter().flatten() {
        if !first {
            f.write_str("; ")?;
        }
        first = false;
        show_difference(f, difference)?;
    }
    if first { f.write_str("its node affinity has no requirements and matches no node") } else { Ok(()) }
}
