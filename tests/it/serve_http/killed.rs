//! The process is killed again and again while alerts come in, and whoever wasn't answered sends once more, as Alertmanager
//! does: in the end each alert is there once, each job ended once, and each incident was posted once, but for a post that
//! nobody heard the answer of.

use super::process::Serving;
use crate::serve_discord::Time;
use crate::serve_discord::chat::{Answers, Chat};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

const SENDERS: usize = 8;
const SUBJECTS: u32 = 6;
/// Longer than it takes on a busy machine until nothing is left to do.
const PATIENCE: Duration = Duration::from_secs(240);

/// How many alerts this post holds.
fn size(post: u32) -> u32 {
    if post.is_multiple_of(3) { 64 } else { 1 }
}

fn body(post: u32) -> String {
    let alert = |index: u32| {
        let labels = serde_json::json!({"alertname": "Crash", "namespace": "shop", "severity": "critical",
            "deployment": format!("web-{}", post % SUBJECTS), "pod": format!("web-{post}-{index}")});
        serde_json::json!({"status": "firing", "startsAt": "2026-01-02T04:00:00Z", "labels": labels})
    };
    let alerts: Vec<_> = (0..size(post)).map(alert).collect();
    serde_json::json!({"version": "4", "receiver": "sre", "groupKey": post.to_string(), "alerts": alerts}).to_string()
}

/// Whether it was answered that the alerts are kept; the connection broke otherwise.
fn deliver(stream: &mut TcpStream, post: u32) -> bool {
    let body = body(post);
    let head = format!("POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
        return false;
    }
    loop {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return false,
            Ok(read) => answer.extend_from_slice(&part[..read]),
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if rest.len() >= length.unwrap_or(0) {
            assert!(head.starts_with("HTTP/1.1 202"), "{text}");
            return true;
        }
    }
}

/// Sends new posts and those that weren't answered, until the connection breaks.
fn send(address: &str, next: &AtomicU32, unanswered: &Mutex<Vec<u32>>, answered: &mpsc::Sender<()>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    stream.set_nodelay(true).unwrap();
    loop {
        let again = unanswered.lock().unwrap().pop();
        let post = again.unwrap_or_else(|| next.fetch_add(1, Ordering::SeqCst));
        if !deliver(&mut stream, post) {
            unanswered.lock().unwrap().push(post);
            return;
        }
        // The other end is gone once there were enough of them.
        _ = answered.send(());
    }
}

fn number(folder: &Path, query: &str) -> i64 {
    let connection = rusqlite::Connection::open(folder.join("state.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

async fn survives(kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (chat, discord) = (Arc::new(Chat::new(Time::default())), MockServer::start().await);
    Mock::given(any()).respond_with(Answers(Arc::clone(&chat))).mount(&discord).await;
    let settings = format!("[discord]\napi_url = \"{}\"\n", discord.uri());
    std::fs::write(folder.path().join("sre-copilot.toml"), settings).unwrap();
    let webhook = format!("{}/api/webhooks/1/token", discord.uri());
    let start = || Serving::start_with(folder.path(), &[("DISCORD_WEBHOOK_URL", &webhook), ("KUBECONFIG", "none")]);

    let (next, unanswered) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..kills {
        let mut serving = start();
        // xorshift64: how many answers until the end.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let enough = random % 150;
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..SENDERS {
                let (sender, address) = (sender.clone(), &serving.address);
                let (next, unanswered) = (&next, &unanswered);
                scope.spawn(move || send(address, next, unanswered, &sender));
            }
            for _ in 0..enough {
                receiver.recv_timeout(PATIENCE).unwrap();
            }
            serving.child.kill().unwrap();
            serving.child.wait().unwrap();
        });
    }

    let mut serving = start();
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    for post in unanswered.into_inner().unwrap() {
        assert!(deliver(&mut stream, post));
    }
    let waits = "SELECT (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running'))
                      + (SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending'))";
    let began = Instant::now();
    while number(folder.path(), waits) > 0 {
        assert!(began.elapsed() < PATIENCE, "something is never done");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();

    let is = |query: &str| number(folder.path(), query);
    let alerts: u32 = (0..next.into_inner()).map(size).sum();
    assert_eq!(is("SELECT count(*) FROM episodes"), i64::from(alerts));
    assert_eq!(is("SELECT count(DISTINCT fingerprint) FROM episodes"), i64::from(alerts));
    assert_eq!(is("SELECT count(*) FROM set_aside"), 0);
    assert_eq!(is("SELECT count(*) FROM incidents"), i64::from(SUBJECTS));
    assert_eq!(is("SELECT count(*) FROM jobs WHERE state = 'failed'"), 0);
    // A report of each analysis that ended, and no other.
    let analyses = is("SELECT count(*) FROM jobs WHERE kind = 'analyze' AND state IN ('done', 'superseded')");
    assert_eq!(is("SELECT count(*) FROM runs"), analyses);
    assert_eq!(is("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    let mut posts: BTreeMap<String, u32> = BTreeMap::new();
    for post in chat.posts() {
        let footer = post.body["embeds"][0]["footer"]["text"].as_str().unwrap_or_default();
        if let Some((_, id)) = footer.split_once("incident ") {
            *posts.entry(id.chars().take(36).collect()).or_default() += 1;
        }
    }
    let twice: u32 = posts.values().map(|count| count - 1).sum();
    println!("{alerts} alerts, {analyses} analyses, {} posts, {twice} of them twice, {kills} kills", chat.posts().len());
    assert!(!posts.is_empty() && twice <= kills, "{posts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_kills_lose_nothing() {
    survives(5).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: cargo test --test it a_hundred_kills -- --ignored --nocapture"]
async fn a_hundred_kills_lose_nothing() {
    survives(100).await;
}
