//! Reading incidents over HTTP: lists, one incident, its timeline, as JSON and as a page; links that open one; replays.

mod lists;
mod one;
mod replays;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::config::{Environment, Settings};
use sre_copilot::domain::{Delivery, Lane, ObjectRef, Reading, Report, Verdict};
use sre_copilot::ports::{Accepted, Intake, JobQueue, Leased, Outcome};
use sre_copilot::redact::Redactor;
use sre_copilot::server::{App, Phase, router, serve};
use sre_copilot::store::Store;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// 2026-01-02T05:00:00Z.
const START: i64 = 1_767_330_000;

/// A server on a port of its own, with a clock that is set.
struct Server {
    folder: TempDir,
    app: App<Store>,
    address: SocketAddr,
    clock: Arc<AtomicI64>,
}

impl Server {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// One at which everybody needs a token, and which makes signed links.
    async fn closed() -> Self {
        let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
        settings.serve.permalink_ttl = SignedDuration::from_hours(1);
        Self::with(settings).await
    }

    async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let tell = |clock: &Arc<AtomicI64>| {
            let clock = Arc::clone(clock);
            move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()
        };
        let store = Store::open(&folder.path().join("state.db"), tell(&clock)).unwrap();
        let store = store.with_lifecycle(settings.serve.lifecycle(None));
        let app = App::new(Arc::new(store), settings, Arc::new(tell(&clock)), Redactor::fixed()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router(app.clone()), app.stopping.clone()));
        Self { folder, app, address, clock }
    }

    fn now(&self) -> Timestamp {
        self.app.now()
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// An alert about a pod of this workload, that fires from now on or ends now.
    async fn alert(&self, name: &str, workload: &str, labels: Value, resolved: bool) -> Accepted {
        let mut all = json!({"alertname": name, "namespace": "shop", "deployment": workload, "severity": "warning"});
        all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
        let now = self.now();
        let started = if resolved { now - SignedDuration::from_secs(60) } else { now };
        let alert = json!({"status": if resolved { "resolved" } else { "firing" }, "labels": all, "startsAt": started.to_string(),
            "endsAt": now.to_string(), "fingerprint": format!("{name}-{workload}"),
            "annotations": {"summary": "it is <b>down</b>", "description": "token=ghp_abcdefghijklmnopqrstuvwxyz0123456789"}});
        let body = json!({"version": "4", "receiver": "r", "alerts": [alert]});
        let severities = BTreeMap::new();
        let how =
            Reading { cluster_labels: &["cluster".to_owned()], default_cluster: "prod", severities: &severities, received: now };
        let delivery = Delivery::read(body.to_string().as_bytes(), &how).unwrap();
        self.app.store.take(delivery, body.to_string().into_bytes()).await.unwrap()
    }

    /// An incident about this workload: its id.
    async fn incident(&self, workload: &str) -> String {
        let accepted = self.alert("PodCrashLooping", workload, json!({}), false).await;
        accepted.alerts[0].incident_id.clone().unwrap()
    }

    /// An analysis of what waits, with this report.
    async fn analyse(&self, fill: impl FnOnce(&mut Report)) -> Leased {
        let leased = self.app.store.claim(Lane::Analysis).await.unwrap().unwrap();
        let object = ObjectRef::new("Deployment", "shop", "checkout");
        let mut report = Report::new(object, Verdict::Inconclusive, self.now());
        report.summary = "Not determined.".to_owned();
        fill(&mut report);
        self.app.store.finish(&leased, Outcome::Report(Box::new(report))).await.unwrap().unwrap();
        leased
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sre\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    async fn page(&self, path: &str) -> Answer {
        self.ask("GET", path, "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n", "").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stopping.enter(Phase::Closed);
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}\n{}", self.head, self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let document: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(document["code"], code, "{document}");
        document
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
