//! Whether the control plane's scheduler is at work, and where it runs or ran: by the systemd unit's state, by its static pod,
//! by its leader lease. The names are Kubernetes' own.

use crate::cluster::{Object, Signal, json, pod};
use crate::diagnose::context::Context;
use crate::diagnose::symptoms::condition_evidence;
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;

/// A leader renews its lease every two seconds and loses it after fifteen (`leaderElection` of KubeSchedulerConfiguration:
/// renewDeadline 10s, leaseDuration 15s); this leaves room for clocks that differ.
const STALE: SignedDuration = SignedDuration::from_secs(60);
/// The labels of a control plane's node: kubeadm's since 1.24, before, and of older installers.
const CONTROL_PLANE_LABELS: &[(&str, Option<&str>)] = &[
    ("node-role.kubernetes.io/control-plane", None),
    ("node-role.kubernetes.io/master", None),
    ("kubernetes.io/role", Some("master")),
];

/// What is known of the scheduler.
#[derive(Debug)]
pub(super) struct State {
    /// Whether something shows that it is at work.
    pub works: bool,
    /// The node that it runs or ran on, or kube-system where that isn't known.
    pub place: ObjectRef,
    /// The node on which its unit is stopped, unless another instance leads.
    pub unit_node: Option<ObjectRef>,
    /// What shows that it doesn't work.
    pub evidence: Vec<Evidence>,
    /// The same in a few words.
    pub why: String,
}

pub(super) fn scheduler(cx: &Context<'_>) -> State {
    let unit = stopped_unit(cx);
    let lease = cx.snap.find("Lease", "kube-system", "kube-scheduler");
    let renewed = lease.and_then(|lease| lease.time("spec.renewTime"));
    let fresh = renewed.is_some_and(|at| cx.snap.age(at) < STALE);
    let pods: Vec<&Object> = cx.snap.in_namespace("Pod", "kube-system").iter().filter(|pod| is_scheduler(pod)).collect();
    let running = pods.iter().any(|pod| pod::is_ready(pod) && pod.partial().is_none());
    let mut evidence = Vec::new();
    let mut why = Vec::new();
    if let Some((node, seen)) = &unit {
        evidence.push(seen.clone());
        why.push(format!("its unit on {node} is stopped"));
    }
    let unready = |pod: &&&Object| json::text(pod.condition("Ready"), "status") == "False";
    if let Some(pod) = pods.iter().find(unready).filter(|_| !running) {
        evidence.push(condition_evidence(cx, pod, "Ready"));
        why.push(format!("{} isn't ready", pod.id));
    }
    if let Some((lease, at)) = lease.zip(renewed).filter(|_| !fresh) {
        evidence.push(cx.value(&lease.id, "spec.renewTime", lease.text("spec.renewTime").into(), Some(at)));
        why.push(format!("its lease was last renewed {} min ago", cx.snap.age(at).as_mins()));
    }
    // `NODE_UUID`: cmd/kube-scheduler/app/options/options.go.
    let holder = lease.and_then(|lease| lease.text("spec.holderIdentity").rsplit_once('_')).map(|(node, _)| node);
    let is_node = |name: &&str| cx.snap.find("Node", "", name).is_some();
    let by_pod = pods.iter().map(|pod| pod.text("spec.nodeName")).find(|node| !node.is_empty());
    let node =
        unit.as_ref().map(|(node, _)| node.as_str()).or(by_pod).or(holder.filter(is_node)).or_else(|| only_control_plane(cx));
    let place = match node {
        Some(node) => ObjectRef::cluster("Node", node),
        None => ObjectRef::cluster("Namespace", "kube-system"),
    };
    let unit_node = unit.as_ref().map(|(node, _)| ObjectRef::cluster("Node", node)).filter(|_| !fresh);
    State { unit_node, works: unit.is_none() && (fresh || running && lease.is_none()), place, evidence, why: why.join(", ") }
}

/// The node on which the scheduler's unit is stopped.
fn stopped_unit(cx: &Context<'_>) -> Option<(String, Evidence)> {
    let label = |signal: &Signal, name: &str| signal.labels.get(name).cloned().unwrap_or_default();
    let units = cx.snap.signals.iter().filter(|signal| signal.signal == "node_unit_active");
    let mut of_scheduler =
        units.filter(|signal| matches!(label(signal, "unit").as_str(), "kube-scheduler.service" | "kube-scheduler"));
    of_scheduler.find_map(|signal| {
        let (at, value) = signal.values.last().filter(|(_, value)| *value == 0.0)?;
        let node = label(signal, "node");
        let evidence = cx.sample(&ObjectRef::cluster("Node", &node), signal, *at, *value);
        Some((node, evidence))
    })
}

/// A static pod of the scheduler: kubeadm labels it `component: kube-scheduler` and names it `kube-scheduler-NODE`.
fn is_scheduler(pod: &Object) -> bool {
    let by_node = pod.id.name.strip_prefix("kube-scheduler-") == Some(pod.text("spec.nodeName"));
    pod.label("component") == Some("kube-scheduler") || by_node
}

/// The control plane's node, where there is just one.
fn only_control_plane<'a>(cx: &Context<'a>) -> Option<&'a str> {
    let is_control_plane = |node: &&Object| {
        CONTROL_PLANE_LABELS.iter().any(|(key, value)| {
            let label = json::key(node.at("metadata.labels"), key).as_str();
            label.is_some() && value.is_none_or(|value| label == Some(value))
        })
    };
    let mut nodes = cx.snap.of_kind("Node").iter().filter(is_control_plane);
    let first = nodes.next()?;
    nodes.next().is_none().then_some(first.id.name.as_str())
}
