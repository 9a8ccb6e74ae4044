//! What each kind of job is. What comes of it is stored with the end of the job, in one transaction.

use super::{Workers, World};
use crate::diagnose;
use crate::domain::{IncidentView, Job, JobKind, Report, Severity};
use crate::pipeline::view;
use crate::ports::{Books, Clock, Finished, Leased, Outcome, StoreError};
use crate::telemetry::metrics;
use serde_json::{Value, json};
use std::future::Future;
use tokio::time::{Instant, timeout_at};
use tracing::Span;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// Does it and stores what comes of it; `false` where the lease was lost.
    pub(super) async fn perform(&self, leased: &Leased) -> Result<bool, String> {
        let began = Instant::now();
        let until = began + leased.job.kind.deadline().unsigned_abs();
        let outcome = match leased.job.kind {
            JobKind::Analyze => match self.analyze(leased, until).await? {
                Some(report) => Outcome::Report(Box::new(report)),
                None => return Ok(false),
            },
            JobKind::Ask => Outcome::Result(self.world.answer(&leased.job, until).await?),
            JobKind::Undo => Outcome::Result(self.undo(&leased.job, until).await?),
            JobKind::Replay => {
                let replayed = async { self.world.replay(&self.view(leased).await?).await };
                Outcome::Result(within(until, replayed).await?)
            }
            JobKind::Retention => Outcome::Result(within(until, self.world.tidy()).await?),
            JobKind::Backup => {
                let backups = self.settings.backups.as_ref().ok_or("no folder for copies is configured any more")?;
                Outcome::Result(within(until, self.world.back_up(backups)).await?)
            }
            JobKind::Digest => within(until, self.digest(&leased.job)).await?,
        };
        let finished = self.store.finish(leased, outcome).await.map_err(|error| format!("it could not be stored: {error}"))?;
        if let Some(Finished { run: Some(run), resolved_during_run, .. }) = &finished {
            metrics().run("done", run.verdict.as_str(), began.elapsed());
            if *resolved_during_run {
                tracing::info!(name: "alert.resolved_during_run", { verdict = run.verdict.as_str() }, "its alerts ended meanwhile");
            }
        }
        Ok(finished.is_some())
    }

    /// Whoever pressed Undo is told how it is taken back, or why it can't be. It isn't tried again by itself: they can press again.
    async fn undo(&self, job: &Job, until: Instant) -> Result<Value, String> {
        let stored = |error: StoreError| error.to_string();
        let id = job.payload.get("attempt").and_then(Value::as_str).ok_or("the job names no attempt")?;
        let by = job.payload.get("by").and_then(|by| serde_json::from_value(by.clone()).ok()).ok_or("the job names nobody")?;
        let applied = self.store.attempt(id).await.map_err(stored)?.ok_or("the attempt is not there any more")?;
        match within(until, self.world.undo(&applied, &by)).await {
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
        begun(&view);
        let analysed = self.world.examine(&view, until).await?;
        if let Some(subject) = &analysed.subject {
            let found = self.store.found_subject(leased, subject).await.map_err(|error| error.to_string())?;
            if found.as_ref() != Some(&view.incident.id) {
                return Ok(None);
            }
            view.incident.subject = subject.clone();
        }
        let run_id = leased.job.run_id.as_deref().ok_or("the job names no run")?;
        let report = self.world.conclude(analysed.examined, &view, run_id, until).await?;
        concluded(&view, &report);
        Ok(Some(report))
    }
}

/// What comes of it by then; that it took too long, for people.
async fn within<T>(until: Instant, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout_at(until, work).await.unwrap_or_else(|_| Err("it took longer than it may".to_owned()))
}

/// What the trace says of an incident when its analysis begins.
fn begun(view: &IncidentView) {
    let IncidentView { incident, standing, .. } = view;
    Span::current()
        .record("sre.incident.cluster", &incident.cluster)
        .record("sre.incident.namespace", incident.subject.ns())
        .record("sre.incident.subject", incident.subject.to_string())
        .record("sre.incident.severity", standing.severity.unwrap_or(Severity::Warning).as_str())
        .record("sre.incident.flap_count", standing.flap_count);
}

/// What the trace and the metrics say of it when it is done.
fn concluded(view: &IncidentView, report: &Report) {
    let (span, verdict) = (Span::current(), report.verdict.as_str());
    span.record("sre.incident.verdict", verdict);
    let cause = report.causes.first();
    let is_recurrence = cause.is_some_and(|cause| view.memory.recurrences(&cause.id) > 0);
    span.record("sre.incident.is_recurrence", is_recurrence);
    if let Some(cause) = cause {
        span.record("sre.incident.cause", &cause.id).record("sre.incident.confidence", cause.confidence);
        metrics().cause(cause_word(&cause.id), verdict);
    }
    // Once for an incident: a later analysis of it finds the same again.
    if is_recurrence && view.finding.is_none() {
        metrics().recurrence();
    }
    if let Some(execution) = &report.execution {
        span.record("sre.execution.status", &execution.status);
    }
    if let Some(action) = report.actions.iter().find(|action| action.intent.action.is_write()) {
        span.record("sre.execution.intent.action", action.intent.action.to_string());
    }
}

/// The catalogue's own word for a cause.
fn cause_word(id: &str) -> &'static str {
    diagnose::cause(id).map_or("other", |(_, cause)| cause.id)
}
