//! One call's prompt: the fixed text of its stage, and what of the context fits into its share.

mod texts;

pub(super) use texts::{DATA_FOLLOWS, perspective, system};

pub use crate::domain::Turn;
use crate::domain::{Hypothesis, Perspective, Stage, Suspicious};

/// What is asked of the model.
#[derive(Clone, Copy, Debug)]
pub enum Task<'a> {
    /// What is seen and what is missing.
    Analyze,
    /// What could be the cause, from one perspective.
    Hypothesize(Perspective),
    /// What speaks against these hypotheses.
    Criticize(&'a [Hypothesis]),
    /// The text for the verdict that stands; the hypotheses that are left, best first.
    Synthesize(&'a [Hypothesis]),
    /// The choice among the report's actions.
    Fix,
    /// An answer to a person's question.
    Converse {
        /// The question, redacted.
        question: &'a str,
        /// What was said before, oldest first, redacted.
        turns: &'a [Turn],
    },
}

/// What one call sends beside its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Alike for every incident of a stage.
    pub system: String,
    /// The case.
    pub user: String,
    /// What did not fit, one line a section: `logs: 143 of 160 lines left out`.
    pub left_out: Vec<String>,
    /// Lines that try to instruct, whether they fitted or not.
    pub suspicious: Vec<Suspicious>,
}

impl Task<'_> {
    /// The stage that asks.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Analyze => Stage::Analyze,
            Self::Hypothesize(_) => Stage::Hypothesize,
            Self::Criticize(_) => Stage::Criticize,
            Self::Synthesize(_) => Stage::Synthesize,
            Self::Fix => Stage::Fix,
            Self::Converse { .. } => Stage::Converse,
        }
    }
}
