//! Workloads on their way: pods that are young, start without an error, and belong to a rollout or a scale-up that gets on. What
//! is only starting is neither a fault nor the sign of one.

use super::EXPECTED_ALERT;
use crate::cluster::pod::{self, Container};
use crate::cluster::{Event, Object, json, workload};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::condition_evidence;
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// A pod younger than this may still be pulling its image and warming up, while others of its workload serve.
const STARTING: SignedDuration = SignedDuration::from_mins(5);
/// The same where none of the workload's pods is ready: then nobody is served until it starts.
const STARTING_ALONE: SignedDuration = SignedDuration::from_mins(2);
/// A process that needs longer than this before it answers its readiness probe is worth a look.
const WARMING_UP: SignedDuration = SignedDuration::from_secs(90);
/// The scheduler looks at a pod at once; one without a node for longer than this is waiting.
const UNSCHEDULED: SignedDuration = SignedDuration::from_secs(30);
/// The symptoms that a start brings by itself. Any other says that more is wrong.
const OF_A_START: &[&str] = &["replicas_missing", "not_ready", "container_not_starting", "pending", "alert_firing"];

/// States of each workload whose symptoms are only those of a start that it is starting.
pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut symptoms: BTreeMap<ObjectRef, BTreeSet<&'static str>> = BTreeMap::new();
    for symptom in &out.symptoms {
        symptoms.entry(cx.workload(&symptom.subject.object)).or_default().insert(symptom.symptom.id);
    }
    for (workload, seen) in symptoms {
        if seen.iter().all(|id| OF_A_START.contains(id))
            && let Some(starting) = starting(cx, &workload)
        {
            state(cx, &workload, &starting, out);
        }
    }
}

/// The pods of a workload that are not ready, if all of them are only starting; `None` when there are none or one isn't.
pub(in crate::diagnose::rules) fn starting<'a>(cx: &Context<'a>, workload: &ObjectRef) -> Option<Vec<&'a Object>> {
    let live = cx.snap.pods_of(workload).into_iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod));
    let (ready, unready): (Vec<&Object>, Vec<&Object>) = live.partition(|pod| pod::is_ready(pod));
    let limit = if ready.is_empty() { STARTING_ALONE } else { STARTING };
    let object = cx.snap.get(workload);
    let held = object
        .is_some_and(|object| object.flag("spec.paused") || json::text(object.condition("Progressing"), "status") == "False");
    (!held && !unready.is_empty() && unready.iter().all(|pod| is_starting(cx, pod, limit))).then_some(unready)
}

fn is_starting(cx: &Context<'_>, pod: &Object, limit: SignedDuration) -> bool {
    let Some(age) = pod.created().map(|created| cx.snap.age(created)) else { return false };
    if age >= limit || pod.partial().is_some() {
        return false;
    }
    if pod.text("spec.nodeName").is_empty() {
        return age < UNSCHEDULED && json::text(pod.condition("PodScheduled"), "reason") != "Unschedulable";
    }
    let well = |container: &Container<'_>| {
        let waiting = container.waiting().map_or("", |(reason, _)| reason);
        let failed = container.termination().is_some_and(|end| end.failed());
        matches!(waiting, "" | "ContainerCreating" | "PodInitializing") && !failed && container.restarts() == 0
    };
    // A probe that is asked before the process listens fails: a startup probe is there for that, another may for a while.
    let expected = |event: &Event| {
        let startup = event.message.starts_with("Startup probe");
        let readiness = event.message.starts_with("Readiness probe");
        let lately = event.first.is_some_and(|first| cx.snap.age(first) <= WARMING_UP);
        event.reason == "Unhealthy" && (startup || readiness && lately)
    };
    let warned = cx.snap.events(&pod.id).iter().any(|event| event.warning && !expected(event));
    !warned && pod::containers(pod).iter().all(well)
}

fn state(cx: &Context<'_>, id: &ObjectRef, starting: &[&Object], out: &mut Findings) {
    let oldest = starting.iter().filter_map(|pod| pod.created()).min();
    let age = oldest.map_or(0, |oldest| cx.snap.age(oldest).as_secs());
    let object = cx.snap.get(id);
    let numbers = object.and_then(|object| {
        let replicas = workload::replicas(object)?;
        Some(match replicas.updated < replicas.desired || replicas.existing > replicas.desired {
            true => format!(
                "a rollout is on its way: {} of {} pods are of the new revision, {} are ready",
                replicas.updated, replicas.desired, replicas.ready
            ),
            false => format!("{} of {} pods are ready", replicas.ready, replicas.desired),
        })
    });
    let numbers = numbers.map_or(String::new(), |numbers| format!("{numbers}; "));
    let what = match starting.len() {
        1 => "1 pod is starting".to_owned(),
        n => format!("{n} pods are starting"),
    };
    let progressing = object.filter(|object| !object.condition("Progressing").is_null());
    let evidence: Vec<Evidence> = progressing
        .map(|object| condition_evidence(cx, object, "Progressing"))
        .into_iter()
        .chain(starting.iter().take(3).map(|pod| cx.field(pod, "metadata.creationTimestamp")))
        .collect();
    out.found(&EXPECTED_ALERT, id.clone(), Proof::Computed)
        .since(oldest)
        .evidence(evidence)
        .also(starting.iter().map(|pod| pod.id.clone().into()))
        .says(format!("{numbers}{what}, for {age} s, without an error so far"));
}
