//! Peers that are slow or dead: they hold up nobody but themselves. When they are let go is tested where time can be moved.

use super::{BATCH, SUBJECTS, all_done, client, get, holds_once, open, post, start, until};
use crate::serve_discord::Time;
use crate::serve_discord::chat::{Answers, Chat};
use crate::serve_http::process::Serving;
use reqwest::StatusCode;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

/// So many of each sort.
const EACH: usize = 50;
/// What is sent of a post whose rest never comes.
const BEGUN: &str = "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{\"alerts\": [";

#[tokio::test(flavor = "multi_thread")]
async fn those_who_say_nothing_or_half_of_it_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let serving = start(folder.path());
    let connect = |says: &str| {
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        stream
    };
    let mut peers = Vec::new();
    for index in 0..EACH {
        // Nothing at all; half a head; half a body; half a body, and gone; a request whose answer nobody reads.
        peers.push(connect(""));
        peers.push(connect("POST /webhooks/alertmanager HTTP/1.1\r\nHost:"));
        peers.push(connect(BEGUN));
        let gone = connect(BEGUN);
        gone.shutdown(Shutdown::Both).unwrap();
        peers.push(connect(&"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1 + index % 20)));
    }
    let client = client();
    for number in 0..10 {
        assert_eq!(post(&client, &serving.address, number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(get(&client, &serving.address, "/readyz").await.0, StatusCode::OK);
    holds_once(folder.path(), &(0..10).collect::<BTreeSet<_>>());
    drop(peers);
    assert_eq!(get(&client, &serving.address, "/healthz").await.0, StatusCode::OK);
}

/// Nobody listens at this address.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_cluster_and_model_gone_and_discord_silent_all_is_taken_and_told_once_discord_is_back() {
    let folder = tempfile::tempdir().unwrap();
    // It takes connections and says nothing, until it is back.
    let discord = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", discord.local_addr().unwrap());
    let settings = format!("[discord]\napi_url = \"{url}\"\n[llm]\nbase_url = \"http://{}/v1\"\nmodel = \"m\"\n", nowhere());
    std::fs::write(folder.path().join("sre-copilot.toml"), settings).unwrap();
    let cluster = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}], \
         users: [], contexts: [{{name: c, context: {{cluster: c, user: ''}}}}]}}",
        nowhere()
    );
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster).unwrap();
    let webhook = format!("{url}/api/webhooks/1/token");
    let serving = Serving::start_with(
        folder.path(),
        &[("DISCORD_WEBHOOK_URL", &webhook), ("KUBECONFIG", kubeconfig.to_str().unwrap()), ("LLM_BACKEND", "openai")],
    );
    let client = client();
    for number in 0..SUBJECTS {
        assert_eq!(post(&client, &serving.address, number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    all_done(folder.path()).await;
    let report: String = open(folder.path()).query_row("SELECT report FROM runs LIMIT 1", [], |row| row.get(0)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["verdict"], "inconclusive");
    assert!(report["sources"]["kubernetes"].as_str().unwrap().contains("no answer from"), "{report}");
    serving.says("failed");

    let chat = Arc::new(Chat::new(Time::default()));
    let back = MockServer::builder().listener(discord).start().await;
    Mock::given(any()).respond_with(Answers(Arc::clone(&chat))).mount(&back).await;
    let unsent = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')";
    until("all messages are sent", || super::number(folder.path(), unsent) == 0).await;
    assert_eq!(super::number(folder.path(), "SELECT count(*) FROM outbox WHERE state = 'failed'"), 0);
    // Incidents of one alert that come together share messages.
    let texts = chat.texts();
    assert!(!texts.is_empty() && texts.iter().all(|text| text.contains("no answer from")), "{texts:?}");
    assert_eq!(super::number(folder.path(), "SELECT count(*) FROM episodes"), i64::from(SUBJECTS * BATCH));
}
