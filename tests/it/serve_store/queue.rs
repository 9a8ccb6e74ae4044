//! Jobs: who goes first, and what becomes of those whose worker fails, stalls or is gone.

use super::*;
use sre_copilot::domain::{AttemptState, Class, JobKind, JobRules, JobState};
use sre_copilot::ports::{AttemptStore, MessageOp, Messages, NewJob, Notice, Outbox, Sent};

fn question(class: Class) -> NewJob {
    NewJob {
        kind: JobKind::Ask,
        class,
        incident_id: None,
        dedup_key: None,
        payload: json!({}),
        requested_by: Some("anna".to_owned()),
        not_before: None,
    }
}

#[tokio::test]
async fn the_urgent_and_those_that_wait_long_go_first() {
    let home = Home::new();
    for class in [Class::Rest, Class::Warning, Class::Ask, Class::Critical] {
        home.store.enqueue(question(class)).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..2 {
        order.push(home.claim().await.unwrap().job.class);
    }
    home.set(901);
    home.store.enqueue(question(Class::Critical)).await.unwrap();
    while let Some(leased) = home.claim().await {
        order.push(leased.job.class);
    }
    assert_eq!(order, [Class::Critical, Class::Ask, Class::Warning, Class::Rest, Class::Critical]);
}

#[tokio::test]
async fn what_was_held_back_is_no_more_urgent_for_it() {
    let home = Home::new();
    home.store.enqueue(NewJob { not_before: Some(at(86_400)), ..question(Class::Rest) }).await.unwrap();
    let failed = home.one(pod("Crash", 1, 0, None)).await;
    let leased = home.claim().await.unwrap();
    home.set(86_300);
    home.store.fail(&leased, "it broke").await.unwrap();
    home.set(86_401);
    home.store.enqueue(question(Class::Critical)).await.unwrap();
    let first = home.claim().await.unwrap().job;
    let second = home.claim().await.unwrap().job;
    let third = home.claim().await.unwrap().job;
    assert_eq!((first.class, Some(second.id), third.class), (Class::Critical, failed.task_id, Class::Rest));
}

#[tokio::test]
async fn leases_attempts_and_waits_are_as_the_settings_say() {
    let mut home = Home::new();
    let jobs = JobRules {
        lease: SignedDuration::from_secs(8),
        max_attempts: 2,
        back_off: SignedDuration::from_secs(10),
        ..JobRules::default()
    };
    home.store = open(home.path(), &home.clock).with_lifecycle(Lifecycle { jobs, ..Lifecycle::default() });
    home.one(pod("Crash", 1, 0, None)).await;
    let leased = home.claim().await.unwrap();
    home.set(7);
    assert!(home.store.renew(&leased).await.unwrap());
    home.set(14);
    assert_eq!(home.store.expire_leases().await.unwrap(), 0);
    home.set(15);
    assert_eq!(home.store.expire_leases().await.unwrap(), 1);
    home.pass(7);
    assert_eq!(home.claim().await, None, "not yet");
    home.pass(5);
    let leased = home.claim().await.unwrap();
    assert_eq!(home.store.fail(&leased, "it broke").await.unwrap(), Some(JobState::Failed));
}

#[tokio::test]
async fn who_asks_while_an_analysis_runs_gets_one_that_begins_afterwards() {
    let home = Home::new();
    let incident = home.one(pod("Crash", 1, 0, None)).await.incident_id.unwrap();
    let running = home.claim().await.unwrap();
    home.one(with("Slow", &json!({"namespace": "shop", "deployment": "checkout", "severity": "critical"}), 0, None)).await;
    let asked = home.store.ask_for_run(&incident, "anna").await.unwrap().unwrap();
    let again = home.store.ask_for_run(&incident, "ben").await.unwrap().unwrap();
    assert_eq!((asked.requested_by.as_deref(), &again.id), (Some("anna"), &asked.id));
    assert_ne!(asked.id, running.job.id);
    assert_eq!(home.claim().await, None, "one at a time");
    // The one that runs ends badly: the other takes over what came meanwhile.
    home.store.fail(&running, "it broke").await.unwrap();
    let next = home.claim().await.unwrap().job;
    assert_eq!((next.id, next.class), (asked.id, Class::Critical));
    assert_eq!(next.payload, json!({"reasons": ["new_alert", "severity", "asked"]}));
    assert_eq!(home.store.job(&running.job.id).await.unwrap().unwrap().state, JobState::Superseded);
}

#[tokio::test]
async fn an_analysis_that_is_done_makes_up_for_one_that_was_given_up() {
    let mut home = Home::new();
    let jobs = JobRules { max_attempts: 1, ..JobRules::default() };
    home.store = open(home.path(), &home.clock).with_lifecycle(Lifecycle { jobs, ..Lifecycle::default() });
    let incident = home.one(pod("Crash", 1, 0, None)).await.incident_id.unwrap();
    let running = home.claim().await.unwrap();
    home.store.ask_for_run(&incident, "anna").await.unwrap();
    assert_eq!(home.store.fail(&running, "it broke").await.unwrap(), Some(JobState::Failed));
    home.analyse(Verdict::Confirmed).await;
    assert_eq!(home.store.job(&running.job.id).await.unwrap().unwrap().state, JobState::Superseded);
    home.pass(3_600);
    assert_eq!(home.store.retry_failed().await.unwrap(), 0);
}

#[tokio::test]
async fn one_leased_job_of_an_incident() {
    let home = Home::new();
    let incident = home.one(pod("Crash", 1, 0, None)).await.incident_id;
    home.store.enqueue(NewJob { incident_id: incident, ..question(Class::Ask) }).await.unwrap();
    let first = home.claim().await.unwrap();
    assert_eq!((first.job.kind, home.claim().await), (JobKind::Ask, None));
    assert!(home.store.give_back(&first).await.unwrap());
    assert_eq!(home.store.job(&first.job.id).await.unwrap().unwrap().attempts, 0);
}

#[tokio::test]
async fn a_stalled_worker_s_late_result_changes_nothing() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    let stalled = home.claim().await.unwrap();
    home.set(59);
    assert_eq!(home.store.expire_leases().await.unwrap(), 0);
    home.set(60);
    assert_eq!(home.store.expire_leases().await.unwrap(), 1);
    home.set(100);
    let other = home.claim().await.unwrap();
    assert_eq!((other.job.id.as_str(), other.job.attempts), (stalled.job.id.as_str(), 2));
    assert!(!home.store.renew(&stalled).await.unwrap());
    assert_eq!(home.store.finish(&stalled, outcome(Verdict::Confirmed)).await.unwrap(), None);
    assert_eq!(home.store.fail(&stalled, "late").await.unwrap(), None);
    assert!(!home.store.give_back(&stalled).await.unwrap());
    assert_eq!(home.count("runs"), 0);
    home.set(150);
    assert!(home.store.renew(&other).await.unwrap());
    home.set(200);
    assert_eq!(home.store.expire_leases().await.unwrap(), 0);
    assert!(home.store.finish(&other, outcome(Verdict::Confirmed)).await.unwrap().unwrap().run.is_some());
    assert_eq!(home.count("runs"), 1);
}

#[tokio::test]
async fn a_lease_ends_though_our_clock_was_put_back() {
    let home = Home::new();
    home.set(100_000);
    home.one(pod("Crash", 1, 0, None)).await;
    home.claim().await.unwrap();
    home.set(50_000);
    assert_eq!(home.store.expire_leases().await.unwrap(), 0);
    home.set(50_060);
    assert_eq!(home.store.expire_leases().await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_queued_before_our_clock_was_put_back_does_not_wait_for_that_time() {
    let home = Home::new();
    home.set(100_000);
    home.one(pod("Crash", 1, 0, None)).await;
    home.set(50_000);
    assert!(home.claim().await.is_none() && home.store.next().await.unwrap().is_none());
    home.store.expire_leases().await.unwrap();
    home.store.tend().await.unwrap();
    let leased = home.claim().await.unwrap();
    assert_eq!(home.store.next().await.unwrap().unwrap().notice.op, MessageOp::Post);
    // A wait that began at this clock's time is waited for.
    home.store.fail(&leased, "the disk is gone").await.unwrap();
    home.store.expire_leases().await.unwrap();
    assert!(home.claim().await.is_none());
    home.pass(40);
    assert!(home.claim().await.is_some());
}

#[tokio::test]
async fn the_fourth_failure_is_the_last_until_it_is_tried_anew() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    for (attempt, least) in [(1, 24), (2, 96), (3, 384)] {
        let leased = home.claim().await.unwrap();
        assert_eq!(leased.job.attempts, attempt);
        assert_eq!(home.store.fail(&leased, "it broke").await.unwrap(), Some(JobState::Queued));
        home.pass(least - 1);
        assert_eq!(home.claim().await, None, "not yet");
        home.pass(least / 2 + 2);
    }
    let last = home.claim().await.unwrap();
    assert_eq!(home.store.fail(&last, "it broke").await.unwrap(), Some(JobState::Failed));
    let dead = home.store.job(&last.job.id).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.error.as_deref()), (JobState::Failed, Some("it broke")));
    home.pass(899);
    assert_eq!(home.store.retry_failed().await.unwrap(), 0);
    home.pass(1);
    assert_eq!((home.store.retry_failed().await.unwrap(), home.store.retry_failed().await.unwrap()), (1, 0));
    assert_eq!(home.store.job(&last.job.id).await.unwrap().unwrap().state, JobState::Superseded);
    // It dies again: then it takes twice as long; and not once it is over.
    for _ in 0..4 {
        home.pass(600);
        let leased = home.claim().await.unwrap();
        home.store.fail(&leased, "it broke").await.unwrap();
    }
    home.pass(1_799);
    assert_eq!(home.store.retry_failed().await.unwrap(), 0);
    home.one(pod("Crash", 1, 0, Some(900))).await;
    home.pass(10);
    assert_eq!(home.store.retry_failed().await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_episode_revives_a_dead_analysis() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    for _ in 0..4 {
        home.pass(600);
        let leased = home.claim().await.unwrap();
        home.store.fail(&leased, "it broke").await.unwrap();
    }
    assert_eq!(home.one(pod("Crash", 2, 0, None)).await.result, Taken::Queued);
}

#[tokio::test]
async fn a_process_that_died_leaves_its_jobs_to_the_next_and_one_that_kills_it_four_times_is_dead() {
    let home = Home::new();
    home.one(pod("Crash", 1, 0, None)).await;
    for _ in 0..4 {
        home.claim().await.unwrap();
        assert_eq!(home.store.release_all().await.unwrap(), 1);
    }
    assert_eq!((home.claim().await, home.count("jobs WHERE state = 'failed'")), (None, 1));
}

#[tokio::test]
async fn triggers_widen_what_waits_and_an_end_makes_it_less_urgent() {
    let home = Home::new();
    let first = home.one(pod("Crash", 1, 0, None)).await;
    let worse = json!({"namespace": "shop", "deployment": "checkout", "severity": "critical"});
    let second = home.one(with("Down", &worse, 0, None)).await;
    assert_eq!(first.task_id, second.task_id);
    let id = first.task_id.unwrap();
    let job = home.store.job(&id).await.unwrap().unwrap();
    assert_eq!((job.class, job.payload), (Class::Critical, json!({"reasons": ["opened", "new_alert", "severity"]})));
    home.take(vec![pod("Crash", 1, 0, Some(5)), with("Down", &worse, 0, Some(5))]).await;
    assert_eq!(home.store.job(&id).await.unwrap().unwrap().class, Class::Rest);
    let asked = home.store.ask_for_run(&first.incident_id.unwrap(), "anna").await.unwrap().unwrap();
    assert_eq!((asked.id, asked.class), (id, Class::Ask));
    assert_eq!(home.store.ask_for_run("nobody", "anna").await.unwrap(), None);
}

#[tokio::test]
async fn a_full_queue_takes_no_delivery() {
    let mut home = Home::new();
    home.store = open(home.path(), &home.clock)
        .with_lifecycle(Lifecycle { jobs: JobRules { most: 1, ..JobRules::default() }, ..Lifecycle::default() });
    home.one(pod("Crash", 1, 0, None)).await;
    let other = with("Other", &json!({"namespace": "x"}), 0, None);
    assert_eq!(home.try_take(vec![other.clone()]).await, Err(StoreError::Busy));
    home.claim().await.unwrap();
    assert_eq!(home.one(other).await.result, Taken::Queued);
}

#[tokio::test]
async fn messages_wait_for_one_another_and_patches_become_one() {
    let home = Home::new();
    let incident = home.one(pod("Crash", 1, 0, None)).await.incident_id.unwrap();
    assert_eq!(home.store.next().await.unwrap(), None, "a first message gives its report a moment");
    home.analyse(Verdict::Confirmed).await;
    let post = home.store.next().await.unwrap().unwrap();
    assert_eq!((post.notice.op, &post.notice.payload), (MessageOp::Post, &json!({"about": ["opened", "report"]})));
    for about in ["episode", "decision", "episode"] {
        let payload = json!({"about": [about]});
        let patch = Notice {
            channel: String::new(),
            op: MessageOp::Patch,
            incident_id: Some(incident.clone()),
            payload,
            not_before: None,
        };
        home.store.put(patch).await.unwrap();
    }
    assert_eq!(home.store.next().await.unwrap(), None, "one at a time");
    assert!(home.store.sent(&post, Sent::Later(at(30), "429".to_owned())).await.unwrap());
    assert!(!home.store.sent(&post, Sent::As(None)).await.unwrap());
    home.set(30);
    let post = home.store.next().await.unwrap().unwrap();
    assert!(home.store.sent(&post, Sent::As(Some("m1".to_owned()))).await.unwrap());
    let patch = home.store.next().await.unwrap().unwrap();
    assert_eq!(
        (patch.message_id.as_deref(), patch.notice.payload.clone()),
        (Some("m1"), json!({"about": ["episode", "decision"]}))
    );
    // Its process dies: it is sent again.
    home.store.release_all().await.unwrap();
    assert_eq!(home.store.next().await.unwrap().map(|again| (again.id, again.attempts)), Some((patch.id, 2)));
}

#[tokio::test]
async fn a_newer_report_voids_what_an_older_one_proposed() {
    let home = Home::new();
    let incident = home.one(pod("Crash", 1, 0, None)).await.incident_id.unwrap();
    let first = home.analyse(Verdict::Confirmed).await.job;
    let proposed = home.store.propose(restart(&incident, first.run_id.as_deref().unwrap())).await.unwrap();
    home.store.ask_for_run(&incident, "anna").await.unwrap();
    home.analyse(Verdict::Confirmed).await;
    let after = home.store.attempt(&proposed.id).await.unwrap().unwrap();
    assert_eq!(after.state, AttemptState::Superseded);
    assert_eq!(home.store.job(&first.id).await.unwrap().unwrap().state, JobState::Superseded);
}

#[tokio::test]
async fn a_job_that_comes_back_makes_way_for_one_that_took_its_place() {
    let home = Home::new();
    let keyed = || NewJob { dedup_key: Some("k".to_owned()), ..question(Class::Ask) };
    let first = home.store.enqueue(keyed()).await.unwrap();
    assert_eq!(home.store.enqueue(keyed()).await.unwrap(), first);
    let leased = home.claim().await.unwrap();
    let second = home.store.enqueue(keyed()).await.unwrap();
    assert_ne!(second.id, first.id);
    assert!(home.store.give_back(&leased).await.unwrap());
    assert_eq!(home.claim().await.map(|leased| leased.job.id), Some(second.id));
    assert_eq!(home.claim().await, None);
}
