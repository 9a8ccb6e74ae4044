//! Nodes whose CPU or disk is used up, by their own series. An alert about it says so in words, and proves nothing.

use super::explains::SLOW;
use crate::cluster::Signal;
use crate::diagnose::alerts;
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::series::{self, Bar};
use crate::diagnose::symptoms::SATURATION;
use crate::domain::{Evidence, ObjectRef};
use serde_json::json;

/// The family.
pub static FAMILY: Family = Family { section: Section::Nodes, causes: &[&NODE_CPU_SATURATED, &NODE_DISK_SATURATED], check };

/// What follows on a node that has too much to do.
const NODE_BUSY: Explains = &[
    (Link::Node, "saturation"),
    (Link::Node, "high_latency"),
    (Link::Node, "error_rate"),
    (Link::Node, "network_delay"),
    (Link::Node, "liveness_probe_too_aggressive"),
    (Link::Node, "readiness_probe_failing"),
];

static NODE_CPU_SATURATED: Cause = Cause {
    id: "node_cpu_saturated",
    title: "the node's CPU is used up",
    perspective: Perspective::Infra,
    explains: &[NODE_BUSY, SLOW],
    reads: "signals node_cpu_ratio, cpu_usage_cores, alerts",
    source: "node exporter: node_cpu_seconds_total; alerts such as NodeCPUHighUsage and NodeSystemSaturation",
    doc: "All of the node's CPU is in use, so that everything on it answers late.",
    check: "kubectl top node NODE; kubectl top pods -A --sort-by=cpu",
    fix: "move load off the node, and give each container a CPU request that fits its use",
    fields: &[],
};

static NODE_DISK_SATURATED: Cause = Cause {
    id: "node_disk_saturated",
    title: "the node's disk is used up",
    perspective: Perspective::Infra,
    explains: &[NODE_BUSY, SLOW],
    reads: "signal node_disk_ratio, alerts",
    source: "node exporter: node_disk_io_time_seconds_total and node_filesystem_avail_bytes; alerts such as NodeDiskIOSaturation",
    doc: "The node's disk can't keep up or has hardly any room left, so that whatever writes on the node waits.",
    check: "kubectl debug node/NODE -it --image=busybox -- chroot /host iostat -x 5 3",
    fix: "find what writes so much, and give it a disk of its own or another node",
    fields: &[],
};

/// The share of a node's CPU or disk from which it counts as used up.
const USED_UP: f64 = 0.9;
/// How many of the last samples have to be that high.
const LAST: usize = 5;
/// A rise that counts: by a tenth of all there is.
const RISE: Bar = Bar { ratio: 1.2, step: 0.1 };
/// Words of alerts about a node's CPU and disk, in lower case: those of the node exporter's own rules.
const CPU_WORDS: &[&str] = &["cpuhighusage", "cpu usage", "systemsaturation", "load per core", "high load", "cpu saturat"];
const DISK_WORDS: &[&str] = &[
    "diskiosaturation",
    "disk io",
    "disk i/o",
    "io saturation",
    "disk saturat",
    "disk queue",
    "nodefilesystem",
    "space left",
    "space available",
];

fn check(cx: &Context<'_>, out: &mut Findings) {
    let alerts = alerts::firing(cx);
    for (name, cause, words, what) in
        [("node_cpu_ratio", &NODE_CPU_SATURATED, CPU_WORDS, "CPU"), ("node_disk_ratio", &NODE_DISK_SATURATED, DISK_WORDS, "disk")]
    {
        let of_nodes =
            alerts.iter().filter_map(|alert| Some((alert, alert.object.as_ref().filter(|object| object.kind == "Node")?)));
        let alerted: Vec<(&alerts::Alert, &ObjectRef)> =
            of_nodes.filter(|(alert, _)| words.iter().any(|word| alert.words.contains(word))).collect();
        let mut measured = Vec::new();
        for signal in cx.snap.signals.iter().filter(|signal| signal.signal == name) {
            let node = signal.labels.get("node").and_then(|node| cx.snap.find("Node", "", node));
            if let Some(node) = node.filter(|_| is_used_up(signal)) {
                measured.push(&node.id);
                let alert = alerted.iter().find(|(_, object)| **object == node.id).map(|(alert, _)| alert.evidence.clone());
                used_up(cx, cause, what, &node.id, signal, alert, out);
            }
        }
        for (alert, node) in alerted.into_iter().filter(|(_, node)| !measured.contains(node)) {
            let says = format!("is short of {what}, by the words of alert {}; no series that was read shows it", alert.name);
            out.symptom(
                &SATURATION,
                node.clone(),
                format!("alert {} is firing", alert.name),
                alert.since,
                vec![alert.evidence.clone()],
            );
            out.found(cause, node.clone(), Proof::Text).since(alert.since).evidence([alert.evidence.clone()]).says(says);
        }
    }
}

fn is_used_up(signal: &Signal) -> bool {
    let last = signal.values.iter().rev().take(LAST);
    signal.values.len() >= LAST && last.into_iter().all(|(_, value)| *value >= USED_UP)
}

fn used_up(
    cx: &Context<'_>,
    cause: &'static Cause,
    what: &str,
    node: &ObjectRef,
    signal: &Signal,
    alert: Option<Evidence>,
    out: &mut Findings,
) {
    let level = series::median(signal.values.iter().rev().take(LAST).map(|(_, value)| *value));
    let rise = series::rise(&signal.values, RISE).rise();
    let since = rise.and_then(|rise| rise.since()).or_else(|| signal.values.first().and_then(|(at, _)| series::time(*at)));
    // A node that is always this busy is nobody's incident, unless somebody is alerted of it: a thing to know.
    let is_new = rise.is_some() || alert.is_some();
    let before = rise.map_or(String::new(), |rise| format!(", after {:.0} % before", rise.baseline * 100.0));
    let busiest = if what == "CPU" { busiest(cx, node) } else { None };
    let by = busiest.as_ref().map_or(String::new(), |(workload, cores, _)| format!("; {workload} uses {cores:.1} cores of it"));
    let evidence =
        cx.series(node, signal, signal.values.last().map(|(at, _)| *at), json!({"level": (level * 1000.0).round() / 1000.0}));
    let says = format!("has {:.0} % of its {what} in use{before}{by}", level * 100.0);
    if is_new {
        out.symptom(&SATURATION, node.clone(), says.clone(), since, vec![evidence.clone()]);
    }
    out.found(cause, node.clone(), if is_new { Proof::Signal } else { Proof::WeakSignal })
        .since(since)
        .evidence([evidence])
        .evidence(alert)
        .evidence(busiest.map(|(_, _, evidence)| evidence))
        .says(says)
        .next(format!("kubectl describe node {}", node.name));
}

/// The workload of the node's pods that uses most CPU, as far as that is measured by the pod.
fn busiest(cx: &Context<'_>, node: &ObjectRef) -> Option<(ObjectRef, f64, Evidence)> {
    let used = cx.snap.signals.iter().filter(|signal| signal.signal == "cpu_usage_cores").filter_map(|signal| {
        let (namespace, pod) = (signal.labels.get("namespace")?, signal.labels.get("pod")?);
        let pod = cx.snap.find("Pod", namespace, pod).filter(|pod| pod.text("spec.nodeName") == node.name)?;
        let level = series::median(signal.values.iter().rev().take(LAST).map(|(_, value)| *value));
        Some((cx.workload(&pod.id), level, cx.series(&pod.id, signal, None, json!({"level": (level * 1000.0).round() / 1000.0}))))
    });
    used.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
}
