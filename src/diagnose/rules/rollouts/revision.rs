//! Faults that began with a revision: the trouble starts within minutes after it, and only where it runs.

use super::{BAD_ROLLOUT, field};
use crate::cluster::{Object, pod};
use crate::diagnose::change::{self, SKEW, SOON};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::deploys;
use crate::diagnose::findings::{Findings, SymptomFinding};
use crate::diagnose::rules::not_a_fault::converging;
use crate::domain::{Change, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The symptoms that a revision may bring, and that say when it began.
const TELLING: &[&str] = &[
    "crash_loop",
    "container_failed",
    "container_not_starting",
    "not_ready",
    "pod_failed",
    "rollout_stuck",
    "error_rate",
    "high_latency",
    "saturation",
];

/// Those that every start brings by itself.
const OF_A_START: &[&str] = &["container_not_starting", "not_ready"];

/// The telling symptoms of one workload.
struct Trouble {
    /// When the first began, and what it is.
    onset: Timestamp,
    first: String,
    pods: BTreeSet<ObjectRef>,
    evidence: Vec<crate::domain::Evidence>,
}

pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut troubles: BTreeMap<ObjectRef, Trouble> = BTreeMap::new();
    let mut is_starting: BTreeMap<ObjectRef, bool> = BTreeMap::new();
    for symptom in out.symptoms.iter().filter(|symptom| TELLING.contains(&symptom.symptom.id)) {
        let workload = cx.workload(&symptom.subject.object);
        // Pods that are only starting are no trouble yet.
        if OF_A_START.contains(&symptom.symptom.id) {
            let starting = is_starting.entry(workload.clone()).or_insert_with(|| converging::starting(cx, &workload).is_some());
            if *starting {
                continue;
            }
        }
        if matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
            && let Some(since) = symptom.since
        {
            add(&mut troubles, workload, symptom, since);
        }
    }
    for (workload, trouble) in &troubles {
        if let Some(change) = change::latest(cx, workload) {
            judge(cx, workload, trouble, &change, out);
        }
    }
}

fn add(troubles: &mut BTreeMap<ObjectRef, Trouble>, workload: ObjectRef, symptom: &SymptomFinding, since: Timestamp) {
    let fresh = || Trouble { onset: since, first: String::new(), pods: BTreeSet::new(), evidence: Vec::new() };
    let trouble = troubles.entry(workload).or_insert_with(fresh);
    if since < trouble.onset || trouble.first.is_empty() {
        trouble.onset = since;
        trouble.first.clone_from(&symptom.summary);
    }
    if symptom.subject.object.kind == "Pod" {
        trouble.pods.insert(symptom.subject.object.clone());
    }
    trouble.evidence.extend(symptom.evidence.first().cloned());
}

fn judge(cx: &Context<'_>, workload: &ObjectRef, trouble: &Trouble, change: &Change, out: &mut Findings) {
    let Some(at) = change.at else { return };
    let after = trouble.onset.duration_since(at);
    if after < -SKEW || after > SOON {
        return;
    }
    let Some((_, newest)) = change::revisions(cx, workload).pop() else { return };
    let pods = cx.snap.pods_of(workload);
    let (new, old): (Vec<&Object>, Vec<&Object>) = pods.into_iter().partition(|pod| change::is_of(pod, newest));
    // Where pods of older revisions are in the same trouble, the revision isn't what brought it; and it can't be where none
    // of its pods ever was.
    if old.iter().any(|pod| trouble.pods.contains(&pod.id)) || new.is_empty() {
        return;
    }
    let well = old.iter().filter(|pod| pod::is_ready(pod)).count();
    let builds: Vec<_> = deploys::builds(cx, workload)
        .filter(|deploy| deploys::ended(deploy).is_some_and(|ended| is_before(ended, trouble.onset)))
        .collect();
    let build = builds.last();
    let built = build.map_or(String::new(), |deploy| {
        let before = deploys::ended(deploy).map_or(SignedDuration::ZERO, |ended| trouble.onset.duration_since(ended));
        format!("; build {} ended {} before", deploy.number, minutes(before))
    });
    let others = match well {
        0 => String::new(),
        1 => "; the pod of the revision before is well".to_owned(),
        n => format!("; the {n} pods of the revision before are well"),
    };
    let created = newest.at("metadata.creationTimestamp").clone();
    out.found(&BAD_ROLLOUT, workload.clone(), Proof::Timing)
        .since(Some(trouble.onset))
        .evidence([cx.value(&newest.id, "metadata.creationTimestamp", created, Some(at))])
        .evidence(change.fields.iter().take(2).map(|change| field(cx, newest, change)))
        .evidence(build.map(|deploy| deploys::build_evidence(workload, deploy)))
        .evidence(trouble.evidence.iter().take(3).cloned())
        .says(format!(
            "revision {} changed {}, and {} later trouble began: {}{others}{built}",
            change.to,
            change::told(&change.fields),
            minutes(after),
            trouble.first
        ))
        .fix(format!("go back to revision {}, then find what of the change broke it", change.from));
}

/// Whether a build ended so shortly before the trouble that it is the one that was deployed.
fn is_before(ended: Timestamp, onset: Timestamp) -> bool {
    let before = onset.duration_since(ended);
    before >= -SKEW && before <= SOON + SOON
}

/// `12 min`, for a sentence.
fn minutes(time: SignedDuration) -> String {
    match time.as_mins() {
        ..=0 => "less than a minute".to_owned(),
        minutes => format!("{minutes} min"),
    }
}
