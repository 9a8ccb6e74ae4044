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
    for (name, says) in [("discord", "Unknown Webhook"), ("serve", "JWT_PUBLIC_KEY is no PEM"), ("cluster", "no kubeconfig")] {
        let (state, text) = &checks[name];
        assert!(state == "failed" && text.contains(says), "{name}: {text}");
    }
    assert_eq!(checks["database"].0, "ok");
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
