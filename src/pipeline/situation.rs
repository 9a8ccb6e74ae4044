//! Policy at one moment: a snapshot, what the diagnosis says of it, what is remembered, and the settings. The same for what a
//! report proposes, for what waits for approval, and once more right before anything is sent.

use super::execute::Policy;
use crate::cluster::Snapshot;
use crate::domain::{Decision, DecisionValue, ExecutionIntent, PlanRequest, Report, Risk, RiskReport};
use crate::remedy::{self, GateInput, Memory, Mode, RiskInput, Settings};
use jiff::Timestamp;

/// What policy looks at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// The diagnosis of that snapshot.
    pub report: &'a Report,
    /// What is remembered of the subject and of the cluster.
    pub memory: &'a Memory,
    /// What an operator decided.
    pub settings: &'a Settings,
    /// What the environment says about writing.
    pub mode: Mode,
    /// Whether it is about taking a change back.
    pub is_undo: bool,
}

impl Situation<'_> {
    /// Puts everything together that policy looks at, and asks.
    fn ask<T>(
        &self,
        intent: &ExecutionIntent,
        request: Option<&PlanRequest>,
        risk: Risk,
        now: Timestamp,
        question: impl FnOnce(&GateInput<'_>) -> T,
    ) -> T {
        let object = self.snapshot.get(&intent.object()).map(|object| &object.raw);
        question(&GateInput {
            settings: self.settings,
            mode: self.mode,
            now,
            intent,
            request,
            verdict: self.report.verdict,
            cause: self.report.causes.first().map_or("", |cause| cause.id.as_str()),
            is_contradicted: !self.report.contradictions.is_empty(),
            data_plane: &remedy::data_plane(self.snapshot, self.settings, &intent.object()),
            refusals: &remedy::refusals(self.snapshot, intent),
            gitops_owner: object.and_then(remedy::gitops_owner),
            memory: self.memory,
            risk,
            is_undo: self.is_undo,
        })
    }

    /// What policy says to an intent of which nothing was asked of the API server yet.
    pub(super) fn advise(&self, intent: &ExecutionIntent) -> Decision {
        self.ask(intent, None, intent.risk, self.snapshot.now, remedy::gate)
    }
}

impl Policy for Situation<'_> {
    fn guard(&self, intent: &ExecutionIntent, now: Timestamp) -> Decision {
        let passed = || Decision {
            value: DecisionValue::Approve,
            rule: "guard_passed".to_owned(),
            why: "nothing that is known before a request speaks against it".to_owned(),
        };
        self.ask(intent, None, intent.risk, now, remedy::guard).map_or_else(|block| block, |()| passed())
    }

    fn risk(&self, intent: &ExecutionIntent, now: Timestamp) -> RiskReport {
        let Self { snapshot, report, memory, settings, is_undo, .. } = *self;
        remedy::risk(&RiskInput { snapshot, report, intent, settings, memory, blast_radius: None, now, is_undo })
    }

    fn gate(&self, intent: &ExecutionIntent, request: &PlanRequest, risk: &RiskReport, now: Timestamp) -> Decision {
        self.ask(intent, Some(request), risk.level, now, remedy::gate)
    }
}
