//! Reads an intent out of a model's text.

use super::Settings;
use crate::cluster::Snapshot;
use crate::domain::ExecutionIntent;
use std::fmt;

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

/// The one intent that a text holds, if it is one that the rules offer.
///
/// # Errors
/// With the first thing that is wrong with it.
pub fn parse(text: &str, _context: &ParseContext<'_>) -> Result<ExecutionIntent, Rejection> {
    Err(Rejection { code: "no_json", sentence: format!("no object in {} bytes", text.len()) })
}
