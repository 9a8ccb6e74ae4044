//! Incidents, their analyses, and what is remembered of a subject.

use super::*;
use sre_copilot::domain::AttemptState::{Approved, Claimed, NotVerified, Running, Succeeded, Verified};
use sre_copilot::domain::{CauseReport, FactReport, FixResult, IncidentStatus, ObjectRef, Report, State, Verdict};
use sre_copilot::ports::{IncidentFilter, IncidentStore, StoreError};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

fn subject(name: &str) -> ObjectRef {
    ObjectRef::new("Deployment", "squad-7", name)
}

fn report(verdict: Verdict, causes: &[&str], at: Timestamp) -> Report {
    let target = subject("checkout");
    let cause = |id: &&str| CauseReport {
        id: (*id).to_owned(),
        object: target.clone(),
        container: None,
        confidence: 0.9,
        summary: "killed 7 times".to_owned(),
        fix: String::new(),
        explains: Vec::new(),
        evidence: Vec::new(),
        perspective: "app".into(),
        since: None,
    };
    Report {
        summary: format!("it is {}", verdict.as_str()),
        causes: causes.iter().map(cause).collect(),
        ..Report::new(target.clone(), verdict, at)
    }
}

#[tokio::test]
async fn one_incident_of_a_subject_is_open_at_a_time() {
    let home = Home::new();
    let first = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    assert_eq!((first.status, first.opened_at, first.verdict), (IncidentStatus::Open, home.now(), None));
    assert_eq!(home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap(), first);
    assert_ne!(home.store.open_or_join("77aa", &subject("checkout")).await.unwrap().id, first.id);
    let node = ObjectRef::cluster("Node", "node-1");
    assert_eq!(home.store.open_or_join("5d1c", &node).await.unwrap().subject, node);
    home.pass(SignedDuration::from_mins(5));
    let over = home.store.resolve(&first.id).await.unwrap().unwrap();
    assert_eq!((over.status, over.resolved_at), (IncidentStatus::Resolved, Some(home.now())));
    home.pass(SignedDuration::from_mins(5));
    assert_eq!(home.store.resolve(&first.id).await.unwrap(), Some(over), "a second time changes nothing");
    assert_eq!(home.store.resolve("nobody").await.unwrap(), None);
    assert_ne!(home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap().id, first.id);
}

#[tokio::test]
async fn many_that_open_one_subject_at_once_get_one_incident() {
    let home = Home::new();
    let other = open(home.path(), &home.clock);
    let asked = (0..40).map(|number| {
        let store = if number % 2 == 0 { &home.store } else { &other };
        async move { store.open_or_join("5d1c", &subject("checkout")).await.unwrap().id }
    });
    let mut ids = futures::future::join_all(asked).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_analysis_is_kept_whole_and_a_healthy_one_leaves_the_cause() {
    let home = Home::new();
    let incident = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    let faulty = report(Verdict::Confirmed, &["oom_killed", "probe_failing"], home.now());
    let run = home.store.record(&incident.id, &faulty).await.unwrap();
    assert_eq!((run.verdict, run.cause.as_deref()), (Verdict::Confirmed, Some("oom_killed")));
    assert_eq!(run.report, serde_json::to_value(&faulty).unwrap());
    assert_eq!(home.store.run(&run.id).await.unwrap(), Some(run.clone()));
    home.pass(SignedDuration::from_mins(9));
    let weak = home.store.record(&incident.id, &report(Verdict::Inconclusive, &["dns_failure"], home.now())).await.unwrap();
    assert_eq!(weak.cause, None, "what nobody is sure of is no cause");
    let healthy = home.store.record(&incident.id, &report(Verdict::Healthy, &[], home.now())).await.unwrap();
    let attempt = home.proposed(&incident.id, "checkout").await;
    let record = home.store.incident(&incident.id).await.unwrap().unwrap();
    assert_eq!((record.runs, record.attempts), (vec![run, weak, healthy], vec![attempt]));
    let kept = record.incident;
    assert_eq!((kept.verdict, kept.cause.as_deref()), (Some(Verdict::Healthy), Some("oom_killed")));
    assert_eq!(kept.summary.as_deref(), Some("it is healthy"));
    let lost = home.store.record("nobody", &faulty).await;
    assert!(matches!(lost, Err(StoreError::Invalid(_))));
    assert_eq!(home.store.incident("nobody").await.unwrap(), None);
}

#[tokio::test]
async fn lists_are_filtered_and_newest_first() {
    let home = Home::new();
    let first = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    home.pass(SignedDuration::from_mins(1));
    let second = home.store.open_or_join("77aa", &ObjectRef::new("Job", "batch", "nightly")).await.unwrap();
    let second = home.store.resolve(&second.id).await.unwrap().unwrap();
    let list = |filter| async { home.store.incidents(filter).await.unwrap() };
    let all = IncidentFilter::default;
    assert_eq!(list(all()).await, [second.clone(), first.clone()]);
    assert_eq!(list(IncidentFilter { status: Some(IncidentStatus::Open), ..all() }).await, std::slice::from_ref(&first));
    assert_eq!(list(IncidentFilter { cluster: Some("77aa".to_owned()), ..all() }).await, std::slice::from_ref(&second));
    assert_eq!(list(IncidentFilter { namespace: Some("batch".to_owned()), ..all() }).await, std::slice::from_ref(&second));
    assert_eq!(list(IncidentFilter { subject: Some(subject("checkout")), ..all() }).await, [first]);
    assert_eq!(list(IncidentFilter { since: Some(second.opened_at), ..all() }).await, std::slice::from_ref(&second));
    assert_eq!(list(IncidentFilter { limit: Some(1), ..all() }).await, [second]);
}

/// An incident that was over so long before the one that is open now.
async fn recurrence_after(gap: SignedDuration) -> usize {
    let home = Home::new();
    let earlier = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    home.store.record(&earlier.id, &report(Verdict::Confirmed, &["oom_killed"], home.now())).await.unwrap();
    let unlike = home.store.open_or_join("5d1c", &subject("payments")).await.unwrap();
    home.store.resolve(&unlike.id).await.unwrap();
    home.store.resolve(&earlier.id).await.unwrap();
    home.pass(gap);
    let now = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    let memory = home.store.memory(&now.id, home.now(), WEEK).await.unwrap();
    assert_eq!(memory.recurrences("dns_failure"), 0);
    memory.recurrences("oom_killed")
}

#[tokio::test]
async fn the_same_cause_within_the_week_is_a_recurrence_and_later_isn_t() {
    assert_eq!(recurrence_after(WEEK - SignedDuration::from_hours(1)).await, 1);
    assert_eq!(recurrence_after(WEEK).await, 0);
    assert_eq!(recurrence_after(SignedDuration::ZERO).await, 1);
}

#[tokio::test]
async fn what_was_tried_on_the_subject_is_remembered_with_its_outcome() {
    let home = Home::new();
    let path = [Approved, Claimed, Running, Succeeded];
    let first = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    let helped = home.proposed(&first.id, "checkout").await;
    let helped = home.brought(helped, &[&path[..], &[Verified]].concat()).await;
    home.store.resolve(&first.id).await.unwrap();
    home.pass(SignedDuration::from_hours(3 * 24));
    let second = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    let memory = home.store.memory(&second.id, home.now(), WEEK).await.unwrap();
    assert_eq!(memory.last_fix(), Some(&helped));
    let tried = home.proposed(&second.id, "checkout").await;
    let tried = home.brought(tried, &[&path[..], &[NotVerified]].concat()).await;
    let waits = home.proposed(&second.id, "payments").await;
    let memory = home.store.memory(&second.id, home.now(), WEEK).await.unwrap();
    assert_eq!(memory.attempts, [tried.clone(), helped], "what was never sent isn't there: {}", waits.code);
    assert_eq!(memory.last_fix(), Some(&tried));
    home.pass(WEEK);
    let memory = home.store.memory(&second.id, home.now(), WEEK).await.unwrap();
    assert_eq!(memory.last_fix(), None);
    assert_eq!(home.store.memory("nobody", home.now(), WEEK).await.unwrap(), Default::default());
}

#[tokio::test]
async fn earlier_incidents_are_remembered_with_what_was_found_and_done() {
    let home = Home::new();
    let began = home.now();
    let first = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    let fact = |id: &str, state| FactReport {
        id: id.to_owned(),
        subject: subject("checkout").into(),
        state,
        confidence: None,
        reason: None,
        evidence: Vec::new(),
    };
    let faulty = Report {
        facts: vec![fact("oom_killed", State::Found), fact("crash_loop", State::Found), fact("disk_full", State::Absent)],
        alerts: vec!["HighErrors".to_owned()],
        ..report(Verdict::Confirmed, &["oom_killed"], home.now())
    };
    home.store.record(&first.id, &faulty).await.unwrap();
    let done = home.proposed(&first.id, "checkout").await;
    home.brought(done, &[Approved, Claimed, Running, Succeeded, NotVerified]).await;
    home.pass(SignedDuration::from_mins(9));
    // What ended well says nothing of the fault any more.
    home.store.record(&first.id, &report(Verdict::Healthy, &[], home.now())).await.unwrap();
    home.store.resolve(&first.id).await.unwrap();
    let ended = home.now();
    home.pass(SignedDuration::from_mins(1));
    let open = home.store.open_or_join("5d1c", &subject("checkout")).await.unwrap();
    home.store.open_or_join("77aa", &subject("checkout")).await.unwrap();
    let known = home.store.remembered("5d1c", began).await.unwrap();
    assert_eq!(known.iter().map(|past| past.id.as_str()).collect::<Vec<_>>(), [open.id.as_str(), first.id.as_str()]);
    assert_eq!((known[0].resolved_at, &known[0].facts), (None, &Vec::new()));
    assert_eq!((known[1].resolved_at, known[1].cause.as_deref()), (Some(ended), Some("oom_killed")));
    assert_eq!((known[1].facts.join(" "), known[1].alerts.join(" ")), ("crash_loop oom_killed".into(), "HighErrors".into()));
    let fixes: Vec<_> = known[1].fixes.iter().map(|fix| (fix.action.as_str(), fix.result)).collect();
    assert_eq!(fixes, [("restart_deployment", FixResult::InVain)]);
    let later = home.store.remembered("5d1c", home.now()).await.unwrap();
    assert_eq!(later.len(), 1, "only what is open was over at no time before");
}
