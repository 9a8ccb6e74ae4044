//! Tickets: asked once and exactly, and never taken for none where the tracker did not answer.

use super::{Fake, Reply, asked, not_an_answer};
use serde_json::json;
use sre_copilot::adapters::jira::Jira;
use sre_copilot::config::JiraSettings;
use sre_copilot::domain::{ObjectRef, SourceState, Ticket};
use sre_copilot::ports::{Answered, EvidenceRequest, TicketTracker};
use sre_copilot::redact::Redactor;

fn settings(address: &str) -> JiraSettings {
    JiraSettings {
        base_url: Some(address.to_owned()),
        email: Some("oncall@example.com".into()),
        api_token: Some("the-token".to_owned().into()),
        jql: None,
    }
}

async fn tickets(settings: &JiraSettings, asked: &EvidenceRequest) -> Answered<Ticket> {
    Jira::new(settings, Redactor::fixed()).unwrap().unwrap().tickets(asked).await
}

fn found() -> Reply {
    Reply::json(json!({"isLast": true, "issues": [
        {"id": "10001", "key": "SHOP-12", "fields": {"summary": "checkout fails", "created": "2026-01-01T10:00:00.000+0000",
         "priority": {"name": "High"}, "status": {"name": "In Progress", "statusCategory": {"key": "indeterminate"}}}},
        {"id": "10002", "key": "SHOP-9", "fields": {"summary": "checkout failed", "created": "2025-12-30T10:00:00.000+0000",
         "priority": {"name": "Low"}, "status": {"name": "Closed", "statusCategory": {"key": "done"}}}},
    ]}))
}

#[tokio::test]
async fn one_search_for_the_workload() {
    let server = Fake::always(found()).await;
    let answered = tickets(&settings(&server.address), &asked()).await;
    assert_eq!(answered.state, SourceState::Ok);
    let shown: Vec<_> = answered.items.iter().map(|ticket| (ticket.key.as_str(), ticket.resolved, ticket.url.clone())).collect();
    let page = |key: &str| format!("{}/browse/{key}", server.address);
    assert_eq!(shown, [("SHOP-12", false, page("SHOP-12")), ("SHOP-9", true, page("SHOP-9"))]);

    let seen = server.seen();
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/rest/api/3/search/jql"));
    // `oncall@example.com:the-token`, as RFC 7617 writes it.
    assert_eq!(request.header("authorization"), Some("Basic b25jYWxsQGV4YW1wbGUuY29tOnRoZS10b2tlbg=="));
    let body = json!({"jql": "text ~ \"\\\"checkout\\\"\" AND updated >= -30d ORDER BY updated DESC",
        "fields": ["summary", "status", "priority", "created"], "maxResults": 5});
    assert_eq!(request.json(), body);
    let shown = Jira::new(&settings(&server.address), Redactor::fixed()).unwrap().unwrap().egress(&asked()).unwrap();
    assert_eq!((shown.method, shown.address, shown.body), (request.method.clone(), server.at(request), request.body.clone()));
    assert!(shown.headers.contains(&"authorization".to_owned()) && !format!("{:?}", shown.headers).contains("Basic"));
}

#[tokio::test]
async fn what_is_no_answer_is_not_checked() {
    for (name, reply, state, requests) in not_an_answer() {
        let server = Fake::always(reply).await;
        let answered = tickets(&settings(&server.address), &asked()).await;
        assert_eq!((answered.state.to_string().as_str(), answered.items.len()), (state, 0), "{name}");
        assert_eq!(server.seen().len(), requests, "{name}");
    }
    for (body, state) in [
        (json!({}), "unavailable: the answer has no list of issues"),
        (json!({"issues": {"key": "SHOP-1"}}), "unavailable: the answer has no list of issues"),
        (json!({"issues": [7, {"key": []}]}), "unavailable: no ticket of the answer can be understood"),
    ] {
        let server = Fake::always(Reply::json(body)).await;
        assert_eq!(tickets(&settings(&server.address), &asked()).await.state.to_string(), state);
    }
}

#[tokio::test]
async fn a_failed_login_that_is_answered_with_nothing_is_no_absence() {
    for reason in ["AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "OUT, AUTHENTICATED_FAILED"] {
        let reply = Reply::json(json!({"issues": [], "isLast": true})).header("X-Seraph-LoginReason", reason);
        let server = Fake::always(reply).await;
        let answered = tickets(&settings(&server.address), &asked()).await;
        let word = reason.rsplit(' ').next().unwrap();
        assert_eq!(answered.state, SourceState::Forbidden(format!("the login failed, {word}")));
    }
    let reply = Reply::json(json!({"issues": []})).header("X-Seraph-LoginReason", "OK");
    let server = Fake::always(reply).await;
    assert_eq!(tickets(&settings(&server.address), &asked()).await, Answered { state: SourceState::Ok, items: Vec::new() });
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let server = Fake::new(|number, _| [Reply::status(503, "busy"), Reply::cut(), found()][number].clone()).await;
    let answered = tickets(&settings(&server.address), &asked()).await;
    assert_eq!((answered.state, answered.items.len(), server.seen().len()), (SourceState::Ok, 2, 3));
}

/// Time stands still but for what waits for it: whatever happens first, the deadline is the end.
#[tokio::test(start_paused = true)]
async fn a_tracker_that_says_nothing_is_waited_for_eight_seconds() {
    let server = Fake::always(Reply::silent()).await;
    let before = tokio::time::Instant::now();
    let answered = tickets(&settings(&server.address), &asked()).await;
    assert_eq!(answered.state.to_string(), "unavailable: timed out after 8 s");
    assert_eq!(before.elapsed().as_secs(), 8);
}

#[tokio::test]
async fn nothing_that_is_masked_and_no_key_in_the_clear_is_sent() {
    let server = Fake::always(found()).await;
    let secret = EvidenceRequest { objects: vec![ObjectRef::new("Deployment", "shop", "AKIAIOSFODNN7EXAMPLE")], ..asked() };
    let answered = tickets(&settings(&server.address), &secret).await;
    assert_eq!(answered.state.to_string(), "unavailable: not asked: the query would hold what is masked");
    let nobody = EvidenceRequest { objects: Vec::new(), ..asked() };
    assert!(tickets(&settings(&server.address), &nobody).await.state.to_string().contains("there is no $workload"));
    assert!(server.seen().is_empty());
    let answered = tickets(&settings("http://jira.example.com"), &asked()).await;
    assert_eq!(answered.state.to_string(), "unavailable: the address is not https");
}

#[tokio::test]
async fn a_template_is_a_setting() {
    let server = Fake::always(found()).await;
    let jql = "project = OPS AND labels in ($namespace) AND summary ~ $alert".to_owned();
    let settings = JiraSettings { jql: Some(jql), ..settings(&server.address) };
    assert_eq!(tickets(&settings, &asked()).await.state, SourceState::Ok);
    let query = server.seen()[0].json()["jql"].clone();
    assert_eq!(query, r#"project = OPS AND labels in ("shop") AND summary ~ "\"KubePodCrashLooping\"""#);
}

#[test]
fn what_is_not_configured_is_not_asked() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert!(Jira::new(&JiraSettings::default(), Redactor::fixed()).is_none());
    let half = JiraSettings { base_url: Some("https://x".into()), ..JiraSettings::default() };
    let state = Jira::new(&half, Redactor::fixed()).unwrap().err().unwrap();
    assert_eq!(state.to_string(), "unavailable: jira.email is not set");
}
