//! The causes for which no node takes a pod.

use crate::cluster::fitness::Misfit;
use crate::cluster::scheduling_message::Reason;
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Perspective};
use crate::diagnose::rules::explains::{CLAIM_WAITS, POD_DOWN};
use crate::diagnose::rules::storage::{PVC_CAPACITY_UNSATISFIABLE, VOLUME_NODE_AFFINITY_CONFLICT};

/// The family's causes; the conflict of a volume with a node is the storage family's.
pub(super) static ALL: &[&Cause] = &[
    &INSUFFICIENT_CPU,
    &INSUFFICIENT_MEMORY,
    &INSUFFICIENT_EXTENDED_RESOURCE,
    &NODE_POD_LIMIT_REACHED,
    &NODE_SELECTOR_MISMATCH,
    &NODE_AFFINITY_MISMATCH,
    &POD_AFFINITY_UNSATISFIED,
    &POD_ANTI_AFFINITY_CONFLICT,
    &TOPOLOGY_SPREAD_UNSATISFIED,
    &TAINT_NOT_TOLERATED,
    &NODE_CORDONED,
    &HOST_PORT_CONFLICT,
];

/// The taint that cordoning sets (`TaintNodeUnschedulable` in `staging/src/k8s.io/api/core/v1/well_known_taints.go`).
pub(super) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

const EXPLAINS: &[Explains] = &[POD_DOWN, CLAIM_WAITS];
const READS: &str = "pod spec, nodes, pods on the nodes, PodScheduled condition, events";
const REQUESTS: &str =
    "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].resources.requests}'; kubectl describe nodes";

pub(super) static INSUFFICIENT_CPU: Cause = Cause {
    id: "insufficient_cpu",
    title: "no node has the CPU that the pod asks for",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeResourcesFit: event FailedScheduling, `Insufficient cpu`",
    doc: "The CPU requests of the pod are more than any suitable node has left, or more than any has at all.",
    check: REQUESTS,
    fix: "lower the CPU request to what the workload uses, or add nodes that are large enough",
    fields: &["resources.requests.cpu", "resources.limits.cpu", "overhead"],
};

pub(super) static INSUFFICIENT_MEMORY: Cause = Cause {
    id: "insufficient_memory",
    title: "no node has the memory that the pod asks for",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeResourcesFit: event FailedScheduling, `Insufficient memory`",
    doc: "The memory requests of the pod are more than any suitable node has left, or more than any has at all.",
    check: REQUESTS,
    fix: "lower the memory request to what the workload uses, or add nodes that are large enough",
    fields: &["resources.requests.memory", "resources.limits.memory", "overhead"],
};

pub(super) static INSUFFICIENT_EXTENDED_RESOURCE: Cause = Cause {
    id: "insufficient_extended_resource",
    title: "no node has the device or other resource that the pod asks for",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeResourcesFit and NodeVolumeLimits: event FailedScheduling, `Insufficient nvidia.com/gpu`, `exceed max volume count`",
    doc: "The pod asks for a device, huge pages, local storage or volume slots that no suitable node has free.",
    check: "kubectl get nodes -o jsonpath='{.items[*].status.allocatable}'",
    fix: "free the resource, run the plugin that offers it on the nodes, or add nodes that have it",
    fields: &["resources.requests.", "resources.limits."],
};

pub(super) static NODE_POD_LIMIT_REACHED: Cause = Cause {
    id: "node_pod_limit_reached",
    title: "every node runs as many pods as it may",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeResourcesFit: event FailedScheduling, `Too many pods`",
    doc: "The nodes have room in CPU and memory, but already run the number of pods that the kubelet allows.",
    check: "kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.status.allocatable.pods",
    fix: "add nodes, remove pods that have ended their use, or raise the kubelet's maxPods",
    fields: &[],
};

pub(super) static NODE_SELECTOR_MISMATCH: Cause = Cause {
    id: "node_selector_mismatch",
    title: "no node carries the labels of the nodeSelector",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeAffinity: event FailedScheduling, `didn't match Pod's node affinity/selector`",
    doc: "The pod's nodeSelector asks for labels that no node has together.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.nodeSelector}'; kubectl get nodes --show-labels",
    fix: "correct the nodeSelector, or label the nodes that are meant",
    fields: &["nodeSelector"],
};

pub(super) static NODE_AFFINITY_MISMATCH: Cause = Cause {
    id: "node_affinity_mismatch",
    title: "no node matches the required node affinity",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeAffinity: event FailedScheduling, `didn't match Pod's node affinity/selector`",
    doc: "The pod's required node affinity, or the node that it names, matches no node.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.affinity.nodeAffinity}'; kubectl get nodes --show-labels",
    fix: "correct the affinity, make it preferred instead of required, or label the nodes that are meant",
    fields: &["affinity.nodeAffinity", "nodeName"],
};

pub(super) static POD_AFFINITY_UNSATISFIED: Cause = Cause {
    id: "pod_affinity_unsatisfied",
    title: "the pods that it must run beside are nowhere",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, InterPodAffinity: event FailedScheduling, `didn't match pod affinity rules`",
    doc: "The pod's required pod affinity asks for the company of pods that run on no node.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.affinity.podAffinity}'; kubectl -n NAMESPACE get pods --show-labels -o wide",
    fix: "correct the affinity's selector, start the pods that it waits for, or make it preferred",
    fields: &["affinity.podAffinity"],
};

pub(super) static POD_ANTI_AFFINITY_CONFLICT: Cause = Cause {
    id: "pod_anti_affinity_conflict",
    title: "every node has a pod that it must be apart from",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, InterPodAffinity: event FailedScheduling, `didn't match pod anti-affinity rules`, `existing pods anti-affinity rules`",
    doc: "A required anti-affinity, its own or another pod's, leaves no node, often because there are more replicas than nodes.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.affinity.podAntiAffinity}'; kubectl get pods -A -o wide",
    fix: "run fewer replicas, add nodes, or make the anti-affinity preferred",
    fields: &["affinity.podAntiAffinity"],
};

pub(super) static TOPOLOGY_SPREAD_UNSATISFIED: Cause = Cause {
    id: "topology_spread_unsatisfied",
    title: "no node keeps the pods evenly spread",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, PodTopologySpread: event FailedScheduling, `didn't match pod topology spread constraints`",
    doc: "A topology spread constraint with DoNotSchedule leaves no node: each would make the spread too uneven or lacks the label.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.topologySpreadConstraints}'; kubectl get nodes -L TOPOLOGYKEY",
    fix: "make room in the zone with fewest pods, raise maxSkew, or use ScheduleAnyway",
    fields: &["topologySpreadConstraints"],
};

pub(super) static TAINT_NOT_TOLERATED: Cause = Cause {
    id: "taint_not_tolerated",
    title: "the nodes have a taint that the pod doesn't tolerate",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, TaintToleration: event FailedScheduling, `had untolerated taint`",
    doc: "The nodes that would else take the pod have a taint for which it has no toleration.",
    check: "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints",
    fix: "give the pod the toleration if it belongs there, or remove the taint",
    fields: &["tolerations", "nodeSelector", "affinity.nodeAffinity"],
};

pub(super) static NODE_CORDONED: Cause = Cause {
    id: "node_cordoned",
    title: "the only fitting nodes are cordoned",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodeUnschedulable: event FailedScheduling, `node(s) were unschedulable`",
    doc: "The nodes that would take the pod are marked unschedulable, and no other fits.",
    check: "kubectl get nodes",
    fix: "uncordon the node when its maintenance is over, or let the pod run elsewhere",
    fields: &["nodeSelector", "affinity.nodeAffinity"],
};

pub(super) static HOST_PORT_CONFLICT: Cause = Cause {
    id: "host_port_conflict",
    title: "the host port is taken on every node",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "kube-scheduler, NodePorts: event FailedScheduling, `didn't have free ports for the requested pod ports`",
    doc: "The pod asks for a port of the node itself, and on every suitable node another pod has it.",
    check: "kubectl get pods -A -o jsonpath='{.items[*].spec.containers[*].ports[*].hostPort}'",
    fix: "use a Service instead of a host port, run at most one such pod a node, or change the port",
    fields: &["hostPort", "hostNetwork", "containerPort"],
};

/// The usual suspects, and what is said when no node refuses the pod for them.
pub(super) static SUSPECTS: &[(&Cause, &str)] = &[
    (&INSUFFICIENT_CPU, "every node has the CPU that it asks for"),
    (&INSUFFICIENT_MEMORY, "every node has the memory that it asks for"),
    (&NODE_SELECTOR_MISMATCH, "every node has the labels of its nodeSelector"),
    (&NODE_AFFINITY_MISMATCH, "every node matches its required node affinity"),
    (&TAINT_NOT_TOLERATED, "no node has a taint that it doesn't tolerate"),
    (&NODE_CORDONED, "no node is cordoned"),
];

/// The cause that a misfit stands for.
pub(super) fn of_misfit(misfit: &Misfit) -> &'static Cause {
    match misfit {
        Misfit::Unschedulable => &NODE_CORDONED,
        Misfit::Taint { key, .. } if key == UNSCHEDULABLE => &NODE_CORDONED,
        Misfit::Taint { .. } => &TAINT_NOT_TOLERATED,
        Misfit::NodeSelector(_) => &NODE_SELECTOR_MISMATCH,
        Misfit::NodeAffinity { .. } | Misfit::NodeName { .. } => &NODE_AFFINITY_MISMATCH,
        Misfit::HostPort { .. } => &HOST_PORT_CONFLICT,
        Misfit::TooManyPods { .. } => &NODE_POD_LIMIT_REACHED,
        Misfit::Insufficient { resource, .. } => of_resource(resource),
        Misfit::VolumeNodeAffinity { .. } | Misfit::VolumeZone { .. } => &VOLUME_NODE_AFFINITY_CONFLICT,
        Misfit::TopologySpread { .. } => &TOPOLOGY_SPREAD_UNSATISFIED,
        Misfit::PodAffinity { .. } => &POD_AFFINITY_UNSATISFIED,
        Misfit::PodAntiAffinity { .. } | Misfit::ExistingPodAntiAffinity { .. } => &POD_ANTI_AFFINITY_CONFLICT,
    }
}

/// The cause that a reason of the scheduler stands for, `None` where it is about something else than these.
pub(super) fn of_reason(reason: &Reason, pod: &Object) -> Option<&'static Cause> {
    Some(match reason {
        Reason::Unschedulable => &NODE_CORDONED,
        Reason::NodeName => &NODE_AFFINITY_MISMATCH,
        Reason::Taint { .. } => &TAINT_NOT_TOLERATED,
        Reason::NodeAffinity | Reason::Plugins(_) if wishes(pod).0 => &NODE_SELECTOR_MISMATCH,
        Reason::NodeAffinity | Reason::Plugins(_) => &NODE_AFFINITY_MISMATCH,
        Reason::HostPort => &HOST_PORT_CONFLICT,
        Reason::TooManyPods => &NODE_POD_LIMIT_REACHED,
        Reason::Insufficient { resource } => of_resource(resource),
        Reason::TooManyVolumes => &INSUFFICIENT_EXTENDED_RESOURCE,
        Reason::VolumeNodeAffinity | Reason::VolumeZone => &VOLUME_NODE_AFFINITY_CONFLICT,
        Reason::VolumeCapacity => &PVC_CAPACITY_UNSATISFIABLE,
        Reason::TopologySpread { .. } => &TOPOLOGY_SPREAD_UNSATISFIED,
        Reason::PodAffinity => &POD_AFFINITY_UNSATISFIED,
        Reason::PodAntiAffinity | Reason::ExistingPodAntiAffinity => &POD_ANTI_AFFINITY_CONFLICT,
        _ => return None,
    })
}

fn of_resource(resource: &str) -> &'static Cause {
    match resource {
        "cpu" => &INSUFFICIENT_CPU,
        "memory" => &INSUFFICIENT_MEMORY,
        _ => &INSUFFICIENT_EXTENDED_RESOURCE,
    }
}

/// Whether the pod has a nodeSelector, and a required node affinity: the scheduler has one wording for both.
fn wishes(pod: &Object) -> (bool, bool) {
    let required = pod.at("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    (json::entries(&pod.raw, "spec.nodeSelector").next().is_some(), required.is_object())
}

/// Whether a reason means just one thing for this pod.
pub(super) fn is_plain(reason: &Reason, pod: &Object) -> bool {
    let (selector, affinity) = wishes(pod);
    !matches!(reason, Reason::NodeAffinity | Reason::Plugins(_)) || selector != affinity
}
