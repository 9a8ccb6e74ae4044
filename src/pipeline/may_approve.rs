//! Whether somebody who could be an approver may approve this attempt, on whichever channel. Who is an approver is each channel's
//! to say, and that the plan is still open the store's.

use crate::domain::{Actor, Attempt, Plan, Risk};
use crate::remedy::{RISK_HIGH, SeparateApprover};

/// Changes aren't applied here.
pub const EXECUTOR_DISABLED: &str = "executor_disabled";
/// Who asked for it can't approve it.
pub const SEPARATE_APPROVER: &str = "separate_approver";
/// Somebody decided as often as an hour allows.
pub const APPROVAL_RATE: &str = "approval_rate";

/// The settings that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRules {
    /// `EXECUTOR_ENABLED` and `EXECUTOR_APPROVAL_ENABLED`.
    pub is_enabled: bool,
    /// `approval.separate_approver`.
    pub separate: SeparateApprover,
}

/// How somebody says that they mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By typing the object's name on a terminal.
    Typing,
    /// By a button, a request or a flag.
    Pressing,
}

/// Why somebody may not: a code for the audit log, and a sentence for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Such as `separate_approver`.
    pub code: &'static str,
    /// Why.
    pub why: String,
}

/// How much can go wrong with it; `None` where its plan can't be read.
pub fn risk_of(attempt: &Attempt) -> Option<Risk> {
    serde_json::from_value::<Plan>(attempt.plan.clone()).ok().map(|plan| plan.risk.level)
}

/// The person who asked for it. An alert, a rule and the program itself are nobody.
pub fn requester(attempt: &Attempt) -> Option<&Actor> {
    attempt.requested_by.as_ref().filter(|actor| matches!(actor.kind.as_str(), "person" | "discord" | "operator"))
}

/// Whether nothing of its kind is switched off.
///
/// # Errors
/// Changes aren't applied here.
pub fn is_enabled(rules: ApprovalRules) -> Result<(), Denied> {
    let why = "changes are not applied here: EXECUTOR_ENABLED and EXECUTOR_APPROVAL_ENABLED have to be true";
    if rules.is_enabled { Ok(()) } else { Err(Denied { code: EXECUTOR_DISABLED, why: why.to_owned() }) }
}

/// Whether this person may approve the attempt.
///
/// # Errors
/// Changes aren't applied here, the risk is for a terminal, or they asked for it and somebody else has to agree.
pub fn may_approve(attempt: &Attempt, who: &Actor, by: Means, rules: ApprovalRules) -> Result<(), Denied> {
    is_enabled(rules)?;
    // What can't be read is taken for the worst.
    let risk = risk_of(attempt).unwrap_or(Risk::High);
    if risk >= Risk::High && by == Means::Pressing {
        let code = &attempt.code;
        let why =
            format!("the risk is high: it is approved on a terminal, by typing the object's name (sre-copilot approve {code})");
        return Err(Denied { code: RISK_HIGH, why });
    }
    let is_requester = requester(attempt).is_some_and(|requester| requester.kind == who.kind && requester.id == who.id);
    if is_requester && rules.separate.applies_to(risk) {
        let why = "you asked for it: somebody else has to approve it (approval.separate_approver)".to_owned();
        return Err(Denied { code: SEPARATE_APPROVER, why });
    }
    Ok(())
}
