//! The conditions that look at pods: which fail, and which have been well for how long.

use super::{Case, Condition};
use crate::cluster::{Object, json, pod, selector};
use crate::domain::{Action, ObjectRef, Params};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The pods beside the one that is evicted have to be Ready for this long.
const REST_IS_WELL: SignedDuration = SignedDuration::from_mins(10);
/// The other end has to be back for this long.
const BACK: SignedDuration = SignedDuration::from_mins(5);

fn live_pods<'a>(case: &Case<'a>, workload: &ObjectRef) -> Vec<&'a Object> {
    let pods = case.snapshot.pods_of(workload).into_iter();
    pods.filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod)).collect()
}

/// How long a pod has been Ready.
fn ready_for(case: &Case<'_>, pod: &Object) -> Option<SignedDuration> {
    pod::ready_since(pod).map(|since| case.snapshot.age(since))
}

fn evict(case: &Case<'_>, pod: &Object, reason: String) -> Condition {
    case.found(Action::EvictPod, &pod.id, Params::None, reason)
}

/// One pod fails, and the rest have been Ready for ten minutes.
pub(super) fn one_fails(case: &Case<'_>) -> Condition {
    let (well, failing): (Vec<&Object>, Vec<&Object>) =
        live_pods(case, case.workload).into_iter().partition(|pod| pod::is_ready(pod));
    let rest_is_well = !well.is_empty() && well.iter().all(|pod| ready_for(case, pod) >= Some(REST_IS_WELL));
    match failing.as_slice() {
        [pod] if rest_is_well => {
            evict(case, pod, format!("it alone fails; {} others have been Ready for 10 minutes", well.len()))
        }
        _ => Condition::Absent,
    }
}

/// Pods fail on one node, and are Ready on another.
pub(super) fn one_node_fails(case: &Case<'_>) -> Condition {
    let (well, failing): (Vec<&Object>, Vec<&Object>) =
        live_pods(case, case.workload).into_iter().partition(|pod| pod::is_ready(pod));
    let nodes = |pods: &[&Object]| {
        pods.iter().map(|pod| pod.text("spec.nodeName").to_owned()).filter(|node| !node.is_empty()).collect::<BTreeSet<_>>()
    };
    let (bad, good) = (nodes(&failing), nodes(&well));
    match (failing.first(), bad.first()) {
        (Some(pod), Some(node)) if bad.len() == 1 && !good.is_empty() && !good.contains(node) => {
            evict(case, pod, format!("pods fail on node {node} alone"))
        }
        _ => Condition::Absent,
    }
}

fn restart(case: &Case<'_>, reason: String) -> Condition {
    let action = match case.workload.kind.as_str() {
        "Deployment" => Action::RestartDeployment,
        "StatefulSet" => Action::RestartStatefulSet,
        "DaemonSet" => Action::RestartDaemonSet,
        _ => return Condition::Absent,
    };
    case.found(action, case.workload, Params::None, reason)
}

/// The other end has been Ready for five minutes, and somebody else who needs it is well.
pub(super) fn other_end_is_back(case: &Case<'_>) -> Condition {
    let cited = case.report.evidence.iter().filter(|evidence| case.cause.evidence.contains(&evidence.id));
    let others =
        cited.map(|evidence| &evidence.evidence.object).filter(|object| case.snapshot.workload(object) != *case.workload);
    let ends: BTreeSet<&ObjectRef> = others.filter(|object| object.kind == "Service").collect();
    let Some(end) = ends.first().filter(|_| ends.len() == 1) else {
        return Condition::Unknown("the other end is not in the cluster, or not known");
    };
    let Some(service) = case.snapshot.get(end) else { return Condition::Unknown("the other end was not read") };
    let wanted = service.at("spec.selector");
    let pods = case.snapshot.in_namespace("Pod", end.ns()).iter();
    let pods: Vec<&Object> =
        pods.filter(|pod| selector::matches_map(wanted, pod.at("metadata.labels")) && pod.deleted().is_none()).collect();
    let back = pods.iter().filter_map(|pod| pod::ready_since(pod)).filter(|since| case.snapshot.age(*since) >= BACK).min();
    let all_are_back = pods.iter().all(|pod| ready_for(case, pod) >= Some(BACK));
    let Some(back) = back.filter(|_| all_are_back) else { return Condition::Absent };
    match reached_by(case, end, back) {
        Some(other) => restart(case, format!("{end} is Ready since {back}, and {other} reaches it")),
        None => Condition::Unknown("nobody else is seen to reach the other end"),
    }
}

/// Somebody else who needs that end and is well: another pod of the workload that is Ready since, or another caller whose pods
/// all are.
fn reached_by(case: &Case<'_>, end: &ObjectRef, back: Timestamp) -> Option<ObjectRef> {
    let own = live_pods(case, case.workload);
    if let Some(sibling) = own.iter().find(|pod| pod::is_ready(pod)) {
        return Some(sibling.id.clone());
    }
    let snapshot = case.snapshot;
    let to_end = |to: &crate::cluster::ServiceName| to.name == end.name && (to.namespace.is_empty() || to.namespace == end.ns());
    let callers =
        snapshot.dependencies.iter().filter(|edge| to_end(&edge.to) && edge.from.name != case.workload.name).map(|edge| {
            let namespace = if edge.from.namespace.is_empty() { end.ns() } else { &edge.from.namespace };
            ["Deployment", "StatefulSet"].map(|kind| ObjectRef::new(kind, namespace, &edge.from.name))
        });
    let is_well = |caller: &ObjectRef| {
        let pods = live_pods(case, caller);
        !pods.is_empty() && pods.iter().all(|pod| pod::is_ready(pod)) && snapshot.age(back) >= BACK
    };
    callers.flatten().find(is_well)
}

/// A Secret that the pods use changed after they started.
pub(super) fn secret_is_newer(case: &Case<'_>) -> Condition {
    let Some(object) = case.snapshot.get(case.workload) else { return Condition::Unknown("the workload was not read") };
    if let Err(_why) = case.snapshot.looked_for("Secret", case.workload.ns()) {
        return Condition::Unknown("Secrets were not read");
    }
    let references = crate::cluster::references::references(object.at("spec.template.spec"), "");
    let secrets = references
        .iter()
        .filter(|reference| reference.kind == "Secret" && reference.via != crate::cluster::references::Via::PullSecret);
    let secrets = secrets.filter_map(|reference| case.snapshot.find("Secret", case.workload.ns(), &reference.name));
    let pods = live_pods(case, case.workload);
    let Some(started) = pods.iter().filter_map(|pod| process_started(pod)).max() else { return Condition::Absent };
    let newer = secrets.filter_map(|secret| Some((changed(secret)?, secret))).find(|(at, _)| *at > started);
    match newer {
        Some((at, secret)) => restart(case, format!("{} changed at {at}, after the pods started", secret.id)),
        None => Condition::Absent,
    }
}

/// When a pod was made: variables are set then, and stay over restarts of its containers only where the pod is the same.
fn process_started(pod: &Object) -> Option<Timestamp> {
    let running = pod::containers(pod).into_iter().filter_map(|container| container.running_since());
    running.chain(pod.created()).max()
}

/// When an object last changed: the latest of its managers' times, else its creation.
fn changed(object: &Object) -> Option<Timestamp> {
    let times = object.list("metadata.managedFields").iter().filter_map(|entry| json::time(entry, "time"));
    times.chain(object.created()).max()
}

/// Two replicas or more serve, so that one restarts after the other.
pub(super) fn others_serve(case: &Case<'_>) -> Condition {
    let ready = live_pods(case, case.workload).iter().filter(|pod| pod::is_ready(pod)).count();
    if ready < 2 {
        return Condition::Absent;
    }
    restart(case, format!("it buys time: {ready} replicas are Ready and restart one after the other"))
}
