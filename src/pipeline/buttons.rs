//! Which buttons an incident's message has. It draws none, and what a click may do is decided anew when it comes.

use super::click::{needs_another, undo_ends_at};
use super::may_approve::{ApprovalRules, requester, risk_of};
use crate::domain::{Attempt, AttemptContext, AttemptState, DecisionValue, IncidentStatus, IncidentView, Risk, Verb};
use crate::ports::NewButton;
use jiff::{SignedDuration, Timestamp};

/// How long feedback can be given: as long as a sent message is remembered.
const FEEDBACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The settings that matter.
#[derive(Clone, Copy, Debug)]
pub struct ButtonRules {
    /// What has to hold of any approval.
    pub approval: ApprovalRules,
    /// Whether anybody is an approver.
    pub has_approvers: bool,
}

/// The buttons of the incident's message, first feedback, then what can be decided.
pub fn buttons(view: &IncidentView, rules: &ButtonRules, now: Timestamp) -> Vec<NewButton> {
    let mut buttons = Vec::new();
    if view.finding.is_none() || view.incident.status == IncidentStatus::Merged {
        return buttons;
    }
    let expires_at = now.saturating_add(FEEDBACK).unwrap_or(Timestamp::MAX);
    buttons.extend([Verb::Up, Verb::Down].map(|verb| NewButton { verb, about: None, expires_at }));
    if view.incident.status != IncidentStatus::Open || !rules.approval.is_enabled || !rules.has_approvers {
        return buttons;
    }
    let about = |attempt: &Attempt| Some((attempt.id.clone(), attempt.digest.clone()));
    if let Some(open) = view.attempts.iter().find(|attempt| attempt.state == AttemptState::Proposed) {
        if is_for_discord(open, now) {
            let apply =
                if needs_another(open, rules.approval) && requester(open).is_some() { Verb::Approve } else { Verb::Apply };
            let new = |verb| NewButton { verb, about: about(open), expires_at: open.expires_at };
            buttons.extend([apply, Verb::Decline].map(new));
        }
    } else if let Some((applied, expires_at)) = undoable(&view.attempts, now) {
        buttons.push(NewButton { verb: Verb::Undo, about: about(applied), expires_at });
    }
    buttons
}

/// Whether a proposal can be decided on by a click.
fn is_for_discord(attempt: &Attempt, now: Timestamp) -> bool {
    let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    let may_be = shown.decision.is_some_and(|decision| decision.value != DecisionValue::Block);
    may_be && now < attempt.expires_at && risk_of(attempt).is_some_and(|risk| risk < Risk::High)
}

/// The newest change, where it can still be taken back by a step of its own, and until when.
pub fn undoable(attempts: &[Attempt], now: Timestamp) -> Option<(&Attempt, Timestamp)> {
    let sent = |attempt: &&Attempt| attempt.sent_at.is_some() && attempt.state != AttemptState::Failed;
    let newest = attempts.iter().filter(sent).max_by_key(|attempt| attempt.sent_at)?;
    let until = undo_ends_at(newest)?;
    (now < until).then_some((newest, until))
}

#[cfg(test)]
pub(super) mod tests;
