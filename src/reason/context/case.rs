//! What a case is about: its target, the rules' verdict, the objects and intents with their numbers, and the hypotheses in question.

use super::quote::{Quotes, one_line};
use super::section::Section;
use crate::domain::{Hypothesis, Origin, State};
use crate::reason::Case;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Of the first cause the sentence is told, of so many further ones the id.
const FURTHER: usize = 4;
const SENTENCE: usize = 200;
const MOST_CONTRADICTIONS: usize = 3;

/// The target, the verdict and the causes that the rules rank.
pub fn verdict(case: &Case<'_>, quotes: &Quotes) -> String {
    let report = case.report;
    let number = |object| case.numbers.of_object(object).unwrap_or_else(|| "O?".to_owned());
    let mut text = format!("## Case\ntarget {}\nverdict of the rules: {}\n", number(&report.target), report.verdict.as_str());
    for (index, cause) in report.causes.iter().take(1 + FURTHER).enumerate() {
        let _ = write!(text, "cause {} {} {:.2}", cause.id, number(&cause.object), cause.confidence);
        if index == 0 {
            let _ = write!(text, " {}", quotes.repeat(&one_line(&cause.summary), SENTENCE));
        }
        text.push('\n');
    }
    for contradiction in report.contradictions.iter().take(MOST_CONTRADICTIONS) {
        let why = quotes.repeat(&contradiction.why, 120);
        let _ = writeln!(
            text,
            "exclude each other: {} {} {why}",
            contradiction.facts.join(", "),
            number(&contradiction.subject.object)
        );
    }
    text
}

/// The objects by number. Those that found facts are about come first: the others are the first to go.
pub fn objects(case: &Case<'_>, quotes: &Quotes) -> Section {
    let report = case.report;
    let found = report.facts.iter().filter(|fact| fact.state == State::Found).map(|fact| &fact.subject.object);
    let named = [&report.target].into_iter().chain(report.causes.iter().map(|cause| &cause.object));
    let first: BTreeSet<_> = named.chain(found).chain(report.change.iter().map(|change| &change.object)).collect();
    let mut objects: Vec<_> = case.numbers.objects().iter().enumerate().collect();
    objects.sort_by_key(|(index, object)| (!first.contains(object), *index));
    let row = |(index, object): (usize, &crate::domain::ObjectRef)| {
        format!("O{} {}", index + 1, quotes.repeat(&object.to_string(), 160))
    };
    Section { name: "objects", title: "Objects", budget: super::TASK, lines: objects.into_iter().map(row).collect() }
}

/// The intents that the rules made, at two lengths.
pub fn intents(case: &Case<'_>, quotes: &Quotes) -> Vec<String> {
    let told = |parameters: bool| {
        let mut text = String::new();
        for (index, action) in case.report.actions.iter().enumerate() {
            let (intent, decision) = (&action.intent, action.decision.value.as_str());
            let object =
                case.numbers.of_object(&intent.object()).unwrap_or_else(|| quotes.repeat(&intent.object().to_string(), 160));
            let _ = write!(text, "I{} {} {object} risk {} policy {decision}", index + 1, intent.action, action.risk.as_str());
            if parameters {
                let params = serde_json::to_string(&intent.params).unwrap_or_default();
                if params.starts_with('{') {
                    let _ = write!(text, " {}", quotes.repeat(&params, 200));
                }
                let _ = write!(text, " {}", quotes.repeat(&one_line(&action.why), 160));
            }
            text.push('\n');
        }
        if text.is_empty() { text } else { format!("\n## Intents\n{text}") }
    };
    vec![told(true), told(false)]
}

/// The hypotheses, their sentences at several lengths.
pub fn hypotheses(case: &Case<'_>, hypotheses: &[Hypothesis]) -> Vec<String> {
    let quotes = Quotes::default();
    let told = |length: usize| {
        let mut text = String::new();
        for hypothesis in hypotheses {
            let object = case.numbers.of_object(&hypothesis.object).unwrap_or_else(|| "O?".to_owned());
            let origin = if hypothesis.origin == Origin::Rules { "rules" } else { "model" };
            let _ = write!(text, "{} {} {object} {:.2} by {origin}", hypothesis.id, hypothesis.cause, hypothesis.confidence);
            let _ = write!(text, ", rests on {}", hypothesis.facts.join(" "));
            if !hypothesis.against.is_empty() {
                let _ = write!(text, ", against {}", hypothesis.against.join(" "));
            }
            if length > 0 {
                let _ = write!(text, " {}", quotes.repeat(&one_line(&hypothesis.statement), length));
            }
            text.push('\n');
        }
        if text.is_empty() { text } else { format!("\n## Hypotheses\n{text}") }
    };
    vec![told(480), told(160), told(60), told(0)]
}
