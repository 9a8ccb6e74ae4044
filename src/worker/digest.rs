//! Digests: what is remembered and measured becomes messages, which wait in the outbox with the end of the job. What the graph,
//! the anomalies and the deploys of a whole cluster would say isn't asked by anybody yet, and so isn't in them.

use super::{Workers, World};
use crate::domain::{Job, PeriodicDigest};
use crate::pipeline::{Day, chronic_digest, daily_digest, team_digests};
use crate::ports::channel::{STATS, TEAM_DIGEST, team};
use crate::ports::{Books, Clock, MessageOp, Notice, Outcome, StoreError};
use jiff::SignedDuration;
use serde_json::json;

/// The name of the task for what is chronic.
pub(super) const CHRONIC: &str = "chronic_digest";
/// That of the cluster's day.
pub(super) const DAILY: &str = "daily_digest";
/// That of the teams' days.
pub(super) const TEAM: &str = "team_digest";

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// What goes out. A quiet day of alerts makes no chronic digest.
    pub(super) async fn digest(&self, job: &Job) -> Result<Outcome, String> {
        let stored = |error: StoreError| error.to_string();
        let settings = self.settings.digests.as_ref().ok_or("nobody reads digests any more")?;
        let task = job.payload.get("task").and_then(serde_json::Value::as_str).unwrap_or_default();
        let now = self.clock.now();
        let recent = self.store.recent(now).await.map_err(stored)?;
        let notices: Vec<Notice> = match task {
            CHRONIC => {
                let digest = chronic_digest(&recent, now);
                digest.map(|digest| notice(STATS.to_owned(), &PeriodicDigest::Chronic(Box::new(digest)))).into_iter().collect()
            }
            DAILY => {
                let figures = self.store.day(now).await.map_err(stored)?;
                let before = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
                let (now_measured, before) = tokio::join!(self.world.figures(now, false), self.world.figures(before, true));
                let day = Day {
                    recent: &recent,
                    figures: &figures,
                    now: &now_measured,
                    before: &before,
                    budget_micro_usd: settings.budget_micro_usd,
                };
                vec![notice(STATS.to_owned(), &PeriodicDigest::Daily(Box::new(daily_digest(&day, now))))]
            }
            TEAM => {
                let has_channel = |name: &str| settings.teams.iter().any(|known| team(known) == team(name));
                let to = |name: &str| if has_channel(name) { team(name) } else { TEAM_DIGEST.to_owned() };
                let digests = team_digests(&recent, &settings.teams, now).into_iter();
                digests.map(|digest| notice(to(&digest.team), &PeriodicDigest::Team(Box::new(digest)))).collect()
            }
            other => return Err(format!("there is no digest called {other}")),
        };
        Ok(Outcome::Messages(json!({ "messages": notices.len() }), notices))
    }
}

fn notice(channel: String, digest: &PeriodicDigest) -> Notice {
    Notice { channel, op: MessageOp::Post, incident_id: None, payload: json!({ "digest": digest }), not_before: None }
}
