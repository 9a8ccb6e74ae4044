//! From the outbox to a Discord that says what it is told to: what stands there in the end, and what was asked of it when.

mod answers;
pub mod chat;
mod killed;
mod life;
mod replies;
mod secrets;

use chat::Chat;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::adapters::discord::Discord;
use sre_copilot::config::{DiscordSettings, Secret};
use sre_copilot::domain::{CauseReport, Delivery, Evidence, Lane, ObjectRef, Reading, Report, Verdict};
use sre_copilot::pipeline::ButtonRules;
use sre_copilot::pipeline::may_approve::ApprovalRules;
use sre_copilot::ports::{Clock, Intake, JobQueue, Outcome};
use sre_copilot::redact::Redactor;
use sre_copilot::remedy::SeparateApprover;
use sre_copilot::store::Store;
use sre_copilot::worker::messages::{Courier, MessageSettings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const EPOCH: i64 = 1_790_000_000_000;
/// What no log, error or row may hold.
const CANARY: &str = "c4n4ryT0k3nOfTheWebhook-abcdefghijklmnopqrstuvwxyz0123456789";
const BOT: &str = "c4n4ryT0k3nOfTheBot.abcdefghijklmnopqrstuvwxyz";

fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(EPOCH + second * 1_000).unwrap()
}

/// Our clock, in milliseconds.
#[derive(Clone, Default)]
pub struct Time(Arc<AtomicI64>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(EPOCH + self.0.load(Ordering::SeqCst)).unwrap()
    }

    async fn wait(&self, time: SignedDuration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// A server's messages, and a chat.
struct Home {
    folder: TempDir,
    store: Arc<Store>,
    time: Time,
    chat: Arc<Chat>,
    settings: DiscordSettings,
    messages: MessageSettings,
    courier: Courier<Store, Discord<Time>, Time>,
    // Ends with it.
    _server: wiremock::MockServer,
}

fn secret(text: String) -> Secret {
    Secret::from(text)
}

fn buttons() -> ButtonRules {
    ButtonRules { approval: ApprovalRules { is_enabled: true, separate: SeparateApprover::Never }, has_approvers: true }
}

impl Home {
    /// A webhook of our own application.
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    async fn bot() -> Self {
        Self::with(|settings, _| {
            settings.bot_token = Some(secret(BOT.to_owned()));
            settings.incident_channel_id = Some("42".to_owned());
        })
        .await
    }

    async fn with(change: impl FnOnce(&mut DiscordSettings, &mut MessageSettings)) -> Self {
        // Another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let time = Time::default();
        let chat = Arc::new(Chat::new(time.clone()));
        let server = wiremock::MockServer::start().await;
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(chat::Answers(Arc::clone(&chat))).mount(&server).await;
        let address = server.uri();
        let mut settings = DiscordSettings {
            webhook_url: Some(secret(format!("{address}/webhooks/1/{CANARY}"))),
            application_id: Some("77".to_owned()),
            api_url: address.clone(),
            ..DiscordSettings::default()
        };
        let mut messages =
            MessageSettings { buttons: Some(buttons()), is_tried: true, can_apply: true, ..MessageSettings::default() };
        change(&mut settings, &mut messages);
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(open(folder.path().join("state.db"), &time));
        let courier = courier(&store, &settings, &messages, &time);
        Self { folder, store, time, chat, settings, messages, courier, _server: server }
    }

    /// The process ended, and another begins.
    async fn restart(&mut self) {
        self.store.release_all().await.unwrap();
        self.courier = courier(&self.store, &self.settings, &self.messages, &self.time);
    }

    /// Sets our clock, in seconds.
    fn set(&self, second: i64) {
        self.time.0.store(second * 1_000, Ordering::SeqCst);
    }

    fn pass_millis(&self, millis: i64) {
        self.time.0.fetch_add(millis, Ordering::SeqCst);
    }

    fn pass(&self, second: i64) {
        self.pass_millis(second * 1_000);
    }

    fn now(&self) -> i64 {
        self.time.0.load(Ordering::SeqCst) / 1_000
    }

    /// Sends all that may go now.
    async fn send(&self) {
        for _ in 0..1_000 {
            if !self.courier.step().await.unwrap() {
                return;
            }
        }
        panic!("it never ends");
    }

    async fn take(&self, alerts: Vec<Value>) -> Vec<String> {
        let body = json!({"version": "4", "receiver": "sre", "groupKey": "g", "alerts": alerts});
        let raw = body.to_string().into_bytes();
        let how =
            Reading { cluster_labels: &[], default_cluster: "east", severities: &BTreeMap::new(), received: self.time.now() };
        let taken = self.store.take(Delivery::read(&raw, &how).unwrap(), raw).await.unwrap();
        taken.alerts.into_iter().filter_map(|alert| alert.incident_id).collect()
    }

    /// An incident of this workload, whose alert began now.
    async fn fires(&self, name: &str) -> String {
        self.take(vec![alert("Crash", name, "critical", self.now(), None)]).await.remove(0)
    }

    async fn ends(&self, name: &str, began: i64) {
        self.take(vec![alert("Crash", name, "critical", began, Some(self.now()))]).await;
    }

    /// Analyses what waits, to this cause.
    async fn analyse(&self, cause: Option<&str>) {
        let leased = self.store.claim(Lane::Analysis).await.unwrap().unwrap();
        let target = ObjectRef::new("Deployment", "shop", "checkout");
        let verdict = if cause.is_some() { Verdict::Confirmed } else { Verdict::Inconclusive };
        let mut report = Report::new(target.clone(), verdict, self.time.now());
        report.summary = format!("it is {}", cause.unwrap_or("unknown"));
        report.causes = cause.map(|id| found(id, &target)).into_iter().collect();
        let _: Vec<Evidence> = Vec::new();
        self.store.finish(&leased, Outcome::Report(Box::new(report))).await.unwrap().unwrap();
    }

    fn rows(&self, query: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn count(&self, what: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }
}

fn open(path: PathBuf, time: &Time) -> Store {
    let time = time.clone();
    Store::open(&path, move || time.now()).unwrap()
}

fn courier(
    store: &Arc<Store>,
    settings: &DiscordSettings,
    messages: &MessageSettings,
    time: &Time,
) -> Courier<Store, Discord<Time>, Time> {
    let discord = Discord::new(settings, Redactor::fixed(), time.clone()).unwrap().with_time(Duration::from_millis(500));
    Courier::new(Arc::clone(store), discord, time.clone(), messages.clone(), Redactor::fixed())
}

fn found(id: &str, object: &ObjectRef) -> CauseReport {
    let cause = json!({
        "id": id, "object": object, "confidence": 0.9, "summary": "because", "fix": "mend it", "explains": [], "evidence": [],
        "perspective": "app",
    });
    serde_json::from_value(cause).unwrap()
}

/// An alert about a Deployment, which began then and, by the sender's clock, ended then.
fn alert(name: &str, workload: &str, severity: &str, start: i64, end: Option<i64>) -> Value {
    let status = if end.is_some() { "resolved" } else { "firing" };
    let end = end.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |end| at(end).to_string());
    json!({
        "status": status, "annotations": {"summary": "it restarts"}, "startsAt": at(start).to_string(), "endsAt": end,
        "labels": {"alertname": name, "namespace": "shop", "deployment": workload, "severity": severity, "team": "Payments "},
    })
}
