//! `GET /metrics`: what was counted since the start, and how things stand now.

use super::problem::Problem;
use super::state::App;
use crate::domain::{JobKind, JobState, Severity};
use crate::ports::{Books, StoreFigures};
use crate::telemetry::{self, OPEN_METRICS, Standing, one_of};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// The alert that says that alerting works: always firing, in every stock set of rules.
const WATCHDOG: &str = "Watchdog";
/// So long the store may count; a scrape without these figures says more than none.
const COUNT: Duration = Duration::from_secs(5);
const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::Warning, Severity::Info, Severity::None];
/// The kinds of channels; a team's channel is called `team:` and its name, which is no label.
const CHANNELS: &[&str] = &["incidents", "stats", "team_digest", "self_health"];

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics<S: Books>(State(app): State<App<S>>) -> Result<([(http::HeaderName, &'static str); 1], String), Problem> {
    let now = app.now();
    let counted = timeout(COUNT, app.store.figures(now, WATCHDOG)).await;
    let mut standing = match counted {
        Ok(Ok(figures)) => standing(&figures, now),
        failed => {
            let why = failed.map_or_else(
                |_| "not in time".to_owned(),
                |counted| counted.err().map_or_else(String::new, |error| error.to_string()),
            );
            tracing::warn!(why, "how things stand could not be counted");
            Standing::default()
        }
    };
    let budget = app.settings.llm.daily_budget_usd;
    if app.settings.llm.backend != crate::config::Backend::None
        && let Ok(spent) = app.store.spent(Offset::UTC.to_datetime(now).date()).await
    {
        standing.model_budget_left_usd = Some((budget - spent as f64 / 1e6).max(0.0));
    }
    if let Some(folder) = app.settings.serve.backup_dir.clone() {
        let newest = tokio::task::spawn_blocking(move || newest_backup(&folder)).await.ok().flatten();
        standing.backup_age_seconds = newest.map(|at| age(at, now));
    }
    telemetry::metrics().intake_waiting(app.store.waiting());
    telemetry::metrics().stand(standing);
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], telemetry::render()))
}

/// Two clocks are never subtracted, but ours may have been set back.
fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// Every severity, and every kind of job that is seldom given up, is there from the beginning: what is missing can't be told
/// from what is not scraped.
fn standing(figures: &StoreFigures, now: Timestamp) -> Standing {
    let severities = |of: &std::collections::BTreeMap<Severity, u64>| {
        SEVERITIES.map(|severity| (severity.as_str(), of.get(&severity).copied().unwrap_or(0))).to_vec()
    };
    let kinds = [JobKind::Analyze, JobKind::Replay, JobKind::Ask, JobKind::Digest, JobKind::Retention];
    let states = [JobState::Queued, JobState::Running, JobState::Failed];
    let mut jobs = figures.jobs.clone();
    for kind in kinds {
        states.iter().for_each(|state| _ = jobs.entry((kind, *state)).or_default());
    }
    let mut outbox_oldest_seconds: Vec<(&'static str, f64)> = Vec::new();
    for (channel, since) in &figures.oldest_messages {
        let (kind, waits) = (channel_kind(channel), age(*since, now));
        match outbox_oldest_seconds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, longest)) => *longest = longest.max(waits),
            None => outbox_oldest_seconds.push((kind, waits)),
        }
    }
    Standing {
        incidents_open: severities(&figures.incidents_open),
        episodes_firing: severities(&figures.episodes_firing),
        jobs: jobs.iter().map(|((kind, state), count)| (kind.as_str(), state.as_str(), *count)).collect(),
        job_oldest_seconds: figures.oldest_jobs.iter().map(|(kind, since)| (kind.as_str(), age(*since, now))).collect(),
        outbox_oldest_seconds,
        watchdog_age_seconds: figures.watchdog_at.map(|heard| age(heard, now)),
        store_bytes: Some(figures.store_bytes),
        wal_bytes: Some(figures.wal_bytes),
        ..Standing::default()
    }
}

/// What kind of channel a name is; none is an incident's own.
fn channel_kind(name: &str) -> &'static str {
    match name {
        "" => "incidents",
        name if name.starts_with("team:") => "team",
        name => one_of(CHANNELS, name),
    }
}

/// When the newest whole back-up was made: its name says so.
fn newest_backup(folder: &Path) -> Option<Timestamp> {
    let names = std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let times = names.filter_map(|name| {
        let time = name.strip_prefix("state-")?.strip_suffix("Z.db")?;
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", time).ok()?;
        Offset::UTC.to_timestamp(time).ok()
    });
    times.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_channel_is_shown_by_its_kind() {
        for (name, kind) in [("", "incidents"), ("stats", "stats"), ("team:payments", "team"), ("https://x/secret", "other")] {
            assert_eq!(channel_kind(name), kind);
        }
    }

    #[test]
    fn the_channel_that_waits_longest_stands_for_its_kind_and_nothing_is_younger_than_now() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let figures = StoreFigures {
            oldest_messages: BTreeMap::from([("team:a".to_owned(), at(90)), ("team:b".to_owned(), at(40))]),
            watchdog_at: Some(at(200)),
            ..StoreFigures::default()
        };
        let standing = standing(&figures, at(100));
        assert_eq!(standing.outbox_oldest_seconds, [("team", 60.0)]);
        assert_eq!(standing.watchdog_age_seconds, Some(0.0));
        assert_eq!(standing.incidents_open, [("critical", 0), ("warning", 0), ("info", 0), ("none", 0)]);
    }

    #[test]
    fn the_newest_back_up_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["state-20260101T030000Z.db", "state-20260102T030000Z.db", "state-20260103T030000Z.db.partial", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(newest_backup(folder.path()), Some("2026-01-02T03:00:00Z".parse().unwrap()));
        assert_eq!(newest_backup(&folder.path().join("none")), None);
    }
}
