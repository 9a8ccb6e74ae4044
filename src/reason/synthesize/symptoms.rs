//! What a symptom does to an object, in the words of somebody who tells it on the phone, and how one sees that it is over.

use super::super::Case;
use super::super::around::{number, touches};
use crate::diagnose::weight;
use crate::domain::{ObjectRef, State, SymptomReport};

/// `keeps crashing`: after the object's name.
pub(super) fn effect(id: &str) -> Option<&'static str> {
    Some(match id {
        "crash_loop" => "keeps crashing",
        "container_failed" => "has crashed",
        "container_not_starting" => "can't start",
        "pending" => "finds no node",
        "not_ready" => "isn't ready",
        "pod_failed" => "has lost pods",
        "job_failed" => "has failed",
        "node_unready" => "isn't ready",
        "claim_pending" => "waits for its volume",
        "no_ready_endpoints" => "has no ready pod behind it",
        "replicas_missing" => "lacks pods",
        "rollout_stuck" => "doesn't finish its rollout",
        "error_rate" => "answers with errors",
        "probe_failed" => "doesn't answer from outside",
        "stuck_terminating" => "can't be deleted",
        "schedule_missed" => "doesn't run when it is due",
        "drain_blocked" => "holds up a drain",
        "high_latency" => "answers slowly",
        "saturation" => "is at its limit",
        "not_scaling" => "doesn't scale",
        "calls_fail" => "doesn't reach what it calls",
        "certificate_invalid" => "is served with a bad certificate",
        "no_address" => "has no address",
        "pressure" => "is under pressure",
        "packet_loss" => "loses packets",
        _ => return None,
    })
}

/// `its containers stay up and its pods become ready`: how one sees that it is over.
pub(super) fn over(id: &str) -> Option<&'static str> {
    Some(match id {
        "crash_loop" | "container_failed" => "its container stays up without further restarts",
        "container_not_starting" => "its containers start and its pods become ready",
        "pending" => "its pods get a node",
        "not_ready" | "replicas_missing" | "pod_failed" => "all of its pods are ready",
        "job_failed" => "its next run completes",
        "node_unready" => "the node is Ready and its pods are, too",
        "claim_pending" => "its claim is Bound",
        "no_ready_endpoints" => "its Service has ready endpoints",
        "rollout_stuck" => "its rollout completes",
        "error_rate" => "its error rate is back where it was",
        "probe_failed" => "the probe from outside succeeds",
        "stuck_terminating" => "it is gone",
        "schedule_missed" => "its next run starts on time",
        "drain_blocked" => "the drain goes on",
        "high_latency" => "its latency is back where it was",
        "saturation" => "its use falls below its limit",
        "not_scaling" => "its autoscaler reports ScalingActive and AbleToScale",
        "calls_fail" => "its calls succeed",
        "certificate_invalid" => "the host is served with a valid certificate",
        "no_address" => "it has an address",
        _ => return None,
    })
}

/// The symptoms that weigh most, one of each kind on each workload, heaviest first.
pub(super) fn heaviest<'a>(case: Case<'a>, of: impl Fn(&SymptomReport) -> bool) -> Vec<&'a SymptomReport> {
    let mut seen: Vec<(ObjectRef, &str)> = Vec::new();
    let mut symptoms: Vec<&SymptomReport> = case.report.symptoms.iter().filter(|symptom| of(symptom)).collect();
    symptoms.sort_by(|a, b| weight(&b.id).total_cmp(&weight(&a.id)));
    symptoms.retain(|symptom| {
        let key = (case.snapshot.workload(&symptom.object), symptom.id.as_str());
        let is_new = !seen.contains(&key);
        if is_new {
            seen.push(key);
        }
        is_new
    });
    symptoms
}

/// The heaviest symptom of an object or of what belongs to it.
pub(super) fn of_object<'a>(case: Case<'a>, object: &ObjectRef, explained: &[String]) -> Option<&'a SymptomReport> {
    let belongs = |symptom: &SymptomReport| {
        explained.contains(&symptom.id) && (symptom.object == *object || case.snapshot.workload(&symptom.object) == *object)
    };
    heaviest(case, belongs).into_iter().next()
}

/// The numbers of the found facts that are these symptoms.
pub(super) fn facts(case: Case<'_>, symptoms: &[&SymptomReport]) -> Vec<String> {
    let facts = case.report.facts.iter().enumerate().filter(|(_, fact)| fact.state == State::Found);
    let is_one = |fact: &crate::domain::FactReport| {
        symptoms.iter().any(|symptom| symptom.id == fact.id && touches(case.snapshot, &fact.subject.object, &symptom.object))
    };
    facts.filter(|(_, fact)| is_one(fact)).map(|(index, _)| number(index)).take(6).collect()
}
