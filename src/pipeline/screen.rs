//! What each screen shows of a proposed change beside its plan, in words: the same for a terminal, a message and a web page.

use super::Look;
use crate::cluster::quantity::Quantity;
use crate::cluster::{Snapshot, json};
use crate::domain::{Action, Attempt, AttemptContext, Decision, ExecutionIntent, Params, Report, ResourceParams};
use crate::remedy::{command, gitops_owner, shown};
use serde_json::Value;

/// Puts it together from the analysis that proposes the change.
pub fn context(intent: &ExecutionIntent, report: &Report, snapshot: &Snapshot, decision: Option<Decision>) -> AttemptContext {
    let object = snapshot.get(&intent.object()).map(|object| &object.raw);
    let cause = report.causes.first();
    let verdict = report.verdict.as_str();
    let why = cause.map_or_else(|| report.summary.clone(), |cause| format!("{verdict} {}: {}", cause.id, cause.summary));
    let place = format!("{}/{} in {}", intent.resource_type, intent.resource_name, intent.namespace);
    let (title, change, undo) = words(intent, report, object, &place);
    AttemptContext {
        title,
        change,
        cause: cause.map(|cause| cause.id.clone()).unwrap_or_default(),
        cause_object: cause.map(|cause| cause.object.clone()),
        verdict: verdict.to_owned(),
        why,
        decision,
        checks: vec!["access ok".to_owned(), "dry run ok".to_owned()],
        unchecked: unchecked(intent, snapshot),
        command: shown(&command(intent, object)),
        undo,
    }
}

/// The same of an intent that takes this attempt back, after a fresh look.
pub fn undo_context(intent: &ExecutionIntent, applied: &Attempt, look: &Look) -> Value {
    let shown = context(intent, &look.report, &look.snapshot, None);
    let why = format!("takes {} back; now {}", applied.code, look.report.summary);
    serde_json::to_value(AttemptContext { title: format!("Undo: {}", shown.title), why, ..shown }).unwrap_or_default()
}

/// The action on one line, in two or three words, and how it is taken back.
fn words(intent: &ExecutionIntent, report: &Report, object: Option<&Value>, place: &str) -> (String, String, String) {
    let none = || "nothing takes it back".to_owned();
    match (intent.action, &intent.params) {
        (Action::RollbackDeployment, Params::Rollback { revision }) => {
            let now = report.change.as_ref().filter(|change| change.object == intent.object()).map(|change| change.to);
            let from = now.map(|now| format!(" from revision {now}")).unwrap_or_default();
            let back = now.map_or("back to the template before".to_owned(), |now| format!("back to {now}'s template"));
            (format!("Rollback {place}{from} to {revision}"), format!("rollback to {revision}"), back)
        }
        (Action::ScaleDeployment, Params::Scale { replicas }) => {
            let now = object.and_then(|object| json::int(object, "spec.replicas"));
            let from = now.map(|now| format!(" from {now}")).unwrap_or_default();
            let back = match now {
                // What stood at none isn't sent back there.
                Some(0) => none(),
                Some(now) => format!("back to {now}"),
                None => "back to the count before".to_owned(),
            };
            (format!("Scale {place}{from} to {replicas}"), format!("scale to {replicas}"), back)
        }
        (Action::SetResources, Params::Resources(params)) => {
            let amounts = amounts(params);
            (
                format!("Set {amounts} of container {} of {place}", params.container),
                amounts,
                "back to the values before".to_owned(),
            )
        }
        (Action::ResumeRollout, _) => {
            (format!("Resume the rollout of {place}"), "resume".to_owned(), "rollback to the revision before".to_owned())
        }
        (Action::EvictPod, _) => (format!("Evict {place}"), "evict".to_owned(), none()),
        (action, _) if action.is_restart() => (format!("Restart {place}"), "restart".to_owned(), none()),
        (action, _) => (format!("{action} {place}"), action.to_string(), none()),
    }
}

fn amounts(params: &ResourceParams) -> String {
    let all = [
        ("limits.memory", &params.memory_limit),
        ("requests.memory", &params.memory_request),
        ("limits.cpu", &params.cpu_limit),
        ("requests.cpu", &params.cpu_request),
    ];
    let all: Vec<String> = all.into_iter().filter_map(|(name, amount)| Some(format!("{name}={}", amount.as_ref()?))).collect();
    all.join(" ")
}

/// What a dry run doesn't look at, since it happens when the pods are made, with what the snapshot says about it.
fn unchecked(intent: &ExecutionIntent, snapshot: &Snapshot) -> Vec<String> {
    if !intent.action.is_write() {
        return Vec::new();
    }
    let quotas = snapshot.in_namespace("ResourceQuota", &intent.namespace).iter();
    let pods = quotas.filter_map(|quota| {
        let count = |list: &str| {
            let values = json::at(&quota.raw, list);
            let value = ["pods", "count/pods"].into_iter().map(|key| json::key(values, key)).find(|value| !value.is_null());
            Quantity::read(value?).map(Quantity::canonical)
        };
        Some(format!("pod quota ({} of {} used)", count("status.used")?, count("status.hard")?))
    });
    let owner = snapshot.get(&intent.object()).and_then(|object| gitops_owner(&object.raw));
    let owner = owner.filter(|_| !intent.action.is_restart() && intent.action != Action::EvictPod);
    let set_back = owner.map(|owner| format!("{owner}, which owns it and may set it back"));
    pods.chain(["scheduling of its pods".to_owned()]).chain(set_back).collect()
}
