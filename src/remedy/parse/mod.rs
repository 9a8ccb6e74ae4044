//! Reads an intent out of a model's text. The text is never trusted: it may only name one of the candidates that the rules
//! offer, and its risk is not used.

mod bounds;
mod fields;
mod scan;
pub(super) mod schema;
mod strict;

use super::{MOST_GROWTH, Refusal, Settings, Tier, command, shown, tier};
use crate::cluster::Snapshot;
use crate::domain::ExecutionIntent;
use scan::Scan;
use serde_json::Value;
use std::fmt;

/// Longer texts are not read.
pub const LONGEST: usize = 64 * 1024;
/// After the first object so many more are looked at for a second intent.
const LOOKED_AT: usize = 64;

/// What an intent in a text is held against.
#[derive(Clone, Copy, Debug)]
pub struct ParseContext<'a> {
    /// The objects that there are.
    pub snapshot: &'a Snapshot,
    /// The tiers and bounds.
    pub settings: &'a Settings,
    /// What the rules offer: nothing else is taken.
    pub candidates: &'a [ExecutionIntent],
}

/// Why a text is no intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Such as `scale_to_zero`.
    pub code: &'static str,
    /// For people and for the model.
    pub sentence: String,
}

/// `intent rejected: CODE: sentence`
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "intent rejected: {}: {}", self.code, self.sentence)
    }
}

/// Whether these are a namespace's and an object's name, by Kubernetes' rules.
pub(super) fn are_names(namespace: &str, name: &str) -> bool {
    fields::is_label(namespace) && fields::is_subdomain(name)
}

/// Holds an intent against the object as it is now: replicas and resources only grow, and never beyond the bound that no
/// setting lifts.
///
/// # Errors
/// The code and the sentence of the bound that it breaks.
pub fn within_bounds(intent: &ExecutionIntent, live: &Value) -> Result<(), Refusal> {
    if bounds::says_nothing(intent, live) {
        return Ok(());
    }
    bounds::check(intent, live, MOST_GROWTH).map_err(|rejection| Refusal::new(rejection.code, rejection.sentence))
}

fn rejected(code: &'static str, sentence: String) -> Rejection {
    Rejection { code, sentence }
}

/// The one intent that a text holds, if it is one that the rules offer: the candidate itself, with the text's reason.
///
/// # Errors
/// With the first thing that is wrong with it.
pub fn parse(text: &str, context: &ParseContext<'_>) -> Result<ExecutionIntent, Rejection> {
    let intent = read(text)?;
    if tier(context.settings, &intent.namespace) == Tier::Forbidden {
        return Err(rejected("namespace_forbidden", format!("{} may not even be read", intent.namespace)));
    }
    let Some(object) = context.snapshot.get(&intent.object()) else {
        let missing = format!("no {}/{} in {}", intent.resource_type, intent.resource_name, intent.namespace);
        return Err(rejected("object_missing", missing));
    };
    bounds::check(&intent, &object.raw, context.settings.remedy.max_growth)?;
    let is_it = |candidate: &&ExecutionIntent| candidate.bound() == intent.bound();
    match context.candidates.iter().find(is_it) {
        Some(candidate) => Ok(ExecutionIntent { reason: intent.reason, ..candidate.clone() }),
        None => {
            let offered: Vec<String> = context.candidates.iter().map(|candidate| shown(&command(candidate, None))).collect();
            let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join("; ") };
            Err(rejected("not_a_candidate", format!("the rules offer {offered}")))
        }
    }
}

/// The one intent that a text holds, as the schema has it, whatever it is about. Nothing may be done on its word alone.
///
/// # Errors
/// With the first thing that is wrong with it.
pub fn read(text: &str) -> Result<ExecutionIntent, Rejection> {
    if text.len() > LONGEST {
        return Err(rejected("no_json", format!("{} bytes, at most {LONGEST} are read", text.len())));
    }
    let (start, end) = scan::unfenced(text);
    let inside = text.get(..end).unwrap_or(text);
    let (from, to) = match scan::object(inside, start) {
        Scan::Object(from, to) => (from, to),
        Scan::Nothing => return Err(rejected("no_json", format!("no object in {} bytes", text.len()))),
        Scan::Open(at) => return Err(invalid(text, at, "the object never ends".to_owned())),
        Scan::TooDeep(at) => return Err(invalid(text, at, format!("more than {} levels", scan::DEEPEST))),
    };
    let value = value(inside.get(from..to).unwrap_or_default())?;
    if has_second(text, to) {
        return Err(rejected("json_ambiguous", "a second intent follows".to_owned()));
    }
    match value {
        Value::Object(fields) => fields::intent(&fields),
        _ => Err(rejected("no_json", "no object".to_owned())),
    }
}

fn value(object: &str) -> Result<Value, Rejection> {
    serde_json::from_str::<strict::Strict>(object).map(|strict| strict.0).map_err(|error| {
        let text = error.to_string();
        match text.strip_prefix(strict::DUPLICATE) {
            Some(key) => rejected("duplicate_key", key.split(" at line").next().unwrap_or(key).chars().take(40).collect()),
            None => rejected("json_invalid", text),
        }
    })
}

fn invalid(text: &str, at: usize, what: String) -> Rejection {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
    rejected("json_invalid", format!("line {line}, column {column}: {what}"))
}

/// Whether another object that speaks of an action follows.
fn has_second(text: &str, mut from: usize) -> bool {
    for _ in 0..LOOKED_AT {
        match scan::object(text, from) {
            Scan::Object(start, end) => {
                let object = text.get(start..end).unwrap_or_default();
                if serde_json::from_str::<Value>(object).is_ok_and(|value| value.get("action").is_some()) {
                    return true;
                }
                from = start + 1;
            }
            Scan::TooDeep(start) => from = start + 1,
            Scan::Nothing | Scan::Open(_) => return false,
        }
    }
    // So many objects were not one intent.
    true
}

#[cfg(test)]
mod tests;
