//! Which of the proposed actions. The rules' first stands unless a model names another one of them that is no riskier; what it
//! writes itself must be one of them, by the parser that reads every intent. Nothing is added, and nothing is approved.

use super::Case;
use super::analyze::cut;
use super::answers::FixAnswer;
use super::around::cited;
use super::hypothesize::facts_of;
use super::prose::clean;
use super::{Dropped, Prose};
use crate::domain::{ActionReport, Choice, Code, DecisionValue, ExecutionIntent, Origin};
use crate::remedy::{self, ParseContext, Settings};

/// What a model writes that would do nothing.
const NONE: &str = "none";

/// The first action; `None` where none is proposed.
pub fn by_rules(case: Case<'_>) -> Option<Choice> {
    let first = case.report.actions.first()?;
    let facts = case.report.answer().map(|cause| facts_of(case, cause)).unwrap_or_default();
    let why = cut(&clean(&first.why), 160);
    Some(Choice { origin: Origin::Rules, intent: Some(number(0)), why, facts, ..Choice::default() })
}

fn number(index: usize) -> String {
    format!("I{}", index + 1)
}

/// A model's choice, with what was dropped of it. Where it doesn't count, the rules' stands, with a remark why.
pub fn checked(answer: FixAnswer, case: Case<'_>, settings: &Settings, prose: &Prose) -> (Option<Choice>, Dropped) {
    let mut dropped = Dropped::default();
    let Some(mut choice) = by_rules(case) else { return (None, dropped) };
    let why = prose.text(&answer.why, &mut dropped);
    let (facts, invented) = cited(case, &answer.facts);
    (0..invented).for_each(|_| dropped.add("cites a fact that doesn't exist"));
    match chosen(&answer, case, settings, &mut dropped) {
        Ok(index) => {
            let action = case.report.actions.get(index);
            choice = Choice {
                origin: Origin::Model,
                intent: Some(number(index)),
                why: why.unwrap_or_else(|| action.map_or(choice.why, |action| cut(&clean(&action.why), 160))),
                facts: facts.into_iter().map(|(number, _)| number).collect(),
                ..Choice::default()
            };
        }
        Err(Objection { remark, rejected }) => {
            choice.rejected = rejected;
            let because = why.map_or(String::new(), |why| format!(": {why}"));
            choice.remarks.push(format!("{remark}{because}"));
        }
    }
    (Some(choice), dropped)
}

/// Why a model's choice doesn't count.
struct Objection {
    remark: String,
    /// The code of an intent that was rejected.
    rejected: Option<Code>,
}

impl<T: Into<String>> From<T> for Objection {
    fn from(remark: T) -> Self {
        Self { remark: remark.into(), rejected: None }
    }
}

/// The action that a model's answer chooses, by its index; or why the choice doesn't count.
fn chosen(answer: &FixAnswer, case: Case<'_>, settings: &Settings, dropped: &mut Dropped) -> Result<usize, Objection> {
    let actions = &case.report.actions;
    let filled_in = match &answer.intent {
        None => None,
        Some(intent) => {
            let candidates: Vec<ExecutionIntent> = actions.iter().map(|action| action.intent.clone()).collect();
            let context = ParseContext { snapshot: case.snapshot, settings, candidates: &candidates };
            match remedy::parse(&intent.text(), &context) {
                Ok(parsed) => candidates.iter().position(|candidate| candidate.bound() == parsed.bound()),
                Err(rejection) => {
                    dropped.add("an intent that is none of the proposed actions");
                    let remark = format!("the model's intent was rejected ({})", rejection.code);
                    return Err(Objection { remark, rejected: Code::new(rejection.code) });
                }
            }
        }
    };
    let named = actions.iter().enumerate().map(|(index, _)| index).find(|index| number(*index) == answer.choice);
    let index = match (named, filled_in) {
        (Some(named), Some(filled_in)) if named != filled_in => {
            return Err(format!("the model names {} and fills in {}", number(named), number(filled_in)).into());
        }
        (Some(index), _) => index,
        (None, _) if answer.choice == NONE => return Err("the model would take none of them".into()),
        (None, _) => {
            dropped.add("chooses an action that isn't proposed");
            return Err("the model chose an action that isn't proposed".into());
        }
    };
    let (Some(first), Some(action)) = (actions.first(), actions.get(index)) else {
        return Err("the model chose an action that isn't proposed".into());
    };
    match objection(first, action, case.report.verdict.is_fault()) {
        Some(objection) => Err(format!("the model would take {}, {objection}", number(index)).into()),
        None => Ok(index),
    }
}

/// Why an action can't be chosen in the place of the rules' first.
fn objection(first: &ActionReport, action: &ActionReport, is_fault: bool) -> Option<String> {
    let is_blocked = |action: &ActionReport| action.decision.value == DecisionValue::Block;
    if action.risk > first.risk {
        return Some(format!("whose risk is {} where the rules' first has {}", action.risk.as_str(), first.risk.as_str()));
    }
    if is_blocked(action) && !is_blocked(first) {
        return Some("which policy blocks".to_owned());
    }
    (action.intent.action.is_write() && !is_fault).then(|| "which changes something while no cause is likely".to_owned())
}
