//! Ends that nobody said, and ends that were none.

use super::*;
use sre_copilot::domain::{Class, EpisodeRecord};
use sre_copilot::ports::FiringEpisode;

impl Home {
    /// What fires, which is one.
    async fn firing(&self) -> FiringEpisode {
        let [firing] = self.store.firing("default").await.unwrap().try_into().unwrap();
        firing
    }

    async fn episode(&self, incident: &Option<String>) -> EpisodeRecord {
        self.store.standing(incident.as_ref().unwrap()).await.unwrap().unwrap().episodes.remove(0)
    }
}

#[tokio::test]
async fn what_is_missing_among_the_active_ones_is_over() {
    let home = Home::new();
    let fired = home.take(vec![pod("Crash", 1, 0, None)]).await;
    let firing = home.firing().await;
    assert_eq!((Some(&firing.id), &firing.fingerprint), (fired.alerts[0].episode_id.as_ref(), &fired.alerts[0].fingerprint));
    assert!(home.store.firing("other").await.unwrap().is_empty());
    let unknown = FiringEpisode { id: "x".to_owned(), ..firing.clone() };
    assert_eq!(home.store.absent(vec![firing.clone(), unknown]).await.unwrap(), 1);
    assert_eq!(home.store.absent(vec![firing]).await.unwrap(), 0, "it is over already");
    assert_eq!(home.count("incidents WHERE status = 'resolved'"), 1);
    let again = home.take(vec![pod("Crash", 1, 0, None)]).await;
    assert_eq!((again.replayed, again.alerts[0].result), (false, Taken::Reopened), "its sender says that it fires on");
}

#[tokio::test]
async fn what_was_heard_of_since_is_not_missing() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    let firing = home.firing().await;
    home.pass(90);
    home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!(home.store.absent(vec![firing]).await.unwrap(), 0);
    home.firing().await;
}

#[tokio::test]
async fn what_was_missed_ended_when_that_was_seen() {
    let home = Home::new();
    // The sender's clock is a day behind.
    let day = 86_400;
    let first = home.one(pod("Crash", 1, -day, None)).await;
    home.set(3 * 3_600);
    home.store.absent(vec![home.firing().await]).await.unwrap();
    let ended = home.episode(&first.incident_id).await.ended_at;
    assert_eq!(ended, Some(at(3 * 3_600 - day)), "by the sender's clock, it lasted as long as by ours");
    home.pass(600);
    let again = home.one(pod("Crash", 1, 3 * 3_600 + 600 - day, None)).await;
    assert_eq!(again.incident_id, first.incident_id, "it fires again within the hour");
    assert_eq!(home.count("episodes WHERE is_flap"), 0);
}

#[tokio::test]
async fn an_end_that_is_told_after_all_is_the_one_that_counts() {
    let home = Home::new();
    let first = home.one(pod("Crash", 1, 0, None)).await;
    home.analyse(Verdict::Confirmed).await;
    home.set(600);
    home.store.absent(vec![home.firing().await]).await.unwrap();
    home.set(900);
    assert_eq!(home.one(pod("Crash", 1, 0, Some(60))).await.result, Taken::Resolved);
    assert_eq!(home.episode(&first.incident_id).await.ended_at, Some(at(60)));
    assert_eq!(home.count(&format!("incidents WHERE quiet_how = 'notified' AND quiet_at = {}", at(60).as_millisecond())), 1);
    home.set(1_000);
    home.one(pod("Crash", 1, 990, None)).await;
    assert_eq!(home.count("episodes WHERE is_flap"), 1, "it ended, and soon fired again");
}

#[tokio::test]
async fn what_fires_on_is_analysed_as_soon_as_it_would_have_been() {
    let home = Home::new();
    let critical = json!({"namespace": "shop", "deployment": "checkout", "severity": "critical"});
    home.one(with("Down", &critical, 0, None)).await;
    home.one(with("Down", &critical, 0, Some(10))).await;
    let class = async || home.store.jobs(JobFilter::default()).await.unwrap()[0].class;
    assert_eq!(class().await, Class::Rest);
    home.set(60);
    assert_eq!(home.one(with("Down", &critical, 0, None)).await.result, Taken::Reopened);
    assert_eq!(class().await, Class::Critical);
}

#[tokio::test]
async fn what_goes_on_in_another_incident_makes_it_as_severe_and_is_analysed() {
    let home = Home::new();
    let critical = json!({"namespace": "shop", "deployment": "checkout", "severity": "critical"});
    let first = home.one(with("Down", &critical, 0, None)).await;
    home.analyse(Verdict::Confirmed).await;
    home.set(20);
    home.one(with("Down", &critical, 0, Some(10))).await;
    home.set(4_000);
    let second = home.one(pod("Crash", 1, 4_000, None)).await;
    assert_ne!(first.incident_id, second.incident_id);
    home.analyse(Verdict::Confirmed).await;
    home.set(4_100);
    let again = home.one(with("Down", &critical, 0, None)).await;
    assert_eq!((again.incident_id, again.result), (second.incident_id, Taken::Queued));
    assert_eq!(home.count("incidents WHERE status = 'open' AND severity = 'critical'"), 1);
    assert_eq!(home.count("episodes WHERE end_how IS NULL"), 2);
}

#[tokio::test]
async fn what_is_no_longer_suppressed_opens_its_incident_with_the_next_repeat() {
    let mut home = Home::new();
    let suppressed = Lifecycle { suppressed: ["Crash".to_owned()].into(), ..Lifecycle::default() };
    home.store = open(home.path(), &home.clock).with_lifecycle(suppressed);
    assert_eq!(home.one(pod("Crash", 1, 0, None)).await.result, Taken::Suppressed);
    let repeat = home.take(vec![pod("Crash", 1, 0, None)]).await;
    assert!(repeat.replayed);
    home.store = open(home.path(), &home.clock);
    assert_eq!(home.one(pod("Crash", 1, 0, None)).await.result, Taken::Queued);
    assert_eq!(home.count("incidents WHERE status = 'open'"), 1);
}

#[tokio::test]
async fn a_clock_that_is_put_back_holds_up_no_announcement() {
    let home = Home::new();
    home.set(86_400);
    home.one(pod("Crash", 1, 0, None)).await;
    home.one(pod("Crash", 1, 0, Some(50))).await;
    home.set(100);
    assert_eq!(home.store.settle().await.unwrap().len(), 1);
}
