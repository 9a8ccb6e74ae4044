//! What becomes of incidents.

use super::*;
use sre_copilot::domain::{AttemptState, IncidentStatus};
use sre_copilot::ports::{AttemptStore, IncidentFilter, IncidentPages, IncidentStore, Outbox, Sent};

#[tokio::test]
async fn forty_pods_and_then_their_deployment() {
    let home = Home::new();
    let first = home.take((0..40).map(|number| pod("Crash", number, 0, None)).collect()).await;
    let results: Vec<_> = first.alerts.iter().map(|alert| alert.result).collect();
    assert_eq!((results[0], results[1..].iter().all(|result| *result == Taken::Joined)), (Taken::Queued, true));
    let running = home.claim().await.unwrap();
    let own = json!({"namespace": "shop", "deployment": "checkout", "severity": "warning"});
    let deployment = home.one(with("ReplicasMismatch", &own, 60, None)).await;
    assert_eq!(deployment.result, Taken::Queued);
    assert_eq!(home.jobs().await, 1, "it is noted with the one that runs");
    let finished = home.store.finish(&running, outcome(Verdict::Confirmed)).await.unwrap().unwrap();
    let follow_up = home.store.job(&finished.follow_up.unwrap()).await.unwrap().unwrap();
    assert_eq!(follow_up.payload, json!({"reasons": ["new_alert"]}));
    let counts = (home.count("incidents"), home.count("episodes"), home.count("jobs"), home.count("episodes WHERE is_flap"));
    assert_eq!(counts, (1, 41, 2, 0));
}

#[tokio::test]
async fn an_end_is_announced_after_a_minute_of_quiet() {
    let home = Home::new();
    let fired = home.take(vec![pod("Crash", 1, 0, None), pod("Crash", 2, 0, None)]).await;
    let id = fired.alerts[0].incident_id.clone().unwrap();
    let running = home.claim().await.unwrap();
    home.one(pod("Crash", 1, 0, Some(50))).await;
    let status = async || home.store.incident(&id).await.unwrap().unwrap().incident.status;
    assert_eq!(status().await, IncidentStatus::Open);
    home.one(pod("Crash", 2, 0, Some(50))).await;
    assert_eq!(status().await, IncidentStatus::Resolved);
    let finished = home.store.finish(&running, outcome(Verdict::Confirmed)).await.unwrap().unwrap();
    assert!(finished.resolved_during_run && finished.run.is_some());
    home.set(59);
    assert_eq!(home.store.settle().await.unwrap(), []);
    home.set(60);
    assert_eq!(home.store.settle().await.unwrap().len(), 1);
    assert_eq!(home.store.settle().await.unwrap(), []);
}

#[tokio::test]
async fn what_begins_within_the_hour_reopens_and_later_is_new() {
    for (start, same) in [(3_650, true), (3_651, false)] {
        let home = Home::new();
        let first = home.one(pod("Crash", 1, 0, None)).await;
        home.analyse(Verdict::Confirmed).await;
        home.set(60);
        home.one(pod("Crash", 1, 0, Some(50))).await;
        home.set(start + 10);
        let again = home.one(pod("Crash", 7, start, None)).await;
        assert_eq!(again.incident_id == first.incident_id, same);
        assert_eq!(again.result, Taken::Queued);
        let open = IncidentFilter { status: Some(IncidentStatus::Open), ..IncidentFilter::default() };
        assert_eq!(home.store.incidents(open).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_recurrence_is_told_by_the_senders_clock() {
    const WEEK: i64 = 7 * 86_400;
    for (start, times) in [(50 + WEEK - 3_600, 1), (50 + WEEK, 0)] {
        let home = Home::new();
        home.one(pod("Crash", 1, 0, None)).await;
        home.pass(60);
        home.one(pod("Crash", 1, 0, Some(50))).await;
        // All of it is delivered at once, such as after an outage.
        home.pass(60);
        let again = home.one(pod("Crash", 7, start, None)).await.incident_id.unwrap();
        let window = SignedDuration::from_secs(WEEK);
        let memory = home.store.memory(&again, at(home.now()), window).await.unwrap();
        assert_eq!(memory.incidents.len(), times);
        assert_eq!(home.store.summary(&again, window).await.unwrap().unwrap().recurrence, times);
    }
}

#[tokio::test]
async fn the_fifth_cycle_in_a_day_is_chronic() {
    let home = Home::new();
    for cycle in 0..6i64 {
        let start = cycle * 2_000;
        home.set(start);
        let fired = home.one(pod("Crash", 1, start, None)).await;
        let job = home.store.job(&fired.task_id.unwrap()).await.unwrap().unwrap();
        let standing = home.store.standing(&fired.incident_id.unwrap()).await.unwrap().unwrap();
        assert_eq!(standing.chronic, cycle >= 4, "cycle {cycle}");
        if cycle < 4 {
            home.set(start + 700);
            home.analyse(Verdict::Confirmed).await;
        } else {
            assert_eq!(job.not_before, at(6_700 + 86_400));
        }
        home.set(start + 1_000);
        home.one(pod("Crash", 1, start, Some(start + 990))).await;
    }
    let other = home.one(pod("Slow", 1, 11_500, None)).await;
    let standing = home.store.standing(&other.incident_id.unwrap()).await.unwrap().unwrap();
    assert!(!standing.chronic, "a new alert name lifts it");
}

#[tokio::test]
async fn severity_rises_once() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    home.analyse(Verdict::Confirmed).await;
    let post = home.store.next().await.unwrap().unwrap();
    home.store.sent(&post, Sent::As(Some("m1".to_owned()))).await.unwrap();
    let worse = json!({"namespace": "shop", "deployment": "checkout", "severity": "critical", "n": "1"});
    let risen = home.one(with("Crash", &worse, 10, None)).await;
    let job = home.store.job(&risen.task_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((job.class.number(), job.payload), (0, json!({"reasons": ["severity"]})));
    let mut same = worse.clone();
    same["n"] = json!("2");
    assert_eq!(home.one(with("Crash", &same, 20, None)).await.result, Taken::Joined);
    assert_eq!(home.count("outbox WHERE op = 'post'"), 2);
}

#[tokio::test]
async fn the_younger_incident_of_one_subject_is_merged() {
    let home = Home::new();
    let older = home.one(pod("Crash", 1, 0, None)).await.incident_id.unwrap();
    home.analyse(Verdict::Confirmed).await;
    home.pass(5);
    let service = json!({"namespace": "shop", "service": "web", "severity": "critical"});
    let younger = home.one(with("Errors", &service, 5, None)).await.incident_id.unwrap();
    let running = home.claim().await.unwrap();
    let proposed = home.store.propose(restart(&younger, "an older run")).await.unwrap();
    let subject = ObjectRef::new("Deployment", "shop", "checkout");
    assert_eq!(home.store.found_subject(&running, &subject).await.unwrap(), Some(older.clone()));
    let merged = home.store.incident(&younger).await.unwrap().unwrap().incident;
    assert_eq!((merged.status, merged.merged_into), (IncidentStatus::Merged, Some(older.clone())));
    assert_eq!(home.store.standing(&older).await.unwrap().unwrap().episodes.len(), 2);
    let ended = home.store.attempt(&proposed.id).await.unwrap().unwrap();
    assert_eq!(ended.state, AttemptState::Superseded, "what was proposed for it can't be approved any more");
    let late = home.store.propose(restart(&younger, running.job.run_id.as_deref().unwrap())).await;
    assert!(matches!(late, Err(StoreError::Invalid(_))), "{late:?}");
    let person = Actor { kind: "cli".to_owned(), id: "7".to_owned(), name: "anna".to_owned() };
    let afresh = NewAttempt { requested_by: Some(person), ..restart(&younger, "an older run") };
    assert_eq!(home.store.propose(afresh).await.unwrap().state, AttemptState::Proposed, "a person may plan afresh");
    assert_eq!(home.store.finish(&running, outcome(Verdict::Confirmed)).await.unwrap(), None, "its lease is gone");
    let another = json!({"namespace": "shop", "service": "web", "severity": "critical", "n": "2"});
    let joined = home.one(with("Errors", &another, 5, None)).await;
    assert_eq!(joined.incident_id.as_ref(), Some(&older), "what was learnt of the Service is remembered");
    let next = home.claim().await.unwrap();
    assert_eq!((next.job.incident_id, next.job.payload), (Some(older), json!({"reasons": ["merged"]})));
}

#[tokio::test]
async fn silent_and_stuck_episodes_are_marked_and_go_on() {
    let home = Home::new();
    let fired = home.one(pod("Crash", 1, 0, None)).await;
    home.set(86_399);
    assert_eq!(home.store.mark().await.unwrap(), 0);
    home.set(26 * 3_600);
    assert_eq!(home.store.mark().await.unwrap(), 2);
    let standing = home.store.standing(&fired.incident_id.unwrap()).await.unwrap().unwrap();
    let episode = &standing.episodes[0];
    assert!(episode.is_silent && episode.is_stuck && episode.ended_at.is_none());
    home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!(home.count("episodes WHERE is_silent"), 0);
}
