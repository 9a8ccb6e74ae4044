//! What speaks against the hypotheses. Code comes first: what rests on nothing found falls before a model is asked. Then a model
//! objects; what counts of that is decided by the state of the fact that it cites. Unknown never refutes, and nothing in here
//! touches a cause that the rules rank.

use super::answers::{CriticizeAnswer, ObjectionKind, RefutationAnswer};
use super::around::{around, cited, confidence, is_direct, is_same_workload};
use super::hypothesize::Claim;
use super::{Case, Dropped, Prose};
use crate::diagnose::exclude_each_other;
use crate::domain::{FactReport, Hypothesis, ObjectRef, Objection, Origin, State};
use std::collections::BTreeSet;

/// A hypothesis whose best anchor is below this falls.
const WEAKEST: f64 = 0.25;

/// An objection to what names this cause and object.
#[derive(Clone, Debug, PartialEq)]
pub struct Objected {
    /// The cause.
    pub cause: String,
    /// The object that it blames.
    pub object: ObjectRef,
    /// The objection.
    pub objection: Objection,
}

/// What is left after the code's criticism.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reviewed {
    /// The claims that stand, with the anchors that are found.
    pub claims: Vec<Claim>,
    /// What the code itself objects.
    pub objections: Vec<Objected>,
    /// What fell.
    pub dropped: Dropped,
}

/// The criticism that needs no model.
pub fn by_rules(claims: Vec<Claim>, case: Case<'_>) -> Reviewed {
    let mut reviewed = Reviewed::default();
    for claim in claims {
        match claim.origin {
            Origin::Rules => {
                reviewed.objections.extend(contradictions(case, &claim));
                reviewed.claims.push(claim);
            }
            Origin::Model => review(case, claim, &mut reviewed),
        }
    }
    reviewed
}

/// Of a cause that the rules rank: what contradicts it. Its confidence is capped for that already.
fn contradictions(case: Case<'_>, claim: &Claim) -> Vec<Objected> {
    let why = |fact: &FactReport| {
        let contradictions = case.report.contradictions.iter();
        let mut of_it = contradictions
            .filter(|it| it.facts.contains(&fact.id) && it.facts.contains(&claim.cause) && it.subject == fact.subject);
        of_it.next().map(|it| it.why.clone())
    };
    let facts = claim.against.iter().filter_map(|number| Some((number, case.numbers.fact(case.report, number)?)));
    facts.filter_map(|(number, fact)| Some(objected(claim, ObjectionKind::Contradicts, number, why(fact)?, false))).collect()
}

fn objected(claim: &Claim, kind: ObjectionKind, fact: &str, why: String, counts: bool) -> Objected {
    let objection = Objection { counts, kind: kind.as_str().to_owned(), fact: fact.to_owned(), why };
    Objected { cause: claim.cause.clone(), object: claim.object.clone(), objection }
}

fn review(case: Case<'_>, mut claim: Claim, reviewed: &mut Reviewed) {
    let (facts, _) = cited(case, &claim.facts);
    // What could not be looked for proves nothing and refutes nothing.
    let absent: Vec<_> = facts.iter().filter(|(_, fact)| fact.state == State::Absent).collect();
    let objections: Vec<Objected> = absent
        .into_iter()
        .map(|(number, fact)| {
            let why = format!("it rests on {}, which was looked for and isn't there", fact.id);
            objected(&claim, ObjectionKind::Missing, number, why, true)
        })
        .collect();
    let anchors: Vec<_> = facts.into_iter().filter(|(_, fact)| fact.state == State::Found).collect();
    let best = anchors.iter().map(|(_, fact)| confidence(case, fact)).fold(0.0, f64::max);
    if anchors.is_empty() {
        return reviewed.dropped.add("a hypothesis on no found fact");
    }
    if best < WEAKEST {
        return reviewed.dropped.add("a hypothesis on facts below 0.25");
    }
    let is_found = |fact: &&FactReport| is_direct(case.snapshot, fact, &claim.cause, &claim.object);
    if case.report.facts.iter().find(is_found).is_none() {
        if is_ruled_out(case, &claim) {
            return reviewed.dropped.add("a hypothesis that the rules looked for and ruled out");
        }
        if anchors.iter().any(|(_, anchor)| is_excluded(case, &claim.cause, anchor)) {
            return reviewed.dropped.add("a hypothesis that a found fact excludes");
        }
    }
    claim.facts = anchors.into_iter().map(|(number, _)| number).collect();
    reviewed.objections.extend(objections);
    reviewed.claims.push(claim);
}

/// Whether the cause itself was looked for on the object, or on a part of it, and is not there.
fn is_ruled_out(case: Case<'_>, claim: &Claim) -> bool {
    let mut facts = case.report.facts.iter();
    facts.any(|fact| {
        fact.state == State::Absent
            && fact.id == claim.cause
            && is_same_workload(case.snapshot, &fact.subject.object, &claim.object)
    })
}

/// Whether a cause that can't be true together with this one is found where the anchor is.
fn is_excluded(case: Case<'_>, cause: &str, anchor: &FactReport) -> bool {
    let same = |fact: &FactReport| {
        fact.subject.object == anchor.subject.object
            && (anchor.subject.container.is_none() || fact.subject.container == anchor.subject.container)
    };
    case.report.facts.iter().any(|fact| fact.state == State::Found && exclude_each_other(&fact.id, cause) && same(fact))
}

/// A model's objections to these hypotheses, with what was dropped of them.
pub fn checked(answer: CriticizeAnswer, hypotheses: &[Hypothesis], case: Case<'_>, prose: &Prose) -> (Vec<Objected>, Dropped) {
    let (mut objections, mut dropped) = (Vec::new(), Dropped::default());
    for review in answer.reviews {
        let Some(hypothesis) = hypotheses.iter().find(|it| it.id == review.hypothesis) else {
            dropped.add("reviews a hypothesis that doesn't exist");
            continue;
        };
        let (_, invented) = cited(case, &review.supports);
        (0..invented).for_each(|_| dropped.add("cites a fact that doesn't exist"));
        for refutation in review.refutations {
            let Some(fact) = case.numbers.fact(case.report, &refutation.fact) else {
                dropped.add("cites a fact that doesn't exist");
                continue;
            };
            let is_other = |other: &String| hypotheses.iter().any(|it| it.id == *other && it.id != hypothesis.id);
            if refutation.other.as_ref().is_some_and(|other| !is_other(other)) {
                dropped.add("names a hypothesis that doesn't exist");
                continue;
            }
            let Some(why) = prose.text(&refutation.why, &mut dropped) else {
                dropped.add("an objection of which no word could stay");
                continue;
            };
            let counts = counts(case, hypothesis, &refutation, fact);
            let objection = Objection { counts, kind: refutation.kind.as_str().to_owned(), fact: refutation.fact, why };
            objections.push(Objected { cause: hypothesis.cause.clone(), object: hypothesis.object.clone(), objection });
        }
    }
    (objections, dropped)
}

/// Whether an objection counts: its fact is in the state that the objection needs, and concerns what the hypothesis is about. That
/// the cause itself is found is nothing against it.
fn counts(case: Case<'_>, hypothesis: &Hypothesis, refutation: &RefutationAnswer, fact: &FactReport) -> bool {
    let state = match refutation.kind {
        ObjectionKind::Contradicts | ObjectionKind::OtherCause => State::Found,
        ObjectionKind::Missing => State::Absent,
    };
    fact.state == state && !(fact.state == State::Found && fact.id == hypothesis.cause) && concerns(case, hypothesis, fact)
}

/// Whether a fact is about the hypothesis' object, what it rests on, their owners or their nodes.
fn concerns(case: Case<'_>, hypothesis: &Hypothesis, fact: &FactReport) -> bool {
    let anchors = hypothesis.facts.iter().filter_map(|number| case.numbers.fact(case.report, number));
    let mut places: BTreeSet<ObjectRef> = around(case.snapshot, &hypothesis.object);
    places.extend(anchors.flat_map(|anchor| around(case.snapshot, &anchor.subject.object)));
    let subject = &fact.subject.object;
    places.contains(subject) || is_same_workload(case.snapshot, subject, &hypothesis.object)
}
