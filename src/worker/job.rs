//! What each kind of job is. What comes of it is stored with the end of the job, in one transaction.

use super::{Workers, World};
use crate::domain::{IncidentView, JobKind, Report};
use crate::pipeline::view;
use crate::ports::{Books, Clock, Leased, Outcome};
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
            JobKind::Retention => Outcome::Result(self.world.tidy().await?),
            JobKind::Backup => {
                let backups = self.settings.backups.as_ref().ok_or("no folder for copies is configured any more")?;
                Outcome::Result(self.world.back_up(backups).await?)
            }
            kind @ (JobKind::Undo | JobKind::Verify | JobKind::Digest | JobKind::GraphSync) => {
                return Err(format!("nobody does {} here", kind.as_str()));
            }
        };
        let finished = self.store.finish(leased, outcome).await.map_err(|error| format!("it could not be stored: {error}"))?;
        Ok(finished.is_some())
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
