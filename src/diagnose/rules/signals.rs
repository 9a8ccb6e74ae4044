//! Faults that only time series show: saturation, throttling, growth, delay and loss.

use super::explains::SLOW;
use crate::cluster::{Object, Signal, pod, quantity::Quantity};
use crate::diagnose::alerts;
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::series::{self, Bar, Rise};
use crate::diagnose::symptoms::{ERROR_RATE, HIGH_LATENCY, PROBE_FAILED, SATURATION};
use crate::diagnose::workload_symptoms::selected;
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeMap;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Runtime,
    causes: &[&CPU_SATURATED, &CPU_THROTTLED, &MEMORY_GROWING, &NETWORK_DELAY, &NETWORK_PACKET_LOSS],
    check,
};

static CPU_SATURATED: Cause = Cause {
    id: "cpu_saturated",
    title: "uses all the CPU that it may",
    perspective: Perspective::Runtime,
    explains: &[SLOW, &[(Link::Workload, "cpu_throttled"), (Link::Workload, "network_delay"), (Link::Calls, "network_delay")]],
    reads: "signals cpu_usage_cores, cpu_throttled_ratio",
    source: "cAdvisor: CPU use and throttled periods of the container",
    doc: "The workload's CPU use has risen to its limit and the kernel throttles it.",
    check: "kubectl -n NAMESPACE top pod --containers",
    fix: "scale out or raise the CPU limit, and find what asks for so much",
    fields: &["resources.limits.cpu", ".image"],
};

static CPU_THROTTLED: Cause = Cause {
    id: "cpu_throttled",
    title: "held back by its CPU limit",
    perspective: Perspective::Runtime,
    explains: &[SLOW],
    reads: "signals cpu_throttled_ratio, cpu_usage_cores",
    source: "cAdvisor: container_cpu_cfs_throttled_periods_total over container_cpu_cfs_periods_total",
    doc: "The kernel throttles the container at its CPU limit although it needs no more than before.",
    check: "kubectl -n NAMESPACE get deployment NAME -o jsonpath='{.spec.template.spec.containers[*].resources}'",
    fix: "raise the CPU limit",
    fields: &["resources.limits.cpu"],
};

static MEMORY_GROWING: Cause = Cause {
    id: "memory_growing",
    title: "memory grows without end",
    perspective: Perspective::App,
    explains: &[SLOW],
    reads: "signal memory_working_set_bytes",
    source: "cAdvisor: container_memory_working_set_bytes",
    doc: "The working set grows steadily and doesn't fall back: a leak, or a cache without a bound.",
    check: "kubectl -n NAMESPACE top pod --containers",
    fix: "find the leak or bound the cache; a restart buys time",
    fields: &[".image", ".env["],
};

static NETWORK_DELAY: Cause = Cause {
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

static NETWORK_PACKET_LOSS: Cause = Cause {
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

/// A share of throttled periods from which throttling hurts.
const THROTTLED: f64 = 0.25;
/// A rise in CPU use that counts: half as much again, and at least a twentieth of a core.
const CPU_RISE: Bar = Bar { ratio: 1.5, step: 0.05 };
const THROTTLE_RISE: Bar = Bar { ratio: 1.5, step: THROTTLED };
/// A rise in latency that counts: half as much again, and at least 20 ms.
const LATENCY_RISE: Bar = Bar { ratio: 1.5, step: 20.0 };
/// A rise in the share of failed answers that counts: twice as many, and at least two in a hundred.
const ERROR_RISE: Bar = Bar { ratio: 2.0, step: 0.02 };
/// A rise in retransmitted segments that counts: twice as many, and at least one a second.
const RETRANSMIT_RISE: Bar = Bar { ratio: 2.0, step: 1.0 };
/// Latencies below this are dominated by measurement, so that ratios to them say little.
const LATENCY_FLOOR_MS: f64 = 1.0;
/// Growth of memory over the series that counts.
const GROWTH: f64 = 1.3;
/// A series that begins sooner than this after the process may show how it warms up.
const WARM_UP: SignedDuration = SignedDuration::from_mins(10);
/// A share of the limit from which CPU counts as used up.
const AT_LIMIT: f64 = 0.9;

fn rise_evidence(cx: &Context<'_>, object: &ObjectRef, signal: &Signal, rise: &Rise) -> Evidence {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    cx.series(object, signal, Some(rise.onset), json!({"baseline": round(rise.baseline), "peak": round(rise.peak)}))
}

/// The workload that a series measures, from its labels; `None` when the snapshot doesn't hold it.
fn measured(cx: &Context<'_>, signal: &Signal) -> Option<ObjectRef> {
    let label = |name: &str| signal.labels.get(name).map(String::as_str);
    let namespace = label("namespace").or_else(|| {
        cx.snap.target.as_ref().map(|target| if target.kind == "Namespace" { target.name.as_str() } else { target.ns() })
    })?;
    if let Some(pod) = label("pod") {
        return cx.snap.find("Pod", namespace, pod).map(|pod| cx.workload(&pod.id));
    }
    if let Some(service) = label("service")
        && let Some(service) = cx.snap.find("Service", namespace, service)
        && let Some(pod) = selected(cx, service).first()
    {
        return Some(cx.workload(&pod.id));
    }
    let name = label("workload").or_else(|| label("service"))?;
    ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .find_map(|kind| cx.snap.find(kind, namespace, name))
        .map(|found| found.id.clone())
}

/// What the series say of one workload.
#[derive(Default)]
struct Measured<'a> {
    cpu: Option<(&'a Signal, Rise)>,
    cpu_at_limit: Option<(&'a Signal, f64)>,
    throttled: Option<(&'a Signal, Rise)>,
    throttled_always: Option<(&'a Signal, f64)>,
    /// The highest share of throttled periods, where it stayed calm.
    unthrottled: Option<(&'a Signal, f64)>,
    errors: Option<(&'a Signal, Rise)>,
    growth: Option<(&'a Signal, (f64, f64))>,
    /// Rises of latency, of the lowest percentile first.
    latency: BTreeMap<&'a str, (&'a Signal, Rise)>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut workloads: BTreeMap<ObjectRef, Measured<'_>> = BTreeMap::new();
    for signal in &cx.snap.signals {
        if signal.signal.starts_with("node_") || signal.signal == "probe_success" {
            continue;
        }
        let Some(workload) = measured(cx, signal) else { continue };
        read(cx, signal, workloads.entry(workload.clone()).or_default(), &workload);
    }
    probes(cx, out);
    let lossy = lossy_nodes(cx, &workloads, out);
    for (workload, measured) in &workloads {
        saturation(cx, workload, measured, out);
        if let Some((signal, highest)) = measured.unthrottled.filter(|_| measured.throttled.is_none()) {
            let why = format!("at most {:.0} % of the periods are throttled", highest * 100.0);
            let evidence = vec![cx.series(workload, signal, None, json!({"highest": highest}))];
            out.absent("cpu_throttled", workload.clone(), why, evidence);
        }
        if let Some((signal, rise)) = measured.errors {
            let summary = format!("{:.1} % of the answers fail, {:.1} % before", rise.peak * 100.0, rise.baseline * 100.0);
            out.symptom(&ERROR_RATE, workload.clone(), summary, rise.since(), vec![rise_evidence(cx, workload, signal, &rise)]);
        }
        if let Some((signal, (first, last))) = measured.growth {
            growing(cx, workload, signal, (first, last), out);
        }
        if let Some((signal, rise)) = measured.latency.values().next() {
            let summary = format!("{} rose from {:.0} to {:.0} ms", signal.signal, rise.baseline, rise.peak);
            out.symptom(&HIGH_LATENCY, workload.clone(), summary, rise.since(), vec![rise_evidence(cx, workload, signal, rise)]);
        }
    }
    if !lossy && !alerted_loss(cx, out) {
        delay(cx, &workloads, out);
    }
}

fn read<'a>(cx: &Context<'_>, signal: &'a Signal, measured: &mut Measured<'a>, workload: &ObjectRef) {
    let values = &signal.values;
    match signal.signal.as_str() {
        "cpu_usage_cores" => {
            if let Some(rise) = series::rise(values, CPU_RISE).rise() {
                measured.cpu = Some((signal, rise));
            }
            let level = series::median(values.iter().rev().take(5).map(|(_, value)| *value));
            if cpu_limit(cx, workload).is_some_and(|limit| level >= AT_LIMIT * limit) {
                measured.cpu_at_limit = Some((signal, level));
            }
        }
        "cpu_throttled_ratio" => {
            if let Some(rise) = series::rise(values, THROTTLE_RISE).rise() {
                measured.throttled = Some((signal, rise));
            }
            let level = series::median(values.iter().map(|(_, value)| *value));
            if level >= THROTTLED {
                measured.throttled_always = Some((signal, level));
            }
            let highest = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
            if highest < THROTTLED && !values.is_empty() {
                measured.unthrottled = Some((signal, highest));
            }
        }
        "error_ratio" => measured.errors = series::rise(values, ERROR_RISE).rise().map(|rise| (signal, rise)),
        "success_ratio" => {
            let failed: Vec<(f64, f64)> = values.iter().map(|(at, value)| (*at, 1.0 - value)).collect();
            measured.errors = series::rise(&failed, ERROR_RISE).rise().map(|rise| (signal, rise)).or(measured.errors);
        }
        "memory_working_set_bytes" => measured.growth = series::growth(values, GROWTH).map(|growth| (signal, growth)),
        name if name.starts_with("latency_p") => {
            if let Some(rise) = series::rise(values, LATENCY_RISE).rise() {
                measured.latency.insert(name, (signal, rise));
            }
        }
        _ => {}
    }
}

/// The CPU limit of a workload's largest container, in cores.
fn cpu_limit(cx: &Context<'_>, workload: &ObjectRef) -> Option<f64> {
    let object: &Object = cx.snap.get(workload)?;
    let containers = object.list("spec.template.spec.containers").iter();
    let limits = containers.filter_map(|container| Quantity::read(crate::cluster::json::at(container, "resources.limits.cpu")));
    limits.map(Quantity::to_f64).max_by(f64::total_cmp)
}

fn saturation(cx: &Context<'_>, workload: &ObjectRef, measured: &Measured<'_>, out: &mut Findings) {
    let throttled = measured.throttled.or(measured.throttled_always.map(|(signal, level)| {
        (signal, Rise { baseline: level, peak: level, onset: signal.values.first().map_or(0.0, |(at, _)| *at), last: level })
    }));
    let (cause, proof, signal, rise, says) = match (measured.cpu, throttled, measured.cpu_at_limit) {
        (Some((cpu, rise)), Some((_, throttle)), _) => {
            let says = format!(
                "uses {:.2} cores after {:.2} before and is throttled in {:.0} % of the periods",
                rise.peak,
                rise.baseline,
                throttle.peak * 100.0
            );
            (&CPU_SATURATED, Proof::Signal, cpu, rise, says)
        }
        (_, None, Some((cpu, level))) => {
            let rise = measured.cpu.map_or(Rise { baseline: level, peak: level, onset: 0.0, last: level }, |(_, rise)| rise);
            (&CPU_SATURATED, Proof::Signal, cpu, rise, format!("uses {level:.2} cores, all that its CPU limit allows"))
        }
        (None, Some((signal, rise)), _) => {
            let proof = if measured.throttled.is_some() { Proof::Signal } else { Proof::WeakSignal };
            (
                &CPU_THROTTLED,
                proof,
                signal,
                rise,
                format!("is throttled in {:.0} % of the periods at its CPU limit", rise.peak * 100.0),
            )
        }
        _ => return,
    };
    let since = if rise.onset > 0.0 { rise.since() } else { None };
    let evidence: Vec<Evidence> = [Some((signal, rise)), throttled]
        .into_iter()
        .flatten()
        .map(|(signal, rise)| rise_evidence(cx, workload, signal, &rise))
        .collect();
    out.symptom(&SATURATION, workload.clone(), says.clone(), since, evidence.clone());
    out.found(cause, workload.clone(), proof)
        .since(since)
        .evidence(evidence)
        .says(says)
        .next(format!("kubectl -n {} top pod --containers", workload.ns()));
}

fn growing(cx: &Context<'_>, workload: &ObjectRef, signal: &Signal, (first, last): (f64, f64), out: &mut Findings) {
    const MIB: f64 = 1_048_576.0;
    let since = signal.values.first().and_then(|(at, _)| series::time(*at));
    let says = format!("has a working set that grew steadily from {:.0} to {:.0} MiB", first / MIB, last / MIB);
    let evidence = cx.series(workload, signal, None, json!({"first": first, "last": last}));
    // A process that has just started fills its caches.
    let started =
        cx.snap.pods_of(workload).into_iter().flat_map(pod::containers).filter_map(|container| container.running_since()).max();
    let is_young = started.zip(since).is_some_and(|(started, since)| since.duration_since(started) < WARM_UP);
    let proof = if is_young { Proof::WeakSignal } else { Proof::Signal };
    out.symptom(&SATURATION, workload.clone(), says.clone(), since, vec![evidence.clone()]);
    out.found(&MEMORY_GROWING, workload.clone(), proof).since(since).evidence([evidence]).says(says);
}

/// Nodes, Services and routes that a probe from outside doesn't reach.
fn probes(cx: &Context<'_>, out: &mut Findings) {
    for signal in cx.snap.signals.iter().filter(|signal| signal.signal == "probe_success") {
        let Some((at, value)) = signal.values.last().copied().filter(|(_, value)| *value == 0.0) else { continue };
        let label = |name: &str| signal.labels.get(name).map_or("", String::as_str);
        let node = cx.snap.find("Node", "", label("node"));
        let mut objects: Vec<&ObjectRef> = match node.or_else(|| reach::probed(cx, signal).map(|(service, _)| service)) {
            Some(object) => vec![&object.id],
            None => reach::routes_of(cx, signal).into_iter().map(|route| &route.id).collect(),
        };
        // What it leads to may be among what could not be read.
        let unread = ["Service", "Ingress", "HTTPRoute"].iter().any(|kind| cx.could_not_read(kind));
        if objects.is_empty() && unread {
            objects.extend(&cx.snap.target);
        }
        for object in objects {
            let summary = format!("a probe of {} fails", label("target"));
            let evidence = vec![cx.sample(object, signal, at, value)];
            out.symptom(&PROBE_FAILED, object.clone(), summary, series::time(at), evidence);
        }
    }
}

/// Nodes whose TCP segments are lost, where the services that slowed down run on them. Says whether there is one.
fn lossy_nodes(cx: &Context<'_>, workloads: &BTreeMap<ObjectRef, Measured<'_>>, out: &mut Findings) -> bool {
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
        out.symptom(&crate::diagnose::symptoms::PACKET_LOSS, id.clone(), says.clone(), rise.since(), vec![evidence.clone()]);
        out.found(&NETWORK_PACKET_LOSS, id, proof).since(rise.since()).evidence([evidence]).says(says);
    }
    found
}

/// Nodes that an alert says lose packets, where no series shows it. Says whether there is one.
fn alerted_loss(cx: &Context<'_>, out: &mut Findings) -> bool {
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
fn delay(cx: &Context<'_>, workloads: &BTreeMap<ObjectRef, Measured<'_>>, out: &mut Findings) {
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
