//! How sure the hypotheses are, and their order. A model says how sure it is of itself; its facts say how sure it may be. What the
//! rules rank keeps their confidence, and nothing in here confirms anything.

use super::Case;
use super::answers::OTHER;
use super::around::{confidence as fact_confidence, is_direct};
use super::criticize::Objected;
use super::hypothesize::Claim;
use crate::diagnose::LIKELY;
use crate::domain::{FactReport, Hypothesis, ObjectRef, Objection, Origin, Perspective, Verdict};
use std::collections::BTreeSet;

pub use crate::diagnose::CONTRADICTED;

/// Without direct evidence of the cause, the best anchor counts so much, and is at most [`MOST_INDIRECT`].
const INDIRECT: f64 = 0.7;
/// The ceiling without direct evidence.
const MOST_INDIRECT: f64 = 0.55;
/// The ceiling of what the catalogue has no name for.
const MOST_OTHER: f64 = 0.45;
/// What the ceiling is worth when the model gives itself nothing; the rest is the model's own.
const FLOOR: f64 = 0.6;
/// A best anchor below this is weak, and weakens the hypothesis once more.
const WEAK_ANCHOR: f64 = 0.5;
/// What is left of a hypothesis with a weak anchor.
const WEAKENED: f64 = 0.6;
/// What is left after each counted objection.
const OBJECTED: f64 = 0.8;
/// So many objections count.
const MOST_OBJECTIONS: usize = 4;
/// What each further perspective adds.
const AGREED: f64 = 0.05;
/// What further perspectives add at most.
const MOST_AGREED: f64 = 0.10;
/// What it costs when all perspectives put something else first.
const DISAGREED: f64 = 0.10;

/// The hypotheses in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// `H1` …, best first.
    pub hypotheses: Vec<Hypothesis>,
    /// The numbers of those that the perspectives put first, where two or more perspectives put all different ones first.
    pub side_by_side: Vec<String>,
}

/// How high a model's claim may come, and how far its own word takes it there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Weighed {
    ceiling: f64,
    own: f64,
}

/// Of a cause that is `other`, or has (or lacks) direct evidence, on anchors of these confidences, with what the model says of
/// itself and so many counted objections.
fn weigh(anchors: &[f64], is_other: bool, is_direct: bool, claimed: f64, objections: usize) -> Weighed {
    let best = anchors.iter().copied().fold(0.0, f64::max).clamp(0.0, 1.0);
    let ceiling = match (is_other, is_direct) {
        (true, _) => (best * INDIRECT).min(MOST_OTHER),
        (false, false) => (best * INDIRECT).min(MOST_INDIRECT),
        (false, true) => best,
    };
    let weak = if best < WEAK_ANCHOR { WEAKENED } else { 1.0 };
    let objected = (0..objections.min(MOST_OBJECTIONS)).fold(1.0, |left, _| left * OBJECTED);
    Weighed { ceiling, own: ceiling * (FLOOR + (1.0 - FLOOR) * claimed.clamp(0.0, 1.0)) * weak * objected }
}

/// What several perspectives make of one hypothesis together.
fn together(weighed: &[Weighed], disagrees: bool) -> f64 {
    let ceiling = weighed.iter().map(|it| it.ceiling).fold(0.0, f64::max);
    let own = weighed.iter().map(|it| it.own).fold(0.0, f64::max);
    let further = u32::try_from(weighed.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let agreed = (AGREED * f64::from(further)).min(MOST_AGREED);
    let cost = if disagrees { DISAGREED } else { 0.0 };
    let sure = (own + agreed - cost).clamp(0.0, ceiling);
    // Down, so that no rounding makes something likely.
    (sure * 100.0 + 1e-9).floor() / 100.0
}

/// Claims of one cause and workload.
#[derive(Debug)]
struct Merged<'a> {
    claims: Vec<&'a Claim>,
    workload: ObjectRef,
    /// The place among the rules' causes.
    rules: Option<usize>,
    objections: Vec<Objection>,
    confidence: f64,
    is_direct: bool,
}

impl Merged<'_> {
    fn is(&self, cause: &str, workload: &ObjectRef) -> bool {
        self.claims.first().is_some_and(|claim| claim.cause == cause) && self.workload == *workload
    }
}

/// Merges and orders what the rules and a model claim. The ids are new each time: they follow the order.
pub fn rank(claims: &[Claim], objections: &[Objected], case: Case<'_>) -> Ranking {
    let mut merged = merge(claims, case);
    for it in &mut merged {
        it.objections = objections_to(it, objections, case);
    }
    let firsts = firsts(&merged, case);
    for index in 0..merged.len() {
        let disagrees = firsts.contains(&index);
        let Some(it) = merged.get_mut(index) else { continue };
        if it.rules.is_none() {
            it.confidence = together(&weighed(it, case), disagrees);
        }
    }
    // An earlier cause of the rules is never behind a later one.
    let sorts_as = |it: &Merged<'_>| {
        let Some(place) = it.rules else { return it.confidence };
        merged
            .iter()
            .filter(|other| other.rules.is_some_and(|other| other >= place))
            .map(|other| other.confidence)
            .fold(0.0, f64::max)
    };
    let mut order: Vec<(usize, f64)> = merged.iter().map(sorts_as).enumerate().collect();
    order.sort_by(|(a, sure_a), (b, sure_b)| {
        let (Some(a), Some(b)) = (merged.get(*a), merged.get(*b)) else { return std::cmp::Ordering::Equal };
        let anchors = |it: &Merged<'_>| anchors(it).len();
        let id = |it: &Merged<'_>| it.claims.first().map(|claim| (claim.cause.clone(), claim.object.clone()));
        let place = |it: &Merged<'_>| it.rules.unwrap_or(usize::MAX);
        sure_b
            .total_cmp(sure_a)
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| anchors(b).cmp(&anchors(a)))
            .then_with(|| id(a).cmp(&id(b)))
    });
    let order: Vec<usize> = order.into_iter().map(|(index, _)| index).collect();
    let hypotheses: Vec<Hypothesis> = order
        .iter()
        .filter_map(|index| merged.get(*index))
        .enumerate()
        .filter_map(|(place, it)| hypothesis(place, it, case))
        .collect();
    let side_by_side = order.iter().enumerate().filter(|(_, index)| firsts.contains(index)).map(|(place, _)| id(place)).collect();
    Ranking { hypotheses, side_by_side }
}

fn id(place: usize) -> String {
    format!("H{}", place + 1)
}

fn merge<'a>(claims: &'a [Claim], case: Case<'_>) -> Vec<Merged<'a>> {
    let mut merged: Vec<Merged<'a>> = Vec::new();
    for (place, claim) in claims.iter().filter(|claim| claim.origin == Origin::Rules).enumerate() {
        // Two of the rules' causes are never one.
        merged.push(Merged {
            claims: vec![claim],
            workload: case.snapshot.workload(&claim.object),
            rules: Some(place),
            objections: Vec::new(),
            confidence: claim.confidence,
            is_direct: true,
        });
    }
    for claim in claims.iter().filter(|claim| claim.origin == Origin::Model) {
        let workload = case.snapshot.workload(&claim.object);
        let direct = claim.facts.iter().filter_map(|number| case.numbers.fact(case.report, number));
        let direct = direct.into_iter().any(|fact| is_direct(case.snapshot, fact, &claim.cause, &claim.object));
        match merged.iter_mut().find(|it| it.is(&claim.cause, &workload)) {
            Some(it) => {
                it.is_direct |= direct;
                it.claims.push(claim);
            }
            None => merged.push(Merged {
                claims: vec![claim],
                workload,
                rules: None,
                objections: Vec::new(),
                confidence: 0.0,
                is_direct: direct,
            }),
        }
    }
    merged
}

/// The objections to one hypothesis, each fact once. Those to a cause that the rules rank are remarks, and so is what comes after
/// the fourth that counts.
fn objections_to(it: &Merged<'_>, objections: &[Objected], case: Case<'_>) -> Vec<Objection> {
    let (mut seen, mut counted) = (BTreeSet::new(), 0);
    let of_it = objections.iter().filter(|objected| it.is(&objected.cause, &case.snapshot.workload(&objected.object)));
    let mut all: Vec<Objection> = of_it.map(|objected| objected.objection.clone()).collect();
    // What counts comes before a remark on the same fact.
    all.sort_by_key(|objection| !objection.counts);
    all.retain(|objection| seen.insert(objection.fact.clone()));
    for objection in &mut all {
        objection.counts &= it.rules.is_none() && counted < MOST_OBJECTIONS;
        counted += usize::from(objection.counts);
    }
    all
}

fn facts<'a>(claim: &Claim, case: Case<'a>) -> Vec<&'a FactReport> {
    claim.facts.iter().filter_map(|number| case.numbers.fact(case.report, number)).collect()
}

/// Each perspective's claim, weighed; a perspective counts once.
fn weighed(it: &Merged<'_>, case: Case<'_>) -> Vec<Weighed> {
    let counted = it.objections.iter().filter(|objection| objection.counts).count();
    let mut seen = BTreeSet::new();
    let claims = it.claims.iter().filter(|claim| claim.origin == Origin::Model);
    claims
        .filter(|claim| seen.insert(claim.perspective))
        .map(|claim| {
            let facts = facts(claim, case);
            let anchors: Vec<f64> = facts.iter().map(|fact| fact_confidence(case, fact)).collect();
            let direct = facts.iter().any(|fact| is_direct(case.snapshot, fact, &claim.cause, &claim.object));
            weigh(&anchors, claim.cause == OTHER, direct, claim.confidence, counted)
        })
        .collect()
}

/// What each perspective puts first, if two or more have something and no two agree.
fn firsts(merged: &[Merged<'_>], case: Case<'_>) -> BTreeSet<usize> {
    let mut firsts = Vec::new();
    for perspective in Perspective::ALL {
        let own = |(index, it): (usize, &Merged<'_>)| {
            let claim = it.claims.iter().find(|claim| claim.origin == Origin::Model && claim.perspective == perspective)?;
            let alone = Merged { claims: vec![claim], objections: it.objections.clone(), workload: it.workload.clone(), ..*it };
            Some((index, weighed(&alone, case).first()?.own))
        };
        // Of equals the one that the perspective itself named first.
        let mut best: Option<(usize, f64)> = None;
        for (index, sure) in merged.iter().enumerate().filter_map(own) {
            if best.is_none_or(|(_, before)| sure > before) {
                best = Some((index, sure));
            }
        }
        firsts.extend(best.map(|(index, _)| index));
    }
    let distinct: BTreeSet<usize> = firsts.iter().copied().collect();
    if firsts.len() >= 2 && distinct.len() == firsts.len() { distinct } else { BTreeSet::new() }
}

fn anchors(it: &Merged<'_>) -> BTreeSet<String> {
    it.claims.iter().flat_map(|claim| claim.facts.iter().cloned()).collect()
}

fn hypothesis(place: usize, it: &Merged<'_>, case: Case<'_>) -> Option<Hypothesis> {
    let first = it.claims.first()?;
    let mut facts = first.facts.clone();
    let more = it.claims.iter().flat_map(|claim| &claim.facts);
    let mut seen: BTreeSet<String> = facts.iter().cloned().collect();
    facts.extend(more.filter(|fact| seen.insert((*fact).clone())).cloned());
    let unique = |of: fn(&Claim) -> &Vec<String>| {
        let mut seen = BTreeSet::new();
        it.claims.iter().flat_map(|claim| of(claim)).filter(|text| seen.insert(text.as_str())).cloned().collect::<Vec<_>>()
    };
    let others = it.claims.iter().skip(1).map(|claim| claim.perspective);
    let others: BTreeSet<Perspective> = others.filter(|other| it.rules.is_some() || *other != first.perspective).collect();
    let likely = it.confidence >= LIKELY && it.is_direct;
    let is_the_verdicts = it.rules == Some(0) && case.report.verdict.is_fault();
    Some(Hypothesis {
        id: id(place),
        origin: first.origin,
        perspective: first.perspective,
        seen_by: others.into_iter().collect(),
        cause: first.cause.clone(),
        object: first.object.clone(),
        statement: first.statement.clone(),
        confidence: it.confidence,
        verdict: match likely {
            _ if is_the_verdicts => case.report.verdict,
            true => Verdict::Likely,
            false => Verdict::Inconclusive,
        },
        facts,
        against: unique(|claim| &claim.against),
        predicts: unique(|claim| &claim.predicts),
        objections: it.objections.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounded as a report shows it.
    fn sure(anchors: &[f64], is_other: bool, is_direct: bool, claimed: f64, objections: usize) -> f64 {
        together(&[weigh(anchors, is_other, is_direct, claimed, objections)], false)
    }

    #[test]
    fn a_claim_is_as_sure_as_its_facts_allow() {
        // anchors, other, direct, claimed, objections
        for (anchors, is_other, is_direct, claimed, objections, wanted) in [
            // The best anchor is the ceiling.
            (&[0.9, 0.7][..], false, true, 1.0, 0, 0.90),
            // What the model says of itself moves it between 60 and 100 % of that.
            (&[0.9], false, true, 0.0, 0, 0.54),
            (&[0.9], false, true, 0.5, 0, 0.72),
            // Without direct evidence × 0.7, at most 0.55.
            (&[0.9], false, false, 1.0, 0, 0.55),
            (&[0.7], false, false, 1.0, 0, 0.49),
            // What has no name, at most 0.45.
            (&[1.0], true, false, 1.0, 0, 0.45),
            (&[1.0], true, true, 1.0, 0, 0.45),
            // A claim of 1.0 on a fact of 0.45 ends below 0.45.
            (&[0.45], false, true, 1.0, 0, 0.27),
            (&[0.45], false, false, 1.0, 0, 0.18),
            // Conflicting facts are capped before they come here.
            (&[CONTRADICTED], false, true, 1.0, 0, 0.60),
            // Each counted objection × 0.8, at most four.
            (&[0.9], false, true, 1.0, 1, 0.72),
            (&[0.9], false, true, 1.0, 4, 0.36),
            (&[0.9], false, true, 1.0, 400, 0.36),
            // Nonsense claims nothing.
            (&[0.9], false, true, 7.0, 0, 0.90),
            (&[0.9], false, true, f64::NEG_INFINITY, 0, 0.54),
            (&[], false, false, 1.0, 0, 0.0),
        ] {
            let got = sure(anchors, is_other, is_direct, claimed, objections);
            assert!(
                (got - wanted).abs() < 1e-9,
                "{anchors:?} {is_other} {is_direct} {claimed} {objections}: {got}, not {wanted}"
            );
        }
    }

    #[test]
    fn perspectives_that_agree_add_and_those_that_differ_take() {
        let half = weigh(&[0.9], false, true, 0.5, 0);
        for (weighed, disagrees, wanted) in [
            (&[half, half][..], false, 0.77),
            (&[half, half, half], false, 0.82),
            (&[half, half, half, half], false, 0.82),
            (&[half], true, 0.62),
            // Never above the ceiling.
            (&[weigh(&[0.9], false, true, 1.0, 0), half], false, 0.90),
            (&[weigh(&[0.1], false, false, 0.0, 4)], true, 0.0),
        ] {
            let got = together(weighed, disagrees);
            assert!((got - wanted).abs() < 1e-9, "{weighed:?} {disagrees}: {got}, not {wanted}");
        }
    }

    #[test]
    fn only_direct_evidence_makes_likely() {
        for anchor in (0..=100).map(|percent| f64::from(percent) / 100.0) {
            for is_other in [true, false] {
                let claims = [weigh(&[anchor], is_other, false, 1.0, 0); 4];
                assert!(together(&claims, false) < LIKELY);
            }
        }
    }
}
