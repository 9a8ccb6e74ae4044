//! Decisions.

use super::*;
use sre_copilot::domain::AttemptState;
use sre_copilot::remedy::SeparateApprover;

struct Seen {
    digest: Value,
    confirm: Value,
}

async fn seen(home: &Home, attempt: &Attempt, token: &str) -> Seen {
    let (status, shown) = home.get(&format!("/approvals/{}", attempt.code), token).await;
    assert_eq!((status, &shown["id"], &shown["state"]), (200, &json!(attempt.id), &json!("proposed")), "{shown}");
    Seen { digest: shown["digest"].clone(), confirm: shown["confirm"].clone() }
}

async fn approve(home: &Home, attempt: &Attempt, token: &str, seen: &Seen) -> (u16, Value) {
    let body = json!({"digest": seen.digest, "confirm": seen.confirm});
    home.post(&format!("/approvals/{}/approve", attempt.id), token, body).await
}

fn why(document: &Value, path: &str) -> String {
    let faults = document["errors"].as_array().unwrap();
    faults.iter().find(|fault| fault["path"] == path).map(|fault| fault["why"].as_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_plan_is_shown_confirmed_and_approved_once() {
    let home = Home::new().await;
    let attempt = home.proposed("medium", None).await;
    let (anna, ben) = (token("anna", &["approver"]), token("ben", &["approver"]));
    let (annas, bens) = (seen(&home, &attempt, &anna).await, seen(&home, &attempt, &ben).await);
    assert_ne!(annas.confirm, bens.confirm);
    let (status, first) = approve(&home, &attempt, &anna, &annas).await;
    assert_eq!((status, &first["state"], &first["decided_by"]["id"]), (200, &json!("approved"), &json!("anna")), "{first}");
    let keys: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    for key in
        ["id", "code", "incident_id", "run_id", "state", "digest", "plan", "risk", "decision", "expires_at", "verification"]
    {
        assert!(keys.contains(&key), "{keys:?}");
    }
    assert_eq!((&first["risk"]["level"], &first["decision"]["rule"]), (&json!("medium"), &json!("needs_approval")));
    // The same again, also later than the confirm is good for.
    home.pass(SignedDuration::from_secs(10));
    assert_eq!(approve(&home, &attempt, &anna, &annas).await, (200, first));
    let (status, lost) = approve(&home, &attempt, &ben, &bens).await;
    assert_eq!((status, &lost["code"]), (409, &json!("not_pending")));
    assert_eq!((why(&lost, "state"), why(&lost, "digest")), ("approved".to_owned(), attempt.digest.as_str().to_owned()));
    let (status, lost) = home.post(&format!("/approvals/{}/reject", attempt.id), &anna, json!({})).await;
    assert_eq!((status, &lost["code"]), (409, &json!("not_pending")));
    assert_eq!(home.log(&attempt).await, ["approval.requested", "approval.approved"]);
    let (_, shown) = home.get(&format!("/approvals/{}", attempt.id), &anna).await;
    assert_eq!(shown["confirm"], Value::Null);
}

#[tokio::test]
async fn of_many_at_once_one_wins() {
    let home = Home::new().await;
    let attempt = home.proposed("low", None).await;
    let tokens: Vec<_> = (0..8).map(|number| token(&format!("approver-{number}"), &["approver"])).collect();
    let decide = |token: String| {
        let (home, attempt) = (&home, &attempt);
        async move {
            let seen = seen(home, attempt, &token).await;
            approve(home, attempt, &token, &seen).await.0
        }
    };
    let mut answers = futures::future::join_all(tokens.into_iter().map(decide)).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_confirm_is_one_callers_for_one_plan_for_five_minutes() {
    let home = Home::new().await;
    let attempt = home.proposed("low", None).await;
    let (anna, ben) = (token("anna", &["approver"]), token("ben", &["approver"]));
    let annas = seen(&home, &attempt, &anna).await;
    assert_eq!(approve(&home, &attempt, &ben, &annas).await.0, 403);
    let mut other = annas.confirm.as_str().unwrap().to_owned();
    other.replace_range(0..1, "_");
    for confirm in [json!(other), json!(""), json!("…"), json!("AAAA")] {
        let seen = Seen { digest: annas.digest.clone(), confirm };
        assert_eq!(approve(&home, &attempt, &anna, &seen).await.0, 403);
    }
    home.pass(SignedDuration::from_mins(5));
    let (status, late) = approve(&home, &attempt, &anna, &annas).await;
    assert_eq!((status, &late["code"]), (410, &json!("expired")));
    let again = seen(&home, &attempt, &anna).await;
    assert_eq!(approve(&home, &attempt, &anna, &again).await.0, 200);
    let log = home.log(&attempt).await;
    assert_eq!(log.iter().filter(|row| *row == "approval.denied not_confirmed").count(), 6, "{log:?}");
}

#[tokio::test]
async fn another_plan_than_the_one_that_was_seen_is_not_approved() {
    let home = Home::new().await;
    let anna = token("anna", &["approver"]);
    let first = home.proposed("low", None).await;
    let old = seen(&home, &first, &anna).await;
    // The object changed: another plan takes its place.
    let second = home.proposed("low", None).await;
    assert_ne!(first.digest, second.digest);
    let (status, document) = approve(&home, &first, &anna, &old).await;
    assert_eq!((status, &document["code"], why(&document, "state").as_str()), (409, &json!("not_pending"), "superseded"));
    for digest in [old.digest.clone(), json!(second.digest.short()), json!("0".repeat(64))] {
        let (status, document) = approve(&home, &second, &anna, &Seen { digest, confirm: old.confirm.clone() }).await;
        assert_eq!((status, &document["code"]), (409, &json!("digest_mismatch")));
        assert_eq!(why(&document, "digest"), second.digest.as_str());
    }
    // Its own digest, with what was given out for the other plan.
    let fresh = Seen { digest: json!(second.digest.as_str()), confirm: old.confirm };
    assert_eq!(approve(&home, &second, &anna, &fresh).await.0, 403);
}

#[tokio::test]
async fn after_its_time_nothing_is_decided() {
    let home = Home::new().await;
    let attempt = home.proposed("low", None).await;
    let anna = token("anna", &["approver"]);
    let annas = seen(&home, &attempt, &anna).await;
    home.pass(SignedDuration::from_mins(30));
    assert_eq!(approve(&home, &attempt, &anna, &annas).await.1["code"], "expired");
    assert_eq!(home.post(&format!("/approvals/{}/reject", attempt.id), &anna, json!({})).await.0, 410);
    assert_eq!(home.get(&format!("/approvals/{}", attempt.id), &anna).await.1["confirm"], Value::Null);
}

#[tokio::test]
async fn a_rejection_is_one_step() {
    let home = Home::new().await;
    let attempt = home.proposed("high", None).await;
    let (anna, ben) = (token("anna", &["approver"]), token("ben", &["approver"]));
    let path = format!("/approvals/{}/reject", attempt.id);
    let (status, first) = home.post(&path, &anna, json!({"reason": "password=hunter2hunter2 is not the cause"})).await;
    assert_eq!((status, &first["state"]), (200, &json!("declined")));
    assert!(!first.to_string().contains("hunter2hunter2"), "{first}");
    // Without a body.
    assert_eq!(home.send("POST", &path, Some(&anna), None).await, (200, first));
    assert_eq!(home.post(&path, &ben, json!({})).await.0, 409);
    assert_eq!(home.post(&path, &ben, json!({"why": "x"})).await.0, 422);
    let approve = json!({"digest": attempt.digest, "confirm": "x"});
    assert_eq!(home.post(&format!("/approvals/{}/approve", attempt.id), &anna, approve).await.0, 409);
}

#[tokio::test]
async fn the_rules_of_approvals_hold_here_too() {
    let anna = token("anna", &["approver"]);
    type Row = (&'static str, &'static str, Option<Actor>, fn(&mut Settings));
    let cases: [Row; 4] = [
        ("risk_high", "high", None, |_| {}),
        ("executor_disabled", "low", None, |settings| settings.executor.approval_enabled = false),
        ("separate_approver", "medium", Some(operator("anna")), |settings| {
            settings.approval.separate_approver = SeparateApprover::Medium;
        }),
        ("approval_rate", "low", None, |settings| settings.approval.per_hour = 0),
    ];
    for (code, risk, by, change) in cases {
        let mut settings = settings();
        change(&mut settings);
        let home = Home::with(settings).await;
        let attempt = home.proposed(risk, by).await;
        let annas = seen(&home, &attempt, &anna).await;
        let (status, document) = approve(&home, &attempt, &anna, &annas).await;
        assert_eq!(status, if code == "approval_rate" { 429 } else { 403 }, "{code}: {document}");
        assert_eq!(home.log(&attempt).await.last().unwrap(), &format!("approval.denied {code}"));
        assert_eq!(home.app.store.attempt(&attempt.id).await.unwrap().unwrap().state, AttemptState::Proposed);
    }
}

#[tokio::test]
async fn who_only_looks_decides_nothing() {
    let home = Home::new().await;
    let attempt = home.proposed("low", None).await;
    let viewer = token("anna", &["viewer"]);
    let annas = seen(&home, &attempt, &viewer).await;
    let (status, document) = approve(&home, &attempt, &viewer, &annas).await;
    assert_eq!((status, &document["code"]), (403, &json!("forbidden")));
    let operator = token("anna", &["operator"]);
    assert_eq!(approve(&home, &attempt, &operator, &annas).await.0, 403);
    assert_eq!(home.post(&format!("/approvals/{}/reject", attempt.id), &viewer, json!({})).await.0, 403);
    assert_eq!(home.get("/approvals/A-000000", &viewer).await.0, 404);
}
