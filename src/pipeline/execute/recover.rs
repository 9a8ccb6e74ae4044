//! What a killed or sleeping process left behind. Run at the start and every few seconds; it sends nothing.

use super::{Executor, Reason};
use crate::domain::{Attempt, AttemptState, AuditData, AuditName};
use crate::ports::{AdvanceError, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, StoreError};

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Moves everything whose time is over: proposals and approvals expire, a claim that sent nothing fails, a request without
    /// an answer is read back. Gives the attempts that moved; those that succeeded and are due for a check are
    /// [`Executor::verify`]'s.
    ///
    /// # Errors
    /// The store failed. What somebody else moved meanwhile is no error.
    pub async fn recover(&self) -> Result<Vec<Attempt>, StoreError> {
        let mut moved = Vec::new();
        for attempt in self.store.due(self.clock.now()).await? {
            let (state, version) = (attempt.state, attempt.version);
            match self.recover_one(attempt).await {
                Ok(now) if now.state != state || now.version != version => moved.push(now),
                Ok(_) => {}
                Err(AdvanceError::Store(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(moved)
    }

    async fn recover_one(&self, attempt: Attempt) -> Result<Attempt, AdvanceError> {
        match attempt.state {
            AttemptState::Proposed | AttemptState::Approved => {
                let why = match attempt.state {
                    AttemptState::Proposed => "nobody approved it in time",
                    _ => "it was approved, and nobody applied it within 60 s",
                };
                let set = Changes { reason: Some(Reason::new("expired", why).to_string()), ..Changes::default() };
                self.advance(&attempt, AttemptState::Expired, set, AuditName::ApprovalExpired, AuditData::default()).await
            }
            AttemptState::Claimed => {
                self.fail(&attempt, &Reason::new("not_sent", "its worker ended before anything was sent")).await
            }
            AttemptState::Running => {
                let reason = Reason::new("worker_lost", "its worker ended while the request was on its way");
                let unknown = self.lost(&attempt, &reason).await?;
                self.read_back(unknown).await
            }
            AttemptState::Unknown => self.read_back(attempt).await,
            _ => Ok(attempt),
        }
    }
}
