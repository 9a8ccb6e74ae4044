//! Which deploy did it: each one near the onset with its score, most suspect first.

use super::events::{self, DeployEvent};
use super::score::{self, Pods};
use super::shifts::{self, Family};
use crate::cluster::{Object, json};
use crate::diagnose::change;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::rules::is_starting;
use crate::domain::{DeployRating, DeployReport, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long before the onset a deploy is looked at.
const REACH: SignedDuration = SignedDuration::from_hours(2);
/// A pod that came so much later than its rollout began isn't the first: that one is gone.
const FIRST_POD: SignedDuration = SignedDuration::from_mins(10);
/// The most deploys that a report lists.
const MOST: usize = 10;
/// The symptoms of a pod that is bad.
const BAD: &[&str] = &["container_failed", "container_not_starting", "crash_loop", "not_ready", "pod_failed"];
/// Those that each start brings by itself.
const OF_A_START: &[&str] = &["container_not_starting", "not_ready"];

/// The deploys of these workloads from two hours before the onset until now.
pub fn suspects(cx: &Context<'_>, findings: &Findings, workloads: &BTreeSet<ObjectRef>, onset: Timestamp) -> Vec<DeployReport> {
    let mut out: Vec<DeployReport> = Vec::new();
    for workload in workloads {
        let bad = bad_pods(cx, findings, workload);
        let near = |event: &&DeployEvent<'_>| onset.duration_since(event.at) <= REACH && event.at <= cx.snap.now;
        let events = events::events(cx, workload);
        out.extend(events.iter().filter(near).map(|event| judged(cx, workload, event, &bad, onset)));
    }
    out.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| (b.at, &a.object, a.revision).cmp(&(a.at, &b.object, b.revision)))
    });
    // What was brought out in many namespaces at once is one event.
    let mut seen: BTreeSet<(String, Vec<String>, Timestamp)> = BTreeSet::new();
    out.retain(|deploy| {
        deploy.namespaces.is_empty() || seen.insert((deploy.object.name.clone(), deploy.namespaces.clone(), deploy.at))
    });
    out.truncate(MOST);
    out
}

fn judged(
    cx: &Context<'_>,
    workload: &ObjectRef,
    event: &DeployEvent<'_>,
    bad: &BTreeSet<ObjectRef>,
    onset: Timestamp,
) -> DeployReport {
    let pods = cx.snap.pods_of(workload);
    let (new, old): (Vec<&Object>, Vec<&Object>) =
        pods.into_iter().partition(|pod| event.revision.is_some_and(|(_, revision)| change::is_of(pod, revision)));
    let first = new.iter().filter_map(|pod| pod.created()).filter(|at| at.duration_since(event.at) <= FIRST_POD).min();
    let minutes = onset.duration_since(first.unwrap_or(event.at).max(event.at)).as_secs_f64() / 60.0;
    let share = |pods: &[&Object]| {
        let count = pods.iter().filter(|pod| bad.contains(&pod.id)).count();
        (!pods.is_empty()).then(|| count as f64 / pods.len() as f64)
    };
    let shares = (share(&new).filter(|share| *share > 0.0), share(&old));
    let only_new_pods = match shares {
        (Some(_), Some(old)) => Some(old == 0.0),
        _ => None,
    };
    let placed = match shares {
        (Some(new), Some(old)) if old >= new => Pods::OldAsWell,
        (Some(_), Some(0.0)) => Pods::OnlyNew,
        _ if is_failed(cx, workload, event) => Pods::OnlyNew,
        _ => Pods::Unclear,
    };
    let mut measured = shifts::measure(cx, workload, event.at, onset);
    if shares.0.is_some() {
        measured.families.insert(Family::Stability, 1.0);
    }
    let score = score::score(minutes, score::together(measured.families.into_values()), placed);
    let namespaces = events::at_once(cx, workload, event);
    let what = event.what(workload);
    let many = namespaces.len();
    DeployReport {
        object: workload.clone(),
        what: if many > 0 { format!("{what}, in {many} namespaces at once") } else { what },
        revision: event.revision.map(|(number, _)| number),
        build: event.build.map(|build| build.number.clone()),
        at: event.at,
        minutes_before: minutes.round() as i64,
        score,
        rating: DeployRating::of(score),
        shifts: measured.shifts,
        only_new_pods,
        sources: event.sources.clone(),
        namespaces,
    }
}

/// The pods of a workload that are bad; those that only start are not.
fn bad_pods(cx: &Context<'_>, findings: &Findings, workload: &ObjectRef) -> BTreeSet<ObjectRef> {
    let starts = is_starting(cx, workload);
    findings
        .symptoms
        .iter()
        .filter(|symptom| BAD.contains(&symptom.symptom.id) && !(starts && OF_A_START.contains(&symptom.symptom.id)))
        .map(|symptom| &symptom.subject.object)
        .filter(|object| object.kind == "Pod" && cx.workload(object) == *workload)
        .cloned()
        .collect()
}

/// Whether the rollout of the newest revision has failed: the Deployment controller says so
/// (`ProgressDeadlineExceeded`, `pkg/controller/deployment/util/deployment_util.go`).
fn is_failed(cx: &Context<'_>, workload: &ObjectRef, event: &DeployEvent<'_>) -> bool {
    let newest = change::revisions(cx, workload).pop().map(|(number, _)| number);
    let is_newest = event.revision.is_some_and(|(number, _)| Some(number) == newest);
    let progressing = cx.snap.get(workload).map(|object| object.condition("Progressing"));
    is_newest && progressing.is_some_and(|condition| json::text(condition, "reason") == "ProgressDeadlineExceeded")
}
