//! Which intent a cause calls for.

use super::{Memory, Refusal, Settings};
use crate::cluster::Snapshot;
use crate::domain::{ExecutionIntent, Report};

/// What is proposed for a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// What may be done, best first: at most one write, then reads. Their risk is computed.
    pub candidates: Vec<ExecutionIntent>,
    /// What the cause calls for and the snapshot speaks against.
    pub refused: Vec<Refused>,
    /// What to mend by hand, in words; empty where nothing is wrong.
    pub by_hand: String,
}

/// An intent that is not proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// It.
    pub intent: ExecutionIntent,
    /// Why.
    pub refusal: Refusal,
}

/// What to do about the first cause of a report.
pub fn advise(_snapshot: &Snapshot, _report: &Report, _memory: &Memory, _settings: &Settings) -> Advice {
    Advice::default()
}
