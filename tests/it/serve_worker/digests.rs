//! Digests by the clock: from what fired to messages that wait in the outbox.

use super::{Does, House, Later};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::domain::{Changed, JobKind, JobState, Part, PeriodicDigest};
use sre_copilot::ports::{Clock, Outbox, Sent};
use sre_copilot::worker::Digests;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// A clock at this hour of a day, UTC.
fn at_hour(hour: i64) -> Later {
    let clock = Later::default();
    let now = clock.now().as_second();
    clock.0.store((hour * 3_600 - now % 86_400).rem_euclid(86_400), Ordering::SeqCst);
    clock
}

/// All digests that wait to be sent, with their channels.
async fn waiting(house: &House) -> Vec<(String, PeriodicDigest)> {
    let mut found = Vec::new();
    while let Some(message) = house.store.next().await.unwrap() {
        if let Some(digest) = message.notice.payload.get("digest") {
            found.push((message.notice.channel.clone(), serde_json::from_value(digest.clone()).unwrap()));
        }
        assert!(house.store.sent(&message, Sent::DryRun(Value::Null)).await.unwrap());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_an_alert_that_comes_and_goes_is_told_by_all_three() {
    let mut house = House::with_clock(Does::Finds, at_hour(1));
    house.digests = Some(Digests { teams: BTreeSet::from(["Quiet".to_owned()]), budget_micro_usd: Some(5_000_000) });
    // Its own clock's times: five cycles of a minute each, ten minutes apart; the last one fires on.
    for cycle in 0..5 {
        let start = house.clock.now();
        house.deliver(json!({"team": "pay"}), start, None).await;
        house.clock.0.fetch_add(60, Ordering::SeqCst);
        if cycle < 4 {
            house.deliver(json!({"team": "pay"}), start, Some(house.clock.now())).await;
        }
        house.clock.0.fetch_add(600, Ordering::SeqCst);
    }
    let work = house.work();
    // When they are due is written down at the first look, which queues a job of nothing.
    house.looked("chronic_digest").await;
    house.clock.0.fetch_add(7 * 3_600, Ordering::SeqCst);
    let of = |task: &'static str| {
        move |job: &sre_copilot::domain::Job| {
            job.kind == JobKind::Digest && job.state == JobState::Done && job.payload["task"] == task
        }
    };
    house.job(of("chronic_digest")).await;
    let told = waiting(&house).await;
    let [(channel, PeriodicDigest::Chronic(chronic))] = told.as_slice() else { panic!("{told:?}") };
    let row = &chronic.rows[0];
    assert_eq!((channel.as_str(), chronic.total, row.episodes, row.fires), ("stats", 1, 5, true));
    assert_eq!(row.owner.as_deref(), Some("pay"));

    house.clock.0.fetch_add(2 * 3_600, Ordering::SeqCst);
    house.job(of("daily_digest")).await;
    house.job(of("team_digest")).await;
    let told = waiting(&house).await;
    let channels: Vec<&str> = told.iter().map(|(channel, _)| channel.as_str()).collect();
    assert_eq!(channels, ["stats", "team_digest", "team:quiet"]);
    let PeriodicDigest::Daily(daily) = &told[0].1 else { panic!("{told:?}") };
    assert_eq!(daily.nodes, Part::Measured((2, 3)));
    assert_eq!(daily.firing, Part::Measured(Changed { now: 1.0, before: None }), "the first day");
    let PeriodicDigest::Team(team) = &told[1].1 else { panic!("{told:?}") };
    assert_eq!((team.team.as_str(), team.open.len()), ("pay", 1));
    house.stops.send_replace(true);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_day_makes_no_chronic_digest() {
    let mut house = House::with_clock(Does::Finds, at_hour(12));
    house.digests = Some(Digests::default());
    let work = house.work();
    house.looked("chronic_digest").await;
    house.clock.0.fetch_add(7 * 3_600, Ordering::SeqCst);
    let job = house.job(|job| job.kind == JobKind::Digest && job.state == JobState::Done).await;
    assert_eq!(job.result, Some(json!({"messages": 0})));
    assert!(waiting(&house).await.is_empty());
    house.stops.send_replace(true);
    work.await.unwrap();
}

impl House {
    /// An alert about the Deployment shop/checkout that fires since then, or is over.
    async fn deliver(&self, more: Value, start: Timestamp, end: Option<Timestamp>) {
        let mut labels = json!({"alertname": "Crash", "namespace": "shop", "deployment": "checkout", "severity": "warning"});
        labels.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let status = if end.is_some() { "resolved" } else { "firing" };
        let end = end.unwrap_or_else(|| start - SignedDuration::from_hours(100_000));
        self.take(json!({"status": status, "labels": labels, "startsAt": start, "endsAt": end})).await;
    }

    /// Waits until it is written down when this task is due.
    async fn looked(&self, task: &str) {
        let connection = rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap();
        let known = "SELECT EXISTS (SELECT 1 FROM periodic WHERE name = ?1)";
        while !connection.query_row(known, [task], |row| row.get::<_, bool>(0)).unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
