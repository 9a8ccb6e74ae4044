//! What happens by the clock. What is work becomes a job; what is one write is done here.

use super::digest::{CHRONIC, DAILY, TEAM};
use super::{Workers, World};
use crate::domain::{AuditCheck, JobKind};
use crate::ports::{Books, Clock, Intake, Periodic, PeriodicTask, Schedule};
use jiff::SignedDuration;
use std::time::Duration;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(3);
/// Retention begins at this minute of the day, UTC.
const RETENTION: i64 = 3 * 60;
/// People read of their day at this one.
const MORNING: i64 = 9 * 60;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    pub(super) async fn periodic(self) {
        let tasks = self.tasks();
        let mut stop = self.stop.clone();
        while !self.is_stopping() {
            match Periodic::due(&*self.store, tasks.clone()).await {
                Ok(due) => {
                    for name in due {
                        self.run_task(name).await;
                    }
                }
                Err(error) => tracing::error!(%error, "what is due could not be read"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = async { _ = stop.wait_for(|stops| *stops).await; } => {}
            }
        }
    }

    fn tasks(&self) -> Vec<PeriodicTask> {
        let every =
            |name, seconds| PeriodicTask { name, schedule: Schedule::Every(SignedDuration::from_secs(seconds)), job: None };
        let mut tasks = vec![
            every("leases", 15),
            every("failed_runs", 60),
            every("silent_episodes", 600),
            every("settle", 5),
            every("audit_head", 3600),
            PeriodicTask { name: "retention", schedule: Schedule::Daily(RETENTION), job: Some(JobKind::Retention) },
        ];
        if let Some(backups) = &self.settings.backups {
            tasks.push(PeriodicTask { name: "backup", schedule: Schedule::Every(backups.every), job: Some(JobKind::Backup) });
        }
        if self.settings.digests.is_some() {
            let digest = |name, schedule| PeriodicTask { name, schedule, job: Some(JobKind::Digest) };
            tasks.push(digest(CHRONIC, Schedule::Every(SignedDuration::from_hours(6))));
            tasks.push(digest(DAILY, Schedule::Daily(MORNING)));
            tasks.push(digest(TEAM, Schedule::Daily(MORNING)));
        }
        tasks
    }

    async fn run_task(&self, name: &str) {
        let done = match name {
            "leases" => self.store.expire_leases().await.map(|count| (count, "leases of dead workers were taken back")),
            "failed_runs" => self.store.retry_failed().await.map(|count| (count, "analyses that were given up are tried anew")),
            "silent_episodes" => self.store.mark().await.map(|count| (count, "episodes are silent or stuck")),
            "settle" => Intake::settle(&*self.store).await.map(|settled| (settled.len(), "incidents are over")),
            "audit_head" => {
                // Only a head that was noted shows that a tail was cut off.
                if let Ok(AuditCheck::Intact { head: Some(head) }) = self.store.verify(None).await {
                    tracing::info!(%head, "the audit log's head");
                }
                return;
            }
            _ => return,
        };
        match done {
            Ok((0, _)) => {}
            Ok((count, what)) => {
                tracing::info!(count, "{what}");
                self.queued.send_replace(());
            }
            Err(error) => tracing::error!(%error, task = name, "not done"),
        }
    }
}
