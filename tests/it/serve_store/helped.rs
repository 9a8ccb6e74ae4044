//! Whether a change helped, where alerts tell of it too.

use super::*;
use sre_copilot::cluster::Recording;
use sre_copilot::domain::{Attempt, IncidentStatus, State};
use sre_copilot::pipeline::FreshLook;
use sre_copilot::pipeline::execute::Judge;
use sre_copilot::ports::{AttemptStore, ClusterReader, IncidentStore, ReadError, ReadRequest};
use sre_copilot::redact::Redactor;

/// A cluster in which nothing is.
struct Empty;

impl ClusterReader for Empty {
    async fn read(&self, _: &ReadRequest) -> Result<Recording, ReadError> {
        Ok(Recording { captured_at: Some(at(0)), ..Recording::default() })
    }
}

impl Home {
    async fn restarted(&self, incident: &str) -> Attempt {
        let checkout = ObjectRef::new("Deployment", "shop", "checkout");
        let run = self.store.record(incident, &Report::new(checkout, Verdict::Confirmed, at(0))).await.unwrap();
        self.store.propose(restart(incident, &run.id)).await.unwrap()
    }

    /// What is said of the incident's alerts.
    async fn said(&self, attempt: &Attempt) -> Option<(State, String)> {
        let (redactor, subject) = (Redactor::fixed(), ObjectRef::new("Deployment", "shop", "checkout"));
        let look = FreshLook { reader: &Empty, redactor: &redactor, subject: &subject, store: &self.store };
        let seen = look.judge(attempt, true).await.criteria.into_iter().find(|it| it.name == "alert resolved");
        seen.map(|it| (it.state, it.seen))
    }
}

#[tokio::test]
async fn a_change_helped_once_the_alert_is_over_and_no_verdict_ends_what_still_fires() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    home.one(pod("Slow", 2, 0, None)).await;
    let incident = home.analyse(Verdict::Confirmed).await.job.incident_id.unwrap();
    let attempt = home.restarted(&incident).await;
    assert_eq!(home.said(&attempt).await, Some((State::Absent, "Crash fires".to_owned())));

    home.set(60);
    home.one(pod("Crash", 1, 0, Some(60))).await;
    assert_eq!(home.said(&attempt).await, Some((State::Absent, "Slow fires".to_owned())));
    let open = home.store.resolve(&incident).await.unwrap().unwrap();
    assert_eq!((open.status, open.resolved_at), (IncidentStatus::Open, None));

    home.set(120);
    home.one(pod("Slow", 2, 0, Some(120))).await;
    assert_eq!(home.said(&attempt).await, Some((State::Found, "none fires any more".to_owned())));
    assert_eq!(home.store.resolve(&incident).await.unwrap().unwrap().status, IncidentStatus::Resolved);
}

#[tokio::test]
async fn an_alert_that_fell_silent_tells_nothing_and_where_there_was_none_it_is_not_asked() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    let incident = home.analyse(Verdict::Confirmed).await.job.incident_id.unwrap();
    let attempt = home.restarted(&incident).await;
    home.set(7 * 86_400);
    assert!(home.store.mark().await.unwrap() > 0);
    let silent = Some((State::Unknown, "nothing was heard of Crash for long".to_owned()));
    assert_eq!(home.said(&attempt).await, silent);

    let by_hand = home.store.open_or_join("default", &ObjectRef::new("Deployment", "shop", "cart")).await.unwrap();
    assert_eq!(home.said(&home.restarted(&by_hand.id).await).await, None);
}

#[tokio::test]
async fn the_alerts_of_a_merged_incident_are_asked_where_they_are() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    home.analyse(Verdict::Confirmed).await;
    let service = json!({"namespace": "shop", "service": "web", "severity": "critical"});
    let younger = home.one(with("Errors", &service, 5, None)).await.incident_id.unwrap();
    let running = home.claim().await.unwrap();
    let attempt = home.restarted(&younger).await;
    assert_eq!(home.said(&attempt).await, Some((State::Absent, "Errors fires".to_owned())));
    home.store.found_subject(&running, &ObjectRef::new("Deployment", "shop", "checkout")).await.unwrap();
    assert!(home.store.standing(&younger).await.unwrap().unwrap().episodes.is_empty());
    assert_eq!(home.said(&attempt).await, Some((State::Absent, "Crash fires".to_owned())));
}
