//! Alertmanager's list of active alerts: whole, or not at all.

use super::{Fake, Reply, not_an_answer};
use serde_json::json;
use sre_copilot::adapters::alertmanager::Alertmanager;
use sre_copilot::config::ServeSettings;
use sre_copilot::domain::SourceState;
use sre_copilot::redact::Redactor;
use std::collections::BTreeSet;

async fn active(address: &str) -> Result<BTreeSet<String>, SourceState> {
    let settings = ServeSettings {
        alertmanager_url: Some(format!("{address}/am/")),
        alertmanager_token: Some("the-token".to_owned().into()),
        ..ServeSettings::default()
    };
    Alertmanager::new(&settings, Redactor::fixed()).unwrap().unwrap().active().await
}

#[tokio::test]
async fn all_that_is_listed_is_active() {
    let alert =
        |print: &str, state: &str| json!({"fingerprint": print, "status": {"state": state}, "labels": {"alertname": "A"}});
    let server = Fake::always(Reply::json(json!([alert("a1", "active"), alert("b2", "suppressed")]))).await;
    assert_eq!(active(&server.address).await.unwrap(), BTreeSet::from(["a1".to_owned(), "b2".to_owned()]));
    let seen = server.seen();
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    let sent = (request.method.as_str(), request.target.as_str(), request.header("authorization"));
    assert_eq!(sent, ("GET", "/am/api/v2/alerts", Some("Bearer the-token")));
}

#[tokio::test]
async fn what_is_no_whole_list_is_none() {
    for (name, reply, state, requests) in not_an_answer() {
        let server = Fake::always(reply).await;
        let why = active(&server.address).await.unwrap_err().to_string();
        // What begins as something else is read no further.
        assert!(why == state || why == "unavailable: the answer is no list of alerts", "{name}: {why}");
        assert_eq!(server.seen().len(), requests, "{name}");
    }
    for answer in [json!({}), json!("[]"), json!([{"fingerprint": "a1"}, {"labels": {}}]), json!([{"fingerprint": 7}])] {
        let server = Fake::always(Reply::json(answer.clone())).await;
        assert!(matches!(active(&server.address).await, Err(SourceState::Unavailable(_))), "{answer}");
    }
    assert!(Alertmanager::new(&ServeSettings::default(), Redactor::fixed()).is_none());
}
