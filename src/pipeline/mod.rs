//! The stages in order: what was read, the objects that are meant, the report, and whether it is the one expected.

pub mod expectation;
pub mod selector;
mod since;
mod target;

pub use target::{NoTarget, SUGGESTIONS, Scope, Wanted, resolve};

use crate::cluster::{Recording, Snapshot};
use jiff::SignedDuration;

/// What the person who asks may set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How far back events and terminations count.
    pub since: Option<SignedDuration>,
}

/// The snapshot that the rules read.
pub fn snapshot(mut recording: Recording, options: &Options) -> Snapshot {
    if let Some(span) = options.since {
        since::forget_before(&mut recording, span);
    }
    Snapshot::new(recording)
}
