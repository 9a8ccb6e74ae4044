//! Firing alerts for which nothing else stands: those that fire by convention, those about monitoring itself, those whose
//! condition isn't so any more. What is left is a symptom that nothing explains, and honestly so.

use super::{EXPECTED_ALERT, MONITORING_GAP};
use crate::cluster::{Object, json, pod, workload};
use crate::diagnose::alerts::{self, Alert};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Findings, SymptomFinding};
use crate::diagnose::scope::Scope;
use crate::diagnose::symptoms::ALERT_FIRING;
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;

/// Alerts that say nothing about a workload, by the convention of kube-prometheus (its general rules), and what they are for.
const BY_CONVENTION: &[(&str, &str)] = &[
    ("Watchdog", "fires all the time, to prove that alerts get through"),
    ("DeadMansSwitch", "fires all the time, to prove that alerts get through"),
    ("InfoInhibitor", "only holds back alerts of severity info"),
];

/// Alerts of kube-prometheus, the kubernetes-mixin, VictoriaMetrics' stack and Grafana that are about scraping and rules.
const ABOUT_MONITORING: &[&str] = &[
    "AlertingRulesError",
    "CoreDNSDown",
    "DatasourceError",
    "DatasourceNoData",
    "KubeAPIDown",
    "KubeControllerManagerDown",
    "KubeProxyDown",
    "KubeSchedulerDown",
    "KubeStateMetricsListErrors",
    "KubeStateMetricsWatchErrors",
    "KubeletDown",
    "PrometheusBadConfig",
    "PrometheusDuplicateTimestamps",
    "PrometheusLabelLimitHit",
    "PrometheusMissingRuleEvaluations",
    "PrometheusNotIngestingSamples",
    "PrometheusOutOfOrderTimestamps",
    "PrometheusRuleFailures",
    "PrometheusScrapeBodySizeLimitHit",
    "PrometheusScrapeSampleLimitHit",
    "PrometheusTargetLimitHit",
    "PrometheusTargetSyncFailure",
    "RecordingRulesError",
    "RecordingRulesNoData",
    "ScrapePoolHasNoTargets",
    "TargetDown",
    "TooManyScrapeErrors",
];

/// Words and expressions of rules about missing data, whatever their name.
const MISSING_DATA: [&str; 4] = ["disappeared from prometheus target discovery", "scrape pool", "scrape_pool", "scrape target"];
const ABSENT: [&str; 2] = ["expr=absent%28", "expr=absent_over_time%28"];

/// Alerts of the kubernetes-mixin that repeat what an object's status says: if it says otherwise now, they are over.
const OF_STATUS: &[&str] = &[
    "KubeContainerWaiting",
    "KubeDaemonSetMisScheduled",
    "KubeDaemonSetNotScheduled",
    "KubeDaemonSetRolloutStuck",
    "KubeDeploymentGenerationMismatch",
    "KubeDeploymentReplicasMismatch",
    "KubeDeploymentRolloutStuck",
    "KubeHpaMaxedOut",
    "KubeHpaReplicasMismatch",
    "KubeJobFailed",
    "KubeJobNotCompleted",
    "KubePdbNotEnoughHealthyPods",
    "KubePodNotReady",
    "KubeStatefulSetGenerationMismatch",
    "KubeStatefulSetReplicasMismatch",
    "KubeStatefulSetUpdateNotRolledOut",
];

/// At most so many alerts of one name about one object are quoted.
const SAYINGS: usize = 3;
/// A fault that ended within this time may be what the alert was about.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    for alert in alerts::firing(cx) {
        let Some(subject) = alert.object.clone().or_else(|| cx.snap.target.clone()) else { continue };
        if let Some((_, what)) = BY_CONVENTION.iter().find(|(name, _)| *name == alert.name) {
            symptom(&alert, &subject, out);
            out.found(&EXPECTED_ALERT, subject, Proof::Structure)
                .since(alert.since)
                .evidence([alert.evidence.clone()])
                .says(format!("alert {} {what}; it says nothing about a workload", alert.name));
            continue;
        }
        if is_shown_otherwise(cx, &subject, out) {
            continue;
        }
        let about_monitoring = ABOUT_MONITORING.contains(&alert.name.as_str())
            || MISSING_DATA.iter().any(|words| alert.words.contains(words))
            || ABSENT.iter().any(|expression| alert.generator.contains(expression));
        if about_monitoring {
            if let Some((says, evidence)) = unmeasured(cx, &alert, &subject) {
                symptom(&alert, &subject, out);
                out.found(&MONITORING_GAP, subject, Proof::Timing)
                    .since(alert.since)
                    .evidence([alert.evidence.clone()])
                    .evidence(evidence)
                    .says(format!("alert {} is about monitoring: {says}", alert.name));
            }
        } else if OF_STATUS.contains(&alert.name.as_str()) {
            if let Some((says, evidence)) = is_well(cx, &subject) {
                symptom(&alert, &subject, out);
                out.found(&EXPECTED_ALERT, subject, Proof::Computed)
                    .since(alert.since)
                    .evidence(evidence)
                    .evidence([alert.evidence.clone()])
                    .says(format!("alert {} shows no fault: {says}", alert.name));
            }
        } else if alert.object.is_some() || speaks_of(&alert, &subject) {
            symptom(&alert, &subject, out);
        }
    }
}

/// Whether an alert that names no object is about where the target is, and asks for somebody to act.
fn speaks_of(alert: &Alert, target: &ObjectRef) -> bool {
    let label = |name: &str| json::key(&alert.labels, name).as_str().unwrap_or("");
    let namespace = if target.kind == "Namespace" { target.name.as_str() } else { target.ns() };
    !matches!(label("severity"), "info" | "none")
        && [label("namespace"), label("exported_namespace")].contains(&namespace)
        && !namespace.is_empty()
}

/// Several alerts of one name about one object are one symptom: those of pods that can't be seen are about the target.
fn symptom(alert: &Alert, subject: &ObjectRef, out: &mut Findings) {
    let summary = format!("alert {} is firing", alert.name);
    let is_same = |seen: &&mut SymptomFinding| {
        seen.symptom.id == ALERT_FIRING.id && seen.subject.object == *subject && seen.summary == summary
    };
    if let Some(seen) = out.symptoms.iter_mut().find(is_same) {
        seen.since = seen.since.into_iter().chain(alert.since).min();
        let says_more = seen.evidence.iter().all(|known| known.value != alert.evidence.value);
        if says_more && seen.evidence.len() < SAYINGS {
            seen.evidence.push(alert.evidence.clone());
        }
        return;
    }
    out.symptom(&ALERT_FIRING, subject.clone(), summary, alert.since, vec![alert.evidence.clone()]);
}

/// Whether other symptoms of the alert's object stand for it, or a fault of it that is over.
fn is_shown_otherwise(cx: &Context<'_>, subject: &ObjectRef, out: &Findings) -> bool {
    let whole = if subject.kind == "Namespace" { subject.clone() } else { cx.workload(subject) };
    let scope = Scope::of(cx, &whole);
    let concerns = |object: &ObjectRef| {
        object == subject || scope.distance(object).is_some_and(|_| object.kind != "Node" || *object == whole)
    };
    let over = |at: Option<jiff::Timestamp>| at.is_some_and(|at| cx.snap.age(at) <= LATELY);
    out.symptoms.iter().any(|symptom| symptom.symptom.id != ALERT_FIRING.id && concerns(&symptom.subject.object))
        || out.causes.iter().any(|finding| over(finding.ended) && finding.subjects().any(|subject| concerns(&subject.object)))
}

/// What shows that the workload is well although its measurements are missing. `None` when that can't be seen.
fn unmeasured(cx: &Context<'_>, alert: &Alert, subject: &ObjectRef) -> Option<(String, Vec<Evidence>)> {
    let label = |name: &str| json::key(&alert.labels, name).as_str().filter(|text| !text.is_empty());
    let namespace = label("exported_namespace").or_else(|| label("namespace")).unwrap_or_else(|| subject.ns());
    let service = label("exported_service").or_else(|| label("service"));
    if let Some(service) = service
        && cx.snap.looked_for("Service", namespace).is_ok()
        && !cx.snap.in_namespace("Service", namespace).is_empty()
        && cx.snap.find("Service", namespace, service).is_none()
    {
        return Some((format!("it measures Service {service}, which {namespace} doesn't have any more"), Vec::new()));
    }
    is_well(cx, subject)
}

/// That an object is well, in numbers, and where they are from. `None` when it isn't, or can't be judged.
fn is_well(cx: &Context<'_>, subject: &ObjectRef) -> Option<(String, Vec<Evidence>)> {
    if subject.kind == "Namespace" {
        let pods: Vec<&Object> = cx.snap.in_namespace("Pod", &subject.name).iter().filter(|pod| !pod::is_finished(pod)).collect();
        let ready = pods.iter().filter(|pod| pod::is_ready(pod)).count();
        let well = !pods.is_empty() && ready == pods.len();
        return well.then(|| (format!("all {ready} pods in {} are ready", subject.name), Vec::new()));
    }
    let object = cx.snap.get(subject)?;
    match subject.kind.as_str() {
        "Pod" => {
            let since = pod::ready_since(object)?;
            Some((format!("the pod has been ready since {since}"), vec![cx.field(object, "status.phase")]))
        }
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            let replicas = workload::replicas(object).filter(|replicas| replicas.are_rolled_out())?;
            let says = format!("{} of {} replicas are updated and ready", replicas.updated.min(replicas.ready), replicas.desired);
            let generation = [cx.field(object, "metadata.generation"), cx.field(object, "status.observedGeneration")];
            Some((says, generation.to_vec()))
        }
        "Job" => (json::text(object.condition("Complete"), "status") == "True")
            .then(|| ("the Job is complete".to_owned(), vec![cx.field(object, "status.succeeded")])),
        "HorizontalPodAutoscaler" => {
            let (current, desired) = (object.int("status.currentReplicas")?, object.int("status.desiredReplicas")?);
            let maximum = hpa_maximum(object, current);
            let says = format!("it asks for {desired} pods and has {current}{maximum}");
            (current == desired).then(|| (says, vec![cx.field(object, "status.desiredReplicas")]))
        }
        "PodDisruptionBudget" => {
            let (healthy, desired) = (object.int("status.currentHealthy")?, object.int("status.desiredHealthy")?);
            let says = format!("{healthy} pods are healthy, {desired} have to be");
            (healthy >= desired).then(|| (says, vec![cx.field(object, "status.currentHealthy")]))
        }
        "Node" => {
            let ready = json::text(object.condition("Ready"), "status") == "True";
            ready.then(|| ("the node is ready".to_owned(), Vec::new()))
        }
        _ => None,
    }
}

fn hpa_maximum(autoscaler: &Object, current: i64) -> &'static str {
    if autoscaler.int("spec.maxReplicas") == Some(current) { ", which is its maximum and suffices" } else { "" }
}
