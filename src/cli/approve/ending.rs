//! How a decision ended: in words for people, in an exit code for scripts.

use super::ApproveArgs;
use super::counter::Counter;
use crate::cli::error::{CliError, Exit};
use crate::cli::output;
use crate::domain::{Attempt, AttemptState};
use crate::ports::AdvanceError;
use crate::render;

/// Why an attempt isn't resolved by hand.
pub(super) fn unresolved(error: AdvanceError) -> CliError {
    match error {
        AdvanceError::NoSuchTransition { from: AttemptState::Unknown, .. } => {
            CliError::refused("may_still_land", "it was sent less than 75 s ago, and may still land")
                .hint("do it again in a minute")
        }
        AdvanceError::NoSuchTransition { from, .. } => {
            CliError::refused("wrong_state", &format!("it is {from}: only an attempt of unknown outcome is resolved by hand"))
        }
        error => error.into(),
    }
}

/// What `--yes` says to an attempt that can't be approved any more: fine only where exactly that plan was applied.
pub(super) fn already(attempt: &Attempt, args: &ApproveArgs) -> Result<Exit, CliError> {
    let is_done = matches!(attempt.state, AttemptState::Succeeded | AttemptState::Verified);
    if is_done && args.digest.as_deref().is_some_and(|digits| attempt.digest.begins_with(digits)) {
        return Ok(Exit::Done);
    }
    let by = attempt.decided_by.as_ref().map(|actor| format!(" by {}", actor.name)).unwrap_or_default();
    Err(CliError::refused("too_late", &format!("{} is {}{by}", attempt.code, attempt.state)))
}

impl Counter<'_> {
    pub fn outcome(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        if self.args.output != output::Plain::Text {
            self.show(attempt)?;
            return Ok(exit_of(attempt));
        }
        let why = render::escape(attempt.reason.as_deref().unwrap_or_default());
        let applied = || {
            let at = attempt.sent_at.map(|at| at.strftime(" %H:%M:%S UTC").to_string()).unwrap_or_default();
            let generation =
                attempt.after.as_ref().and_then(|after| after.pointer("/metadata/generation")).and_then(|g| g.as_i64());
            let generation = generation.map(|generation| format!(": generation {generation}")).unwrap_or_default();
            format!("Applied{at} by {}{generation}.", render::escape(&self.actor.name))
        };
        let code = &attempt.code;
        let text = match attempt.state {
            AttemptState::Succeeded if attempt.verify_due_at.is_none() => {
                format!("{} Whether it helped could not be seen: {why}\nundo: sre-copilot approve {code} --undo\n", applied())
            }
            AttemptState::Succeeded => {
                let last = self
                    .settings
                    .verify
                    .after
                    .last()
                    .zip(attempt.sent_at)
                    .and_then(|(after, sent)| sent.checked_add(*after).ok());
                let until = last.map(|last| last.strftime(" Verifying until %H:%M UTC.").to_string()).unwrap_or_default();
                format!("{}{until}\nundo: sre-copilot approve {code} --undo\n", applied())
            }
            AttemptState::Verified => format!("{} It helped.\n", applied()),
            AttemptState::NotVerified => format!("{} It did not help; undo: sre-copilot approve {code} --undo\n", applied()),
            AttemptState::Unknown => {
                format!(
                    "It is not known whether it was applied: {why}\nlook at the object, then: sre-copilot approve {code} --resolve applied|not-applied\n"
                )
            }
            AttemptState::Superseded | AttemptState::Failed => {
                let (rule, sentence) = why.split_once(": ").unwrap_or(("failed", &why));
                let error = if is_failure(rule) {
                    CliError::failed(format!("not applied, {rule}: {sentence}"))
                } else {
                    CliError::refused(rule, sentence)
                };
                return Err(error.hint(format!("sre-copilot approve {code} plans it afresh")));
            }
            state => format!("{code} is {state}. {why}\n"),
        };
        self.page.screen.print(&text)?;
        Ok(exit_of(attempt))
    }
}

/// The books could not be kept after something may have been sent.
pub(super) fn not_noted(code: &str, error: AdvanceError) -> CliError {
    let AdvanceError::Store(error) = error else { return error.into() };
    let what = format!("{code} may have been sent, and what became of it could not be stored: {error}");
    CliError { exit: Exit::Inconclusive, ..CliError::failed(what) }.hint(format!("sre-copilot approve {code} finds out"))
}

/// Codes of attempts that nobody refused: it could not be done.
fn is_failure(code: &str) -> bool {
    let codes = [
        "no_answer",
        "server_error",
        "throttled",
        "not_sent",
        "not_applied",
        "unauthorized",
        "store",
        "plan_unreadable",
        "unseen",
    ];
    codes.contains(&code)
}

/// What a state means for scripts.
pub(super) fn exit_of(attempt: &Attempt) -> Exit {
    let code = attempt.reason.as_deref().and_then(|reason| reason.split_once(": ")).map_or("", |(code, _)| code);
    match attempt.state {
        AttemptState::NotVerified => Exit::Finding,
        AttemptState::Unknown | AttemptState::Approved | AttemptState::Claimed | AttemptState::Running => Exit::Inconclusive,
        AttemptState::Succeeded if attempt.verify_due_at.is_none() => Exit::Inconclusive,
        AttemptState::Failed if is_failure(code) => Exit::Failed,
        AttemptState::Failed | AttemptState::Superseded | AttemptState::Expired => Exit::Refused,
        _ => Exit::Done,
    }
}
