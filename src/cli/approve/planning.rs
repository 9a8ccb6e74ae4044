//! What an attempt is judged by at the moment of the decision, and the plans that are made anew: the same once more, or the way
//! back.

use super::counter::Counter;
use crate::cli::error::CliError;
use crate::domain::{Attempt, ExecutionIntent, ObjectRef, Plan};
use crate::pipeline::execute::{Ask, ExecutionStatus, Outcome};
use crate::pipeline::{Look, Situation, context, planned, situation};
use crate::ports::{AttemptStore, Clock};
use crate::remedy::{self, Memory};

impl Counter<'_> {
    pub fn situation<'b>(
        &self,
        look: &'b Look,
        memory: &'b Memory,
        settings: &'b remedy::Settings,
        is_undo: bool,
    ) -> Situation<'b> {
        situation(look, memory, settings, self.settings.mode(), is_undo)
    }

    /// What is analysed again: what the analysis that proposed it was about.
    pub async fn target(&self, attempt: &Attempt) -> Result<ObjectRef, CliError> {
        Ok(self.desk.decision().target(attempt).await?)
    }

    /// The cluster now, and what the diagnosis says of the cause that the attempt is for.
    pub async fn look(&self, attempt: &Attempt) -> Result<Look, CliError> {
        Ok(self.desk.decision().look(attempt).await?)
    }

    pub async fn memory(&self, attempt: &Attempt) -> Result<Memory, CliError> {
        Ok(self.desk.decision().memory(attempt, self.desk.clock.now()).await?)
    }

    /// The same intent, planned on what is there now; of an undo the way back, with all that speaks against it.
    pub async fn again(&self, attempt: &Attempt) -> Result<Attempt, CliError> {
        if let Some(id) = &attempt.undo_of {
            let gone = || CliError::failed("the attempt that it takes back is not in the database any more");
            let undone = self.desk.store.attempt(id).await?.ok_or_else(gone)?;
            return self.undo(&undone).await;
        }
        let plan = plan(attempt)?;
        let intent = intent(&plan)?;
        let look = self.look(attempt).await?;
        let (remembered, settings) = (self.memory(attempt).await?, self.settings.remediation());
        let situation = self.situation(&look, &remembered, &settings, false);
        let shown = context(&intent, &look.report, &look.snapshot, None);
        let ask = Ask {
            intent: &intent,
            incident: &attempt.incident,
            run_id: &attempt.run_id,
            context: serde_json::to_value(shown).unwrap_or_default(),
            requested_by: Some(self.actor.clone()),
            cluster: Some(&plan.cluster),
            ttl: settings.approval.ttl,
            by_rule: false,
            undo_of: None,
        };
        proposed(self.desk.executor(&self.actor).propose(ask, &situation).await?)
    }

    pub async fn undo(&self, applied: &Attempt) -> Result<Attempt, CliError> {
        let (executor, settings) = (self.desk.executor(&self.actor), self.settings.remediation());
        proposed(self.desk.decision().undo(&executor, applied, &settings, self.settings.mode()).await?)
    }
}

fn proposed(outcome: Outcome) -> Result<Attempt, CliError> {
    match outcome.attempt {
        Some(attempt) if outcome.status == ExecutionStatus::DryRunOk => Ok(*attempt),
        _ if outcome.status == ExecutionStatus::Error => {
            Err(CliError::failed(format!("it could not be planned: {}", outcome.text)))
        }
        _ => Err(CliError::refused(outcome.code.as_deref().unwrap_or("refused"), &outcome.text)),
    }
}

pub(super) fn plan(attempt: &Attempt) -> Result<Plan, CliError> {
    Ok(planned(attempt)?.0)
}

pub(super) fn intent(plan: &Plan) -> Result<ExecutionIntent, CliError> {
    ExecutionIntent::from_bound(&plan.intent).ok_or_else(|| CliError::failed("the plan's intent can't be read"))
}
