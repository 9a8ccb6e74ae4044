//! `doctor` as a person runs it: each thing that doesn't work, and what to do about it.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The state of each check and what it says, and how the program ended.
async fn look(variables: Vec<(&'static str, String)>) -> (BTreeMap<String, (String, String)>, i32) {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("state.db").display());
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::cargo_bin("sre-copilot").unwrap();
        command.env_clear().env("KUBECONFIG", "/nonexistent/kubeconfig").env("DATABASE_URL", database).envs(variables);
        command.args(["doctor", "-o", "json"]).output().unwrap()
    });
    let output = run.await.unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = checks["items"].as_array().unwrap().iter();
    let checks = checks.map(|check| (text(check, "name"), (text(check, "state"), check.to_string()))).collect();
    (checks, output.status.code().unwrap())
}

async fn webhook(status: u16, body: Value) -> (MockServer, String) {
    let chat = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("GET")).and(path("/webhooks/1/canary")).respond_with(answer).mount(&chat).await;
    let url = format!("{}/webhooks/1/canary", chat.uri());
    (chat, url)
}

#[tokio::test]
async fn a_webhook_that_is_gone_and_a_key_that_is_none_are_named_without_secrets() {
    let (_chat, url) = webhook(404, json!({"message": "Unknown Webhook", "code": 10015})).await;
    let (checks, code) = look(vec![("DISCORD_WEBHOOK_URL", url), ("JWT_PUBLIC_KEY", "nonsense".to_owned())]).await;
    for (name, says) in
        [("discord incidents", "Unknown Webhook"), ("serve", "JWT_PUBLIC_KEY is no PEM"), ("cluster", "no kubeconfig")]
    {
        let (state, text) = &checks[name];
        assert!(state == "failed" && text.contains(says), "{name}: {text}");
    }
    let (state, text) = &checks["database"];
    assert!(state == "off" && text.contains("there is none at"), "{text}");
    assert_eq!(code, 1);
    assert!(!format!("{checks:?}").contains("canary"), "{checks:?}");
}

#[tokio::test]
async fn a_webhook_of_an_application_has_buttons_and_another_has_none() {
    let about = json!({"id": "1", "application_id": "77", "channel_id": "5", "guild_id": "6"});
    let (_chat, url) = webhook(200, about).await;
    for (application, says) in [("77", "messages have buttons"), ("78", "no buttons")] {
        let variables = vec![("DISCORD_WEBHOOK_URL", url.clone()), ("DISCORD_APPLICATION_ID", application.to_owned())];
        let (checks, _) = look(variables).await;
        let (state, text) = &checks["discord"];
        assert!(state == "ok" && text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn an_alertmanager_that_cannot_be_read_is_named_without_its_token() {
    let server = MockServer::start().await;
    let list = json!([{"fingerprint": "a1", "status": {"state": "active"}}]);
    let answer = ResponseTemplate::new(200).set_body_json(list);
    Mock::given(method("GET")).and(path("/api/v2/alerts")).respond_with(answer).mount(&server).await;
    for (url, state, says) in [
        (server.uri(), "ok", "answers; 1 alerts are active"),
        (format!("{}/other", server.uri()), "failed", "404 Not Found"),
        ("nowhere".to_owned(), "failed", "the address is no URL"),
    ] {
        let variables = vec![("ALERTMANAGER_URL", url), ("ALERTMANAGER_TOKEN", "canary-token".to_owned())];
        let (checks, _) = look(variables).await;
        let found = &checks["alertmanager"];
        assert!(found.0 == state && found.1.contains(says), "{found:?}");
        assert!(!format!("{checks:?}").contains("canary"), "{checks:?}");
    }
}

#[tokio::test]
async fn each_channel_and_the_folder_of_copies_are_looked_at() {
    let (_chat, url) = webhook(200, json!({"id": "1", "channel_id": "5"})).await;
    let (_gone, gone) = webhook(404, json!({"message": "Unknown Webhook", "code": 10015})).await;
    let variables = vec![("DISCORD_WEBHOOK_URL", url), ("DISCORD_WEBHOOK_STATS_URL", gone)];
    let (checks, code) = look(variables).await;
    assert_eq!((checks["discord stats"].0.as_str(), checks["back-ups"].0.as_str(), code), ("failed", "off", 1));
}

#[tokio::test]
async fn a_database_is_neither_made_nor_migrated_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let database = ("DATABASE_URL", format!("sqlite:{}", path.display()));
    let (checks, _) = look(vec![database.clone()]).await;
    assert_eq!((checks["database"].0.as_str(), path.exists()), ("off", false));
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_remediation.sql")).unwrap();
    for (version, state, says) in [(1, "warning", "older by"), (9_999, "failed", "newer")] {
        old.pragma_update(None, "user_version", version).unwrap();
        let (checks, _) = look(vec![database.clone()]).await;
        let found = &checks["database"];
        assert!(found.0 == state && found.1.contains(says), "{found:?}");
        assert_eq!(old.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap(), version);
    }
}
