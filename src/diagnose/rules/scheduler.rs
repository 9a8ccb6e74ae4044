//! Pods that nobody placed, or that lost their place: no scheduler at work, gates, preemption, and kubelets that refuse a pod
//! which was placed. Why no node would take a pod is another family.

mod control_plane;

use super::explains::{CLAIM_WAITS, POD_DOWN};
use crate::cluster::{Event, Object, json, pod};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::{UNIT_DOWN, condition_evidence};
use crate::domain::{ObjectRef, Subject};
use jiff::{SignedDuration, Timestamp};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Scheduling,
    causes: &[&SCHEDULING_GATED, &PREEMPTED, &POD_REJECTED_BY_KUBELET, &SCHEDULER_UNAVAILABLE],
    check,
};

const EXPLAINS: &[Explains] = &[POD_DOWN, CLAIM_WAITS];

static SCHEDULING_GATED: Cause = Cause {
    id: "scheduling_gated",
    title: "scheduling gates hold the pods back",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "pod spec, PodScheduled condition",
    source: "API server: PodScheduled condition with reason SchedulingGated, while spec.schedulingGates isn't empty",
    doc: "The pods carry scheduling gates, and the controller that should take them away has not done so.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.schedulingGates}'",
    fix: "see whether the controller that owns the gate runs, or take the gate out of the pod template",
    fields: &["schedulingGates"],
};

static PREEMPTED: Cause = Cause {
    id: "preempted",
    title: "evicted to make room for pods of higher priority",
    perspective: Perspective::Infra,
    explains: &[
        POD_DOWN,
        &[
            (Link::Workload, "pending"),
            (Link::Workload, "insufficient_cpu"),
            (Link::Workload, "insufficient_memory"),
            (Link::Workload, "insufficient_extended_resource"),
            (Link::Workload, "node_pod_limit_reached"),
        ],
    ],
    reads: "pod status, events, priorities",
    source: "kube-scheduler: event Preempted, condition DisruptionTarget with reason PreemptionByScheduler; kubelet: status.reason Preempting",
    doc: "The scheduler removed the pod so that a pod of higher priority could have its place, and there is no other place for it.",
    check: "kubectl get events -A --field-selector reason=Preempted; kubectl get priorityclass",
    fix: "add room for both, or give the workload the priority that it deserves",
    fields: &["priorityClassName"],
};

static POD_REJECTED_BY_KUBELET: Cause = Cause {
    id: "pod_rejected_by_kubelet",
    title: "the kubelet refused a pod that was placed on its node",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "pod status, events",
    source: "kubelet: phase Failed with status.reason OutOfcpu, OutOfmemory, OutOfpods, NodeAffinity, UnexpectedAdmissionError and the like",
    doc: "The node's own admission found that the pod doesn't fit after all: room that was promised twice, labels that changed, a device plugin that failed.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.status.reason}: {.status.message}'",
    fix: "delete the refused pod so that it is placed anew; for devices see the device plugin on the node",
    fields: &["resources.requests.", "nodeName", "nodeSelector"],
};

static SCHEDULER_UNAVAILABLE: Cause = Cause {
    id: "scheduler_unavailable",
    title: "no scheduler places pods",
    perspective: Perspective::Infra,
    explains: &[POD_DOWN, CLAIM_WAITS, &[(Link::Node, "unit_down")]],
    reads: "pods, events, the scheduler's lease and pods, unit states",
    source: "a pod without any PodScheduled condition; lease kube-system/kube-scheduler; systemd unit kube-scheduler.service",
    doc: "Pods wait for a node and no scheduler has said a word about them, neither that they fit nor that they don't.",
    check: "kubectl -n kube-system get pods -l component=kube-scheduler; kubectl -n kube-system get lease kube-scheduler -o yaml",
    fix: "start kube-scheduler on the control plane again, and see in its log why it stopped",
    fields: &["schedulerName"],
};

/// A scheduler that works decides about a new pod within a second; this leaves room for a long queue.
const UNDECIDED: SignedDuration = SignedDuration::from_secs(60);
/// A gate on a workload that should serve is a fault when it stays longer than this.
const GATED: SignedDuration = SignedDuration::from_mins(2);
/// A Job or a pod of its own may well queue behind a gate; only for so long.
const QUEUED: SignedDuration = SignedDuration::from_hours(1);
/// A preemption longer ago than this is not why a pod waits now.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

fn check(cx: &Context<'_>, out: &mut Findings) {
    let waits = |pod: &&Object| {
        let unbound = pod.text("spec.nodeName").is_empty() && pod.text("status.phase") == "Pending";
        unbound && pod.deleted().is_none() && pod.partial().is_none()
    };
    let waiting: Vec<&Object> = cx.pods().iter().filter(waits).collect();
    undecided(cx, &waiting, out);
    for pod in &waiting {
        gated(cx, pod, out);
    }
    for pod in cx.pods() {
        preempted_pod(cx, pod, out);
        rejected(cx, pod, out);
    }
    for event in cx.snap.all_events().iter().filter(|event| event.reason == "Preempted" && event.object.kind == "Pod") {
        preempted_before(cx, event, out);
    }
}

/// Pods about which no scheduler has said anything.
fn undecided(cx: &Context<'_>, waiting: &[&Object], out: &mut Findings) {
    let silent = |pod: &&&Object| {
        let old = pod.created().is_some_and(|created| cx.snap.age(created) >= UNDECIDED);
        let spoken =
            cx.snap.events(&pod.id).iter().any(|event| matches!(event.reason.as_str(), "FailedScheduling" | "Scheduled"));
        old && !spoken && pod.condition("PodScheduled").is_null() && pod.list("spec.schedulingGates").is_empty()
    };
    let silent: Vec<&Object> = waiting.iter().filter(silent).copied().collect();
    if silent.is_empty() {
        stopped(cx, out);
    }
    let scheduler = |pod: &Object| match pod.text("spec.schedulerName") {
        "" => "default-scheduler".to_owned(),
        name => name.to_owned(),
    };
    let mut names: Vec<String> = silent.iter().map(|pod| scheduler(pod)).collect();
    names.sort();
    names.dedup();
    for name in names {
        let pods: Vec<&Object> = silent.iter().copied().filter(|pod| scheduler(pod) == name).collect();
        let oldest = pods.iter().filter_map(|pod| pod.created()).min();
        // A scheduler that placed a younger pod is at work.
        let alive = cx.pods().iter().any(|other| {
            let placed = json::time(other.condition("PodScheduled"), "lastTransitionTime");
            scheduler(other) == name && placed > oldest && !other.condition("PodScheduled").is_null()
        });
        if let Some(first) = pods.first().filter(|_| !alive) {
            state_unavailable(cx, &name, first, &pods, oldest, out);
        }
    }
}

/// The scheduler's unit is stopped, and nobody has noticed yet.
fn stopped(cx: &Context<'_>, out: &mut Findings) {
    let state = control_plane::scheduler(cx);
    let Some(node) = state.unit_node else { return };
    out.symptom(&UNIT_DOWN, node.clone(), "has an inactive system unit kube-scheduler.service", None, state.evidence.clone());
    out.found(&SCHEDULER_UNAVAILABLE, node, Proof::Structure)
        .evidence(state.evidence)
        .says(format!("kube-scheduler doesn't place pods: {}", state.why))
        .next("kubectl -n kube-system get lease kube-scheduler -o yaml");
}

fn state_unavailable(
    cx: &Context<'_>,
    name: &str,
    first: &Object,
    pods: &[&Object],
    since: Option<Timestamp>,
    out: &mut Findings,
) {
    let minutes = since.map_or(0, |since| cx.snap.age(since).as_mins());
    let count = match pods.len() {
        1 => format!("{} has", first.id),
        n => format!("{n} pods have"),
    };
    let waited = format!("{count} waited {minutes} min for a node without a word from scheduler {name}");
    let others = pods.iter().skip(1).map(|pod| Subject::from(pod.id.clone()));
    let waits = cx.field(first, "status.phase");
    if name != "default-scheduler" {
        out.found(&SCHEDULER_UNAVAILABLE, first.id.clone(), Proof::Computed)
            .blame(cx.workload(&first.id))
            .since(since)
            .evidence([cx.field(first, "spec.schedulerName"), waits])
            .also(others)
            .says(format!("{waited}, which its pod template asks for"))
            .fix(format!("start the scheduler {name}, or take schedulerName out of the pod template"));
        return;
    }
    let state = control_plane::scheduler(cx);
    if state.works {
        out.unknown(
            "scheduler_unavailable",
            first.id.clone(),
            "the scheduler renews its lease, but has said nothing about the pod",
        );
        return;
    }
    let mut workloads: Vec<ObjectRef> = pods.iter().map(|pod| cx.workload(&pod.id)).collect();
    workloads.sort();
    workloads.dedup();
    let proof = match (state.evidence.is_empty(), workloads.len()) {
        (false, _) => Proof::Structure,
        // Silence about one workload's pods may have a reason of its own.
        (true, 0 | 1) => Proof::Timing,
        (true, _) => Proof::Computed,
    };
    let why = if state.why.is_empty() { String::new() } else { format!(": {}", state.why) };
    out.found(&SCHEDULER_UNAVAILABLE, first.id.clone(), proof)
        .blame(state.place)
        .since(since)
        .evidence(state.evidence)
        .evidence([waits])
        .also(others)
        .says(format!("kube-scheduler doesn't place pods{why}; {waited}"))
        .next("kubectl -n kube-system get lease kube-scheduler -o yaml")
        .next("kubectl -n kube-system get pods -o wide");
}

fn gated(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let gates: Vec<&str> = pod.list("spec.schedulingGates").iter().map(|gate| json::text(gate, "name")).collect();
    let workload = cx.workload(&pod.id);
    let serves = !matches!(workload.kind.as_str(), "Pod" | "Job" | "CronJob");
    let age = pod.created().map(|created| cx.snap.age(created));
    if gates.is_empty() || age.is_none_or(|age| age < if serves { GATED } else { QUEUED }) {
        return;
    }
    let minutes = age.map_or(0, |age| age.as_mins());
    out.found(&SCHEDULING_GATED, pod.id.clone(), Proof::Structure)
        .blame(workload)
        .since(pod.created())
        .evidence([cx.field(pod, "spec.schedulingGates"), condition_evidence(cx, pod, "PodScheduled")])
        .says(format!("its pods are held back by the scheduling gate {} for {minutes} min", gates.join(", ")))
        .next(format!("kubectl -n {} get pod {} -o jsonpath='{{.spec.schedulingGates}}'", pod.id.ns(), pod.id.name));
}

/// A pod that was preempted and is still there, ending or ended.
fn preempted_pod(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let condition = pod.condition("DisruptionTarget");
    let by_scheduler = json::text(condition, "status") == "True" && json::text(condition, "reason") == "PreemptionByScheduler";
    // Since 1.18: pkg/kubelet/preemption/preemption.go makes room for a critical pod on its own node.
    let by_kubelet = pod.text("status.reason") == "Preempting";
    if !by_scheduler && !by_kubelet {
        return;
    }
    let at = json::time(condition, "lastTransitionTime");
    let workload = cx.workload(&pod.id);
    let event = cx.snap.events(&pod.id).iter().filter(|event| event.reason == "Preempted").max_by_key(|event| event.last);
    let evidence = if by_scheduler { condition_evidence(cx, pod, "DisruptionTarget") } else { cx.field(pod, "status.reason") };
    let by = event.map_or(String::new(), |event| preemptor(cx, event));
    out.found(&PREEMPTED, pod.id.clone(), Proof::Structure)
        .since(at)
        .ended(complete_since(cx, &workload, at))
        .evidence([evidence])
        .evidence(event.map(Event::evidence))
        .says(format!("{} was preempted on {}{by}", pod.id, or_node(pod.text("spec.nodeName"))))
        .blame(workload);
}

fn or_node(node: &str) -> String {
    if node.is_empty() { "its node".to_owned() } else { format!("node {node}") }
}

/// A pod that was preempted and is gone: its workload is found by the name that the controller gave the pod.
fn preempted_before(cx: &Context<'_>, event: &Event, out: &mut Findings) {
    let pod = &event.object;
    // A StatefulSet's new pod has the old one's name.
    let still_there = cx.snap.get(pod).is_some_and(|pod| !pod.condition("DisruptionTarget").is_null());
    if still_there || event.last.is_none_or(|at| cx.snap.age(at) > RECENT) {
        return;
    }
    let Some(controller) = controller_of(cx, pod) else { return };
    let workload = cx.workload(&controller);
    out.found(&PREEMPTED, workload.clone(), Proof::Event)
        .also([controller.into()])
        .since(event.first)
        .ended(complete_since(cx, &workload, event.last))
        .evidence([event.evidence()])
        .says(format!("{pod} was preempted{}, and its successor finds no place", preemptor(cx, event)))
        .blame(workload);
}

/// The controller whose pods have names like this: `NAME-SUFFIX` (`GenerateName` of ReplicaSets, DaemonSets and Jobs) or
/// `NAME-ORDINAL` of a StatefulSet. The longest name that fits.
fn controller_of(cx: &Context<'_>, pod: &ObjectRef) -> Option<ObjectRef> {
    if cx.snap.get(pod).is_some() {
        return Some(pod.clone());
    }
    let (base, _) = pod.name.rsplit_once('-')?;
    let find = |name: &str| {
        let kinds = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"].iter();
        kinds.filter_map(|kind| cx.snap.find(kind, pod.ns(), name)).map(|object| object.id.clone()).next()
    };
    // A pod of an indexed Job is named `NAME-INDEX-SUFFIX`.
    find(base).or_else(|| find(base.rsplit_once('-')?.0))
}

/// Who took the place: `Preempted by pod UID on node NODE` since 1.27, `Preempted by NAMESPACE/NAME on node NODE` before
/// (`pkg/scheduler/framework/preemption`).
fn preemptor(cx: &Context<'_>, event: &Event) -> String {
    let Some((_, rest)) = event.message.split_once("Preempted by ") else { return String::new() };
    let who = rest.split(" on node ").next().unwrap_or_default();
    let Some(uid) = who.strip_prefix("pod ") else { return format!(" by {who}") };
    match cx.pods().iter().find(|pod| pod.uid() == uid) {
        Some(pod) => {
            let priority = pod.int("spec.priority").map_or(String::new(), |priority| format!(" of priority {priority}"));
            format!(" by {}{priority}", pod.id)
        }
        None => " by a pod of higher priority".to_owned(),
    }
}

/// Since when a workload has all its pods again after a loss, if it has.
pub(super) fn complete_since(cx: &Context<'_>, workload: &ObjectRef, lost: Option<Timestamp>) -> Option<Timestamp> {
    let object = cx.snap.get(workload)?;
    let (wanted, ready) = match workload.kind.as_str() {
        "DaemonSet" => (object.int("status.desiredNumberScheduled")?, object.int("status.numberReady").unwrap_or(0)),
        "Job" => (1, object.int("status.succeeded").unwrap_or(0)),
        _ => (object.int("spec.replicas").unwrap_or(1), object.int("status.readyReplicas").unwrap_or(0)),
    };
    let since = cx.snap.pods_of(workload).into_iter().filter_map(pod::ready_since).max();
    (ready >= wanted).then(|| since.or(lost)).flatten()
}

/// The kubelet's words for refusing a pod (`pkg/kubelet/lifecycle/predicate.go`, `pkg/kubelet/cm`), those of a node that shuts
/// down, of evictions and of preemption left out.
const REJECTIONS: &[&str] = &[
    "AppArmor",
    "HostName",
    "InitContainerRestartPolicyForbidden",
    "InvalidNodeInfo",
    "MatchNodeSelector",
    "NodeAffinity",
    "NodeName",
    "NodePorts",
    "PodFitsHostPorts",
    "PodOSNotSupported",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "SMTAlignmentError",
    "SupplementalGroupsPolicyNotSupported",
    "SysctlForbidden",
    "TaintToleration",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "VolumeAttachmentLimitExceeded",
];

fn rejected(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let reason = pod.text("status.reason");
    let short = reason.starts_with("OutOf") || reason.starts_with("Outof");
    if pod.text("status.phase") != "Failed" || pod.deleted().is_some() || !(short || REJECTIONS.contains(&reason)) {
        return;
    }
    let workload = cx.workload(&pod.id);
    let at = pod.time("status.startTime").or_else(|| pod.created());
    let event = cx.snap.events(&pod.id).iter().filter(|event| event.reason == reason).max_by_key(|event| event.last);
    let message = pod.text("status.message");
    let message = message.strip_prefix("Pod was rejected: ").or_else(|| message.strip_prefix("Pod ")).unwrap_or(message);
    let message: String = message.chars().take(240).collect();
    let node = pod.text("spec.nodeName");
    out.found(&POD_REJECTED_BY_KUBELET, pod.id.clone(), Proof::Structure)
        .since(at)
        .ended(if workload.kind == "Pod" { None } else { complete_since(cx, &workload, at) })
        .evidence([cx.field(pod, "status.reason"), cx.field(pod, "status.message")])
        .evidence(event.map(Event::evidence))
        .says(format!("{} was refused by the kubelet of {}: {reason}: {message}", pod.id, or_node(node)))
        .blame(workload)
        .next(format!("kubectl describe node {node}").trim_end());
}
