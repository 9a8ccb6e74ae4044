//! Ranking by explanation: of the causes that explain the target's symptoms, the one that explains more, closer, better
//! proved and fresher comes first; consequences step down; causes of disjoint symptoms stand side by side. What is no fault
//! comes after every fault, and only for what no fault explains.

use super::confidence::{CHANGE_FITS, CONTRADICTED, MOST, Proof};
use super::context::Context;
use super::explain::Candidate;
use super::findings::{Findings, SymptomFinding};
use super::rules;
use super::scope::Scope;
use crate::cluster::Snapshot;
use crate::domain::Change;
use jiff::SignedDuration;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A symptom that has lasted longer than this, while others are fresher, is chronic background.
const CHRONIC: SignedDuration = SignedDuration::from_hours(24);
/// What a chronic symptom still counts, beside a fresh one.
const CHRONIC_WEIGHT: f64 = 0.2;

/// A candidate with its place in the ranking.
#[derive(Debug)]
pub struct Ranked {
    /// The cause.
    pub candidate: Candidate,
    /// The target's symptoms that it explains, by index.
    pub explained: BTreeSet<usize>,
    /// 0 to 1.
    pub confidence: f64,
    /// How many links away from the target.
    pub distance: u8,
    weight: f64,
}

/// The causes of a target, best first, and what else is wrong in sight of it.
#[derive(Debug, Default)]
pub struct Ranking {
    /// Causes of the target's symptoms.
    pub causes: Vec<Ranked>,
    /// Causes in scope that explain no symptom of the target.
    pub noticed: Vec<Ranked>,
    /// The target's symptoms, by index.
    pub symptoms: BTreeSet<usize>,
    /// The target's symptoms that no cause explains.
    pub unexplained: BTreeSet<usize>,
}

/// What each symptom weighs: how much its absence of an explanation would hurt. A stopped process outweighs a dangling name.
pub fn weight(id: &str) -> f64 {
    match id {
        "crash_loop" | "container_not_starting" | "pending" | "pod_failed" | "node_unready" => 10.0,
        "container_failed" | "not_ready" | "claim_pending" | "job_failed" => 8.0,
        "no_ready_endpoints" | "replicas_missing" | "rollout_stuck" => 6.0,
        "error_rate" | "probe_failed" | "stuck_terminating" | "schedule_missed" | "drain_blocked" => 5.0,
        "high_latency" | "saturation" | "not_scaling" | "calls_fail" => 4.0,
        _ => 1.0,
    }
}

/// Ranks the candidates for a target. `change` is asked for the revision that a candidate's fault began with.
pub fn rank(
    cx: &Context<'_>,
    scope: &Scope,
    findings: &Findings,
    candidates: &[Candidate],
    contradicted: &dyn Fn(&Candidate) -> bool,
    change: &dyn Fn(&Candidate) -> Option<Change>,
) -> Ranking {
    // That its callers don't reach it is the target's trouble, too.
    let in_scope = |index: &usize| {
        let symptom = &findings.symptoms[*index];
        [Some(&symptom.subject.object), symptom.towards.as_ref()]
            .into_iter()
            .flatten()
            .any(|object| scope.distance(object).is_some())
    };
    let symptoms: BTreeSet<usize> = (0..findings.symptoms.len()).filter(in_scope).collect();
    let mut ranking = Ranking { symptoms: symptoms.clone(), unexplained: symptoms.clone(), ..Ranking::default() };
    let weights = weights(cx.snap, &findings.symptoms, &symptoms);
    for candidate in candidates {
        if candidate.is_consequence {
            continue;
        }
        let explained: BTreeSet<usize> = candidate.symptoms.intersection(&symptoms).copied().collect();
        let distance = candidate
            .places
            .iter()
            .flat_map(|place| [&place.subject.object, &place.workload])
            .chain([&candidate.finding.blames])
            .filter_map(|object| scope.distance(object))
            .min();
        if explained.is_empty() && distance.is_none() {
            continue;
        }
        let fits = change(candidate).is_some_and(|change| change.explains);
        let confidence = confidence(candidate.finding.proof, contradicted(candidate), fits);
        let weight = explained_weight(cx, findings, &explained, &weights);
        // What the target itself waits for is the answer, even where nothing is wrong.
        let is_no_fault = rules::is_no_fault(candidate.finding.cause);
        let answers = is_no_fault && scope.is_target(&candidate.finding.blames);
        let ranked =
            Ranked { explained, confidence, distance: distance.unwrap_or(u8::MAX), weight, candidate: candidate.clone() };
        if ranked.explained.is_empty() && !answers {
            if !is_no_fault {
                ranking.noticed.push(ranked);
            }
        } else {
            ranking.unexplained.retain(|index| !ranked.explained.contains(index));
            ranking.causes.push(ranked);
        }
    }
    ranking.causes.sort_by(order);
    ranking.noticed.sort_by(order);
    faults_first(&mut ranking.causes);
    ranking
}

/// Puts what is no fault behind the faults, and leaves out what of it a fault explains as well.
fn faults_first(causes: &mut Vec<Ranked>) {
    let (faults, mut others): (Vec<Ranked>, Vec<Ranked>) =
        causes.drain(..).partition(|ranked| !rules::is_no_fault(ranked.candidate.finding.cause));
    if !faults.is_empty() {
        let by_fault: BTreeSet<usize> = faults.iter().flat_map(|ranked| &ranked.explained).copied().collect();
        others.retain(|ranked| !ranked.explained.is_subset(&by_fault));
    }
    causes.extend(faults);
    causes.extend(others);
}

fn confidence(proof: Proof, contradicted: bool, change_fits: bool) -> f64 {
    let sure = proof.base() + if change_fits { CHANGE_FITS } else { 0.0 };
    let sure = if contradicted { sure.min(CONTRADICTED) } else { sure.min(MOST) };
    (sure * 100.0).round() / 100.0
}

/// More explained, then closer, then surer, then earlier; names decide the rest so that the order is total.
fn order(a: &Ranked, b: &Ranked) -> Ordering {
    let value = |ranked: &Ranked| ranked.weight * ranked.confidence;
    value(b)
        .total_cmp(&value(a))
        .then_with(|| a.distance.cmp(&b.distance))
        .then_with(|| b.confidence.total_cmp(&a.confidence))
        .then_with(|| a.candidate.finding.since.cmp(&b.candidate.finding.since))
        .then_with(|| a.candidate.finding.blames.cmp(&b.candidate.finding.blames))
        .then_with(|| a.candidate.finding.cause.id.cmp(b.candidate.finding.cause.id))
        .then_with(|| a.candidate.finding.subject.cmp(&b.candidate.finding.subject))
}

/// Each symptom's weight: less for what has been so for days while something else began today.
fn weights(snap: &Snapshot, symptoms: &[SymptomFinding], in_scope: &BTreeSet<usize>) -> BTreeMap<usize, f64> {
    let age = |index: &usize| symptoms[*index].since.map(|since| snap.age(since));
    let fresh = in_scope.iter().filter_map(age).any(|age| age < CHRONIC);
    let chronic = |index: &usize| fresh && age(index).is_some_and(|age| age >= CHRONIC);
    let of = |index: &usize| weight(symptoms[*index].symptom.id) * if chronic(index) { CHRONIC_WEIGHT } else { 1.0 };
    in_scope.iter().map(|index| (*index, of(index))).collect()
}

/// The weight of what is explained. The pods of one workload count once for each symptom: ten replicas aren't ten faults.
fn explained_weight(cx: &Context<'_>, findings: &Findings, explained: &BTreeSet<usize>, weights: &BTreeMap<usize, f64>) -> f64 {
    let mut counted: BTreeMap<(String, &str), f64> = BTreeMap::new();
    for index in explained {
        let symptom = &findings.symptoms[*index];
        let key = (cx.workload(&symptom.subject.object).to_string(), symptom.symptom.id);
        let weight = weights.get(index).copied().unwrap_or(0.0);
        let known = counted.entry(key).or_default();
        *known = known.max(weight);
    }
    counted.values().sum()
}
