//! A reason why something isn't done.

use serde::{Deserialize, Serialize};

/// A public code, and a sentence that says what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Such as `rollout_paused`.
    pub code: String,
    /// For people.
    pub why: String,
}

impl Refusal {
    /// Of a code and its sentence.
    pub fn new(code: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into() }
    }
}
