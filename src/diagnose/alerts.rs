//! What a firing alert says. Its labels say about which object; its words are text, which shows a symptom and proves nothing.

use super::context::Context;
use super::findings::Findings;
use super::symptoms::{ERROR_RATE, HIGH_LATENCY, PACKET_LOSS};
use super::workload_symptoms::selected;
use crate::cluster::{json, node};
use crate::domain::{Evidence, EvidenceSource, ObjectRef, alerted_node};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// At most this many alerts of a payload are read.
const MOST: usize = 500;
/// How much of an alert's words is quoted.
const QUOTED: usize = 240;

/// One firing alert.
#[derive(Debug)]
pub struct Alert {
    /// The object that it is about: a node, a pod, the workload behind a service. `None` where its labels name nothing that
    /// the snapshot holds.
    pub object: Option<ObjectRef>,
    /// The label `alertname`.
    pub name: String,
    /// All its labels.
    pub labels: Value,
    /// The expression of its rule, URL-encoded in the address that Prometheus gives; empty for other senders.
    pub generator: String,
    /// Name, summary and description, in lower case, for finding words in.
    pub words: String,
    /// When it began.
    pub since: Option<Timestamp>,
    /// The alert as evidence, about its object or else about the target.
    pub evidence: Evidence,
}

/// The firing alerts of the payload that led here.
pub fn firing(cx: &Context<'_>) -> Vec<Alert> {
    let Some(payload) = &cx.snap.alert else { return Vec::new() };
    let alerts = json::list(payload, "alerts").iter().take(MOST);
    alerts.filter(|alert| json::text(alert, "status") != "resolved").map(|alert| read(cx, alert)).collect()
}

/// When the first of the firing alerts began.
pub fn since(cx: &Context<'_>) -> Option<Timestamp> {
    firing(cx).into_iter().filter_map(|alert| alert.since).min()
}

/// The names of the firing alerts, sorted.
pub fn names(cx: &Context<'_>) -> Vec<String> {
    let names: BTreeSet<String> = firing(cx).into_iter().map(|alert| alert.name).filter(|name| !name.is_empty()).collect();
    names.into_iter().collect()
}

fn read(cx: &Context<'_>, alert: &Value) -> Alert {
    let object = about(cx, json::key(alert, "labels"));
    let name = json::text(alert, "labels.alertname");
    let texts =
        ["summary", "description", "message"].map(|key| json::key(json::key(alert, "annotations"), key).as_str().unwrap_or(""));
    let said = texts.iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join("; ");
    // Without annotations, that it fires is all that it says.
    let said = if said.is_empty() { "firing".to_owned() } else { said };
    let since = json::time(alert, "startsAt");
    let evidence = Evidence {
        source: EvidenceSource::Alert,
        object: object.clone().or_else(|| cx.snap.target.clone()).unwrap_or_default(),
        container: None,
        path: name.to_owned(),
        line: None,
        value: Value::String(said.chars().take(QUOTED).collect()),
        at: since,
        count: None,
    };
    let words = format!("{name} {said}").to_lowercase();
    let (labels, generator) = (json::key(alert, "labels").clone(), json::text(alert, "generatorURL").to_owned());
    Alert { object, name: name.to_owned(), labels, generator, words, since, evidence }
}

/// The labels that name one object, by the kind that they name: those of kube-state-metrics.
const OBJECT_LABELS: &[(&str, &str)] = &[
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("cronjob", "CronJob"),
    ("job_name", "Job"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
];

/// The object that an alert's labels name, if the snapshot holds it: what kube-state-metrics, the node exporter and meshes
/// call pods, workloads, services and nodes. The pod may be that of the exporter, so it comes after what the metric is about.
fn about(cx: &Context<'_>, labels: &Value) -> Option<ObjectRef> {
    if let Some(called) = alerted_node(labels) {
        // One that can't be told is not known: what else the labels name is the exporter's.
        return node(cx.snap, called).map(|node| node.id.clone());
    }
    let label = |name: &str| json::key(labels, name).as_str().filter(|text| !text.is_empty());
    let namespace = label("exported_namespace").or_else(|| label("namespace")).unwrap_or("");
    for (name, kind) in OBJECT_LABELS {
        if let Some(found) = label(name).and_then(|name| cx.snap.find(kind, namespace, name)) {
            return Some(found.id.clone());
        }
    }
    if let Some(pod) = label("exported_pod").or_else(|| label("pod"))
        && let Some(pod) = cx.snap.find("Pod", namespace, pod)
    {
        return Some(pod.id.clone());
    }
    if let Some(name) = label("service") {
        if let Some(pod) = cx.snap.find("Service", namespace, name).and_then(|service| selected(cx, service).into_iter().next()) {
            return Some(cx.workload(&pod.id));
        }
        if let Some(found) = cx.snap.find("Deployment", namespace, name) {
            return Some(found.id.clone());
        }
    }
    let host = label("instance").map(|instance| instance.split(':').next().unwrap_or(instance));
    cx.snap.find("Node", "", label("node").or(host)?).map(|node| node.id.clone())
}

/// Whether an alert speaks of lost or repeated packets.
pub fn speaks_of_loss(alert: &Alert) -> bool {
    alert.object.as_ref().is_some_and(|object| object.kind == "Node")
        && ["retrans", "packet loss", "packets lost", "dropped packets"].iter().any(|word| alert.words.contains(word))
}

/// States the symptoms that firing alerts describe.
pub fn check(cx: &Context<'_>, out: &mut Findings) {
    for alert in firing(cx) {
        let has = |words: &[&str]| words.iter().any(|word| alert.words.contains(word));
        let symptom = if speaks_of_loss(&alert) {
            &PACKET_LOSS
        } else if has(&["latency", "slow response", "response time", "p99", "p95", "p90"]) {
            &HIGH_LATENCY
        } else if has(&["error rate", "errorrate", "error ratio", "error_rate", "5xx", "success rate"]) {
            &ERROR_RATE
        } else {
            continue;
        };
        let Some(object) = alert.object else { continue };
        let known = out.symptoms.iter().any(|seen| std::ptr::eq(seen.symptom, symptom) && seen.subject.object == object);
        if !known {
            out.symptom(symptom, object, format!("alert {} is firing", alert.name), alert.since, vec![alert.evidence]);
        }
    }
}
