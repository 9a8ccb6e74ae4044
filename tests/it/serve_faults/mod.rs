//! The program itself under load while something goes wrong around it: it is told to end, its disk fills up, its file is held,
//! a copy is made, peers say nothing. Whatever it acknowledged is there once, and what it could not take comes again.

mod clocks;
mod copies;
mod ending;
mod peers;
mod trouble;

use crate::serve_http::process::Serving;
use reqwest::{Client, Response, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many alerts are in one post.
const BATCH: u32 = 10;
const SUBJECTS: u32 = 5;

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

fn body(post: u32) -> Value {
    let alert = |index: u32| {
        let labels = json!({"alertname": "Crash", "namespace": "shop", "severity": "warning",
            "deployment": format!("web-{}", post % SUBJECTS), "pod": format!("web-{post}-{index}")});
        json!({"status": "firing", "startsAt": "2026-01-02T04:00:00Z", "labels": labels})
    };
    json!({"version": "4", "receiver": "sre", "groupKey": post.to_string(), "alerts": (0..BATCH).map(alert).collect::<Vec<_>>()})
}

async fn post(client: &Client, address: &str, number: u32) -> reqwest::Result<Response> {
    client.post(format!("http://{address}/webhooks/alertmanager")).json(&body(number)).send().await
}

async fn get(client: &Client, address: &str, path: &str) -> (StatusCode, Value) {
    let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// Senders that post without a pause.
struct Flood {
    senders: JoinSet<()>,
    acknowledged: Arc<Mutex<BTreeSet<u32>>>,
    /// Posts that were begun.
    begun: Arc<AtomicU32>,
}

impl Flood {
    /// Each goes on until a post isn't answered, or is refused.
    fn of(senders: usize, address: &str) -> Self {
        let mut flood = Self { senders: JoinSet::new(), acknowledged: Arc::default(), begun: Arc::default() };
        for _ in 0..senders {
            let (address, client) = (address.to_owned(), client());
            let (acknowledged, begun) = (Arc::clone(&flood.acknowledged), Arc::clone(&flood.begun));
            flood.senders.spawn(async move {
                loop {
                    let number = begun.fetch_add(1, Ordering::SeqCst);
                    match post(&client, &address, number).await {
                        Ok(answer) if answer.status() == StatusCode::ACCEPTED => acknowledged.lock().unwrap().insert(number),
                        _ => return,
                    };
                }
            });
        }
        flood
    }

    fn acknowledged(&self) -> BTreeSet<u32> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Once so many posts were acknowledged.
    async fn reaches(&self, posts: usize) {
        until("the flood goes on", || self.acknowledged.lock().unwrap().len() >= posts).await;
    }

    /// The posts that were begun and not acknowledged, once nobody sends any more.
    async fn ended(mut self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        while let Some(sender) = self.senders.join_next().await {
            sender.unwrap();
        }
        let acknowledged = self.acknowledged();
        let all = 0..self.begun.load(Ordering::SeqCst);
        (acknowledged.clone(), all.filter(|post| !acknowledged.contains(post)).collect())
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn open(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("state.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}

fn number(folder: &Path, query: &str) -> i64 {
    open(folder).query_row(query, [], |row| row.get(0)).unwrap()
}

/// How often each alert of each post is there: all must be once.
fn holds_once(folder: &Path, posts: &BTreeSet<u32>) {
    let connection = open(folder);
    let mut statement = connection.prepare("SELECT labels ->> 'pod', count(*) FROM episodes GROUP BY 1").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap();
    let found: std::collections::BTreeMap<String, i64> = rows.map(Result::unwrap).collect();
    for post in posts {
        for index in 0..BATCH {
            assert_eq!(found.get(&format!("web-{post}-{index}")), Some(&1), "post {post}");
        }
    }
    assert!(found.values().all(|count| *count == 1));
}

/// Once no analysis waits or runs any more: each analysis that ended has one report, and none was given up.
async fn all_done(folder: &Path) {
    let waits = "SELECT count(*) FROM jobs WHERE kind = 'analyze' AND state IN ('queued', 'running')";
    until("all analyses are done", || number(folder, waits) == 0).await;
    let ended = "SELECT count(*) FROM jobs WHERE kind = 'analyze' AND state IN ('done', 'superseded')";
    assert_eq!(number(folder, "SELECT count(*) FROM runs"), number(folder, ended));
    assert_eq!(number(folder, "SELECT count(*) FROM jobs WHERE state = 'failed'"), 0);
    assert_eq!(number(folder, "SELECT count(*) FROM incidents WHERE status = 'open'"), i64::from(SUBJECTS));
}

fn start(folder: &Path) -> Serving {
    Serving::start_with(folder, &[("KUBECONFIG", "none")])
}
