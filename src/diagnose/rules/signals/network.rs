//! What is wrong with the network, as far as time series and alerts show it: delay and loss. Latency alone is no proof: CPU,
//! restarts and callers are looked at first.

use super::{Measured, rise_evidence};
use crate::cluster::pod;
use crate::diagnose::alerts;
use crate::diagnose::catalogue::{Cause, Link, Perspective};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::rules::explains::SLOW;
use crate::diagnose::series::{self, Bar};
use crate::diagnose::symptoms::PACKET_LOSS;
use crate::domain::ObjectRef;
use std::collections::BTreeMap;

pub(super) static NETWORK_DELAY: Cause = Cause {
    id: "network_delay",
    title: "answers late, with CPU, memory and pods calm",
    perspective: Perspective::Infra,
    explains: &[SLOW, &[(Link::Calls, "network_delay")]],
    reads: "signals latency_p50_ms to latency_p99_ms, dependencies",
    source: "service mesh or ingress: response times by service",
    doc: "Every answer of the workload takes longer by about the same time, without load, errors or restarts to explain it.",
    check: "kubectl -n NAMESPACE exec POD -- ping -c 5 OTHER_POD_IP",
    fix: "look at the network of the pod and its node: traffic shaping, the network plugin, a saturated link",
    fields: &[],
};

pub(super) static NETWORK_PACKET_LOSS: Cause = Cause {
    id: "network_packet_loss",
    title: "packets are lost",
    perspective: Perspective::Infra,
    explains: &[
        SLOW,
        &[(Link::Node, "network_delay"), (Link::Node, "high_latency"), (Link::Node, "error_rate"), (Link::Node, "packet_loss")],
    ],
    reads: "signal node_tcp_retransmits_rate, alerts",
    source: "node exporter: node_netstat_Tcp_RetransSegs",
    doc: "TCP segments of one node have to be sent again far more often than before.",
    check: "kubectl debug node/NODE -it --image=busybox -- chroot /host nstat -az TcpRetransSegs",
    fix: "look at the node's network interface, its cable or virtual switch, and its network plugin",
    fields: &[],
};

/// A rise in retransmitted segments that counts: twice as many, and at least one a second.
const RETRANSMIT_RISE: Bar = Bar { ratio: 2.0, step: 1.0 };
/// Latencies below this are dominated by measurement, so that ratios to them say little.
const LATENCY_FLOOR_MS: f64 = 1.0;

/// Nodes whose TCP segments are lost, where the services that slowed down run on them. Says whether there is one.
pub(super) fn lossy_nodes(cx: &Context<'_>, workloads: &BTreeMap<ObjectRef, Measured<'_>>, out: &mut Findings) -> bool {
    let slow: Vec<&ObjectRef> = workloads.iter().filter(|(_, measured)| !measured.latency.is_empty()).map(|(id, _)| id).collect();
    let mut found = false;
    for signal in cx.snap.signals.iter().filter(|signal| signal.signal == "node_tcp_retransmits_rate") {
        let Some(node) = signal.labels.get("node") else { continue };
        let Some(rise) = series::rise(&signal.values, RETRANSMIT_RISE).rise() else { continue };
        let here = cx.snap.pods_on(node).map(|pod| cx.workload(&pod.id)).filter(|workload| slow.contains(&workload)).count();
        if here == 0 {
            continue;
        }
        found = true;
        let id = ObjectRef::cluster("Node", node);
        let proof = if here > 1 { Proof::Signal } else { Proof::WeakSignal };
        let says = format!(
            "sends {:.1} TCP segments a second again, {:.1} before, and services on it slowed down",
            rise.peak, rise.baseline
        );
        let evidence = rise_evidence(cx, &id, signal, &rise);
        out.symptom(&PACKET_LOSS, id.clone(), says.clone(), rise.since(), vec![evidence.clone()]);
        out.found(&NETWORK_PACKET_LOSS, id, proof).since(rise.since()).evidence([evidence]).says(says);
    }
    found
}

/// Nodes that an alert says lose packets, where no series shows it. Says whether there is one.
pub(super) fn alerted_loss(cx: &Context<'_>, out: &mut Findings) -> bool {
    let alerts: Vec<_> = alerts::firing(cx).into_iter().filter(alerts::speaks_of_loss).collect();
    for alert in &alerts {
        let Some(object) = &alert.object else { continue };
        out.found(&NETWORK_PACKET_LOSS, object.clone(), Proof::Text)
            .since(alert.since)
            .evidence([alert.evidence.clone()])
            .says(format!("loses packets, by the words of alert {}; no series that was read shows it", alert.name));
    }
    !alerts.is_empty()
}

/// The workload that a rise in latency comes from. A delay in one place adds the same time to each call, so it is
/// relatively largest where it arises and thins out towards the callers; callers of it rise too.
pub(super) fn delay(cx: &Context<'_>, workloads: &BTreeMap<ObjectRef, Measured<'_>>, out: &mut Findings) {
    let slow: Vec<(&ObjectRef, &Measured<'_>)> = workloads.iter().filter(|(_, measured)| !measured.latency.is_empty()).collect();
    // The median comes first: where every call is slow it rises, where only some callers' calls are slow it doesn't.
    let percentiles = ["latency_p50_ms", "latency_p90_ms", "latency_p95_ms", "latency_p99_ms"];
    let strength = |measured: &Measured<'_>| {
        percentiles.map(|p| measured.latency.get(p).map_or(0.0, |(_, rise)| rise.ratio(LATENCY_FLOOR_MS)))
    };
    let by_strength = |a: &&(&ObjectRef, &Measured<'_>), b: &&(&ObjectRef, &Measured<'_>)| {
        let (a, b) = (strength(a.1), strength(b.1));
        a.iter().zip(&b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    let Some((workload, measured)) = slow.iter().max_by(by_strength) else { return };
    if measured.cpu.is_some() && measured.throttled.is_some()
        || measured.cpu_at_limit.is_some()
        || measured.throttled_always.is_some()
    {
        return;
    }
    let restarted = cx.snap.pods_of(workload).iter().any(|pod| !pod::is_ready(pod));
    if restarted {
        return;
    }
    let known = |caller: &&ObjectRef| *caller != *workload && cx.calls.calls(caller, workload);
    let callers: Vec<&ObjectRef> = workloads.keys().filter(known).collect();
    let risen = callers.iter().filter(|caller| slow.iter().any(|(other, _)| other == *caller)).count();
    let proof = if risen > 0 || callers.is_empty() && slow.len() > 1 { Proof::Signal } else { Proof::WeakSignal };
    let Some((signal, rise)) = measured.latency.values().next() else { return };
    if proof == Proof::WeakSignal && !measured.latency.contains_key("latency_p50_ms") {
        // A delay slows every answer down. A few slow answers can come from anywhere.
        out.unknown(
            "network_delay",
            (*workload).clone(),
            format!("only {} rose, and no caller's latency was measured", signal.signal),
        );
        let would = "whether every answer is late, as with a slow network, or only some, as with a slow query or dependency";
        out.blind((*workload).clone(), "the median latency, and that of its callers", "not among the signals that rose", would);
        return;
    }
    let evidence = measured.latency.values().map(|(signal, rise)| rise_evidence(cx, workload, signal, rise));
    let also = if risen > 0 { format!(", and {risen} of {} callers slowed down with it", callers.len()) } else { String::new() };
    out.found(&NETWORK_DELAY, (*workload).clone(), proof)
        .since(rise.since())
        .evidence(evidence)
        .says(format!(
            "answers late: {} rose from {:.1} to {:.0} ms while its CPU and its pods stayed calm{also}",
            signal.signal, rise.baseline, rise.peak
        ))
        .next(format!("kubectl -n {} get pods -o wide", workload.ns()));
}
