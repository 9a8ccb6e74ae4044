//! What a person says to a proposal, and to an attempt of which nobody knows whether it landed. Who may say it is decided
//! by the channel that asks; that it is about exactly this plan is decided here.

use super::{Executor, LANDS_WITHIN, Reason, after};
use crate::domain::{Attempt, AttemptState, AuditData, AuditName, Code, Digest};
use crate::ports::{AdvanceError, AttemptStore, AuditLog, Changes, Clock, StoreError};
use thiserror::Error;

/// How much of a person's reason is kept, in characters: as much as an intent's.
const LONGEST_REASON: usize = 500;

/// Why an approval did not count.
#[derive(Debug, Error)]
pub enum ApproveError {
    /// What was approved is another plan.
    #[error("this digest is not that of {code}, which has {digest}")]
    OtherDigest {
        /// The attempt.
        code: String,
        /// Its digest.
        digest: Digest,
    },
    /// Somebody was first, or it is too late.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
}

impl<W, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Approves the plan that has this digest, in the executor's actor's name. It can be applied for 60 s from now on.
    ///
    /// # Errors
    /// Another plan's digest, or somebody was first, or it is too late.
    #[tracing::instrument(
        name = "sre.copilot.approval.approved",
        skip_all,
        fields(sre.attempt.id = attempt.id, sre.approval.channel = self.channel, sre.approval.user_id = self.actor.id)
    )]
    pub async fn approve(&self, attempt: &Attempt, digest: &Digest) -> Result<Attempt, ApproveError> {
        if attempt.digest != *digest {
            return Err(ApproveError::OtherDigest { code: attempt.code.clone(), digest: attempt.digest.clone() });
        }
        let set = Changes { decided_by: Some(self.actor.clone()), ..Changes::default() };
        let (to, name) = (AttemptState::Approved, AuditName::ApprovalApproved);
        let approved = self.advance(attempt, to, set, name, AuditData::default()).await?;
        self.progress.reached("approve.stored");
        Ok(approved)
    }

    /// Says no; `why` is for those who look later.
    ///
    /// # Errors
    /// Somebody was first.
    #[tracing::instrument(
        name = "sre.copilot.approval.rejected",
        skip_all,
        fields(sre.attempt.id = attempt.id, sre.approval.channel = self.channel, sre.approval.user_id = self.actor.id)
    )]
    pub async fn decline(&self, attempt: &Attempt, why: Option<&str>) -> Result<Attempt, AdvanceError> {
        let reason = why.map(|why| Reason::new("declined", why.chars().take(LONGEST_REASON).collect::<String>()).to_string());
        let set = Changes { decided_by: Some(self.actor.clone()), reason, ..Changes::default() };
        self.advance(attempt, AttemptState::Declined, set, AuditName::ApprovalDeclined, AuditData::default()).await
    }

    /// Notes that somebody was shown the plan and is asked for the second step.
    ///
    /// # Errors
    /// The store failed.
    pub async fn first_step(&self, attempt: &Attempt) -> Result<(), StoreError> {
        self.about(AuditName::ApprovalFirstStep, attempt, AuditData::default()).await
    }

    /// Notes that somebody wanted to approve and may not, by a rule that has a code.
    ///
    /// # Errors
    /// The store failed.
    pub async fn deny(&self, attempt: &Attempt, code: &str) -> Result<(), StoreError> {
        let data = AuditData { reason: Code::new(code), ..AuditData::default() };
        self.about(AuditName::ApprovalDenied, attempt, data).await
    }

    /// A row about an attempt that changes nothing of it.
    async fn about(&self, name: AuditName, attempt: &Attempt, data: AuditData) -> Result<(), StoreError> {
        let mut event = self.event(name, data);
        event.incident_id = Some(attempt.incident.clone());
        event.run_id = Some(attempt.run_id.clone());
        event.attempt_id = Some(attempt.id.clone());
        event.digest = Some(attempt.digest.as_str().to_owned());
        event.target = Some(attempt.target.clone());
        self.store.append(event).await.map(drop)
    }

    /// Says of an attempt that is unknown whether it was applied. That it was not can only be said once it can't land any
    /// more, 75 s after it was sent.
    ///
    /// # Errors
    /// It is not unknown, or it may still land.
    pub async fn resolve(&self, attempt: &Attempt, applied: bool) -> Result<Attempt, AdvanceError> {
        let to = if applied { AttemptState::Succeeded } else { AttemptState::Failed };
        let may_land = attempt.sent_at.is_some_and(|sent| self.clock.now() < after(sent, LANDS_WITHIN));
        if attempt.state != AttemptState::Unknown || (!applied && may_land) {
            return Err(AdvanceError::NoSuchTransition { from: attempt.state, to });
        }
        let reason = match applied {
            true => Reason::new("resolved_applied", format!("{} says that it was applied", self.actor.name)),
            false => Reason::new("resolved_not_applied", format!("{} says that it was not applied", self.actor.name)),
        };
        let set = Changes { reason: Some(reason.to_string()), ..Changes::default() };
        let set = if applied { Changes { verify_due_at: Some(self.clock.now()), ..set } } else { set };
        self.advance(attempt, to, set, AuditName::AttemptResolved, reason.data()).await
    }
}
