//! What may stand in a report of a model's words: sentences about what the model was shown. A sentence that names an object, a
//! number or a namespace which the context lacks is cut, as is a command of no intent; links become text; nothing calls a person.
//! It errs on the side of cutting: a lost sentence costs a little, an invented object costs trust.

mod clean;
mod commands;
mod words;

use super::Case;
use super::dropped::Dropped;
use std::collections::BTreeSet;

pub use clean::clean;

/// What one call's answer may speak of.
#[derive(Clone, Debug)]
pub struct Prose {
    known: BTreeSet<String>,
    commands: Vec<String>,
}

impl Prose {
    /// Everything that the call's prompt says (`context` is its user's message), and what the report itself names.
    pub fn new(case: Case<'_>, context: &str) -> Self {
        let mut known = BTreeSet::new();
        words::learn(context, &mut known);
        words::learn(&serde_json::to_string(case.report).unwrap_or_default(), &mut known);
        for object in case.numbers.objects() {
            words::learn(&format!("{object} {}", object.kubectl()), &mut known);
        }
        let ids = [("F", case.report.facts.len()), ("O", case.numbers.objects().len()), ("I", case.report.actions.len())];
        known.extend(
            ids.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}").to_lowercase())),
        );
        let commands = case.report.actions.iter().map(|action| action.command.clone()).collect();
        Self { known, commands }
    }

    /// Of a bare text and these commands.
    #[cfg(test)]
    fn over(context: &str, commands: &[&str]) -> Self {
        let mut known = BTreeSet::new();
        words::learn(context, &mut known);
        Self { known, commands: commands.iter().map(|command| (*command).to_owned()).collect() }
    }

    /// What is left of a text; `None` when that is nothing.
    pub(super) fn text(&self, text: &str, dropped: &mut Dropped) -> Option<String> {
        let clean = clean(text);
        let mut kept = Vec::new();
        for sentence in sentences(&clean) {
            match self.fault(sentence) {
                Some(why) => dropped.add(why),
                None => kept.push(sentence),
            }
        }
        Some(kept.join(" ")).filter(|text| !text.is_empty())
    }

    /// What is left of each text.
    pub(super) fn texts(&self, texts: &[String], dropped: &mut Dropped) -> Vec<String> {
        texts.iter().filter_map(|text| self.text(text, dropped)).collect()
    }

    /// The verb of a change that a step calls for, whether as a command or in words.
    pub(super) fn change(step: &str) -> Option<&'static str> {
        commands::change(&clean(step))
    }

    /// Why a sentence can't stay.
    fn fault(&self, sentence: &str) -> Option<&'static str> {
        if clean::calls_somebody(sentence) {
            return Some("calls people by a mention");
        }
        if commands::has_foreign(sentence, &self.commands) {
            return Some("names a command that is none of the proposed actions");
        }
        words::has_unknown(sentence, &self.known).then_some("names an object, a number or a namespace that the context lacks")
    }
}

/// A text's sentences: each ends with its mark, where the next begins with a blank and no small letter. So `e.g. this` and
/// `7.4.0` stay whole.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if !matches!(char, '.' | '!' | '?' | ';') {
            continue;
        }
        let end = at + char.len_utf8();
        let mut rest = text.get(end..).unwrap_or_default().chars();
        let ends = rest.next().is_some_and(char::is_whitespace) && rest.next().is_none_or(|next| !next.is_lowercase());
        if ends || chars.peek().is_none() {
            sentences.push(text.get(start..end).unwrap_or_default().trim());
            start = end;
        }
    }
    sentences.push(text.get(start..).unwrap_or_default().trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests;
