//! From a model's text to an answer, or to an error that a repair can quote.

use super::bounds::Bounds;
use super::{Answer, conform, schema};
use serde_json::Value;

/// Longer texts are not read: no answer that is within its bounds comes near it.
pub const LONGEST: usize = 1024 * 1024;

/// Reads an answer. One code fence around it is stripped; everything else must be the JSON that the schema describes, within the
/// bounds that the schema can't carry.
///
/// # Errors
/// What is wrong, with its place, in at most five sentences that hold no more than a few words of the text itself.
pub fn parse<A: Answer>(text: &str) -> Result<A, String> {
    if text.len() > LONGEST {
        return Err(format!("the answer has {} bytes, at most {LONGEST} are read", text.len()));
    }
    let json = unfenced(text);
    if json.is_empty() {
        return Err("the answer is empty".to_owned());
    }
    let value: Value = serde_json::from_str(json).map_err(|error| format!("the answer is not JSON: {error}"))?;
    let errors = conform::errors(&value, schema(A::STAGE));
    if !errors.is_empty() {
        return Err(errors.join("; "));
    }
    // Once more from the text, since a value keeps only the last of two fields of one name.
    let answer: A = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut bounds = Bounds::default();
    answer.check(&mut bounds);
    if bounds.errors.is_empty() { Ok(answer) } else { Err(bounds.errors.join("; ")) }
}

/// What stands within a code fence, if the text holds nothing else than one.
fn unfenced(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}').trim();
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let body = inside.and_then(|inside| inside.split_once('\n')).filter(|(language, _)| is_language(language));
    body.map_or(text, |(_, body)| body.trim())
}

fn is_language(word: &str) -> bool {
    word.trim().chars().all(|char| char.is_ascii_alphanumeric())
}
