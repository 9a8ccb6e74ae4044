//! Every status of the webhook, and what all answers have in common.

use super::{SECRET, Server, request, settings};
use sre_copilot::config::Rate;
use sre_copilot::server::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BODY: &[u8] = br#"{"alerts": [{"labels": {"alertname": "A", "namespace": "shop"}}]}"#;

#[tokio::test]
async fn health_and_readiness() {
    let server = Server::new().await;
    for (path, word) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(word)));
        assert!(answer.header("x-request-id").is_some());
    }
    server.app.stopping.enter(Phase::Leaving);
    let ready = server.get("/readyz").await.is_problem(503, "store_unavailable");
    assert_eq!(ready["errors"][0]["path"], "shutdown");
    assert_eq!(server.get("/healthz").await.status, 200);
    // What comes meanwhile is still taken.
    assert_eq!(server.deliver(BODY).await.status, 202);
}

#[tokio::test]
async fn figures() {
    let server = Server::new().await;
    assert_eq!(server.deliver(BODY).await.status, 202);
    server.get("/webhooks/status/a-text-of-a-stranger").await;
    let answer = server.get("/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains("sre_copilot_intake_alerts_total{status=\"firing\",result=\"queued\"}"), "{text}");
    assert!(text.contains("route=\"/webhooks/alertmanager\"") && !text.contains("stranger"), "{text}");

    let mut elsewhere = settings();
    elsewhere.serve.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    Server::with(elsewhere).await.get("/metrics").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn what_there_is_not() {
    let server = Server::new().await;
    server.get("/").await.is_problem(404, "not_found");
    server.get("/webhooks/../../etc/passwd").await.is_problem(404, "not_found");
    server.get("/%ff%00").await.is_problem(404, "not_found");
    let answer = server.get("/webhooks/alertmanager").await;
    answer.is_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("post"));
}

#[tokio::test]
async fn only_json_that_is_not_compressed() {
    let server = Server::new().await;
    let bearer = format!("Bearer {SECRET}");
    let with = |name, value| [("Authorization", bearer.as_str()), (name, value)];
    for (name, value) in [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "text/json"),
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "identity"),
    ] {
        let answer = server.ask("POST", "/webhooks/alertmanager", &with(name, value), BODY).await;
        answer.is_problem(415, "unsupported_media_type");
    }
    for value in ["application/json", "Application/JSON; charset=utf-8"] {
        let answer = server.ask("POST", "/webhooks/alertmanager", &with("Content-Type", value), BODY).await;
        assert_eq!(answer.status, 202, "{value}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long() {
    let mut small = settings();
    small.serve.max_body = 1_000;
    let server = Server::with(small).await;
    let long = vec![b' '; 100_000];
    server.deliver(&long).await.is_problem(413, "too_large");
    // Who says nothing of who it is learns nothing of what is allowed.
    server.ask("POST", "/webhooks/alertmanager", &[], &long).await.is_problem(401, "unauthenticated");
    let chunk = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600)).repeat(2);
    let chunked = format!(
        "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer s3cret\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    server.send(chunked.as_bytes()).await.is_problem(413, "too_large");
    // Who asks first gets the answer before it sends.
    let asks = format!(
        "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        1_u64 << 40
    );
    server.send(asks.as_bytes()).await.is_problem(413, "too_large");
    // So does whom nobody knows.
    for credential in ["Authorization: Bearer other", "X-Sender: me"] {
        let asks = format!(
            "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\n{credential}\r\nExpect: 100-continue\r\nContent-Length: 900\r\n\r\n"
        );
        server.send(asks.as_bytes()).await.is_problem(401, "unauthenticated");
    }
    let fits = [BODY, " ".repeat(1_000 - BODY.len()).as_bytes()].concat();
    assert_eq!(server.deliver(&fits).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come() {
    let server = Server::new().await;
    let mut bytes = request("POST", "/webhooks/alertmanager", &[("Authorization", "Bearer s3cret")], &[b'x'; 100]);
    bytes.truncate(bytes.len() - 50);
    server.send(&bytes).await.is_problem(408, "timeout");
}

#[tokio::test]
async fn a_sender_that_delivers_too_often() {
    let mut slow = settings();
    slow.serve.sender_rate = Rate { count: 2, per: jiff::SignedDuration::from_hours(1) };
    let server = Server::with(slow).await;
    for _ in 0..2 {
        assert_eq!(server.deliver(BODY).await.status, 202);
    }
    server.deliver(BODY).await.is_problem(503, "rate_limited");
    // Who can't prove who it is uses up nothing and isn't counted.
    server.ask("POST", "/webhooks/alertmanager", &[], BODY).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let server = Server::new().await;
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        _ = stream.write_all(bytes).await;
        _ = stream.shutdown().await;
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400") || answer.starts_with(b"HTTP/1.1 505"));
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn two_requests_of_one_connection_have_two_ids() {
    let server = Server::new().await;
    let one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = server.send(format!("{one}{last}").as_bytes()).await;
    let text = format!("{}\r\n\r\n{}", answer.head, String::from_utf8_lossy(&answer.body).to_lowercase());
    let mut ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2, "{text}");
}
