//! What a click does: whose it is, whether the button still means what it meant, whether they may, and whether it is still
//! open. Pure: the store tells what it knows, and does what is said here in the same transaction.

use super::may_approve::{APPROVAL_RATE, ApprovalRules, Denied, Means, is_enabled, may_approve, requester, risk_of};
use crate::domain::{
    Attempt, AttemptState, ExecutionIntent, Feedback, FeedbackReason, IncidentStatus, Plan, Risk, UNDO_WITHIN, Verb,
};
use crate::ports::{Button, Click, Effect, Refusal, Seen};
use crate::remedy;
use jiff::Timestamp;

/// So many clicks a minute are taken from one person.
const CLICKS: usize = 30;
/// The channel of answers to analyses.
const CHANNEL: &str = "discord";
/// What the reasons are asked for by.
const REASONS: [Verb; 5] = [Verb::WrongCause, Verb::WrongObject, Verb::WrongAction, Verb::NotAFault, Verb::Cancel];

/// Who may click what: settings.
#[derive(Clone, Debug)]
pub struct ClickRules {
    /// What has to hold of any approval.
    pub approval: ApprovalRules,
    /// `DISCORD_APPROVERS_USER_IDS`.
    pub approver_users: Vec<String>,
    /// `DISCORD_APPROVERS_ROLE_IDS`.
    pub approver_roles: Vec<String>,
    /// `feedback_roles`; empty is everybody.
    pub feedback_roles: Vec<String>,
    /// Channels that are ours by configuration; others are by a message that stands there.
    pub channels: Vec<String>,
    /// How many decisions one person has in an hour.
    pub per_hour: usize,
}

/// Whether somebody else than who asks has to agree to it.
pub fn needs_another(attempt: &Attempt, rules: ApprovalRules) -> bool {
    rules.separate.applies_to(risk_of(attempt).unwrap_or(Risk::High))
}

/// Until when a button takes this change back; `None` where nothing does.
pub fn undo_ends_at(attempt: &Attempt) -> Option<Timestamp> {
    let inverse = || {
        let plan: Plan = serde_json::from_value(attempt.plan.clone()).ok()?;
        remedy::inverse(&ExecutionIntent::from_bound(&plan.intent)?, attempt.before.as_ref()?)
    };
    let may_be = attempt.undo_of.is_none() && attempt.state.may_become(AttemptState::Undone) && inverse().is_some();
    attempt.sent_at.filter(|_| may_be).map(|sent| sent.saturating_add(UNDO_WITHIN).unwrap_or(Timestamp::MAX))
}

/// What the click does.
pub fn judge(click: &Click, seen: &Seen, rules: &ClickRules) -> Effect {
    judged(click, seen, rules).unwrap_or_else(Effect::Refused)
}

fn judged(click: &Click, seen: &Seen, rules: &ClickRules) -> Result<Effect, Refusal> {
    if seen.clicks >= CLICKS {
        return Err(Refusal::TooFast);
    }
    let button = known(click, seen)?;
    if button.verb.is_decision() { decision(click, seen, rules, button) } else { feedback(click, seen, rules, button) }
}

/// The button, if it still is what was clicked, where it was clicked, by whom.
fn known<'a>(click: &Click, seen: &'a Seen) -> Result<&'a Button, Refusal> {
    let button = seen.button.as_ref().ok_or(Refusal::Older)?;
    let differs = |known: &Option<String>, said: &str| known.as_deref().is_some_and(|known| known != said);
    if click.button.is_none_or(|(verb, _)| verb != button.verb)
        || differs(&button.channel_id, &click.channel_id)
        || differs(&button.message_id, &click.message_id)
    {
        return Err(Refusal::Older);
    }
    if differs(&button.user_id, &click.by.id) {
        let (code, why) = ("other_user", "this button is somebody else's: press the one under the incident".to_owned());
        return Err(Refusal::Denied { code, why });
    }
    if button.is_used {
        return Err(Refusal::Used);
    }
    let is_merged = seen.incident.as_ref().is_none_or(|incident| incident.status == IncidentStatus::Merged);
    if is_merged || seen.newest_run.as_deref() != Some(&button.run_id) {
        return Err(Refusal::Older);
    }
    if seen.now >= button.expires_at {
        return Err(match (button.verb.is_second(), &seen.attempt) {
            (true, _) => Refusal::StepOver,
            // What was proposed was not decided in time.
            (false, Some(_)) if button.verb != Verb::Undo => Refusal::Over,
            (false, _) => Refusal::Older,
        });
    }
    Ok(button)
}

fn feedback(click: &Click, seen: &Seen, rules: &ClickRules, button: &Button) -> Result<Effect, Refusal> {
    if !rules.feedback_roles.is_empty() && !click.roles.iter().any(|role| rules.feedback_roles.contains(role)) {
        return Err(Refusal::NotForYou);
    }
    let (score, reason) = match button.verb {
        Verb::Up => (5, None),
        Verb::WrongCause => (1, Some(FeedbackReason::WrongCause)),
        Verb::WrongObject => (1, Some(FeedbackReason::WrongObject)),
        Verb::WrongAction => (1, Some(FeedbackReason::WrongAction)),
        Verb::NotAFault => (1, Some(FeedbackReason::NotAFault)),
        Verb::Down => return Ok(Effect::AskedWhy(REASONS.to_vec())),
        _ => return Ok(Effect::Cancelled),
    };
    Ok(Effect::Feedback(Box::new(Feedback {
        incident_id: button.incident_id.clone(),
        run_id: button.run_id.clone(),
        by: click.by.clone(),
        channel: CHANNEL.to_owned(),
        score,
        is_accepted: reason.is_none(),
        reason,
        cause: None,
        comment: None,
        at: seen.now,
    })))
}

fn decision(click: &Click, seen: &Seen, rules: &ClickRules, button: &Button) -> Result<Effect, Refusal> {
    let attempt = seen.attempt.as_ref().ok_or(Refusal::Older)?;
    if button.about.as_ref().is_none_or(|(_, digest)| digest != attempt.digest.as_str()) {
        return Err(Refusal::Older);
    }
    let denied = |code, why: &str| Err(Refusal::Denied { code, why: why.to_owned() });
    if !seen.is_our_channel && !rules.channels.contains(&click.channel_id) {
        return denied("other_channel", "changes are decided only in the channels that incidents are posted in");
    }
    let is_approver =
        rules.approver_users.contains(&click.by.id) || click.roles.iter().any(|role| rules.approver_roles.contains(role));
    if !is_approver {
        return denied("not_an_approver", "you are not among those who may decide about changes");
    }
    let refused = |Denied { code, why }| Refusal::Denied { code, why };
    is_enabled(rules.approval).map_err(refused)?;
    if seen.decisions >= rules.per_hour {
        let why = format!("you decided {} times within the hour, and {} are allowed", seen.decisions, rules.per_hour);
        return denied(APPROVAL_RATE, &why);
    }
    if button.verb == Verb::Undo {
        return match undo_ends_at(attempt) {
            Some(until) if seen.now < until => Ok(Effect::UndoAsked),
            _ => Err(Refusal::Over),
        };
    }
    if attempt.state != AttemptState::Proposed || seen.now >= attempt.expires_at {
        return Err(Refusal::Over);
    }
    if button.verb == Verb::Decline {
        return Ok(Effect::Declined);
    }
    may_approve(attempt, &click.by, Means::Pressing, rules.approval).map_err(refused)?;
    Ok(match button.verb {
        Verb::Apply => Effect::Shown(Verb::Apply2),
        Verb::Approve => Effect::Shown(Verb::Approve2),
        _ if needs_another(attempt, rules.approval) && requester(attempt).is_none() => Effect::Requested,
        _ => Effect::Approved,
    })
}

#[cfg(test)]
mod tests;
