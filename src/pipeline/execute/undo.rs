//! Takes an applied change back: a new intent with its own dry run, digest and approval.

use super::send::plan_of;
use super::{Ask, Executor, Outcome, Policy, after};
use crate::cluster::json as at;
use crate::domain::{Attempt, AttemptState, ExecutionIntent, UNDO_WITHIN};
use crate::ports::{ApiReason, AttemptStore, AuditLog, Clock, ClusterWriter, StoreError, WriteError};
use crate::remedy;
use jiff::SignedDuration;
use serde_json::Value;
use thiserror::Error;

/// Why there is no undo.
#[derive(Debug, Error)]
pub enum UndoError {
    /// It was not applied, or is undone already.
    #[error("{code} is {state}: there is nothing to take back")]
    NotApplied {
        /// The attempt.
        code: String,
        /// Where it stands.
        state: AttemptState,
    },
    /// Too long ago.
    #[error("{0} was applied more than 24 hours ago")]
    TooLate(String),
    /// Nothing takes such a change back.
    #[error("nothing takes {0} back")]
    NoInverse(String),
    /// Somebody changed the object since (`target_changed`, `target_replaced`).
    #[error("{code}: {why}")]
    Changed {
        /// The reason code.
        code: &'static str,
        /// What was seen.
        why: String,
    },
    /// The object could not be read.
    #[error(transparent)]
    Cluster(#[from] WriteError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Proposes the undo of an applied attempt, in the same incident and analysis. `policy` must know that it is an undo;
    /// `context` says what screens show of it.
    ///
    /// # Errors
    /// There is nothing to undo, nothing undoes it, or somebody changed the object since.
    pub async fn undo(
        &self,
        applied: &Attempt,
        ttl: SignedDuration,
        policy: &impl Policy,
        context: impl FnOnce(&ExecutionIntent) -> Value,
    ) -> Result<Outcome, UndoError> {
        let code = || applied.code.clone();
        if !applied.state.may_become(AttemptState::Undone) {
            return Err(UndoError::NotApplied { code: code(), state: applied.state });
        }
        if applied.sent_at.is_none_or(|sent| self.clock.now() > after(sent, UNDO_WITHIN)) {
            return Err(UndoError::TooLate(code()));
        }
        let (Some((plan, intent)), Some(before)) = (plan_of(applied), &applied.before) else {
            return Err(UndoError::NoInverse(code()));
        };
        let inverse = remedy::inverse(&intent, before).ok_or_else(|| UndoError::NoInverse(intent.action.to_string()))?;
        let live = self.writer.get(&intent.object()).await?;
        let changed = |code: ApiReason, why: &str| UndoError::Changed { code: code.as_str(), why: why.to_owned() };
        if at::text(&live, "metadata.uid") != plan.target.uid {
            return Err(changed(ApiReason::TargetReplaced, "another object has the name now"));
        }
        let by_template = plan.target.version.starts_with("template:");
        let mark = |object| match by_template {
            true => at::at(object, "templateHash").clone(),
            false => at::at(object, "metadata.generation").clone(),
        };
        let now = super::planned::kept(&live);
        let Some(then) = &applied.after else {
            let why = "it isn't known what the object looked like after it: whether somebody changed it since can't be told";
            return Err(changed(ApiReason::TargetChanged, why));
        };
        if mark(then) != mark(&now) {
            return Err(changed(
                ApiReason::TargetChanged,
                "somebody changed the object since: taking it back would undo that too",
            ));
        }
        let ask = Ask {
            intent: &inverse,
            incident: &applied.incident,
            run_id: &applied.run_id,
            context: context(&inverse),
            requested_by: Some(self.actor.clone()),
            cluster: Some(&plan.cluster),
            ttl,
            by_rule: false,
            undo_of: Some(applied),
        };
        Ok(self.propose(ask, policy).await?)
    }
}
