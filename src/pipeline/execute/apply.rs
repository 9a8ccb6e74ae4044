//! From an approval to the request: claims the attempt, plans the change again and compares, and stores what is about to
//! be sent before it is sent. Anything that differs from what was approved ends it without a write.

use super::planned::kept;
use super::{Executor, Policy, Reason, SEND, after};
use crate::cluster::json as at;
use crate::domain::{
    Attempt, AttemptState, AuditData, AuditName, CLAIM_LEASE, DecisionValue, ExecutionIntent, Plan, PlanRequest,
};
use crate::ports::{AdvanceError, ApiReason, AttemptStore, AuditLog, Changes, Clock, ClusterWriter};
use crate::remedy;

/// What a claimed attempt has to be before it is sent.
struct Ready {
    request: PlanRequest,
    resource_version: String,
    before: serde_json::Value,
}

/// How a claimed attempt ends that is not sent.
enum Unfit {
    /// Another plan, or another object.
    Drifted(Reason),
    /// Refused, or nobody could be asked.
    Failed(Reason),
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Applies an approved attempt, once. What comes back is the attempt as it stands then: succeeded, failed, superseded, or
    /// unknown, see [`Executor::settle`].
    ///
    /// # Errors
    /// Somebody else was first, or it is too late, or the store failed; then nothing was sent that isn't stored as running.
    #[tracing::instrument(
        name = "sre.copilot.execution.apply",
        skip_all,
        fields(
            sre.incident.id = approved.incident,
            sre.attempt.id = approved.id,
            sre.plan.digest = approved.digest.as_str(),
            sre.approval.channel = self.channel,
        )
    )]
    pub async fn apply(&self, approved: &Attempt, policy: &impl Policy) -> Result<Attempt, AdvanceError> {
        self.progress.reached("claim.begins");
        let claimed_at = self.clock.now();
        // The token is the claim's time: RFC 3339 as kubectl writes it, and finer, so that no other restart has the same.
        let token = claimed_at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let set = Changes { lease_until: Some(after(claimed_at, CLAIM_LEASE)), token: Some(token.clone()), ..Changes::default() };
        let claimed = self.advance(approved, AttemptState::Claimed, set, AuditName::AttemptClaimed, AuditData::default()).await?;
        self.progress.reached("claim.stored");
        let ready = match self.check_again(&claimed, policy).await {
            Ok(ready) => ready,
            Err(Unfit::Failed(reason)) => return self.fail(&claimed, &reason).await,
            Err(Unfit::Drifted(reason)) => {
                let set = Changes { reason: Some(reason.to_string()), ..Changes::default() };
                let (to, name) = (AttemptState::Superseded, AuditName::ApprovalSuperseded);
                return self.advance(&claimed, to, set, name, reason.data()).await;
            }
        };
        if !self.has_time(&claimed) {
            return self.fail(&claimed, &Reason::new("not_sent", "its lease ran out before it could be sent")).await;
        }
        let set = Changes {
            token: Some(token),
            resource_version: Some(ready.resource_version),
            sent_at: Some(self.clock.now()),
            sends: Some(1),
            before: Some(ready.before),
            ..Changes::default()
        };
        let data = AuditData { sends: Some(1), ..AuditData::default() };
        let running = match self.advance(&claimed, AttemptState::Running, set, AuditName::AttemptRunning, data).await {
            // Others were sent since policy was asked.
            Err(error @ AdvanceError::TooMany { .. }) => {
                return self.fail(&claimed, &Reason::new(remedy::WRITE_BUDGET, format!("writes in this cluster: {error}"))).await;
            }
            running => running?,
        };
        self.progress.reached("running.stored");
        self.send(running, &ready.request).await
    }

    /// Whether a write that begins now ends before the lease does.
    pub(super) fn has_time(&self, attempt: &Attempt) -> bool {
        attempt.lease_until.is_some_and(|until| after(self.clock.now(), SEND) <= until)
    }

    /// Policy, cluster, target, dry run and digest once more.
    async fn check_again(&self, claimed: &Attempt, policy: &impl Policy) -> Result<Ready, Unfit> {
        let failed = |code: &str, why: &str| Unfit::Failed(Reason::new(code, why));
        let damaged = || failed("plan_unreadable", "the stored plan can't be read");
        let plan: Plan = serde_json::from_value(claimed.plan.clone()).map_err(|_| damaged())?;
        let intent = ExecutionIntent::from_bound(&plan.intent).ok_or_else(damaged)?;
        let intent = ExecutionIntent { risk: plan.risk.level, ..intent };
        let now = self.clock.now();
        let guard = policy.guard(&intent, now);
        let risk = policy.risk(&intent, now);
        if risk.level > plan.risk.level {
            let why =
                format!("its risk is {} now, and was {} when it was approved", risk.level.as_str(), plan.risk.level.as_str());
            return Err(Unfit::Drifted(Reason::new("risk_rose", why)));
        }
        let gate = policy.gate(&intent, &plan.request, &risk, now);
        if let Some(block) = [guard, gate].into_iter().find(|decision| decision.value == DecisionValue::Block) {
            return Err(Unfit::Failed(Reason::new(block.rule, block.why)));
        }
        let cluster = self.writer.cluster_id().await.map_err(|error| Unfit::Failed(Reason::from(&error)))?;
        self.progress.reached("cluster.known");
        if cluster != plan.cluster {
            return Err(failed(
                ApiReason::ClusterMismatch.as_str(),
                "the write identity leads to another cluster than the plan's",
            ));
        }
        let planned = self.planned(&intent, None).await.map_err(|stop| {
            let reason = stop.reason().clone();
            let drift = [ApiReason::TargetChanged, ApiReason::TargetReplaced].iter().any(|code| code.as_str() == reason.code);
            if drift || reason.code == "same_template" { Unfit::Drifted(reason) } else { Unfit::Failed(reason) }
        })?;
        self.same_target(&plan, &planned.target)?;
        let again = planned.plan(&cluster, &intent, plan.risk.clone(), plan.undo_of.clone());
        // The gate looks at what is sent, a rollback's template too.
        let gate = policy.gate(&intent, &planned.request, &risk, self.clock.now());
        if gate.value == DecisionValue::Block {
            return Err(Unfit::Failed(Reason::new(gate.rule, gate.why)));
        }
        // A rule's approval holds while the rule does.
        let by_rule = claimed.decided_by.as_ref().is_some_and(|actor| actor.kind == "policy");
        if by_rule && gate.value != DecisionValue::Auto {
            return Err(Unfit::Failed(Reason::new(gate.rule, gate.why)));
        }
        if again.digest().ok().as_ref() != Some(&claimed.digest) {
            let why = "the API server would make something else of it now than what was approved";
            return Err(Unfit::Drifted(Reason::new("plan_changed", why)));
        }
        self.progress.reached("digest.equal");
        // A status may have changed while the request was tried, which voids nothing but moves the resource version.
        let live = self.writer.get(&intent.object()).await.map_err(|error| Unfit::Failed(Reason::from(&error)))?;
        let by_template = plan.target.version.starts_with("template:");
        self.same_target(&plan, &remedy::plan_target(&intent, &live, by_template))?;
        self.progress.reached("version.read");
        let resource_version = at::text(&live, "metadata.resourceVersion").to_owned();
        Ok(Ready { request: planned.request, resource_version, before: kept(&live) })
    }

    fn same_target(&self, plan: &Plan, now: &crate::domain::PlanTarget) -> Result<(), Unfit> {
        if plan.target.uid != now.uid {
            let why = "another object has the name now: the one that was approved is gone";
            return Err(Unfit::Drifted(Reason::new(ApiReason::TargetReplaced.as_str(), why)));
        }
        if plan.target != *now {
            let why = format!("the object was changed since: approved at {}, now {}", plan.target.version, now.version);
            return Err(Unfit::Drifted(Reason::new(ApiReason::TargetChanged.as_str(), why)));
        }
        Ok(())
    }
}
