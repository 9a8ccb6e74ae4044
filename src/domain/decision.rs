//! What policy says to an intent, and by which rule.

use serde::{Deserialize, Serialize};

/// What may happen with an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionValue {
    /// Nothing is sent; the intent stays advice.
    Block,
    /// A person has to approve it.
    Approve,
    /// It is applied at once, by a rule that somebody wrote down.
    Auto,
}

impl DecisionValue {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

/// A policy decision, with the one rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What may happen.
    pub value: DecisionValue,
    /// The reason code, such as `namespace_forbidden` or `needs_approval`.
    pub rule: String,
    /// One sentence for people: what was refused, why, and what would change it.
    pub why: String,
}
