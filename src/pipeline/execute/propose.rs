//! From an intent to a proposal that somebody can approve: guard, GET, access review, dry run, diff, risk, gate, digest.
//! What does not come through is told and is no error; nothing is written to the cluster.

use super::outcome::{ExecutionStatus, Outcome, Stop};
use super::planned::{Asking, Planned, kept};
use super::{Executor, Policy, Reason, after};
use crate::domain::{Actor, Attempt, AttemptState, AuditData, AuditName, Code, Decision, DecisionValue, ExecutionIntent};
use crate::ports::{AdvanceError, ApiReason, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, NewAttempt, StoreError};
use crate::telemetry::{metrics, one_of};
use jiff::SignedDuration;
use serde_json::Value;
use tracing::Instrument;
use tracing::field::Empty;

/// The rules that metrics name: `remediation`, policy and the checks of a snapshot.
const RULES: &[&str] = &[
    "already_tried",
    "autoscaler_owns_replicas",
    "cooldown",
    "data_plane",
    "freeze_window",
    "gitops_owned",
    "guard_passed",
    "last_ready_pod",
    "limit_range",
    "mirror_pod",
    "namespace_forbidden",
    "namespace_read_only",
    "namespace_terminating",
    "needs_approval",
    "no_room",
    "object_missing",
    "owner_is_operator",
    "pod_unmanaged",
    "quota_headroom",
    "read",
    "recurrence_restart",
    "reference_missing",
    "resource_not_allowed",
    "risk_high",
    "rollout_in_progress",
    "rollout_paused",
    "same_template",
    "target_terminating",
    "update_strategy_on_delete",
    "verb_not_allowed",
    "verdict_too_weak",
    "write_budget",
];

/// A rule as metrics name it: a rule of the settings is `auto`, a field of a request `body`.
fn rule_word(rule: &str) -> &'static str {
    match rule.split_once(':') {
        Some(("auto", _)) => "auto",
        Some(("body", _)) => "body",
        _ => one_of(RULES, rule),
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// What to do.
    pub intent: &'a ExecutionIntent,
    /// The incident that it is for.
    pub incident: &'a str,
    /// The analysis that proposes it.
    pub run_id: &'a str,
    /// What each screen shows of the report.
    pub context: Value,
    /// Who asked for it, where somebody did.
    pub requested_by: Option<Actor>,
    /// The cluster that was analysed; `None` where that isn't known, as from a recording.
    pub cluster: Option<&'a str>,
    /// How long it can be approved.
    pub ttl: SignedDuration,
    /// Whether what a rule approves is applied here: elsewhere a person is asked all the same.
    pub by_rule: bool,
    /// The attempt that it takes back.
    pub undo_of: Option<&'a Attempt>,
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Takes an intent as far as it comes.
    ///
    /// # Errors
    /// The store could not keep what happened.
    #[tracing::instrument(
        name = "sre.copilot.execution.intent",
        skip_all,
        fields(
            sre.incident.id = ask.incident,
            sre.execution.intent.action = %ask.intent.action,
            sre.execution.intent.resource_type = %ask.intent.resource_type,
            sre.execution.intent.resource_name = ask.intent.resource_name,
            sre.execution.intent.namespace = ask.intent.namespace,
        )
    )]
    pub async fn propose(&self, ask: Ask<'_>, policy: &impl Policy) -> Result<Outcome, StoreError> {
        let decision = policy.guard(ask.intent, self.clock.now());
        if decision.value == DecisionValue::Block {
            metrics().policy_decision(decision.value.as_str(), rule_word(&decision.rule));
            return self.blocked(&ask, decision).await;
        }
        tracing::info!(name: "guardrail.passed", "the guard lets it be tried");
        self.note(&ask, AuditName::GuardPassed, AuditData::default()).await?;
        if !ask.intent.action.is_write() {
            return self.look(&ask).await;
        }
        let (cluster, planned) = match self.try_out(&ask).await {
            Ok(done) => done,
            Err(stop) => {
                let name = if matches!(stop, Stop::Blocked(_)) { AuditName::GuardBlocked } else { AuditName::DryRunFailed };
                self.note(&ask, name, stop.reason().data()).await?;
                return Ok(stop.outcome());
            }
        };
        let now = self.clock.now();
        let risk = policy.risk(ask.intent, now);
        let decision = policy.gate(ask.intent, &planned.request, &risk, now);
        metrics().policy_decision(decision.value.as_str(), rule_word(&decision.rule));
        let plan = planned.plan(&cluster, ask.intent, risk, ask.undo_of.map(|undone| undone.id.clone()));
        if decision.value == DecisionValue::Block {
            return Ok(Outcome { plan: Some(plan), ..self.blocked(&ask, decision).await? });
        }
        let data = AuditData {
            risk: Some(plan.risk.level),
            decision: Some(decision.value),
            rule: Code::new(&decision.rule),
            ..data(&ask)
        };
        let first = if ask.undo_of.is_some() { AuditName::UndoProposed } else { AuditName::IntentProposed };
        let events = [first, AuditName::DryRunOk, AuditName::ApprovalRequested].map(|name| self.event(name, data.clone()));
        let new = NewAttempt {
            incident: ask.incident.to_owned(),
            run_id: ask.run_id.to_owned(),
            plan: plan.clone(),
            context: decided(&ask.context, &decision),
            requested_by: ask.requested_by.clone(),
            expires_at: after(now, ask.ttl),
            before: Some(kept(&planned.live)),
            undo_of: ask.undo_of.map(|undone| undone.id.clone()),
            audit: events.into(),
        };
        let request = tracing::info_span!(
            "sre.copilot.approval.request",
            sre.incident.id = ask.incident,
            sre.risk.level = plan.risk.level.as_str(),
            sre.approval.channel = self.channel,
            sre.attempt.id = Empty,
            sre.attempt.state = Empty,
            sre.plan.digest = Empty,
        );
        let mut attempt = self.store.propose(new).instrument(request.clone()).await?;
        request.record("sre.attempt.id", &attempt.id).record("sre.attempt.state", attempt.state.as_str());
        request.record("sre.plan.digest", attempt.digest.as_str());
        drop(request);
        metrics().attempt(attempt.state.as_str());
        if ask.by_rule && decision.value == DecisionValue::Auto && attempt.state == AttemptState::Proposed {
            attempt = self.approve_by_rule(attempt, &decision).await?;
        }
        let text = decision.why.clone();
        let (plan, decision, attempt) = (Some(plan), Some(decision), Some(Box::new(attempt)));
        Ok(Outcome { status: ExecutionStatus::DryRunOk, code: None, text, plan, decision, attempt })
    }

    async fn try_out(&self, ask: &Ask<'_>) -> Result<(String, Planned), Stop> {
        let cluster = self.writer.cluster_id().await?;
        if ask.cluster.is_some_and(|read| read != cluster) {
            let why = "the write identity leads to another cluster than the one that was analysed";
            return Err(Stop::Refused(Reason::new(ApiReason::ClusterMismatch.as_str(), why)));
        }
        let asking = if ask.undo_of.is_some() { Asking::ToGoBack } else { Asking::ToGrow };
        let planned = self.planned(ask.intent, Some(asking)).await?;
        if planned.is_empty() {
            return Err(Stop::Refused(Reason::new("no_change", "the API server would change nothing: it is so already")));
        }
        Ok((cluster, planned))
    }

    async fn look(&self, ask: &Ask<'_>) -> Result<Outcome, StoreError> {
        match self.writer.read(ask.intent).await {
            Ok(text) => {
                self.note(ask, AuditName::ReadDone, AuditData::default()).await?;
                Ok(Outcome { status: ExecutionStatus::ReadOk, code: None, text, plan: None, decision: None, attempt: None })
            }
            Err(error) => {
                let stop = Stop::from(error);
                self.note(ask, AuditName::DryRunFailed, stop.reason().data()).await?;
                Ok(stop.outcome())
            }
        }
    }

    async fn blocked(&self, ask: &Ask<'_>, decision: Decision) -> Result<Outcome, StoreError> {
        let reason = Reason::new(decision.rule.clone(), decision.why.clone());
        let data = AuditData { decision: Some(decision.value), rule: Code::new(&decision.rule), ..AuditData::default() };
        tracing::info!(name: "guardrail.blocked", { sre.guardrail.reason = reason.code.as_str() }, "policy refuses it");
        self.note(ask, AuditName::GuardBlocked, data).await?;
        Ok(Outcome { decision: Some(decision), ..Stop::Blocked(reason).outcome() })
    }

    /// A rule of `[[policy.auto]]` approves: nobody is asked.
    async fn approve_by_rule(&self, attempt: Attempt, decision: &Decision) -> Result<Attempt, StoreError> {
        let policy = Actor { kind: "policy".to_owned(), id: decision.rule.clone(), name: decision.rule.clone() };
        let set = Changes { decided_by: Some(policy), ..Changes::default() };
        let data = AuditData { decision: Some(decision.value), rule: Code::new(&decision.rule), ..AuditData::default() };
        match self.advance(&attempt, AttemptState::Approved, set, AuditName::ApprovalApproved, data).await {
            Ok(approved) => Ok(approved),
            Err(AdvanceError::Store(error)) => Err(error),
            // Somebody was faster, or holds the object: it waits for a person, or is as they left it.
            Err(_) => Ok(self.store.attempt(&attempt.id).await?.unwrap_or(attempt)),
        }
    }

    /// Notes that an intent which a model filled in was rejected, and by which code.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rejected(&self, code: Code, incident: &str, run_id: &str) -> Result<(), StoreError> {
        let mut event = self.event(AuditName::IntentRejected, AuditData { reason: Some(code), ..AuditData::default() });
        (event.incident_id, event.run_id) = (Some(incident.to_owned()), Some(run_id.to_owned()));
        self.store.append(event).await.map(drop)
    }

    async fn note(&self, ask: &Ask<'_>, name: AuditName, particulars: AuditData) -> Result<(), StoreError> {
        let data = AuditData { action: Some(ask.intent.action), ..particulars };
        self.log(name, target(ask.intent), data, (ask.incident, ask.run_id)).await
    }
}

/// What screens show, with what the gate said to exactly this plan.
fn decided(context: &Value, decision: &Decision) -> Value {
    let mut context = context.clone();
    if let (Some(shown), Ok(decision)) = (context.as_object_mut(), serde_json::to_value(decision)) {
        shown.insert("decision".to_owned(), decision);
    }
    context
}

fn data(ask: &Ask<'_>) -> AuditData {
    AuditData { action: Some(ask.intent.action), ..AuditData::default() }
}

fn target(intent: &ExecutionIntent) -> String {
    format!("{}/{}/{}", intent.namespace, intent.resource_type, intent.resource_name)
}
