//! Context for causes: whether a workload was rolled out shortly before its trouble began, by the revisions in the cluster or
//! by what a CI server deployed. It proves nothing by itself, and is stated whatever the cause.

use super::change;
use super::context::Context;
use super::workload_symptoms::selected;
use crate::cluster::Object;
use crate::domain::{DEPLOYS, Deploy, Evidence, EvidenceSource, FactReport, ObjectRef, State, Subject};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The public id.
const RECENT_DEPLOY: &str = "recent_deploy";
/// How long before the trouble a rollout counts as recent.
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// Clocks of nodes and of the API server may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// What a CI server's word for the end of a build contains when the build deployed nothing.
const NOT_DEPLOYED: [&str; 4] = ["fail", "error", "cancel", "abort"];

/// The fact about an object, and what it rests on; `None` for what isn't rolled out (a bare pod, a node). `onset` is when the
/// trouble began, or now.
pub fn recent(cx: &Context<'_>, object: &ObjectRef, onset: Timestamp) -> Option<(FactReport, Option<Evidence>)> {
    let workload = cx.workload(object);
    let revision_kind = match workload.kind.as_str() {
        "Deployment" => "ReplicaSet",
        "StatefulSet" | "DaemonSet" => "ControllerRevision",
        _ => return None,
    };
    let rollouts = change::rollouts(cx, &workload);
    let before = |at: Timestamp| onset.duration_since(at);
    let last = rollouts.iter().filter(|(_, _, at)| before(*at) >= -SKEW).max_by_key(|(number, _, at)| (*at, *number));
    let (state, reason) = match last {
        Some((number, _, at)) if before(*at) <= RECENT => {
            let minutes = before(*at).as_mins().max(0);
            (State::Found, format!("revision {number} was rolled out {minutes} min before"))
        }
        Some((number, _, at)) => (State::Absent, format!("the last rollout before, revision {number}, was at {at}")),
        None => {
            let unread = cx.snap.looked_for(revision_kind, workload.ns()).err();
            (State::Unknown, unread.unwrap_or_else(|| "no revision of it was read".to_owned()))
        }
    };
    let created = |revision: &Object, at| {
        let value = revision.at("metadata.creationTimestamp").clone();
        cx.value(&revision.id, "metadata.creationTimestamp", value, Some(at))
    };
    let mut evidence = last.map(|(_, revision, at)| created(revision, *at));
    let (mut state, mut reason) = (state, reason);
    if state != State::Found {
        // The revisions are nearer to what runs; a build may be known where they aren't, or may have changed something else.
        let recent = |deploy: &&Deploy| ended(deploy).is_some_and(|at| before(at) >= -SKEW && before(at) <= RECENT);
        let build = builds(cx, &workload).filter(recent).last();
        let asked = cx.snap.sources.get(DEPLOYS);
        match build {
            Some(build) => {
                let minutes = ended(build).map_or(0, |at| before(at).as_mins().max(0));
                (state, reason) = (State::Found, format!("build {} ended {minutes} min before", build.number));
                evidence = Some(build_evidence(&workload, build));
            }
            None if state == State::Unknown && asked.is_some_and(|asked| asked.why().is_none()) => {
                (state, reason) = (State::Absent, "the CI server knows of none".to_owned());
            }
            None if state == State::Unknown => {
                let why = asked.map_or_else(|| "no CI server was asked".to_owned(), |asked| format!("deploys: {asked}"));
                reason = format!("{reason}; {why}");
            }
            None => {}
        }
    }
    let confidence = (state != State::Unknown).then_some(1.0);
    let subject = Subject::from(object.clone());
    let id = RECENT_DEPLOY.to_owned();
    Some((FactReport { id, subject, state, confidence, reason: Some(reason), evidence: Vec::new() }, evidence))
}

/// The builds that deployed a workload, oldest first: those of its own name, or of the name of a Service that selects it.
pub fn builds<'a>(cx: &Context<'a>, workload: &ObjectRef) -> impl Iterator<Item = &'a Deploy> + use<'a> {
    let known = !cx.snap.deploys.is_empty();
    let services = cx.snap.in_namespace("Service", workload.ns()).iter().filter(|_| known);
    let selects = |service: &&Object| selected(cx, service).iter().any(|pod| cx.workload(&pod.id) == *workload);
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
