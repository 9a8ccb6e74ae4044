//! Whether an applied change helped: looked at several times, each time with a fresh view of the cluster.

use super::{Executor, Reason, after};
use crate::domain::{Attempt, AttemptState, AuditData, AuditName, State};
use crate::ports::{AdvanceError, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, Note};
use crate::remedy::{Criterion, Outcome, Verification};
use jiff::SignedDuration;
use serde_json::json;
use std::future::Future;

/// Looks at the cluster anew and judges, see [`crate::remedy::judge`].
pub trait Judge: Sync {
    /// `is_last` says that no further check follows.
    fn judge(&self, attempt: &Attempt, is_last: bool) -> impl Future<Output = Verification> + Send;
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Does the check of a succeeded attempt that is due. `after_sent` says when checks are due, counted from when it was
    /// sent, in rising order (`verify.after`); the last of them decides.
    ///
    /// # Errors
    /// Somebody else was first, or the store failed.
    #[tracing::instrument(
        name = "sre.copilot.execution.verify",
        skip_all,
        fields(sre.incident.id = succeeded.incident, sre.attempt.id = succeeded.id)
    )]
    pub async fn verify(
        &self,
        succeeded: Attempt,
        judge: &impl Judge,
        after_sent: &[SignedDuration],
    ) -> Result<Attempt, AdvanceError> {
        let now = self.clock.now();
        let due = succeeded.verify_due_at.filter(|due| *due <= now);
        if succeeded.state != AttemptState::Succeeded || due.is_none() {
            return Ok(succeeded);
        }
        if !self.is_at_home(&succeeded).await {
            return Ok(succeeded);
        }
        let sent = succeeded.sent_at.unwrap_or(succeeded.changed_at);
        let next = after_sent.iter().map(|time| after(sent, *time)).find(|due| *due > now);
        let seen = judge.judge(&succeeded, next.is_none()).await;
        let checked = json!({"at": now, "outcome": seen.outcome, "criteria": seen.criteria});
        let set = Changes { verification: Some(checked), verify_due_at: next, ..Changes::default() };
        let (to, name, reason) = match seen.outcome {
            Outcome::Pending => {
                let (id, state, version, fence) = (succeeded.id, succeeded.state, succeeded.version, succeeded.fence);
                return self.store.note(Note { id, state, version, fence, set }).await;
            }
            Outcome::Verified => {
                (AttemptState::Verified, AuditName::VerifyVerified, Reason::new("verified", "the fault is gone"))
            }
            Outcome::NotVerified => {
                let reason = Reason::new("not_verified", named("it did not help", &seen, State::Absent));
                (AttemptState::NotVerified, AuditName::VerifyNotVerified, reason)
            }
            Outcome::Undetermined => {
                let why = named("the last check could not see whether it helped", &seen, State::Unknown);
                let reason = Reason::new("undetermined", why);
                (AttemptState::Succeeded, AuditName::VerifyUndetermined, reason)
            }
        };
        // Nothing is due after a decision.
        let set = Changes { verify_due_at: None, reason: Some(reason.to_string()), ..set };
        self.advance(&succeeded, to, set, name, AuditData::default()).await
    }
}

/// What is said, and the first criterion that it is said for.
fn named(said: &str, seen: &Verification, state: State) -> String {
    match seen.criteria.iter().find(|criterion| criterion.state == state) {
        Some(Criterion { name, seen, .. }) if seen.is_empty() => format!("{said} ({name})"),
        Some(Criterion { name, seen, .. }) => format!("{said} ({name}: {seen})"),
        None => said.to_owned(),
    }
}
