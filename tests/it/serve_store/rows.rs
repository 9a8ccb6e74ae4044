//! Each row of the episode's table, as the sender sees it.

use super::*;
use proptest::prelude::*;

#[tokio::test]
async fn firing_repeat_resolved_and_again() {
    let home = Home::new();
    let first = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!(first.result, Taken::Queued);
    assert!(first.task_id.is_some() && first.incident_id.is_some() && first.episode_id.is_some());
    // Three repeats, the last with other annotations and a start that differs a little.
    for (second, start) in [(14_400, 0), (28_800, 0), (43_200, 200)] {
        home.set(second);
        let again = home.one(pod("Crash", 1, start, None)).await;
        assert_eq!((again.episode_id.as_ref(), home.jobs().await), (first.episode_id.as_ref(), 1));
    }
    home.analyse(Verdict::Confirmed).await;
    assert_eq!(home.one(pod("Crash", 1, 0, Some(43_300))).await.result, Taken::Resolved);
    assert_eq!(home.one(pod("Crash", 1, 0, Some(43_301))).await.result, Taken::Repeat);
    let id = first.incident_id.clone().unwrap();
    let standing = home.store.standing(&id).await.unwrap().unwrap();
    assert_eq!((standing.flap_count, standing.episodes.len()), (0, 1));
    // Again within the hour, by the sender's clock.
    home.set(43_500);
    let again = home.one(pod("Crash", 1, 43_400, None)).await;
    assert_eq!((again.result, again.incident_id.as_ref()), (Taken::Queued, first.incident_id.as_ref()));
    let standing = home.store.standing(&id).await.unwrap().unwrap();
    assert_eq!((standing.flap_count, standing.episodes.len(), standing.severity), (1, 2, Some(Severity::Warning)));
    let job = home.store.job(&again.task_id.unwrap()).await.unwrap().unwrap();
    assert_eq!(job.payload, json!({"reasons": ["reopened", "flap"]}));
    assert_eq!(job.not_before, at(43_200 + 600), "ten minutes after the last run began");
}

#[tokio::test]
async fn overtaken_reopened_and_history() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    home.analyse(Verdict::Healthy).await;
    home.set(100);
    assert_eq!(home.one(pod("Crash", 1, 0, Some(90))).await.result, Taken::Resolved);
    home.set(130);
    let late = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!((late.result, late.episode_id), (Taken::Late, None));
    home.set(131);
    let over = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!(over.result, Taken::Reopened);
    assert!(over.task_id.is_some(), "it was said to be healthy, and fires");
    let again = home.one(pod("Crash", 1, 10_000, None)).await;
    assert_eq!((again.result, again.task_id.is_some()), (Taken::Joined, false), "an implied end is no flap");
    // An old episode that nobody knew; then one that was over before it was heard of.
    assert_eq!(home.one(pod("Crash", 1, 5_000, Some(5_100))).await.result, Taken::Resolved);
    let other = home.one(pod("Other", 2, 0, Some(50))).await;
    assert_eq!((other.result, other.incident_id), (Taken::Resolved, None));
    assert_eq!(home.count("episodes WHERE end_how = 'implied'"), 1);
}

#[tokio::test]
async fn what_is_only_kept() {
    let home = Home::new();
    let watchdog = home.one(with("Watchdog", &json!({"severity": "none"}), 0, None)).await;
    assert_eq!((watchdog.result, watchdog.incident_id), (Taken::Suppressed, None));
    let mut silenced = pod("Crash", 1, 0, None);
    silenced["status"] = json!({"state": "suppressed", "silencedBy": ["s"]});
    assert_eq!(home.one(silenced).await.result, Taken::Suppressed);
    assert_eq!((home.jobs().await, home.count("incidents"), home.count("outbox"), home.count("episodes")), (0, 0, 0, 2));
    // The silence is over, and it still fires.
    let again = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!((again.result, home.count("episodes"), home.jobs().await), (Taken::Queued, 2, 1));
}

#[tokio::test]
async fn a_bad_alert_costs_itself() {
    let home = Home::new();
    let answer = home.take(vec![pod("Crash", 1, 0, None), json!({"labels": {}}), pod("Crash", 2, 0, None)]).await;
    assert_eq!(answer.alerts.iter().map(|alert| alert.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!((answer.set_aside[0].index, answer.set_aside[0].code.as_str()), (1, "no_alertname"));
    assert_eq!(home.take(vec![json!(7)]).await.alerts, []);
    home.store.set_aside("unparsable", &vec![0xFF; 100_000]).await.unwrap();
    assert_eq!((home.count("set_aside"), home.count("set_aside WHERE length(raw) = 65536")), (3, 1));
}

#[tokio::test]
async fn a_known_delivery_is_answered_as_before_until_something_changed() {
    let home = Home::new();
    let body = vec![pod("Crash", 1, 0, None), pod("Crash", 2, 0, None)];
    let first = home.take(body.clone()).await;
    home.set(7_200);
    let again = home.take(body.clone()).await;
    assert_eq!(again, Accepted { replayed: true, ..first.clone() });
    assert_eq!(home.count("episodes WHERE heard_at = (1790000000 + 7200) * 1000"), 2, "it was heard of");
    home.take(vec![pod("Crash", 2, 0, Some(7_100))]).await;
    home.set(7_300);
    let after = home.take(body).await;
    assert!(!after.replayed);
    assert_eq!((after.alerts[0].result, after.alerts[1].result), (Taken::Repeat, Taken::Reopened));
    assert_eq!(home.count("intakes"), 2);
}

#[tokio::test]
async fn what_was_only_history_and_fires_on_opens_its_incident() {
    let home = Home::new();
    let passed = home.one(pod("Crash", 1, 0, Some(50))).await;
    assert_eq!((passed.result, &passed.incident_id), (Taken::Resolved, &None));
    home.set(100);
    let fires = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!((fires.result, &fires.episode_id), (Taken::Queued, &passed.episode_id));
    let standing = home.store.standing(&fires.incident_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((standing.episodes.len(), standing.episodes[0].ended_at), (1, None));
    assert_eq!((home.count("episodes"), home.count("outbox WHERE op = 'post'")), (1, 1));
}

#[tokio::test]
async fn what_is_silenced_reopens_nothing_until_it_is_not() {
    let home = Home::new();
    let silenced = || {
        let mut alert = pod("Crash", 1, 0, None);
        alert["status"] = json!({"state": "suppressed", "silencedBy": ["7"], "inhibitedBy": []});
        alert
    };
    let first = home.one(pod("Crash", 1, 0, None)).await;
    home.analyse(Verdict::Healthy).await;
    home.set(60);
    home.one(pod("Crash", 1, 0, Some(50))).await;
    home.set(100);
    assert_eq!(home.one(silenced()).await.result, Taken::Suppressed);
    assert_eq!((home.count("incidents WHERE status = 'open'"), home.jobs().await), (0, 1));
    home.set(110);
    let again = home.one(pod("Crash", 1, 0, None)).await;
    assert_eq!((again.result, again.incident_id, home.jobs().await), (Taken::Reopened, first.incident_id, 2));
    // In an incident that is open it fires on, and nobody looks again because of it.
    let open = home.take(vec![pod("Crash", 2, 0, None), pod("Crash", 3, 0, None)]).await;
    home.analyse(Verdict::Healthy).await;
    home.one(pod("Crash", 3, 0, Some(110))).await;
    home.pass(60);
    let mut one_of_them = pod("Crash", 3, 0, None);
    one_of_them["status"] = json!({"state": "suppressed", "silencedBy": ["7"]});
    let jobs = home.jobs().await;
    let answer = home.one(one_of_them).await;
    assert_eq!((answer.result, answer.episode_id.as_ref()), (Taken::Suppressed, open.alerts[1].episode_id.as_ref()));
    assert_eq!((home.jobs().await, home.count("episodes WHERE name = 'Crash' AND end_how IS NULL")), (jobs, 3));
    // One that was only ever kept fires in no incident, until somebody may hear of it.
    let other = |silenced: bool| {
        let mut alert = with("Slow", &json!({"namespace": "x", "severity": "warning"}), 0, None);
        if silenced {
            alert["status"] = json!({"state": "suppressed", "silencedBy": ["7"]});
        }
        alert
    };
    home.one(with("Slow", &json!({"namespace": "x", "severity": "warning"}), 0, Some(50))).await;
    home.pass(200);
    assert_eq!(home.one(other(true)).await.result, Taken::Suppressed);
    assert_eq!(home.count("episodes WHERE name = 'Slow' AND end_how IS NULL AND incident_id IS NULL"), 1);
    assert_eq!(home.one(other(false)).await.result, Taken::Queued);
}

#[tokio::test]
async fn what_fires_on_joins_whatever_is_open_where_its_incident_was() {
    let home = Home::new();
    let service = json!({"namespace": "shop", "service": "web", "severity": "warning"});
    let first = home.one(with("Errors", &service, 0, None)).await;
    let leased = home.claim().await.unwrap();
    home.store.found_subject(&leased, &ObjectRef::new("Deployment", "shop", "checkout")).await.unwrap();
    home.store.finish(&leased, outcome(Verdict::Confirmed)).await.unwrap();
    home.set(60);
    home.one(with("Errors", &service, 0, Some(50))).await;
    // An hour and more later the subject has another incident, and what was learnt of the Service is forgotten.
    home.set(5_000);
    let second = home.one(pod("Crash", 1, 5_000, None)).await;
    assert_ne!(second.incident_id, first.incident_id);
    rusqlite::Connection::open(home.path()).unwrap().execute("DELETE FROM subjects", []).unwrap();
    let again = home.one(with("Errors", &service, 0, None)).await;
    assert_eq!((again.result, again.incident_id), (Taken::Queued, second.incident_id), "whose analysis doesn't know this alert");
}

#[tokio::test]
async fn what_was_learnt_of_a_subject_is_kept_while_it_is_used() {
    let home = Home::new();
    let service = json!({"namespace": "shop", "service": "web", "severity": "warning"});
    home.one(with("Errors", &service, 0, None)).await;
    let leased = home.claim().await.unwrap();
    home.store.found_subject(&leased, &ObjectRef::new("Deployment", "shop", "checkout")).await.unwrap();
    for (day, known) in [(20, 1), (40, 1), (71, 0)] {
        home.set(day * 86_400);
        if known == 1 {
            home.one(with("Slow", &service, day * 86_400, None)).await;
        }
        home.store.clean().await.unwrap();
        assert_eq!(home.count("subjects"), known, "day {day}");
    }
}

#[tokio::test]
async fn one_body_in_parallel_from_two_senders_is_one_episode_and_one_run() {
    let home = Home::new();
    let asked = (0..100).map(|_| home.take(vec![pod("Crash", 1, 0, None)]));
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    let counts =
        [home.count("episodes"), home.count("jobs"), home.count("outbox"), home.count("incidents"), home.count("intakes")];
    assert_eq!(counts, [1; 5]);
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_makes_no_flap() {
    for off in [-3_600, 3_600] {
        let home = Home::new();
        let first = home.one(pod("Crash", 1, off, None)).await;
        home.set(7_200);
        home.one(pod("Crash", 1, off, Some(7_200 + off))).await;
        home.set(7_200 + 3_700);
        let later = home.one(pod("Crash", 1, 7_200 + 3_700 + off, None)).await;
        assert_ne!(later.incident_id, first.incident_id, "an hour and more after the end is another incident");
        let standing = home.store.standing(&later.incident_id.unwrap()).await.unwrap().unwrap();
        assert_eq!(standing.flap_count, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_order_within_thirty_seconds_ends_the_same(
        order in Just(vec![0usize, 0, 1, 1, 2, 2]).prop_shuffle(), gaps in proptest::collection::vec(0i64..5, 6),
    ) {
        let home = Home::new();
        home.set(70);
        let bodies = [pod("Crash", 1, 0, None), pod("Crash", 1, 0, None), pod("Crash", 1, 0, Some(60))];
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            for (which, gap) in order.into_iter().zip(gaps) {
                home.pass(gap);
                home.one(bodies[which].clone()).await;
            }
        });
        prop_assert_eq!(home.count("episodes WHERE end_how = 'notified' AND ended_at = (1790000000 + 60) * 1000"), 1);
        prop_assert_eq!(home.count("episodes"), 1);
        prop_assert_eq!(home.count("incidents WHERE status = 'open'"), 0);
    }
}
