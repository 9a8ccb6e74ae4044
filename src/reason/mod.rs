//! What a language model adds to a diagnosis, and what bounds it: the context that it reads, the prompts, the schemas of its
//! answers, and the checks that every answer passes. Each stage has a rule-made equivalent, so that without a model only the
//! prose is missing. Pure: it calls nobody, and nothing in here changes a verdict, an object or an action.

pub mod analyze;
pub mod answers;
mod around;
pub mod confidence;
mod context;
pub mod converse;
#[cfg(test)]
mod corpus;
pub mod criticize;
mod dropped;
pub mod fix;
mod guard;
pub mod hypothesize;
mod numbers;
pub mod plan;
mod prompt;
mod prose;
mod share;
pub mod synthesize;

pub use context::Context;
pub use dropped::Dropped;
pub use guard::{Guarded, guard};
pub use numbers::Numbers;
pub use prompt::{Prompt, Task, Turn};
pub use prose::Prose;
pub use share::{room, share, tokens};

use crate::cluster::Snapshot;
use crate::domain::Report;

/// What the stages reason about: a finished diagnosis and what it was made from, redacted.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The diagnosis, with the actions that are proposed.
    pub report: &'a Report,
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// How a fact, an object and an action are called.
    pub numbers: &'a Numbers,
}
