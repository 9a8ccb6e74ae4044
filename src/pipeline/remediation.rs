//! From a report to a change that waits for approval: the incident that it belongs to, what is remembered of it, what is
//! proposed, and how far that came. It applies nothing that a person has to approve.

use super::execute::{Ask, ExecutionStatus, Executor, Outcome};
use super::{Situation, context, memory, propose};
use crate::cluster::Snapshot;
use crate::domain::{
    ActionReport, Attempt, AttemptState, Decision, ExecutionReport, Incident, IncidentStatus, ObjectRef, Report, Verdict,
};
use crate::ports::{AdvanceError, AttemptStore, AuditLog, Clock, ClusterWriter, IncidentFilter, IncidentStore, StoreError};
use crate::reason::{self, Case, Numbers};
use crate::remedy::{Memory, Mode, REMEMBERED, Settings};
use crate::telemetry::{self, Stage, in_stage};
use jiff::Timestamp;

/// What an analysis is about, for memory: the top controller of what the cause blames; without a cause, of the target.
pub fn subject(report: &Report, snapshot: &Snapshot) -> ObjectRef {
    let blamed = report.causes.first().filter(|_| report.verdict.is_fault()).map(|cause| &cause.object);
    snapshot.workload(blamed.unwrap_or(&report.target))
}

/// What is needed beside the report.
#[derive(Clone, Copy, Debug)]
pub struct Remediation<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// What an operator decided.
    pub settings: &'a Settings,
    /// What the environment says about writing.
    pub mode: Mode,
    /// `EXECUTOR_ENABLED`: whether a dry run may be sent at all.
    pub is_enabled: bool,
    /// `EXECUTOR_APPROVAL_ENABLED`: whether what a rule approves may be applied.
    pub may_apply: bool,
    /// The cluster that was read.
    pub cluster: &'a str,
}

impl Remediation<'_> {
    /// Keeps the analysis, fills the report's actions in with what is remembered, and takes the first that would change
    /// something as far as it comes.
    ///
    /// # Errors
    /// The store failed.
    pub async fn run<W, S, C>(&self, executor: &Executor<'_, W, S, C>, report: &mut Report) -> Result<(), AdvanceError>
    where
        W: ClusterWriter,
        S: AttemptStore + AuditLog + IncidentStore,
        C: Clock,
    {
        let subject = subject(report, self.snapshot);
        let Some(incident) = self.incident(executor.store, report, &subject).await? else { return Ok(()) };
        let remembered = self.fill_in(executor.store, executor.clock.now(), &incident, report).await?;
        let run = executor.store.record(&incident.id, report).await?;
        in_stage(Stage::Execute, self.attempt(executor, &incident, &run.id, &remembered, report), how).await
    }

    /// The same for an incident that is there already, and an analysis that is kept under this id when it is whole.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_incident<W, S, C>(
        &self,
        executor: &Executor<'_, W, S, C>,
        incident: &Incident,
        run_id: &str,
        report: &mut Report,
    ) -> Result<(), AdvanceError>
    where
        W: ClusterWriter,
        S: AttemptStore + AuditLog + IncidentStore,
        C: Clock,
    {
        let remembered = self.fill_in(executor.store, executor.clock.now(), incident, report).await?;
        in_stage(Stage::Execute, self.attempt(executor, incident, run_id, &remembered, report), how).await
    }

    /// The actions, with what is remembered, and why nothing is tried: where no writer is configured.
    ///
    /// # Errors
    /// The store failed.
    pub async fn advise<S: AttemptStore + IncidentStore>(
        &self,
        store: &S,
        now: Timestamp,
        incident: &Incident,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        self.fill_in(store, now, incident, report).await?;
        let before = store.memory(&incident.id, now, REMEMBERED).await?;
        let skipped = self.chosen(report).err().map_or_else(executor_off, |skipped| *skipped);
        report.execution = Some(shown(&skipped, before.last_fix().map(said)));
        telemetry::skipped(Stage::Execute, "skipped");
        Ok(())
    }

    /// The actions, with what is remembered.
    async fn fill_in<S: AttemptStore + IncidentStore>(
        &self,
        store: &S,
        now: Timestamp,
        incident: &Incident,
        report: &mut Report,
    ) -> Result<Memory, StoreError> {
        let remembered = memory(store, incident, self.cluster, now).await?;
        let before = report.actions.iter().map(|action| action.intent.clone()).collect::<Vec<_>>();
        telemetry::stage(Stage::Risk, || propose(report, self.snapshot, &remembered, self.settings));
        if !report.actions.iter().map(|action| &action.intent).eq(&before) {
            // A choice among other actions chose none of these.
            let numbers = Numbers::of(report);
            let mut choice = reason::fix::by_rules(Case { report, snapshot: self.snapshot, numbers: &numbers });
            if let Some(reasoning) = &mut report.reasoning {
                let rejected = reasoning.choice.take().and_then(|choice| choice.rejected);
                choice.iter_mut().for_each(|choice| choice.rejected.clone_from(&rejected));
                reasoning.choice = choice;
            }
        }
        Ok(remembered)
    }

    /// The action that is tried; or why none is.
    fn chosen(&self, report: &Report) -> Result<ActionReport, Box<Outcome>> {
        let action = report.actions.iter().find(|action| action.intent.action.is_write()).cloned();
        let action =
            action.ok_or_else(|| Box::new(Outcome::skipped("no_intent", "nothing that could be changed safely is proposed")))?;
        if self.is_enabled { Ok(action) } else { Err(Box::new(executor_off())) }
    }

    /// Takes the first action that would change something as far as it comes.
    async fn attempt<W, S, C>(
        &self,
        executor: &Executor<'_, W, S, C>,
        incident: &Incident,
        run_id: &str,
        remembered: &Memory,
        report: &mut Report,
    ) -> Result<(), AdvanceError>
    where
        W: ClusterWriter,
        S: AttemptStore + AuditLog + IncidentStore,
        C: Clock,
    {
        let choice = report.reasoning.as_ref().and_then(|reasoning| reasoning.choice.as_ref());
        if let Some(code) = choice.and_then(|choice| choice.rejected.clone()) {
            executor.rejected(code, &incident.id, run_id).await?;
        }
        let before = executor.store.memory(&incident.id, executor.clock.now(), REMEMBERED).await?;
        let last_fix = before.last_fix().map(said);
        let action = match self.chosen(report) {
            Ok(action) => action,
            Err(skipped) => {
                report.execution = Some(shown(&skipped, last_fix));
                return Ok(());
            }
        };
        let Self { snapshot, settings, mode, .. } = *self;
        let situation = Situation { snapshot, report, memory: remembered, settings, mode, is_undo: false };
        let ask = Ask {
            intent: &action.intent,
            incident: &incident.id,
            run_id,
            context: serde_json::to_value(context(&action.intent, report, snapshot, decision(&action))).unwrap_or_default(),
            requested_by: Some(executor.actor.clone()),
            cluster: Some(self.cluster),
            ttl: settings.approval.ttl,
            by_rule: self.may_apply,
            undo_of: None,
        };
        let mut outcome = executor.propose(ask, &situation).await?;
        if let Some(approved) =
            outcome.attempt.as_ref().filter(|attempt| self.may_apply && attempt.state == AttemptState::Approved)
        {
            let applied = executor.apply(approved, &situation).await?;
            let applied = executor.settle(applied).await?;
            outcome.text = format!("{}; {} is {}", outcome.text, applied.code, applied.state);
            outcome.attempt = Some(Box::new(applied));
        }
        report.execution = Some(shown(&outcome, last_fix));
        Ok(())
    }

    /// The open incident of the subject, a new one for a fault that has none. A subject that is well again has none left.
    async fn incident(
        &self,
        store: &impl IncidentStore,
        report: &Report,
        subject: &ObjectRef,
    ) -> Result<Option<Incident>, StoreError> {
        match report.verdict {
            Verdict::Confirmed | Verdict::Likely | Verdict::Inconclusive => {
                store.open_or_join(self.cluster, subject).await.map(Some)
            }
            Verdict::Healthy | Verdict::Recovered => {
                let open = IncidentFilter {
                    status: Some(IncidentStatus::Open),
                    cluster: Some(self.cluster.to_owned()),
                    subject: Some(subject.clone()),
                    ..IncidentFilter::default()
                };
                for incident in store.incidents(open).await? {
                    store.record(&incident.id, report).await?;
                    store.resolve(&incident.id).await?;
                }
                Ok(None)
            }
        }
    }
}

/// How trying went: that it is refused is an answer.
fn how(tried: &Result<(), AdvanceError>) -> &'static str {
    if tried.is_ok() { "ok" } else { "failed" }
}

fn executor_off() -> Outcome {
    let why = "the executor is off, so that this stays advice; EXECUTOR_ENABLED=true sends the dry run";
    Outcome::skipped("executor_disabled", why)
}

fn decision(action: &ActionReport) -> Option<Decision> {
    let decision = &action.decision;
    Some(Decision { value: decision.value, rule: decision.rule.clone(), why: decision.why.clone() })
}

/// `last fix helped: rollback_deployment, 2026-11-20`.
fn said(attempt: &Attempt) -> String {
    let how = match attempt.state {
        AttemptState::Verified => "helped",
        AttemptState::Undone => "was taken back",
        _ => "did not help",
    };
    let action = attempt.plan.pointer("/intent/action").and_then(|action| action.as_str()).unwrap_or("a change");
    let at = attempt.sent_at.unwrap_or(attempt.created_at);
    format!("last fix {how}: {action}, {}", at.strftime("%Y-%m-%d %H:%M UTC"))
}

/// An outcome as a report shows it.
fn shown(outcome: &Outcome, last_fix: Option<String>) -> ExecutionReport {
    let waits = outcome.attempt.as_ref().filter(|_| outcome.status == ExecutionStatus::DryRunOk);
    ExecutionReport {
        status: outcome.status.as_str().to_owned(),
        code: outcome.code.clone(),
        text: outcome.text.clone(),
        last_fix,
        attempt: waits.map(|attempt| attempt.code.clone()),
        state: waits.map(|attempt| attempt.state),
        digest: waits.map(|attempt| attempt.digest.as_str().to_owned()),
        expires_at: waits.map(|attempt| attempt.expires_at),
    }
}
