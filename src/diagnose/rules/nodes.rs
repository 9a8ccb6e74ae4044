//! Nodes: what their conditions, leases and system units say. A node that is cordoned, tainted or healthy by its own
//! conditions is no fault.

use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::series;
use crate::diagnose::symptoms::{PRESSURE, UNIT_DOWN, condition_evidence, condition_value};
use crate::diagnose::workload_symptoms::is_joining;
use crate::domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Nodes,
    causes: &[
        &KUBELET_UNAVAILABLE,
        &CONTAINER_RUNTIME_UNAVAILABLE,
        &KUBE_PROXY_UNAVAILABLE,
        &NODE_DISK_PRESSURE,
        &NODE_MEMORY_PRESSURE,
        &NODE_PID_PRESSURE,
        &NODE_NETWORK_UNAVAILABLE,
        &NODE_SHUTDOWN,
        &NODE_NOT_READY,
    ],
    check,
};

/// What follows on a node that can't run pods.
const NODE_DOWN: Explains = &[
    (Link::Node, "node_unready"),
    (Link::Node, "node_not_ready"),
    (Link::Node, "not_ready"),
    (Link::Node, "container_not_starting"),
    (Link::Node, "crash_loop"),
    (Link::Node, "container_failed"),
    (Link::Node, "pod_failed"),
    (Link::Node, "stuck_terminating"),
    (Link::Node, "replicas_missing"),
    (Link::Node, "no_ready_endpoints"),
    (Link::Node, "probe_failed"),
    (Link::Node, "pod_sandbox_failed"),
    (Link::Node, "volume_mount_failed"),
    (Link::Node, "taint_not_tolerated"),
    (Link::Node, "readiness_probe_failing"),
    (Link::Node, "liveness_probe_failing"),
    (Link::Node, "node_network_unavailable"),
    (Link::Node, "kube_proxy_unavailable"),
    (Link::Node, "unit_down"),
    (Link::Node, "calls_fail"),
    (Link::Node, "dependency_unreachable"),
];
/// What follows when a node runs short of something.
const NODE_SHORT: Explains = &[
    (Link::Node, "taint_not_tolerated"),
    (Link::Node, "pod_failed"),
    (Link::Node, "node_unready"),
    (Link::Node, "evicted_disk"),
    (Link::Node, "evicted_pid"),
    (Link::Node, "node_out_of_memory"),
    (Link::Node, "replicas_missing"),
    (Link::Node, "no_ready_endpoints"),
    (Link::Node, "pressure"),
];
macro_rules! node_cause {
    ($name:ident, $id:literal, $title:literal, $explains:expr, $reads:literal, $source:literal, $doc:literal, $check:literal, $fix:literal) => {
        pub(super) static $name: Cause = Cause {
            id: $id,
            title: $title,
            perspective: Perspective::Infra,
            explains: $explains,
            reads: $reads,
            source: $source,
            doc: $doc,
            check: $check,
            fix: $fix,
            fields: &[],
        };
    };
}

node_cause!(
    KUBELET_UNAVAILABLE,
    "kubelet_unavailable",
    "the kubelet doesn't report",
    &[NODE_DOWN, &[(Link::Node, "container_runtime_unavailable")]],
    "node conditions, leases, signals",
    "node lifecycle controller: Ready Unknown, reason NodeStatusUnknown; the kubelet's lease in kube-node-lease no longer renewed",
    "The node's kubelet has stopped reporting: it is down, or it no longer reaches the API server.",
    "kubectl -n kube-node-lease get lease NODE; on the node: systemctl status kubelet",
    "bring the kubelet back on the node, or replace the node"
);
node_cause!(
    CONTAINER_RUNTIME_UNAVAILABLE,
    "container_runtime_unavailable",
    "the container runtime is down",
    &[NODE_DOWN],
    "node conditions, node events, signals",
    "kubelet: Ready False with \"container runtime is down\", \"container runtime not ready\" or \"PLEG is not healthy\"",
    "The kubelet of the node can't reach containerd, CRI-O or Docker, so that no container starts or is looked after.",
    "kubectl describe node NODE; on the node: crictl info",
    "bring the container runtime back on the node"
);
node_cause!(
    KUBE_PROXY_UNAVAILABLE,
    "kube_proxy_unavailable",
    "kube-proxy is down",
    &[&[
        (Link::Node, "unit_down"),
        (Link::Pod, "not_ready"),
        (Link::Node, "probe_failed"),
        (Link::Node, "high_latency"),
        (Link::Node, "error_rate"),
        (Link::Node, "calls_fail"),
        (Link::Node, "dependency_unreachable"),
    ]],
    "signals, pods of kube-proxy",
    "systemd unit or DaemonSet pod of kube-proxy on the node isn't running",
    "kube-proxy doesn't run on the node, so that Service addresses aren't kept up to date there.",
    "kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy; on the node: systemctl status kube-proxy",
    "bring kube-proxy back on the node"
);
node_cause!(
    NODE_DISK_PRESSURE,
    "node_disk_pressure",
    "the node's disk is nearly full",
    &[NODE_SHORT],
    "node conditions",
    "kubelet: condition DiskPressure True",
    "The node's disk or inodes are nearly used up; the kubelet evicts pods and takes no new ones.",
    "kubectl describe node NODE",
    "free disk space on the node: images, logs, emptyDir volumes; then find what filled it"
);
node_cause!(
    NODE_MEMORY_PRESSURE,
    "node_memory_pressure",
    "the node's memory is nearly used up",
    &[NODE_SHORT],
    "node conditions",
    "kubelet: condition MemoryPressure True",
    "The node has hardly any memory left; the kubelet evicts pods that use more than they requested.",
    "kubectl top node NODE; kubectl top pods -A --sort-by=memory",
    "move load off the node, and give each container a memory request that fits its use"
);
node_cause!(
    NODE_PID_PRESSURE,
    "node_pid_pressure",
    "the node runs out of process ids",
    &[NODE_SHORT],
    "node conditions",
    "kubelet: condition PIDPressure True",
    "Nearly all process ids of the node are in use; the kubelet evicts pods and takes no new ones.",
    "kubectl describe node NODE",
    "find the pod that starts so many processes, and set a pod pid limit"
);
node_cause!(
    NODE_NETWORK_UNAVAILABLE,
    "node_network_unavailable",
    "the node's network isn't set up",
    &[NODE_DOWN],
    "node conditions",
    "kubelet or cloud controller: NetworkUnavailable True; Ready False with \"network plugin … not ready\"",
    "The network plugin or the routes of the node aren't set up, so that pods get no network there.",
    "kubectl describe node NODE; kubectl -n kube-system get pods -o wide",
    "bring the network plugin's pod on the node back, and look at its log"
);
node_cause!(
    NODE_SHUTDOWN,
    "node_shutdown",
    "the node was shut down",
    &[NODE_DOWN, super::evictions::PODS_ENDED],
    "pod status, node conditions",
    "kubelet: graceful node shutdown ends pods with reason Terminated or NodeShutdown; Ready False \"node is shutting down\"",
    "The node was shut down or is being replaced, and its pods were ended on purpose.",
    "kubectl get pods -A --field-selector status.phase=Failed",
    "nothing, if the node was replaced on purpose; the pods that ended can be deleted"
);
node_cause!(
    NODE_NOT_READY,
    "node_not_ready",
    "the node isn't ready",
    &[NODE_DOWN],
    "node conditions",
    "kubelet: condition Ready False, with a message that names nothing more exact",
    "The node isn't ready, for a reason that its conditions don't tell.",
    "kubectl describe node NODE",
    "look at the kubelet's log on the node"
);

/// The node controller marks a node Unknown when its lease is older than this (kube-controller-manager,
/// `--node-monitor-grace-period`: 40 s up to Kubernetes 1.31, 50 s since).
const LEASE_GRACE: SignedDuration = SignedDuration::from_secs(50);

/// A pod of kube-proxy may take this long to start.
const STARTING: SignedDuration = SignedDuration::from_mins(3);
/// Taints of nodes that are shut down or removed on purpose: the cloud's node lifecycle controller (k8s.io/cloud-provider/api),
/// and the cluster autoscaler.
const SHUT_DOWN: &[&str] = &["node.cloudprovider.kubernetes.io/shutdown", "ToBeDeletedByClusterAutoscaler"];
/// What the kubelet's Ready message says when the runtime doesn't answer: its own words, and the sockets that it calls.
const RUNTIME_WORDS: &[&str] =
    &["container runtime", "pleg is not healthy", "containerd.sock", "crio.sock", "cri-dockerd", "docker"];

fn check(cx: &Context<'_>, out: &mut Findings) {
    proxies(cx, out);
    let newest_lease =
        cx.snap.in_namespace("Lease", "kube-node-lease").iter().filter_map(|lease| lease.time("spec.renewTime")).max();
    for node in cx.snap.of_kind("Node") {
        readiness(cx, node, newest_lease, out);
        pressure(cx, node, out);
        units(cx, node, out);
    }
}

fn readiness(cx: &Context<'_>, node: &Object, newest_lease: Option<Timestamp>, out: &mut Findings) {
    let ready = node.condition("Ready");
    let status = json::text(ready, "status");
    if status == "True" || status.is_empty() || is_joining(cx, node) {
        return;
    }
    let message = json::text(ready, "message");
    let said = message.to_lowercase();
    let since = json::time(ready, "lastTransitionTime");
    let mut evidence = vec![condition_evidence(cx, node, "Ready")];
    let lease = cx.snap.find("Lease", "kube-node-lease", &node.id.name);
    let late = lease.and_then(|lease| {
        let behind = newest_lease?.duration_since(lease.time("spec.renewTime")?);
        (behind > LEASE_GRACE).then_some((lease, behind))
    });
    let taint = node.list("spec.taints").iter().find(|taint| SHUT_DOWN.contains(&json::text(taint, "key")));
    let (cause, says) = if said.contains("shutting down") {
        (&NODE_SHUTDOWN, "is shutting down".to_owned())
    } else if let Some(taint) = taint {
        evidence.push(cx.value(&node.id, &format!("spec.taints[{}]", json::text(taint, "key")), taint.clone(), None));
        (&NODE_SHUTDOWN, format!("is gone on purpose: it has the taint {}", json::text(taint, "key")))
    } else if status == "Unknown" || late.is_some() {
        let renewed = late.map_or(String::new(), |(lease, behind)| {
            evidence.push(cx.field(lease, "spec.renewTime"));
            format!("; its lease is {} s behind the other nodes'", behind.as_secs())
        });
        (&KUBELET_UNAVAILABLE, format!("has a kubelet that stopped reporting ({}){renewed}", or_status(message, status)))
    } else if RUNTIME_WORDS.iter().any(|word| said.contains(word)) && !said.contains("network plugin") && !said.contains("cni") {
        (&CONTAINER_RUNTIME_UNAVAILABLE, format!("isn't ready: {message}"))
    } else if said.contains("network plugin") || said.contains("networkpluginnotready") || said.contains("cni") {
        (&NODE_NETWORK_UNAVAILABLE, format!("isn't ready: {message}"))
    } else {
        (&NODE_NOT_READY, format!("isn't ready: {}", or_status(message, status)))
    };
    let proof = if std::ptr::eq(cause, &NODE_NOT_READY) { Proof::Line } else { Proof::Structure };
    out.found(cause, node.id.clone(), proof)
        .since(since)
        .evidence(evidence)
        .says(says)
        .next(format!("kubectl describe node {}", node.id.name));
}

fn or_status<'a>(message: &'a str, status: &'a str) -> &'a str {
    if message.is_empty() { status } else { message }
}

fn pressure(cx: &Context<'_>, node: &Object, out: &mut Findings) {
    for (condition, cause, id) in [
        ("DiskPressure", &NODE_DISK_PRESSURE, "node_disk_pressure"),
        ("MemoryPressure", &NODE_MEMORY_PRESSURE, "node_memory_pressure"),
        ("PIDPressure", &NODE_PID_PRESSURE, "node_pid_pressure"),
        ("NetworkUnavailable", &NODE_NETWORK_UNAVAILABLE, "node_network_unavailable"),
    ] {
        let found = node.condition(condition);
        let evidence = condition_evidence(cx, node, condition);
        match json::text(found, "status") {
            "True" => {
                let since = json::time(found, "lastTransitionTime");
                let message = json::text(found, "message");
                let tainted = node
                    .list("spec.taints")
                    .iter()
                    .position(|taint| json::text(taint, "key").ends_with(pressure_taint(condition)));
                let taint = tainted.map(|index| cx.value(&node.id, "spec.taints", node.list("spec.taints")[index].clone(), None));
                let summary = format!("has {condition}: {}", or_status(message, "True"));
                out.symptom(&PRESSURE, node.id.clone(), summary.clone(), since, vec![evidence.clone()]);
                out.found(cause, node.id.clone(), Proof::Structure)
                    .since(since)
                    .evidence([evidence].into_iter().chain(taint))
                    .says(summary)
                    .next(format!("kubectl describe node {}", node.id.name));
            }
            "False" => out.absent(id, node.id.clone(), format!("{condition} is False"), vec![evidence]),
            _ => {}
        }
    }
}

/// The taint that the node controller sets for a condition (k8s.io/api/core/v1/well_known_taints.go).
fn pressure_taint(condition: &str) -> &'static str {
    match condition {
        "DiskPressure" => "node.kubernetes.io/disk-pressure",
        "MemoryPressure" => "node.kubernetes.io/memory-pressure",
        "PIDPressure" => "node.kubernetes.io/pid-pressure",
        _ => "node.kubernetes.io/network-unavailable",
    }
}

/// System units that a node exporter reports as inactive.
fn units(cx: &Context<'_>, node: &Object, out: &mut Findings) {
    let runtime = node.text("status.nodeInfo.containerRuntimeVersion");
    for signal in &cx.snap.signals {
        let is_here = signal.signal == "node_unit_active" && signal.labels.get("node").is_some_and(|name| *name == node.id.name);
        let Some((at, value)) = signal.values.last().copied().filter(|_| is_here) else { continue };
        if value != 0.0 {
            continue;
        }
        let unit = signal.labels.get("unit").map_or("", String::as_str).trim_end_matches(".service");
        let cause = match unit {
            "kubelet" => &KUBELET_UNAVAILABLE,
            "kube-proxy" => &KUBE_PROXY_UNAVAILABLE,
            // The unit of a runtime that the node doesn't use may well be inactive.
            "containerd" if runtime.is_empty() || runtime.starts_with("containerd") => &CONTAINER_RUNTIME_UNAVAILABLE,
            "docker" if runtime.starts_with("docker") => &CONTAINER_RUNTIME_UNAVAILABLE,
            "crio" | "cri-o" => &CONTAINER_RUNTIME_UNAVAILABLE,
            _ => continue,
        };
        let evidence = cx.sample(&node.id, signal, at, value);
        let says = format!("has an inactive system unit {unit}.service");
        let was_up = signal.values.iter().rposition(|(_, value)| *value != 0.0);
        let since = was_up.and_then(|index| signal.values.get(index + 1)).and_then(|(at, _)| series::time(*at));
        out.symptom(&UNIT_DOWN, node.id.clone(), says.clone(), since, vec![evidence.clone()]);
        out.found(cause, node.id.clone(), Proof::Structure)
            .since(since)
            .evidence([evidence])
            .says(says)
            .next(format!("on node {}: systemctl status {unit}", node.id.name));
    }
}

/// Pods of kube-proxy that don't run, where it runs as a DaemonSet: Service addresses aren't kept up to date on their nodes. Its
/// label is that of kubeadm and of the cluster's own add-ons (cluster/addons/kube-proxy).
fn proxies(cx: &Context<'_>, out: &mut Findings) {
    let pods = cx.snap.in_namespace("Pod", "kube-system").iter();
    for pod in pods.filter(|pod| pod.label("k8s-app") == Some("kube-proxy") && pod.deleted().is_none()) {
        let (ready, node) = (pod.condition("Ready"), pod.text("spec.nodeName"));
        let since = json::time(ready, "lastTransitionTime");
        let is_new = since.is_none_or(|since| cx.snap.age(since) < STARTING);
        let runs = cx.snap.find("Node", "", node).is_some_and(|node| json::text(node.condition("Ready"), "status") == "True");
        if json::text(ready, "status") != "False" || is_new || !runs {
            continue;
        }
        out.found(&KUBE_PROXY_UNAVAILABLE, pod.id.clone(), Proof::Structure)
            .blame(ObjectRef::cluster("Node", node))
            .since(since)
            .evidence([cx.value(&pod.id, "status.conditions[Ready]", condition_value(ready), since)])
            .says(format!("has a kube-proxy that doesn't run: {} isn't ready", pod.id))
            .next(format!("kubectl -n kube-system logs {} --previous", pod.id.name));
    }
}
