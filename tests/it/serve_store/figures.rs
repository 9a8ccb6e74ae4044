//! What a scrape of the metrics reads.

use super::*;
use sre_copilot::domain::{JobKind, JobState};
use sre_copilot::ports::{Figures, MessageOp, Notice, Outbox, StoreFigures};

impl Home {
    async fn figures(&self) -> StoreFigures {
        self.store.figures(at(self.now()), "Watchdog").await.unwrap()
    }
}

#[tokio::test]
async fn an_empty_store_has_a_size_and_nothing_else() {
    let home = Home::new();
    let figures = home.figures().await;
    assert!(figures.store_bytes >= 4096 && figures.wal_bytes > 0, "{figures:?}");
    let size = StoreFigures { store_bytes: figures.store_bytes, wal_bytes: figures.wal_bytes, ..StoreFigures::default() };
    assert_eq!(figures, size);
}

#[tokio::test]
async fn what_is_open_fires_and_waits_is_counted_and_what_is_over_is_not() {
    let home = Home::new();
    let one = |service: &str, severity: &str, end| {
        with("Down", &json!({"namespace": "shop", "deployment": service, "severity": severity}), 0, end)
    };
    home.take(vec![one("a", "critical", None), one("b", "odd", None), one("c", "warning", None), one("d", "info", Some(5))])
        .await;
    home.set(10);
    home.take(vec![one("c", "warning", Some(9))]).await;
    home.set(90);
    home.store.settle().await.unwrap();
    let figures = home.figures().await;
    assert_eq!(figures.incidents_open, BTreeMap::from([(Severity::Critical, 1), (Severity::Warning, 1)]));
    assert_eq!(figures.episodes_firing, BTreeMap::from([(Severity::Critical, 1), (Severity::Warning, 1)]));
    // What ended is analysed all the same.
    assert_eq!(figures.jobs, BTreeMap::from([((JobKind::Analyze, JobState::Queued), 3)]));
    assert_eq!(figures.oldest_jobs, BTreeMap::from([(JobKind::Analyze, at(0))]));
    home.analyse(Verdict::Confirmed).await;
    let mut leased = home.claim().await;
    let states = [((JobKind::Analyze, JobState::Queued), 1), ((JobKind::Analyze, JobState::Running), 1)];
    assert_eq!(home.figures().await.jobs, BTreeMap::from(states));
    while let Some(job) = leased {
        home.store.fail(&job, "it broke").await.unwrap();
        home.pass(3600);
        leased = home.claim().await;
    }
    let figures = home.figures().await;
    assert_eq!(figures.jobs, BTreeMap::from([((JobKind::Analyze, JobState::Failed), 2)]));
    assert_eq!(figures.oldest_jobs, BTreeMap::new());
}

#[tokio::test]
async fn a_job_and_a_message_are_as_old_as_they_wait() {
    let home = Home::new();
    let notice = |channel: &str| Notice {
        channel: channel.to_owned(),
        op: MessageOp::Post,
        incident_id: None,
        payload: json!({}),
        not_before: None,
    };
    home.set(5);
    home.store.put(notice("stats")).await.unwrap();
    home.set(20);
    home.store.put(notice("stats")).await.unwrap();
    home.store.put(notice("health")).await.unwrap();
    let expected = BTreeMap::from([("health".to_owned(), at(20)), ("stats".to_owned(), at(5))]);
    assert_eq!(home.figures().await.oldest_messages, expected);
}

#[tokio::test]
async fn the_watchdog_is_as_old_as_it_was_heard_of_last_even_after_it_ended() {
    let home = Home::new();
    let watchdog = |end| with("Watchdog", &json!({"severity": "none"}), 0, end);
    home.one(watchdog(None)).await;
    assert_eq!(home.figures().await.watchdog_at, Some(at(0)));
    home.set(300);
    home.one(watchdog(None)).await;
    assert_eq!(home.figures().await.watchdog_at, Some(at(300)));
    home.set(400);
    home.one(watchdog(Some(390))).await;
    home.set(900);
    home.one(with("InfoInhibitor", &json!({"severity": "none"}), 880, Some(890))).await;
    assert_eq!(home.figures().await.watchdog_at, Some(at(400)));
}
