//! Faults that only time series show: saturation, throttling, growth, delay and loss.

mod network;

use super::explains::SLOW;
use crate::cluster::{Object, Signal, pod, quantity::Quantity};
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
use network::{NETWORK_DELAY, NETWORK_PACKET_LOSS};
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

/// A share of throttled periods from which throttling hurts.
const THROTTLED: f64 = 0.25;
/// A rise in CPU use that counts: half as much again, and at least a twentieth of a core.
const CPU_RISE: Bar = Bar { ratio: 1.5, step: 0.05 };
const THROTTLE_RISE: Bar = Bar { ratio: 1.5, step: THROTTLED };
/// A rise in latency that counts: half as much again, and at least 20 ms.
const LATENCY_RISE: Bar = Bar { ratio: 1.5, step: 20.0 };
/// A rise in the share of failed answers that counts: twice as many, and at least two in a hundred.
const ERROR_RISE: Bar = Bar { ratio: 2.0, step: 0.02 };
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
pub(in crate::diagnose) fn measured(cx: &Context<'_>, signal: &Signal) -> Option<ObjectRef> {
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
    let lossy = network::lossy_nodes(cx, &workloads, out);
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
    if !lossy && !network::alerted_loss(cx, out) {
        network::delay(cx, &workloads, out);
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
