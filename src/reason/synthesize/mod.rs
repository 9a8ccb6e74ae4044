//! The verdict in words. The verdict stands before a word is written, and code prints its line above them; without a model a
//! template of the cause's family says it. Of a model's text only those sentences stay that speak of what it was shown.

mod action;
mod observed;
mod symptoms;
mod template;

use super::answers::SynthesizeAnswer;
use super::around::cited;
use super::{Case, Dropped, Prose};
use crate::domain::{Action, Narrative, NextStep, Origin, Statement};

pub use template::by_rules;

/// A model's text, with what was dropped of it. A headline or a course of events that is lost is the rules'.
pub fn checked(answer: SynthesizeAnswer, case: Case<'_>, prose: &Prose) -> (Narrative, Dropped) {
    let rules = by_rules(case);
    let mut dropped = Dropped::default();
    let headline = prose.text(&answer.headline, &mut dropped);
    let happened = prose.text(&answer.happened, &mut dropped);
    if headline.is_none() && happened.is_none() {
        dropped.add("a text of which no word could stay");
        return (rules, dropped);
    }
    let mut because = Vec::new();
    for statement in answer.because {
        let (facts, invented) = cited(case, &statement.facts);
        (0..invented).for_each(|_| dropped.add("cites a fact that doesn't exist"));
        if facts.is_empty() {
            dropped.add("a reason on no fact that exists");
        } else if let Some(text) = prose.text(&statement.text, &mut dropped) {
            because.push(Statement { text, facts: facts.into_iter().map(|(number, _)| number).collect() });
        }
    }
    let mut next = Vec::new();
    for step in answer.next {
        if step.intent.as_ref().is_some_and(|intent| case.numbers.action(case.report, intent).is_none()) {
            dropped.add("names an action that isn't proposed");
        } else if Prose::change(&step.text).is_some_and(|change| !is_proposed(case, change)) {
            dropped.add("calls for a change that isn't proposed");
        } else if let Some(text) = prose.text(&step.text, &mut dropped) {
            next.push(NextStep { text, intent: step.intent });
        }
    }
    let narrative = Narrative {
        origin: Origin::Model,
        headline: headline.unwrap_or(rules.headline),
        happened: happened.unwrap_or(rules.happened),
        because: if because.is_empty() { rules.because } else { because },
        next: if next.is_empty() { rules.next } else { next },
        raises_confidence: prose.texts(&answer.raises_confidence, &mut dropped),
    };
    (narrative, dropped)
}

/// Whether one of the proposed actions does what a verb says.
fn is_proposed(case: Case<'_>, change: &str) -> bool {
    case.report.actions.iter().any(|action| match change {
        "restart" => action.intent.action.is_restart(),
        "rollback" => action.intent.action == Action::RollbackDeployment,
        "scale" => action.intent.action == Action::ScaleDeployment,
        "evict" => action.intent.action == Action::EvictPod,
        _ => false,
    })
}
