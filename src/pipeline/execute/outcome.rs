//! What became of an intent before anybody was asked.

use super::Reason;
use crate::domain::{Attempt, Decision, Plan};
use crate::ports::WriteError;
use serde::Serialize;
use std::fmt;

/// How far an intent came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// Nothing was tried: it is switched off, there is no intent, or a recording is replayed.
    Skipped,
    /// The API server would take it. Only this can be approved.
    DryRunOk,
    /// The API server would refuse it.
    DryRunFailed,
    /// Policy refuses it.
    GuardrailBlocked,
    /// It only looks, and did.
    ReadOk,
    /// The API server could not be asked.
    Error,
}

impl ExecutionStatus {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::DryRunOk => "dry_run_ok",
            Self::DryRunFailed => "dry_run_failed",
            Self::GuardrailBlocked => "guardrail_blocked",
            Self::ReadOk => "read_ok",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How far it came.
    pub status: ExecutionStatus,
    /// The reason code, where it did not come through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One sentence; of an intent that only looks, what was seen.
    pub text: String,
    /// The change, as far as it was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What policy said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What waits for an approval, or is approved by a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Box<Attempt>>,
}

impl Outcome {
    /// Nothing was tried, for this reason (`executor_disabled`, `no_intent`, `replay`).
    pub fn skipped(code: &str, why: &str) -> Self {
        Self::stopped(ExecutionStatus::Skipped, &Reason::new(code, why))
    }

    pub(super) fn stopped(status: ExecutionStatus, reason: &Reason) -> Self {
        let code = Some(reason.code.clone());
        Self { status, code, text: reason.why.clone(), plan: None, decision: None, attempt: None }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A rule of ours.
    Blocked(Reason),
    /// The API server said no.
    Refused(Reason),
    /// The API server could not be asked.
    Unanswered(Reason),
}

impl Stop {
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Blocked(reason) | Self::Refused(reason) | Self::Unanswered(reason) => reason,
        }
    }

    pub fn outcome(&self) -> Outcome {
        let status = match self {
            Self::Blocked(_) => ExecutionStatus::GuardrailBlocked,
            Self::Refused(_) => ExecutionStatus::DryRunFailed,
            Self::Unanswered(_) => ExecutionStatus::Error,
        };
        Outcome::stopped(status, self.reason())
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        let reason = Reason::from(&error);
        if error.is_certain() { Self::Refused(reason) } else { Self::Unanswered(reason) }
    }
}

impl From<&WriteError> for Reason {
    fn from(error: &WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self {
                code: refusal.code.as_str().to_owned(),
                why: refusal.sentence.clone(),
                status: Some(refusal.status).filter(|status| *status != 0),
            },
            WriteError::NoAnswer(why) => Self::new("no_answer", why.clone()),
        }
    }
}
