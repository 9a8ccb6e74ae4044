//! The stages of an analysis: each is a span of the trace and a time in the metrics, by the same name.

use super::metrics;
use std::time::Instant;
use tracing::{Instrument, Span};

/// What an analysis does, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads the cluster and asks the witnesses.
    Collect,
    /// Finds facts and causes.
    Diagnose,
    /// A model sums the facts up.
    Analyze,
    /// Models say what else it may be.
    Hypothesize,
    /// What they say is held to the facts.
    Criticize,
    /// Says what it is.
    Synthesize,
    /// Chooses what to do.
    Fix,
    /// Says how dangerous that is.
    Risk,
    /// Has the change tried.
    Execute,
}

impl Stage {
    /// The word in metrics; spans are called `sre.copilot.stage.` and this.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Diagnose => "diagnose",
            Self::Analyze => "analyze",
            Self::Hypothesize => "hypothesize",
            Self::Criticize => "criticize",
            Self::Synthesize => "synthesize",
            Self::Fix => "fix",
            Self::Risk => "risk",
            Self::Execute => "execute",
        }
    }

    /// Its span, for work that is done in pieces. A span's name is part of the program, so each is written out.
    pub fn span(self) -> Span {
        match self {
            Self::Collect => tracing::info_span!("sre.copilot.stage.collect"),
            Self::Diagnose => tracing::info_span!("sre.copilot.stage.diagnose"),
            Self::Analyze => tracing::info_span!("sre.copilot.stage.analyze"),
            Self::Hypothesize => tracing::info_span!("sre.copilot.stage.hypothesize"),
            Self::Criticize => tracing::info_span!("sre.copilot.stage.criticize"),
            Self::Synthesize => tracing::info_span!("sre.copilot.stage.synthesize"),
            Self::Fix => tracing::info_span!("sre.copilot.stage.fix"),
            Self::Risk => tracing::info_span!("sre.copilot.stage.risk"),
            Self::Execute => tracing::info_span!("sre.copilot.stage.execute"),
        }
    }
}

/// Does the work of a stage that waits for others; `outcome` is `ok` or says in a word why not.
pub async fn in_stage<T>(stage: Stage, work: impl Future<Output = T>, outcome: impl FnOnce(&T) -> &'static str) -> T {
    let began = Instant::now();
    let done = work.instrument(stage.span()).await;
    metrics().stage(stage.as_str(), outcome(&done), began.elapsed());
    done
}

/// A stage that had nothing to do, or whose work isn't its own to measure: it stands in the trace, and `outcome` says why.
pub fn skipped(stage: Stage, outcome: &'static str) {
    let began = Instant::now();
    stage.span().in_scope(|| metrics().stage(stage.as_str(), outcome, began.elapsed()));
}

/// Does the work of a stage that only thinks, which can't fail.
pub fn stage<T>(stage: Stage, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = stage.span().in_scope(work);
    metrics().stage(stage.as_str(), "ok", began.elapsed());
    done
}
