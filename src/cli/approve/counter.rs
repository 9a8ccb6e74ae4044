//! Where one attempt is decided: shown, confirmed by somebody who may, applied, and looked after.

use super::ending::{already, exit_of, not_noted};
use super::planning::{intent, plan};
use super::{ApproveArgs, Page};
use crate::cli::error::{CliError, Exit};
use crate::cli::output;
use crate::cli::wiring::Desk;
use crate::config::Settings;
use crate::domain::{Actor, Attempt, AttemptState, ExecutionIntent};
use crate::pipeline::FreshLook;
use crate::pipeline::execute::ApproveError;
use crate::pipeline::may_approve::{APPROVAL_RATE, Denied, Means, may_approve};
use crate::ports::{AdvanceError, AttemptFilter, AttemptStore, Clock, IncidentStore};
use crate::server::interactions::approval_rules;
use jiff::SignedDuration;
use std::io::IsTerminal;

/// Where one attempt is decided.
pub(super) struct Counter<'a> {
    pub args: &'a ApproveArgs,
    pub settings: &'a Settings,
    pub page: Page<'a>,
    pub desk: &'a Desk,
    pub actor: Actor,
}

impl Counter<'_> {
    pub async fn decide_on(&self, code: &str) -> Result<Exit, CliError> {
        // What a killed process left behind comes first: it may be this one.
        self.desk.executor(&self.actor).recover().await?;
        let gone = || CliError::failed(format!("there is no attempt {code}"));
        let attempt = self.desk.store.attempt(code).await?.ok_or_else(gone)?;
        if self.args.undo {
            self.is_enabled()?;
            let proposed = self.undo(&attempt).await?;
            return self.decide(proposed).await;
        }
        match attempt.state {
            AttemptState::Proposed if attempt.expires_at > self.desk.clock.now() => self.decide(attempt).await,
            AttemptState::Proposed | AttemptState::Expired | AttemptState::Failed | AttemptState::Superseded => {
                self.decide_afresh(&attempt).await
            }
            AttemptState::Succeeded => {
                let now = self.verify(attempt).await?;
                self.show(&now)?;
                if self.args.yes { already(&now, self.args) } else { Ok(exit_of(&now)) }
            }
            _ => {
                self.show(&attempt)?;
                if self.args.yes { already(&attempt, self.args) } else { Ok(exit_of(&attempt)) }
            }
        }
    }

    pub fn show(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        self.page.show(attempt, self.desk.clock.now())
    }

    /// Nobody is locked out by an attempt that is over: the same is planned on what is there now, unless something newer waits.
    async fn decide_afresh(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        let now = self.desk.clock.now();
        let filter = AttemptFilter {
            incident: Some(attempt.incident.clone()),
            states: vec![AttemptState::Proposed],
            ..AttemptFilter::default()
        };
        let waiting = self.desk.store.attempts(filter).await?.into_iter().find(|other| other.expires_at > now);
        if let Some(newer) = waiting {
            self.show(attempt)?;
            let why = format!("{} is {}, and {} waits in its place", attempt.code, attempt.state, newer.code);
            return Err(CliError::refused("superseded", &why).hint(format!("sre-copilot approve {}", newer.code)));
        }
        if !self.settings.executor.enabled {
            self.show(attempt)?;
            return Ok(exit_of(attempt));
        }
        let proposed = self.again(attempt).await?;
        let why = attempt.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        self.page.screen.note(&format!("{} is {}{why}: planned afresh as {}", attempt.code, attempt.state, proposed.code));
        self.decide(proposed).await
    }

    /// Whether anything may be sent at all, a dry run too.
    fn is_enabled(&self) -> Result<(), CliError> {
        let why = "nothing is sent from here: EXECUTOR_ENABLED has to be true";
        if self.settings.executor.enabled { Ok(()) } else { Err(CliError::refused("executor_disabled", why)) }
    }

    /// The second step: shows the plan, has the object's name typed, applies.
    async fn decide(&self, attempt: Attempt) -> Result<Exit, CliError> {
        let is_asked =
            std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && self.args.output == output::Plain::Text;
        if !self.args.yes {
            self.show(&attempt)?;
            if !is_asked {
                return Ok(Exit::Done);
            }
        }
        let intent = intent(&plan(&attempt)?)?;
        let executor = self.desk.executor(&self.actor);
        if let Err(denied) = self.may_approve(&attempt) {
            executor.deny(&attempt, denied.code).await?;
            return Err(CliError::refused(denied.code, &denied.why));
        }
        if !self.args.yes {
            executor.first_step(&attempt).await?;
            if !self.is_typed(&intent)? {
                return Ok(Exit::Done);
            }
        }
        let look = self.look(&attempt).await?;
        let remembered = self.memory(&attempt).await?;
        let settings = self.settings.remediation();
        let situation = self.situation(&look, &remembered, &settings, attempt.undo_of.is_some());
        let digest = attempt.digest.clone();
        let approved = match executor.approve(&attempt, &digest).await {
            Ok(approved) => approved,
            Err(ApproveError::Advance(AdvanceError::Store(error))) => return Err(error.into()),
            Err(ApproveError::Advance(error @ AdvanceError::TooMany { .. })) => {
                executor.deny(&attempt, APPROVAL_RATE).await?;
                return Err(CliError::refused(APPROVAL_RATE, &format!("approvals by {}: {error}", self.actor.name)));
            }
            Err(error) => {
                executor.deny(&attempt, "too_late").await?;
                return Err(match error {
                    ApproveError::Advance(error) => error.into(),
                    error @ ApproveError::OtherDigest { .. } => CliError::refused("digest_differs", &error.to_string()),
                });
            }
        };
        let sent = async { executor.settle(executor.apply(&approved, &situation).await?).await };
        let mut applied = sent.await.map_err(|error| not_noted(&attempt.code, error))?;
        if self.args.wait {
            applied = self.verify(applied).await?;
        }
        self.outcome(&applied)
    }

    /// Whether this person may approve it, here.
    fn may_approve(&self, attempt: &Attempt) -> Result<(), Denied> {
        let rules = approval_rules(self.settings);
        if let Some(digits) = self.args.digest.as_deref().filter(|digits| !attempt.digest.begins_with(digits)) {
            let why = format!("the plan of {} has {}, not {digits} (at least eight digits)", attempt.code, attempt.digest);
            return Err(Denied { code: "digest_differs", why });
        }
        let by = if self.args.yes { Means::Pressing } else { Means::Typing };
        may_approve(attempt, &self.actor, by, rules)
    }

    fn is_typed(&self, intent: &ExecutionIntent) -> Result<bool, CliError> {
        let prompt = format!("Type the {}'s name to apply, or press Enter to leave", intent.resource_type);
        let typed: String = dialoguer::Input::new()
            .with_prompt(prompt)
            .allow_empty(true)
            .interact_text()
            .map_err(|error| CliError::failed(format!("cannot ask on this terminal: {error}")))?;
        let typed = typed.trim();
        if !typed.is_empty() && typed != intent.resource_name {
            return Err(CliError::refused("not_confirmed", &format!("{typed:?} is not its name; nothing was applied")));
        }
        Ok(!typed.is_empty())
    }

    /// Does the checks that are due; with `--wait`, all of them.
    async fn verify(&self, mut attempt: Attempt) -> Result<Attempt, CliError> {
        let subject = self.target(&attempt).await?;
        let judge =
            FreshLook { reader: &self.desk.reader, redactor: &self.desk.redactor, subject: &subject, store: &self.desk.store };
        let executor = self.desk.executor(&self.actor);
        let progress = self.page.screen.progress();
        while attempt.state == AttemptState::Succeeded {
            let Some(due) = attempt.verify_due_at else { break };
            let left = due.duration_since(self.desk.clock.now());
            if left > SignedDuration::ZERO {
                if !self.args.wait {
                    break;
                }
                progress.say(&format!("{} is applied; the next check is at {:.0}", attempt.code, due));
                self.desk.clock.wait(left).await;
            }
            attempt = match executor.verify(attempt, &judge, &self.settings.verify.after).await {
                // Somebody else looked at the same time: what they saw counts.
                Err(AdvanceError::Lost(now)) => *now,
                other => other?,
            };
        }
        if attempt.state == AttemptState::Verified && attempt.undo_of.is_none() {
            self.desk.store.resolve(&attempt.incident).await?;
        }
        Ok(attempt)
    }
}
