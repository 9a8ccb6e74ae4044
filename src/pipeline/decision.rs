//! What an attempt is judged by at the moment of a decision: the object that it is about, the cluster as it is now, and what is
//! remembered.

use super::execute::{Executor, Outcome, UndoError};
use super::{Look, Situation, context, look, memory};
use crate::domain::{Attempt, AttemptContext, ExecutionIntent, ObjectRef, Plan};
use crate::ports::{AttemptStore, AuditLog, Clock, ClusterReader, ClusterWriter, IncidentStore, ReadError, StoreError};
use crate::redact::Redactor;
use crate::remedy::{Memory, Mode, Settings};
use jiff::Timestamp;
use thiserror::Error;

/// Why an attempt can't be judged.
#[derive(Debug, Error)]
pub enum DecisionError {
    /// The cluster can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was stored as its plan isn't one.
    #[error("the plan of {0} can't be read")]
    Plan(String),
    /// It can't be taken back.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// Its incident was removed.
    #[error("the incident of {0} is not in the database any more")]
    Gone(String),
}

/// The plan of an attempt, and its intent.
///
/// # Errors
/// They can't be read.
pub fn planned(attempt: &Attempt) -> Result<(Plan, ExecutionIntent), DecisionError> {
    let unreadable = || DecisionError::Plan(attempt.code.clone());
    let plan: Plan = serde_json::from_value(attempt.plan.clone()).map_err(|_| unreadable())?;
    let intent = ExecutionIntent::from_bound(&plan.intent).ok_or_else(unreadable)?;
    Ok((plan, intent))
}

/// Who reads, and who remembers.
#[derive(Clone, Copy)]
pub struct Decision<'a, R, S> {
    /// Reads the cluster.
    pub reader: &'a R,
    /// Remembers.
    pub store: &'a S,
    /// Masks what is read.
    pub redactor: &'a Redactor,
}

impl<R: ClusterReader, S: IncidentStore + AttemptStore> Decision<'_, R, S> {
    /// What is analysed again: what the analysis that proposed the attempt was about.
    ///
    /// # Errors
    /// The store or the plan can't be read.
    pub async fn target(&self, attempt: &Attempt) -> Result<ObjectRef, DecisionError> {
        let run = self.store.run(&attempt.run_id).await?;
        let target = run.and_then(|run| serde_json::from_value(run.report.get("target")?.clone()).ok());
        Ok(target.unwrap_or(planned(attempt)?.1.object()))
    }

    /// The cluster now, and what the diagnosis says of the cause that the attempt is for.
    ///
    /// # Errors
    /// The cluster, the store or the plan can't be read.
    pub async fn look(&self, attempt: &Attempt) -> Result<Look, DecisionError> {
        let look = look(self.reader, self.redactor, &self.target(attempt).await?).await?;
        let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
        Ok(look.about(&shown))
    }

    /// Plans the way back from an applied change, with all that speaks against it, and proposes it.
    ///
    /// # Errors
    /// There is no way back any more, or the cluster or the store fails.
    pub async fn undo<W: ClusterWriter, C: Clock>(
        &self,
        executor: &Executor<'_, W, S, C>,
        applied: &Attempt,
        settings: &Settings,
        mode: Mode,
    ) -> Result<Outcome, DecisionError>
    where
        S: AuditLog,
    {
        let look = look(self.reader, self.redactor, &self.target(applied).await?).await?;
        let memory = self.memory(applied, executor.clock.now()).await?;
        let situation = situation(&look, &memory, settings, mode, true);
        let shown = |intent: &ExecutionIntent| {
            let shown = context(intent, &look.report, &look.snapshot, None);
            let why = format!("takes {} back; now {}", applied.code, look.report.summary);
            serde_json::to_value(AttemptContext { title: format!("Undo: {}", shown.title), why, ..shown }).unwrap_or_default()
        };
        Ok(executor.undo(applied, settings.approval.ttl, &situation, shown).await?)
    }

    /// What is remembered of its subject and cluster.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn memory(&self, attempt: &Attempt, now: Timestamp) -> Result<Memory, DecisionError> {
        let record = self.store.incident(&attempt.incident).await?;
        let record = record.ok_or_else(|| DecisionError::Gone(attempt.code.clone()))?;
        Ok(memory(self.store, &record.incident, &attempt.cluster, now).await?)
    }
}

/// What the policy judges by, out of a fresh look.
pub fn situation<'a>(look: &'a Look, memory: &'a Memory, settings: &'a Settings, mode: Mode, is_undo: bool) -> Situation<'a> {
    Situation { snapshot: &look.snapshot, report: &look.report, memory, settings, mode, is_undo }
}
