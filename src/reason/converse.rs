//! An answer to a person's question: from the facts of a report, with its citations. It approves nothing, applies nothing and
//! leaves the verdict as it is; what asks for a change is no part of it.

use super::analyze::{self, cut};
use super::answers::ConverseAnswer;
use super::around::cited;
use super::hypothesize::facts_of;
use super::prose::clean;
use super::{Case, Dropped, Prose};
use crate::domain::{Origin, Reply};
use std::collections::BTreeSet;

/// The longest answer, in characters.
const LONGEST: usize = 1_200;
/// The most that is named as not known.
const MOST_UNKNOWN: usize = 3;

/// The report in words, whatever was asked.
pub fn by_rules(case: Case<'_>) -> Reply {
    let report = case.report;
    let analysis = analyze::by_rules(case);
    let mut answer = clean(&report.summary);
    if !answer.contains(&analysis.summary) {
        answer = format!("{answer} {}", analysis.summary);
    }
    let cause = report.answer().map(|cause| facts_of(case, cause)).unwrap_or_default();
    let observed = analysis.observations.into_iter().flat_map(|observation| observation.facts);
    let mut seen = BTreeSet::new();
    let facts = cause.into_iter().chain(observed).filter(|fact| seen.insert(fact.clone())).collect();
    let reading = report.actions.iter().enumerate().filter(|(_, action)| !action.intent.action.is_write());
    Reply {
        origin: Origin::Rules,
        answer: cut(answer.trim(), LONGEST),
        facts,
        unknown: analysis.missing.into_iter().take(MOST_UNKNOWN).collect(),
        look: reading.map(|(index, _)| format!("I{}", index + 1)).collect(),
    }
}

/// A model's answer, with what was dropped of it. One that rests on no fact, and names nothing that isn't known, is the rules'.
pub fn checked(answer: ConverseAnswer, case: Case<'_>, prose: &Prose) -> (Reply, Dropped) {
    let mut dropped = Dropped::default();
    let (facts, invented) = cited(case, &answer.facts);
    (0..invented).for_each(|_| dropped.add("cites a fact that doesn't exist"));
    let unknown = prose.texts(&answer.unknown, &mut dropped);
    let Some(text) = prose.text(&answer.answer, &mut dropped) else {
        dropped.add("an answer of which no word could stay");
        return (by_rules(case), dropped);
    };
    if facts.is_empty() && unknown.is_empty() {
        dropped.add("an answer on no fact that exists");
        return (by_rules(case), dropped);
    }
    let mut look = BTreeSet::new();
    for number in answer.look {
        match case.numbers.action(case.report, &number) {
            Some(action) if action.intent.action.is_write() => dropped.add("suggests a change where it may suggest a look"),
            Some(_) => _ = look.insert(number),
            None => dropped.add("names an action that isn't proposed"),
        }
    }
    let facts = facts.into_iter().map(|(number, _)| number).collect();
    (Reply { origin: Origin::Model, answer: text, facts, unknown, look: look.into_iter().collect() }, dropped)
}
