//! Who may send: right is 202, and everything else is one 401, before the body is looked at.

use super::{NOW, SECRET, Server, request, settings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sre_copilot::config::{Environment, Settings};

const BODY: &[u8] = br#"{"alerts": [{"labels": {"alertname": "A", "namespace": "shop"}}]}"#;

fn signed(key: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn with_time(seconds: i64) -> Vec<(&'static str, String)> {
    let message = [seconds.to_string().as_bytes(), b".", BODY].concat();
    vec![("X-Alertmanager-Signature", signed(SECRET, &message)), ("X-Alertmanager-Timestamp", seconds.to_string())]
}

#[tokio::test]
async fn each_method_is_taken() {
    let server = Server::new().await;
    let basic = |text: &str| vec![("Authorization", format!("Basic {}", STANDARD.encode(text)))];
    let right = [
        vec![("Authorization", format!("Bearer {SECRET}"))],
        basic(&format!("am:{SECRET}")),
        vec![("X-Alertmanager-Signature", signed(SECRET, BODY))],
        vec![("X-Alertmanager-Signature", format!("sha256={}", signed(SECRET, BODY)))],
        with_time(NOW),
        with_time(NOW - 299),
    ];
    for headers in &right {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = server.ask("POST", "/webhooks/alertmanager", &headers, BODY).await;
        assert_eq!(answer.status, 202, "{headers:?}");
    }
    assert_eq!(server.count("episodes"), 1);
}

#[tokio::test]
async fn whatever_is_wrong_gets_the_same_answer_and_leaves_nothing() {
    let server = Server::new().await;
    let header = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let wrong = [
        vec![],
        header("Authorization", "Bearer other"),
        header("Authorization", "Bearer"),
        header("Authorization", &format!("Token {SECRET}")),
        header("Authorization", &format!("Basic {}", STANDARD.encode("am:other"))),
        header("Authorization", "Basic !!!"),
        header("X-Alertmanager-Signature", &signed("other", BODY)),
        header("X-Alertmanager-Signature", &signed(SECRET, BODY)[..63]),
        header("X-Alertmanager-Signature", &"g".repeat(64)),
        header("X-Alertmanager-Signature", &signed(SECRET, b"another body")),
        with_time(NOW - 301),
        with_time(NOW + 301),
        vec![("Authorization", format!("Bearer {SECRET}")), ("X-Alertmanager-Signature", signed("other", BODY))],
        vec![("Authorization", format!("Bearer {SECRET}")), ("Authorization", format!("Bearer {SECRET}"))],
    ];
    let mut answers = Vec::new();
    for headers in &wrong {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // What comes is no JSON, says it is something else, and is not looked at.
        for body in [BODY, b"<xml/>"] {
            let headers = [headers.as_slice(), &[("Content-Type", "text/xml")]].concat();
            let answer = server.ask("POST", "/webhooks/alertmanager", &headers, body).await;
            let mut document = answer.is_problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("bearer"));
            document["request_id"].take();
            answers.push(document);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!((server.count("intakes"), server.count("set_aside")), (0, 0));
}

#[tokio::test]
async fn without_any_method_this_machine_is_heard_in_development_alone() {
    let open = Server::with(Settings::default()).await;
    assert_eq!(open.ask("POST", "/webhooks/alertmanager", &[], BODY).await.status, 202);
    let strict = Server::with(Settings { environment: Environment::Staging, ..Settings::default() }).await;
    strict.ask("POST", "/webhooks/alertmanager", &[], BODY).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn where_a_job_stands_is_told_to_its_sender() {
    let server = Server::with(Settings { environment: Environment::Production, ..settings() }).await;
    let answer = server.deliver(BODY).await.json();
    let task = answer["alerts"][0]["task_id"].as_str().unwrap();
    let bearer = format!("Bearer {SECRET}");
    let path = format!("/webhooks/status/{task}");
    let status = server.ask("GET", &path, &[("Authorization", &bearer)], b"").await;
    assert_eq!((status.status, status.json()["status"].as_str()), (200, Some("queued")));
    assert_eq!(status.json()["task_id"], task);
    server.get(&path).await.is_problem(401, "unauthenticated");
    let unknown = server.ask("GET", "/webhooks/status/nothing", &[("Authorization", &bearer)], b"").await;
    unknown.is_problem(404, "not_found");
}

#[tokio::test]
async fn whose_headers_say_no_is_answered_without_a_body() {
    let server = Server::with(Settings { environment: Environment::Production, ..settings() }).await;
    let old = with_time(NOW - 301);
    let old: Vec<_> = old.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let webhook = |headers| ("/webhooks/alertmanager", headers);
    let asked = [
        webhook(vec![("Authorization", "Bearer other")]),
        webhook(vec![("X-Alertmanager-Signature", "x")]),
        webhook(old),
        ("/copilot", vec![]),
        ("/approvals/1/approve", vec![]),
        ("/approvals/1/reject", vec![]),
        ("/evaluation/1/submit", vec![]),
    ];
    for (path, headers) in asked {
        // The body is claimed, and doesn't come.
        let whole = request("POST", path, &headers, &[b'x'; 100_000]);
        server.send(&whole[..whole.len() - 100_000]).await.is_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_header_that_is_no_text_is_refused_like_the_others() {
    let server = Server::new().await;
    let mut bytes = request("POST", "/webhooks/alertmanager", &[("Authorization", "Bearer @")], BODY);
    let at = bytes.iter().position(|byte| *byte == b'@').unwrap();
    bytes[at] = 0xff;
    server.send(&bytes).await.is_problem(401, "unauthenticated");
}
