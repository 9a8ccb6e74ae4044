//! A worker's day: takes the most urgent job, does it under its lease, and takes the next.

use super::{LOOK, RENEWALS, Workers, World};
use crate::domain::{JobKind, JobState, Lane};
use crate::ports::{Books, Clock, Leased};
use crate::telemetry::metrics;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// After an error of the store nothing is taken for so long.
const STORE_PAUSE: Duration = Duration::from_secs(2);

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    pub(super) async fn seat(self, lane: Lane) {
        let mut queued = self.queued.subscribe();
        while !self.is_stopping() {
            match self.store.claim(lane).await {
                Ok(Some(leased)) => {
                    let span = span(&leased);
                    self.hold(leased).instrument(span).await;
                }
                Ok(None) => self.pause(&mut queued, LOOK).await,
                Err(error) => {
                    tracing::error!(%error, lane = lane.as_str(), "no job could be taken");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Has a job done by a task of its own, so that a panic costs this job alone, and keeps its lease meanwhile.
    async fn hold(&self, leased: Leased) {
        let (id, kind) = (leased.job.id.clone(), leased.job.kind.as_str());
        let began = Instant::now();
        tracing::info!(task = id, kind, incident = leased.job.incident_id, attempt = leased.job.attempts, "begun");
        let work = {
            let (this, leased) = (self.clone(), leased.clone());
            tokio::spawn(async move { this.perform(&leased).await }.in_current_span())
        };
        match self.watch(&leased, work).await {
            Held::Done => {
                metrics().job_attempt(kind, "done");
                tracing::info!(task = id, kind, ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "done");
                // What follows may wait already.
                self.queued.send_replace(());
            }
            Held::Failed(why) => {
                let became = self.store.fail(&leased, &why).await;
                let is_last = matches!(became, Ok(Some(JobState::Failed)));
                metrics().job_attempt(kind, if is_last { "dead" } else { "failed" });
                if is_last && leased.job.kind == JobKind::Analyze {
                    metrics().run("failed", "none", began.elapsed());
                }
                match became {
                    Ok(Some(JobState::Failed)) => tracing::error!(task = id, kind, why, "given up"),
                    Ok(_) => tracing::warn!(task = id, kind, why, "failed; it is tried again"),
                    Err(error) => tracing::error!(task = id, kind, why, %error, "failed, which could not be stored"),
                }
            }
            Held::Lost => {
                metrics().job_attempt(kind, "lost");
                metrics().lease_lost();
                tracing::warn!(name: "lease.lost", { kind }, "somebody else has it by now: what came of it is dropped");
            }
            Held::GivenBack => {
                metrics().job_attempt(kind, "given_back");
                if let Err(error) = self.store.give_back(&leased).await {
                    tracing::warn!(task = id, kind, %error, "not given back: its lease ends by itself");
                }
            }
        }
    }

    /// Renews the lease until the work is done, the lease is lost, or the process has no more time.
    async fn watch(&self, leased: &Leased, mut work: JoinHandle<Result<bool, String>>) -> Held {
        let every = self.settings.lease / RENEWALS;
        let mut renew = interval_at(Instant::now() + every, every);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.clone();
        let mut end: Option<Instant> = None;
        loop {
            let last = end.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                done = &mut work => return match done {
                    Ok(Ok(true)) => Held::Done,
                    Ok(Ok(false)) => Held::Lost,
                    Ok(Err(why)) => Held::Failed(why),
                    Err(error) if error.is_panic() => Held::Failed("it ended in a panic".to_owned()),
                    Err(_) => Held::Failed("it was ended".to_owned()),
                },
                _ = renew.tick() => match self.store.renew(leased).await {
                    Ok(true) => {}
                    Ok(false) => {
                        work.abort();
                        return Held::Lost;
                    }
                    // The lease lasts for three more of these.
                    Err(error) => tracing::warn!(task = leased.job.id, %error, "the lease was not renewed"),
                },
                () = async { _ = stop.wait_for(|stops| *stops).await; }, if end.is_none() => end = Some(Instant::now() + self.settings.shutdown),
                () = sleep_until(last), if end.is_some() => {
                    work.abort();
                    return Held::GivenBack;
                }
            }
        }
    }
}

/// What is said of a job carries its ids; an analysis is the root of a trace, whose attributes are known as it goes on.
fn span(leased: &Leased) -> Span {
    let Leased { job, .. } = leased;
    if job.kind != JobKind::Analyze {
        return tracing::info_span!("job", task_id = job.id, sre.incident.id = job.incident_id);
    }
    let source = match &job.requested_by {
        Some(by) if by.starts_with("discord") => "discord",
        Some(_) => "http",
        None => "alertmanager",
    };
    tracing::info_span!(
        "sre.copilot.incident.process",
        task_id = job.id,
        sre.incident.id = job.incident_id,
        sre.run.id = job.run_id,
        sre.user.source = source,
        sre.incident.cluster = Empty,
        sre.incident.namespace = Empty,
        sre.incident.subject = Empty,
        sre.incident.severity = Empty,
        sre.incident.flap_count = Empty,
        sre.incident.is_recurrence = Empty,
        sre.incident.verdict = Empty,
        sre.incident.cause = Empty,
        sre.incident.confidence = Empty,
        sre.execution.intent.action = Empty,
        sre.execution.status = Empty,
    )
}

/// What came of a job that was held.
enum Held {
    /// It was stored.
    Done,
    /// It has to be tried again.
    Failed(String),
    /// The lease was lost.
    Lost,
    /// The process ends.
    GivenBack,
}
