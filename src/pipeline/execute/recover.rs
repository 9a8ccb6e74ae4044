//! What a killed or sleeping process left behind, and what nobody did in time. Run at the start and every few seconds; it sends
//! nothing.

use super::{Executor, Reason};
use crate::domain::{Attempt, AttemptState, AuditData, AuditName};
use crate::ports::{AdvanceError, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, Note, StoreError};

impl<W, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Moves everything whose time is over and that needs no cluster for it: proposals and approvals expire, a claim that sent
    /// nothing fails. Gives the attempts that moved.
    ///
    /// # Errors
    /// The store failed. What somebody else moved meanwhile is no error.
    pub async fn expire(&self) -> Result<Vec<Attempt>, StoreError> {
        let mut moved = Vec::new();
        for attempt in self.store.due(self.clock.now()).await? {
            let expired = match attempt.state {
                AttemptState::Proposed => self.expire_one(&attempt, "nobody approved it in time".to_owned()).await,
                AttemptState::Approved => {
                    let why = match &attempt.reason {
                        Some(kept) => format!("it was approved, and could not be applied within 60 s ({kept})"),
                        None => "it was approved, and nobody applied it within 60 s".to_owned(),
                    };
                    self.expire_one(&attempt, why).await
                }
                AttemptState::Claimed => {
                    self.fail(&attempt, &Reason::new("not_sent", "its worker ended before anything was sent")).await
                }
                _ => continue,
            };
            moved.extend(unless_lost(expired)?);
        }
        Ok(moved)
    }

    /// What keeps an approved attempt from being applied: it stays approved until its time is over.
    ///
    /// # Errors
    /// Somebody else moved it, or the store failed.
    pub async fn keep_waiting(&self, approved: Attempt, why: String) -> Result<Attempt, AdvanceError> {
        if approved.reason.as_ref() == Some(&why) {
            return Ok(approved);
        }
        let set = Changes { reason: Some(why), ..Changes::default() };
        let (id, state, version, fence) = (approved.id, approved.state, approved.version, approved.fence);
        self.store.note(Note { id, state, version, fence, set }).await
    }

    async fn expire_one(&self, attempt: &Attempt, why: String) -> Result<Attempt, AdvanceError> {
        let set = Changes { reason: Some(Reason::new("expired", why).to_string()), ..Changes::default() };
        self.advance(attempt, AttemptState::Expired, set, AuditName::ApprovalExpired, AuditData::default()).await
    }
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// The same, and a request without an answer is read back. Those that succeeded and are due for a check are
    /// [`Executor::verify`]'s.
    ///
    /// # Errors
    /// The store failed. What somebody else moved meanwhile is no error.
    pub async fn recover(&self) -> Result<Vec<Attempt>, StoreError> {
        let mut moved = self.expire().await?;
        for attempt in self.store.due(self.clock.now()).await? {
            let (state, version) = (attempt.state, attempt.version);
            let looked = match state {
                AttemptState::Running => self.worker_lost(&attempt).await,
                AttemptState::Unknown => self.read_back(attempt).await,
                _ => continue,
            };
            moved.extend(unless_lost(looked)?.filter(|now| now.state != state || now.version != version));
        }
        Ok(moved)
    }

    async fn worker_lost(&self, running: &Attempt) -> Result<Attempt, AdvanceError> {
        let reason = Reason::new("worker_lost", "its worker ended while the request was on its way");
        let unknown = self.lost(running, &reason).await?;
        self.read_back(unknown).await
    }
}

/// What moved; nothing where somebody else was first.
fn unless_lost(moved: Result<Attempt, AdvanceError>) -> Result<Option<Attempt>, StoreError> {
    match moved {
        Ok(moved) => Ok(Some(moved)),
        Err(AdvanceError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
