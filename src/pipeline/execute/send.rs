//! The one write, and what its answer makes of the attempt. It is sent again only where the server said for certain that
//! it did not take it and the object is still the approved version; whatever leaves that open is unknown.

use super::planned::kept;
use super::{Executor, LANDS_WITHIN, Landed, MAX_SENDS, Reason, after, landed};
use crate::cluster::json as at;
use crate::domain::{Attempt, AttemptState, AuditData, AuditName, ExecutionIntent, Plan, PlanRequest};
use crate::ports::{AdvanceError, ApiReason, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, WriteError};
use crate::remedy;
use jiff::SignedDuration;
use serde_json::Value;

/// When a change is first looked at (`verify.after`, whose first step this is by default).
const FIRST_CHECK: SignedDuration = SignedDuration::from_mins(1);

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Sends what is stored as running.
    pub(super) async fn send(&self, mut running: Attempt, request: &PlanRequest) -> Result<Attempt, AdvanceError> {
        loop {
            if !self.has_time(&running) {
                // What was sent before, if anything, was refused for certain.
                return self.fail(&running, &Reason::new("not_sent", "its lease ran out before it could be sent")).await;
            }
            let token = running.token.as_deref().unwrap_or_default();
            let version = running.resource_version.as_deref().unwrap_or_default();
            self.progress.reached("send.begins");
            let answer = self.writer.send(&running, &request.filled(token, version)).await;
            self.progress.reached("send.answered");
            let error = match answer {
                Ok(answer) => {
                    // A PATCH answers with the object; of a scale or an eviction the object is read.
                    let kind = plan_of(&running).map(|(_, intent)| intent.object().kind);
                    let object = kind.is_some_and(|kind| at::text(&answer, "kind") == kind).then_some(answer);
                    return self.succeed(&running, object).await;
                }
                Err(error) => error,
            };
            if !error.is_certain() {
                return self.unknown(&running, &error).await;
            }
            if error.code() != Some(ApiReason::TargetChanged) {
                return self.fail(&running, &Reason::from(&error)).await;
            }
            running = match self.again(&running, &error).await? {
                Ok(again) => again,
                Err(ended) => return Ok(ended),
            };
        }
    }

    /// After a conflict: prepares another send where the object is still the approved version, else ends the attempt.
    async fn again(&self, running: &Attempt, conflict: &WriteError) -> Result<Result<Attempt, Attempt>, AdvanceError> {
        let Some((plan, intent)) = plan_of(running) else {
            return self.fail(running, &Reason::from(conflict)).await.map(Err);
        };
        let live = match self.writer.get(&intent.object()).await {
            Ok(live) => live,
            Err(error) => return self.fail(running, &Reason::from(&error)).await.map(Err),
        };
        self.progress.reached("conflict.read");
        let target = remedy::plan_target(&intent, &live, plan.target.version.starts_with("template:"));
        if target.uid != plan.target.uid {
            let why = "another object has the name now: the one that was approved is gone";
            return self.fail(running, &Reason::new(ApiReason::TargetReplaced.as_str(), why)).await.map(Err);
        }
        if target != plan.target {
            // A proxy on the way may have sent it twice: then it is our own change that is in the way.
            let revisions = self.writer.revisions(&live).await.unwrap_or_default();
            if landed(running, &plan, &intent, Ok(&live), &revisions) == Landed::Yes {
                return self.succeed(running, Some(live)).await.map(Err);
            }
            let why = format!("the object was changed in between: approved at {}, now {}", plan.target.version, target.version);
            return self.fail(running, &Reason::new(ApiReason::TargetChanged.as_str(), why)).await.map(Err);
        }
        if running.sends >= MAX_SENDS {
            let why = format!("the object's status changed each of the {MAX_SENDS} times that it was sent");
            return self.fail(running, &Reason::new(ApiReason::TargetChanged.as_str(), why)).await.map(Err);
        }
        let sends = running.sends + 1;
        let set = Changes {
            resource_version: Some(at::text(&live, "metadata.resourceVersion").to_owned()),
            sent_at: Some(self.clock.now()),
            sends: Some(sends),
            ..Changes::default()
        };
        let data = AuditData { sends: Some(sends), ..AuditData::default() };
        let again = self.advance(running, AttemptState::Running, set, AuditName::AttemptRunning, data).await?;
        self.progress.reached("resend.stored");
        Ok(Ok(again))
    }

    /// It was taken. `live` is the object after it, where that was read already.
    pub(super) async fn succeed(&self, seen: &Attempt, live: Option<Value>) -> Result<Attempt, AdvanceError> {
        let live = match (live, plan_of(seen)) {
            (None, Some((_, intent))) => self.writer.get(&intent.object()).await.ok(),
            (live, _) => live,
        };
        let generation = live.as_ref().and_then(|live| at::int(live, "metadata.generation"));
        let due = after(seen.sent_at.unwrap_or_else(|| self.clock.now()), FIRST_CHECK);
        let set = Changes { after: live.as_ref().map(kept), verify_due_at: Some(due), ..Changes::default() };
        let data = AuditData { generation, sends: Some(seen.sends), ..AuditData::default() };
        let done = self.advance(seen, AttemptState::Succeeded, set, AuditName::AttemptSucceeded, data).await?;
        self.progress.reached("succeeded.stored");
        Ok(done)
    }

    /// Nobody knows whether it landed: looks at once, and leaves the rest to [`Executor::settle`].
    async fn unknown(&self, running: &Attempt, error: &WriteError) -> Result<Attempt, AdvanceError> {
        let unknown = self.lost(running, &Reason::from(error)).await?;
        self.read_back(unknown).await
    }

    /// Running becomes unknown.
    pub(super) async fn lost(&self, running: &Attempt, reason: &Reason) -> Result<Attempt, AdvanceError> {
        let sent_at = running.sent_at.unwrap_or_else(|| self.clock.now());
        let due = Some(after(sent_at, LANDS_WITHIN));
        let set = Changes { reason: Some(reason.to_string()), verify_due_at: due, ..Changes::default() };
        let unknown = self.advance(running, AttemptState::Unknown, set, AuditName::AttemptUnknown, reason.data()).await?;
        self.progress.reached("unknown.stored");
        Ok(unknown)
    }
}

/// An attempt's plan and intent, if they can be read.
pub(super) fn plan_of(attempt: &Attempt) -> Option<(Plan, ExecutionIntent)> {
    let plan: Plan = serde_json::from_value(attempt.plan.clone()).ok()?;
    let intent = ExecutionIntent::from_bound(&plan.intent)?;
    Some((plan, intent))
}
