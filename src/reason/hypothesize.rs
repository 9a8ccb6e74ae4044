//! What could be the cause. The rules' causes come in as they are; a model's claims must name a cause of the catalogue, an object
//! that exists and facts that exist, and keep only those.

use super::answers::{HypothesizeAnswer, OTHER};
use super::around::{cited, is_direct, number, touches};
use super::{Case, Dropped, Prose};
use crate::diagnose;
use crate::domain::{CauseReport, FactReport, ObjectRef, Origin, Perspective, State};

/// The most facts that one of the rules' causes lists.
const MOST_FACTS: usize = 12;

/// A candidate explanation from one side, before it is weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Who claims it.
    pub origin: Origin,
    /// From which side.
    pub perspective: Perspective,
    /// An id of the catalogue, or `other`.
    pub cause: String,
    /// The object to mend.
    pub object: ObjectRef,
    /// One sentence.
    pub statement: String,
    /// Of the rules' their confidence; of a model's what it says of itself.
    pub confidence: f64,
    /// The numbers of the facts that it rests on.
    pub facts: Vec<String>,
    /// The numbers of the facts that speak against it.
    pub against: Vec<String>,
    /// What one would see if it held.
    pub predicts: Vec<String>,
}

/// The causes that the rules rank, in their order, each under its family's perspective.
pub fn by_rules(case: Case<'_>) -> Vec<Claim> {
    case.report.causes.iter().map(|cause| of_cause(case, cause)).collect()
}

fn of_cause(case: Case<'_>, cause: &CauseReport) -> Claim {
    let contradicted = case.report.contradictions.iter().filter(|it| it.facts.contains(&cause.id));
    let contradicted = contradicted.filter(|it| touches(case.snapshot, &it.subject.object, &cause.object));
    let against: Vec<_> = contradicted.collect();
    let facts = case.report.facts.iter().enumerate().filter(|(_, fact)| fact.state == State::Found);
    let against = facts.filter(|(_, fact)| {
        fact.id != cause.id && against.iter().any(|it| it.facts.contains(&fact.id) && it.subject == fact.subject)
    });
    let perspective = Perspective::ALL.into_iter().find(|it| it.as_str() == cause.perspective).unwrap_or(Perspective::App);
    Claim {
        origin: Origin::Rules,
        perspective,
        cause: cause.id.clone(),
        object: cause.object.clone(),
        statement: cause.summary.clone(),
        confidence: cause.confidence,
        facts: facts_of(case, cause),
        against: against.map(|(index, _)| number(index)).collect(),
        predicts: Vec::new(),
    }
}

/// The found facts that are the cause itself, then those that it explains on what belongs to the same object.
pub(super) fn facts_of(case: Case<'_>, cause: &CauseReport) -> Vec<String> {
    let facts = || case.report.facts.iter().enumerate().filter(|(_, fact)| fact.state == State::Found);
    let same_container =
        |container: &Option<String>| cause.container.is_none() || container.is_none() || *container == cause.container;
    // What is found at a pod may be to blame on a webhook or a scheduler: then they share their evidence.
    let shares = |fact: &FactReport| fact.evidence.iter().any(|id| cause.evidence.contains(id));
    let direct = facts().filter(|(_, fact)| {
        let is_it = is_direct(case.snapshot, fact, &cause.id, &cause.object) || fact.id == cause.id && shares(fact);
        is_it && same_container(&fact.subject.container)
    });
    let explained = facts().filter(|(_, fact)| {
        cause.explains.contains(&fact.id) && fact.id != cause.id && touches(case.snapshot, &fact.subject.object, &cause.object)
    });
    direct.chain(explained).map(|(index, _)| number(index)).take(MOST_FACTS).collect()
}

/// A model's claims from one perspective, with what was dropped of them.
pub fn checked(answer: HypothesizeAnswer, perspective: Perspective, case: Case<'_>, prose: &Prose) -> (Vec<Claim>, Dropped) {
    let (mut claims, mut dropped): (Vec<Claim>, _) = (Vec::new(), Dropped::default());
    for answer in answer.hypotheses {
        let Some(object) = case.numbers.object(&answer.object).cloned() else {
            dropped.add("blames an object that doesn't exist");
            continue;
        };
        let (facts, invented) = cited(case, &answer.facts);
        let (against, more) = cited(case, &answer.against);
        (0..invented + more).for_each(|_| dropped.add("cites a fact that doesn't exist"));
        if facts.is_empty() {
            dropped.add("a hypothesis on no fact that exists");
            continue;
        }
        let cause = answer.cause.0;
        let title = diagnose::cause(&cause).map(|(_, cause)| cause.title.to_owned()).filter(|_| cause != OTHER);
        let Some(statement) = prose.text(&answer.statement, &mut dropped).or(title) else {
            dropped.add("a hypothesis of which no word could stay");
            continue;
        };
        if claims.iter().any(|claim| claim.cause == cause && claim.object == object) {
            dropped.add("the same hypothesis twice");
            continue;
        }
        claims.push(Claim {
            origin: Origin::Model,
            perspective,
            cause,
            object,
            statement,
            confidence: answer.confidence.clamp(0.0, 1.0),
            facts: facts.into_iter().map(|(number, _)| number).collect(),
            against: against.into_iter().map(|(number, _)| number).collect(),
            predicts: prose.texts(&answer.predicts, &mut dropped),
        });
    }
    (claims, dropped)
}
