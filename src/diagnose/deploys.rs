//! Context for causes: whether a workload was rolled out shortly before its trouble began, by the revisions in the cluster or
//! by what a CI server deployed. It proves nothing by itself, and is stated whatever the cause.

mod events;
mod gitops;
mod score;
mod shifts;
mod suspects;
#[cfg(test)]
mod tests;

pub use suspects::suspects;

use super::context::Context;
use super::workload_symptoms::selected;
use crate::domain::{DEPLOYS, Deploy, Evidence, EvidenceSource, FactReport, ObjectRef, State, Subject};
use events::DeployEvent;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The public id.
const RECENT_DEPLOY: &str = "recent_deploy";
/// How long before the trouble a rollout counts as recent.
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// What a CI server's word for the end of a build contains when the build deployed nothing.
const NOT_DEPLOYED: [&str; 4] = ["fail", "error", "cancel", "abort"];

/// The fact about an object, and what it rests on; `None` for what isn't rolled out (a bare pod, a node). `onset` is when the
/// trouble began, or now: what came after it doesn't count.
pub fn recent(cx: &Context<'_>, object: &ObjectRef, onset: Timestamp) -> Option<(FactReport, Option<Evidence>)> {
    let workload = cx.workload(object);
    let revision_kind = match workload.kind.as_str() {
        "Deployment" => "ReplicaSet",
        "StatefulSet" | "DaemonSet" => "ControllerRevision",
        _ => return None,
    };
    let known = events::events(cx, &workload);
    let before: Vec<_> = known.iter().filter(|event| event.at <= onset).collect();
    let is_recent = |event: &&&DeployEvent<'_>| onset.duration_since(event.at) <= RECENT;
    // A rollout is nearer to what runs than a build or a sync, which may have changed something else.
    let rollout = before.iter().filter(is_recent).rfind(|event| event.revision.is_some());
    let found = rollout.or_else(|| before.iter().rfind(|event| is_recent(event)));
    let last = before.iter().rfind(|event| event.revision.is_some());
    let (state, reason) = match (found, last) {
        (Some(event), _) => {
            let minutes = onset.duration_since(event.at).as_mins();
            let what = match (event.revision, event.build, &event.sync) {
                (Some((number, _)), ..) => format!("revision {number} was rolled out"),
                (None, Some(build), _) => format!("build {} ended", build.number),
                (None, None, sync) => sync.clone().unwrap_or_default(),
            };
            (State::Found, format!("{what} {minutes} min before"))
        }
        (None, Some(event)) => {
            let number = event.revision.map_or(0, |(number, _)| number);
            (State::Absent, format!("the last rollout before, revision {number}, was at {}", event.at))
        }
        (None, None) if known.iter().any(|event| event.revision.is_some()) => {
            (State::Absent, "no rollout before it is known".to_owned())
        }
        (None, None) => unseen(cx, &workload, revision_kind),
    };
    let evidence = found.or(last).and_then(|event| events::evidence(cx, &workload, event));
    let confidence = (state != State::Unknown).then_some(1.0);
    let subject = Subject::from(object.clone());
    let id = RECENT_DEPLOY.to_owned();
    Some((FactReport { id, subject, state, confidence, reason: Some(reason), evidence: Vec::new() }, evidence))
}

/// Of a workload of which no deploy is known: whether somebody who would know was asked.
fn unseen(cx: &Context<'_>, workload: &ObjectRef, revision_kind: &str) -> (State, String) {
    let asked = cx.snap.sources.get(DEPLOYS);
    if cx.snap.get(workload).and_then(|workload| gitops::syncs(cx, workload)).is_some_and(|syncs| !syncs.is_empty()) {
        return (State::Absent, "its GitOps controller remembers none before".to_owned());
    }
    if asked.is_some_and(|asked| asked.why().is_none()) {
        return (State::Absent, "the CI server knows of none".to_owned());
    }
    let unread = cx.snap.looked_for(revision_kind, workload.ns()).err();
    let unread = unread.unwrap_or_else(|| "no revision of it was read".to_owned());
    let why = asked.map_or_else(|| "no CI server was asked".to_owned(), |asked| format!("deploys: {asked}"));
    (State::Unknown, format!("{unread}; {why}"))
}

/// The builds that deployed a workload, oldest first: those of its own name, or of the name of a Service that selects it.
pub fn builds<'a>(cx: &Context<'a>, workload: &ObjectRef) -> impl Iterator<Item = &'a Deploy> + use<'a> {
    let known = !cx.snap.deploys.is_empty();
    let services = cx.snap.in_namespace("Service", workload.ns()).iter().filter(|_| known);
    let selects = |service: &&crate::cluster::Object| selected(cx, service).iter().any(|pod| cx.workload(&pod.id) == *workload);
    let names: Vec<&str> = services.filter(selects).map(|service| service.id.name.as_str()).collect();
    let workload = workload.clone();
    cx.snap.deploys.iter().filter(move |deploy| {
        let here = deploy.namespace.is_empty() || deploy.namespace == workload.ns();
        let named = deploy.service == workload.name || names.contains(&deploy.service.as_str());
        let status = deploy.status.to_lowercase();
        here && named && !NOT_DEPLOYED.iter().any(|word| status.contains(word))
    })
}

/// When a build ended, or began where its end isn't known.
pub fn ended(deploy: &Deploy) -> Option<Timestamp> {
    deploy.finished_at.or(deploy.started_at)
}

/// A build as evidence.
pub fn build_evidence(workload: &ObjectRef, deploy: &Deploy) -> Evidence {
    Evidence {
        source: EvidenceSource::Deploy,
        object: workload.clone(),
        container: None,
        path: deploy.build_type.clone(),
        line: None,
        value: json!({"number": deploy.number, "status": deploy.status, "sha": deploy.sha, "triggeredBy": deploy.triggered_by}),
        at: ended(deploy),
        count: None,
    }
}
