//! The context fact `recent_deploy`: whether something was deployed shortly before the trouble began. A circumstance, neither
//! a symptom nor a cause: whether the deployment is to blame is the rules' to say.

use super::change;
use super::context::Context;
use super::workload_symptoms::selected;
use crate::cluster::{Deploy, Object};
use crate::domain::{DEPLOYS, Evidence, EvidenceSource, ObjectRef, State};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The id of the fact.
pub const ID: &str = "recent_deploy";
/// A deployment that went before the trouble by more than this is not recent.
const RECENT: SignedDuration = SignedDuration::from_mins(60);
/// What a CI server's word for the end of a build contains when the build deployed nothing.
const NOT_DEPLOYED: [&str; 4] = ["fail", "error", "cancel", "abort"];

/// What is known of deployments before the trouble.
#[derive(Debug)]
pub struct RecentDeploy {
    /// Found, absent or unknown.
    pub state: State,
    /// Which it was, or why there was none, or why that can't be said.
    pub why: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// Whether an object's workload was deployed shortly before `onset`, or since. `None` for objects that nobody deploys.
pub fn of(cx: &Context<'_>, object: &ObjectRef, onset: Option<Timestamp>) -> Option<RecentDeploy> {
    let workload = workload(cx, object)?;
    let from = onset.unwrap_or(cx.snap.now).checked_sub(RECENT).unwrap_or(Timestamp::MIN);
    let by_history = history(cx, &workload, from);
    let by_build = builds(cx, &workload, from);
    let answers = [by_history, by_build];
    // Either source shows a deployment; of those that show none, the history is nearer to what runs.
    let found = answers.iter().position(|answer| answer.state == State::Found);
    let index = found.or_else(|| answers.iter().position(|answer| answer.state == State::Absent));
    let [by_history, by_build] = answers;
    Some(match index {
        Some(0) => by_history,
        Some(_) => by_build,
        None => {
            RecentDeploy { state: State::Unknown, why: format!("{}; {}", by_history.why, by_build.why), evidence: Vec::new() }
        }
    })
}

fn workload(cx: &Context<'_>, object: &ObjectRef) -> Option<ObjectRef> {
    match object.kind.as_str() {
        "Service" => selected(cx, cx.snap.get(object)?).first().map(|pod| cx.workload(&pod.id)),
        "Pod" | "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => Some(cx.workload(object)),
        _ => None,
    }
}

/// By the revisions in the cluster. A bare pod is its own revision.
fn history(cx: &Context<'_>, workload: &ObjectRef, from: Timestamp) -> RecentDeploy {
    let unknown = |why: String| RecentDeploy { state: State::Unknown, why, evidence: Vec::new() };
    let revisions = change::revisions(cx, workload);
    let newest = match (workload.kind.as_str(), revisions.last()) {
        ("Pod", _) => cx.snap.get(workload),
        (_, newest) => newest.map(|(_, revision)| *revision),
    };
    let Some(newest) = newest else { return unknown("the history of its revisions was not read".to_owned()) };
    let change = change::latest(cx, workload);
    let restarted = revisions.len() > 1 && change.is_none();
    let at = match &change {
        Some(change) => change.at,
        None => newest.created(),
    };
    let evidence = vec![cx.value(&newest.id, "metadata.creationTimestamp", newest.at("metadata.creationTimestamp").clone(), at)];
    let name = change.as_ref().map_or_else(|| newest.id.to_string(), |change| format!("revision {}", change.to));
    match at {
        Some(at) if at >= from && !restarted => {
            RecentDeploy { state: State::Found, why: format!("{name} was rolled out at {at}"), evidence }
        }
        Some(_) if restarted => {
            RecentDeploy { state: State::Absent, why: "the newest revision only restarted the pods".to_owned(), evidence }
        }
        // A list that is not complete may lack the newest revision.
        Some(at) => match cx.snap.looked_for(&newest.id.kind, workload.ns()) {
            Ok(()) => RecentDeploy { state: State::Absent, why: format!("the newest, {name}, is from {at}"), evidence },
            Err(why) => unknown(format!("its revisions were read in part: {why}")),
        },
        None => unknown(format!("when {name} was rolled out is not known")),
    }
}

fn builds(cx: &Context<'_>, workload: &ObjectRef, from: Timestamp) -> RecentDeploy {
    let newest = deploys(cx, workload).filter(|deploy| ended(deploy).is_some_and(|at| at >= from && at <= cx.snap.now)).last();
    if let Some(deploy) = newest {
        return RecentDeploy { state: State::Found, why: told(deploy), evidence: vec![evidence(workload, deploy)] };
    }
    match cx.snap.sources.get(DEPLOYS) {
        Some(state) if state.why().is_none() => {
            RecentDeploy { state: State::Absent, why: "the CI server knows of none".to_owned(), evidence: Vec::new() }
        }
        Some(state) => RecentDeploy { state: State::Unknown, why: format!("deploys: {state}"), evidence: Vec::new() },
        None => RecentDeploy { state: State::Unknown, why: "no CI server was asked".to_owned(), evidence: Vec::new() },
    }
}

/// The builds that deployed a workload, oldest first: those of its own name, or of the name of a Service that selects it.
pub fn deploys<'a>(cx: &Context<'a>, workload: &ObjectRef) -> impl Iterator<Item = &'a Deploy> {
    let services: Vec<&Object> = match cx.snap.deploys.is_empty() {
        true => Vec::new(),
        false => cx.snap.in_namespace("Service", workload.ns()).iter().collect(),
    };
    let selects = |service: &Object| selected(cx, service).iter().any(|pod| cx.workload(&pod.id) == *workload);
    let names: Vec<&str> =
        services.into_iter().filter(|service| selects(service)).map(|service| service.id.name.as_str()).collect();
    let workload = workload.clone();
    cx.snap.deploys.iter().filter(move |deploy| {
        let here = deploy.namespace.is_empty() || deploy.namespace == workload.ns();
        let status = deploy.status.to_lowercase();
        let named = deploy.service == workload.name || names.contains(&deploy.service.as_str());
        here && named && !NOT_DEPLOYED.iter().any(|word| status.contains(word))
    })
}

/// When a build ended, or began where its end isn't known.
pub fn ended(deploy: &Deploy) -> Option<Timestamp> {
    deploy.finished_at.or(deploy.started_at)
}

fn told(deploy: &Deploy) -> String {
    let at = ended(deploy).map_or(String::new(), |at| format!(" at {at}"));
    format!("build {} of {} ended{at}", deploy.number, deploy.service)
}

/// A build as evidence.
pub fn evidence(workload: &ObjectRef, deploy: &Deploy) -> Evidence {
    let value = json!({"number": deploy.number, "status": deploy.status, "sha": deploy.sha, "triggeredBy": deploy.triggered_by});
    Evidence {
        source: EvidenceSource::Deploy,
        object: workload.clone(),
        container: None,
        path: deploy.build_type.clone(),
        line: None,
        value,
        at: ended(deploy),
        count: None,
    }
}
