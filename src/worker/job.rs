//! What each kind of job is. What comes of it is stored with the end of the job, in one transaction.

use super::{Workers, World};
use crate::domain::{IncidentView, Job, JobKind, Report};
use crate::pipeline::view;
use crate::ports::{Books, Clock, Leased, Outcome, StoreError};
use serde_json::{Value, json};
use tokio::time::Instant;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// Does it and stores what comes of it; `false` where the lease was lost.
    pub(super) async fn perform(&self, leased: &Leased) -> Result<bool, String> {
        let until = Instant::now() + leased.job.kind.deadline().unsigned_abs();
        let outcome = match leased.job.kind {
            JobKind::Analyze => match self.analyze(leased, until).await? {
                Some(report) => Outcome::Report(Box::new(report)),
                None => return Ok(false),
            },
            JobKind::Replay => Outcome::Result(self.world.replay(&self.view(leased).await?).await?),
            JobKind::Ask => Outcome::Result(self.world.answer(&leased.job, until).await?),
            JobKind::Undo => Outcome::Result(self.undo(&leased.job).await?),
            JobKind::Retention => Outcome::Result(self.world.tidy().await?),
            JobKind::Backup => {
                let backups = self.settings.backups.as_ref().ok_or("no folder for copies is configured any more")?;
                Outcome::Result(self.world.back_up(backups).await?)
            }
            kind @ (JobKind::Verify | JobKind::Digest | JobKind::GraphSync) => {
                return Err(format!("nobody does {} here", kind.as_str()));
            }
        };
        let finished = self.store.finish(leased, outcome).await.map_err(|error| format!("it could not be stored: {error}"))?;
        Ok(finished.is_some())
    }

    /// Whoever pressed Undo is told how it is taken back, or why it can't be. It isn't tried again by itself: they can press again.
    async fn undo(&self, job: &Job) -> Result<Value, String> {
        let stored = |error: StoreError| error.to_string();
        let id = job.payload.get("attempt").and_then(Value::as_str).ok_or("the job names no attempt")?;
        let by = job.payload.get("by").and_then(|by| serde_json::from_value(by.clone()).ok()).ok_or("the job names nobody")?;
        let applied = self.store.attempt(id).await.map_err(stored)?.ok_or("the attempt is not there any more")?;
        match self.world.undo(&applied, &by).await {
            // Storing the plan told them.
            Ok(undo) => Ok(json!({ "attempt": undo.code })),
            Err(why) => {
                self.store.no_undo(&applied.id, &why).await.map_err(stored)?;
                Ok(json!({ "why": why }))
            }
        }
    }

    async fn view(&self, leased: &Leased) -> Result<IncidentView, String> {
        let id = leased.job.incident_id.as_deref().ok_or("the job names no incident")?;
        let view = view(&*self.store, id, self.clock.now()).await.map_err(|error| error.to_string())?;
        view.ok_or_else(|| format!("incident {id} is not there any more"))
    }

    /// `None` where the incident turned out to be another one, whose analysis it is now.
    async fn analyze(&self, leased: &Leased, until: Instant) -> Result<Option<Report>, String> {
        let mut view = self.view(leased).await?;
        let analysed = self.world.examine(&view, until).await?;
        if let Some(subject) = &analysed.subject {
            let found = self.store.found_subject(leased, subject).await.map_err(|error| error.to_string())?;
            if found.as_ref() != Some(&view.incident.id) {
                return Ok(None);
            }
            view.incident.subject = subject.clone();
        }
        let run_id = leased.job.run_id.as_deref().ok_or("the job names no run")?;
        self.world.conclude(analysed.examined, &view, run_id, until).await.map(Some)
    }
}
