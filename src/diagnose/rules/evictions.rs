//! Pods that the kubelet ended: for the node's sake, or since they used more local storage than they may. That the node ran out
//! of memory is judged with the other ends for memory, and a full volume with the volumes.

use super::explains::CONTAINER_DOWN;
use super::nodes::NODE_SHUTDOWN;
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::ended_at;
use crate::domain::ObjectRef;
use jiff::SignedDuration;

/// The family.
pub static FAMILY: Family =
    Family { section: Section::Runtime, causes: &[&EVICTED_DISK, &EVICTED_PID, &EPHEMERAL_STORAGE_EXCEEDED], check };

/// What follows when a node refuses or ends pods.
pub(super) const PODS_ENDED: Explains = &[
    (Link::Pod, "pod_failed"),
    (Link::Node, "pod_failed"),
    (Link::Node, "replicas_missing"),
    (Link::Node, "no_ready_endpoints"),
];

static EVICTED_DISK: Cause = Cause {
    id: "evicted_disk",
    title: "pods were evicted for disk space",
    perspective: Perspective::Infra,
    explains: &[PODS_ENDED],
    reads: "pod status",
    source: "kubelet: pod status reason Evicted, \"The node was low on resource: ephemeral-storage\" (or inodes)",
    doc: "The kubelet ended pods to win back disk space on the node.",
    check: "kubectl get pods -A --field-selector status.phase=Failed",
    fix: "free disk space on the node, and set ephemeral-storage requests and limits",
    fields: &[],
};

static EVICTED_PID: Cause = Cause {
    id: "evicted_pid",
    title: "pods were evicted for process ids",
    perspective: Perspective::Infra,
    explains: &[PODS_ENDED],
    reads: "pod status",
    source: "kubelet: pod status reason Evicted, \"The node was low on resource: pids\"",
    doc: "The kubelet ended pods to win back process ids on the node.",
    check: "kubectl get pods -A --field-selector status.phase=Failed",
    fix: "find the pod that starts so many processes, and set a pod pid limit",
    fields: &[],
};

static EPHEMERAL_STORAGE_EXCEEDED: Cause = Cause {
    id: "ephemeral_storage_exceeded",
    title: "evicted for its own limit of local storage",
    perspective: Perspective::Runtime,
    explains: &[CONTAINER_DOWN, &[(Link::Pod, "pod_failed")]],
    reads: "pod status, pod spec",
    source: "kubelet: pod status reason Evicted, \"Container NAME exceeded its local ephemeral storage limit\" or \"Pod ephemeral local storage usage exceeds the total limit of containers\"",
    doc: "The container wrote more to its own file system and its logs than its ephemeral-storage limit allows.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.status.message}'",
    fix: "write to a volume, rotate what is written, or raise the container's ephemeral-storage limit",
    fields: &["ephemeral-storage", ".image", ".env["],
};

/// Evictions and shutdowns longer ago than this are history.
const ENDED_RECENTLY: SignedDuration = SignedDuration::from_hours(1);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.text("status.phase") == "Failed") {
        let (reason, message) = (pod.text("status.reason"), pod.text("status.message"));
        match reason {
            "Evicted" if is_own_limit(message) => own_limit(cx, pod, message, out),
            "Evicted" if is_about_disk(message) => by_node(cx, &EVICTED_DISK, pod, message, out),
            "Evicted" if message.contains("pids") || message.contains("PIDPressure") => {
                by_node(cx, &EVICTED_PID, pod, message, out)
            }
            // The last two are the reasons before Kubernetes 1.22.
            "Terminated" | "NodeShutdown" | "Shutdown" if message.contains("shutdown") => {
                by_node(cx, &NODE_SHUTDOWN, pod, message, out);
            }
            _ => {}
        }
    }
}

fn is_about_disk(message: &str) -> bool {
    ["low on resource: ephemeral-storage", "low on resource: inodes", "DiskPressure"].iter().any(|words| message.contains(words))
}

/// The kubelet's words for limits of the pod itself: pkg/kubelet/eviction/eviction_manager.go.
fn is_own_limit(message: &str) -> bool {
    ["exceeded its local ephemeral storage limit", "local storage usage exceeds the total limit of containers"]
        .iter()
        .any(|words| message.contains(words))
}

fn by_node(cx: &Context<'_>, cause: &'static Cause, pod: &Object, message: &str, out: &mut Findings) {
    let node = pod.text("spec.nodeName");
    if node.is_empty() {
        return;
    }
    let at = ended_at(pod);
    out.found(cause, pod.id.clone(), Proof::Structure)
        .blame(ObjectRef::cluster("Node", node))
        .since(at)
        .ended(at.filter(|at| cx.snap.age(*at) > ENDED_RECENTLY))
        .evidence([cx.field(pod, "status.reason"), cx.field(pod, "status.message")])
        .says(format!("ended {}: {message}", pod.id))
        .next(format!("kubectl describe node {node}"));
}

fn own_limit(cx: &Context<'_>, pod: &Object, message: &str, out: &mut Findings) {
    let at = ended_at(pod);
    let named = message.split_once("Container ").and_then(|(_, rest)| rest.split_whitespace().next());
    let container =
        named.and_then(|name| pod.list("spec.containers").iter().find(|container| json::text(container, "name") == name));
    let limit = container.map(|container| {
        let path = format!("spec.containers[{}].resources.limits.ephemeral-storage", json::text(container, "name"));
        let limits = json::at(container, "resources.limits");
        cx.value(&pod.id, &path, json::key(limits, "ephemeral-storage").clone(), None)
    });
    out.found(&EPHEMERAL_STORAGE_EXCEEDED, pod.id.clone(), Proof::Structure)
        .blame(cx.workload(&pod.id))
        .since(at)
        .ended(at.filter(|at| cx.snap.age(*at) > ENDED_RECENTLY))
        .evidence([cx.field(pod, "status.reason"), cx.field(pod, "status.message")])
        .evidence(limit)
        .says(format!("had {} evicted: {}", pod.id, message.trim()))
        .next(format!("kubectl -n {} get pod {} -o jsonpath='{{.status.message}}'", pod.id.ns(), pod.id.name));
}
