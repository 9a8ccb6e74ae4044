//! Discord's interactions against the server on a socket of its own, with real keys and signatures, over a real file.

mod decisions;
mod feedback;
mod later;
mod limits;
mod signatures;

use ed25519_dalek::{Signer, SigningKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::config::{Secret, Settings};
use sre_copilot::domain::{
    Actor, Attempt, AttemptState, AuditEvent, AuditName, ButtonIds, ObjectRef, Plan, Report, Run, Verb, Verdict,
};
use sre_copilot::pipeline::{ButtonRules, buttons, view};
use sre_copilot::ports::{
    Advance, AttemptStore, AuditFilter, AuditLog, Buttons, Changes, Click, Clicks, IncidentStore, Minted, NewAttempt, NewButtons,
    Place, ReplyTo, StoreError,
};
use sre_copilot::redact::Redactor;
use sre_copilot::server::{App, Stopping, interactions, router, serve};
use sre_copilot::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use twilight_model::application::interaction::Interaction;
use twilight_model::http::interaction::InteractionResponse;

const EPOCH: i64 = 1_790_000_000_000;
const CHANNEL: &str = "1100000000000000001";
const MESSAGE: &str = "1100000000000000002";
const ANNA: &str = "1100000000000000010";
const BERT: &str = "1100000000000000011";
const ROLE: &str = "1100000000000000020";

/// A server with a store and a clock of its own.
struct Home {
    store: Arc<Store>,
    settings: Settings,
    clock: Arc<AtomicI64>,
    key: SigningKey,
    url: String,
    client: reqwest::Client,
    numbers: AtomicI64,
    folder: TempDir,
}

/// Somebody in the channel.
#[derive(Clone, Copy)]
pub struct Who {
    pub id: &'static str,
    name: &'static str,
    roles: &'static [&'static str],
}

pub const APPROVER: Who = Who { id: ANNA, name: "anna", roles: &[] };
const OTHER_APPROVER: Who = Who { id: BERT, name: "bert", roles: &["7", ROLE] };
pub const STRANGER: Who = Who { id: "1100000000000000012", name: "anna", roles: &["7"] };

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.executor.enabled = true;
    settings.executor.approval_enabled = true;
    settings.discord.approvers_user_ids = vec![ANNA.to_owned()];
    settings.discord.approvers_role_ids = vec![ROLE.to_owned()];
    settings.serve.public_url = Some("https://copilot.example".to_owned());
    settings
}

impl Home {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(mut settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(EPOCH));
        let time = Arc::clone(&clock);
        let now = move || Timestamp::from_millisecond(time.load(Ordering::SeqCst)).unwrap();
        let store = Arc::new(Store::open(&folder.path().join("state.db"), now.clone()).unwrap());
        let key = SigningKey::from_bytes(&[7; 32]);
        let digits = key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        settings.discord.public_key.get_or_insert(digits);
        settings.discord.webhook_url = Some(Secret::from("https://discord.example/w".to_owned()));
        let app = App::new(Arc::clone(&store), settings.clone(), Arc::new(now), Redactor::fixed()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/discord/interactions", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, router(app), Stopping::default()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { store, settings, clock, key, url, client, numbers: AtomicI64::new(1), folder }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    fn pass(&self, span: SignedDuration) {
        self.clock.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// A request with these headers and this body: its status and what was answered.
    async fn send(&self, headers: &[(&str, String)], body: impl Into<reqwest::Body>) -> (u16, Value) {
        let mut request = self.client.post(&self.url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn signature(&self, time: &str, body: &[u8]) -> String {
        let signature = self.key.sign(&[time.as_bytes(), body].concat());
        signature.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same as Discord sends it.
    async fn signed(&self, body: &str) -> (u16, Value) {
        let time = self.now().as_second().to_string();
        let signature = self.signature(&time, body.as_bytes());
        self.send(&[("X-Signature-Ed25519", signature), ("X-Signature-Timestamp", time)], body.to_owned()).await
    }

    fn number(&self) -> String {
        (1_200_000_000_000_000_000 + self.numbers.fetch_add(1, Ordering::SeqCst)).to_string()
    }

    fn body(&self, who: Who, message: &str, custom_id: &str) -> Value {
        interaction(&self.number(), who, CHANNEL, message, custom_id)
    }

    /// A click on the incident's message: what was answered.
    async fn click(&self, who: Who, custom_id: &str) -> Value {
        self.click_on(who, MESSAGE, custom_id).await
    }

    async fn click_on(&self, who: Who, message: &str, custom_id: &str) -> Value {
        let (status, answer) = self.signed(&self.body(who, message, custom_id).to_string()).await;
        assert_eq!(status, 200, "{answer}");
        checked(answer)
    }

    /// A click on an answer that one person alone sees.
    async fn click_second(&self, who: Who, custom_id: &str) -> Value {
        self.click_on(who, &self.number(), custom_id).await
    }

    /// An incident with an analysis.
    async fn analysed(&self) -> Run {
        let subject = ObjectRef::new("Deployment", "shop", "checkout");
        let incident = self.store.open_or_join("5d1c", &subject).await.unwrap();
        self.analysed_again(&incident.id).await
    }

    async fn analysed_again(&self, incident: &str) -> Run {
        let target = ObjectRef::new("Deployment", "shop", "checkout");
        self.pass(SignedDuration::from_millis(1));
        self.store.record(incident, &Report::new(target, Verdict::Confirmed, self.now())).await.unwrap()
    }

    async fn proposed(&self, run: &Run) -> Attempt {
        self.proposed_with(run, "low").await
    }

    async fn proposed_with(&self, run: &Run, risk: &str) -> Attempt {
        self.store.propose(proposal(run, plan(risk), self.now())).await.unwrap()
    }

    fn rules(&self) -> ButtonRules {
        let discord = &self.settings.discord;
        ButtonRules {
            approval: interactions::approval_rules(&self.settings),
            has_approvers: !discord.approvers_user_ids.is_empty() || !discord.approvers_role_ids.is_empty(),
        }
    }

    /// The buttons of the incident's message, which stands.
    async fn buttons(&self, run: &Run) -> ButtonIds {
        let minted = self.minted(run).await;
        self.store.placed(&minted.set, &place()).await.unwrap();
        minted.ids
    }

    async fn minted(&self, run: &Run) -> Minted {
        let view = view(self.store.as_ref(), &run.incident, self.now()).await.unwrap().unwrap();
        let buttons = buttons(&view, &self.rules(), self.now());
        let (incident_id, run_id) = (run.incident.clone(), view.finding.unwrap().run_id);
        self.store.mint(NewButtons { incident_id, run_id, place: None, user_id: None, buttons }).await.unwrap()
    }

    async fn attempt(&self, attempt: &Attempt) -> Attempt {
        self.store.attempt(&attempt.id).await.unwrap().unwrap()
    }

    /// What the audit log says about the attempt, with the reasons of what was denied.
    async fn log(&self, attempt: &Attempt) -> Vec<String> {
        let filter = AuditFilter { attempt: Some(attempt.id.clone()), ..AuditFilter::default() };
        let rows = self.store.list(filter).await.unwrap();
        let word = |reason: &sre_copilot::domain::Code| format!(" {}", reason.as_str());
        let rows = rows.iter().map(|row| &row.event);
        rows.map(|event| format!("{}{}", event.event, event.data.reason.as_ref().map(word).unwrap_or_default())).collect()
    }

    /// As the worker brings it on.
    async fn brought(&self, attempt: &Attempt, path: &[AttemptState]) -> Attempt {
        let mut attempt = self.attempt(attempt).await;
        for to in path {
            let worker = Actor { kind: "system".to_owned(), id: "worker".to_owned(), name: "worker".to_owned() };
            let sent_at = (*to == AttemptState::Running).then(|| self.now());
            let event = AuditEvent::new(AuditName::AttemptRunning, worker, "worker");
            let advance = Advance {
                id: attempt.id.clone(),
                from: attempt.state,
                version: attempt.version,
                fence: attempt.fence,
                to: *to,
                set: Changes { sent_at, ..Changes::default() },
                audit: event,
                per_hour: None,
            };
            attempt = self.store.advance(advance).await.unwrap();
        }
        attempt
    }

    /// What waits in the outbox to be told to those who clicked.
    fn told(&self) -> Vec<Value> {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        let mut statement = connection.prepare("SELECT payload FROM outbox WHERE op = 'reply' ORDER BY number").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect()
    }

    fn count(&self, what: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }
}

fn place() -> Place {
    Place { channel_id: CHANNEL.to_owned(), message_id: MESSAGE.to_owned() }
}

/// A click as Discord sends it, which its own types read.
pub fn interaction(id: &str, who: Who, channel: &str, message: &str, custom_id: &str) -> Value {
    let user = json!({"id": who.id, "username": who.name, "global_name": null, "avatar": null, "discriminator": "0"});
    let author = json!({"id": "1100000000000000099", "username": "sre-copilot", "global_name": null, "avatar": null, "discriminator": "0", "bot": true});
    let body = json!({
        "id": id, "application_id": "1100000000000000098", "type": 3, "version": 1, "token": format!("token-of-{id}"),
        "attachment_size_limit": 524_288, "authorizing_integration_owners": {}, "entitlements": [], "locale": "de",
        "guild_id": "1100000000000000097", "guild_locale": "en-US", "channel_id": channel,
        "channel": {"id": channel, "type": 0, "name": "incidents"}, "app_permissions": "0", "context": 0,
        "data": {"component_type": 2, "custom_id": custom_id, "id": 3},
        "member": {"user": user, "roles": who.roles, "joined_at": "2024-01-01T00:00:00.000000+00:00", "deaf": false,
                   "mute": false, "flags": 0, "nick": null, "permissions": "0", "pending": false, "premium_since": null},
        "message": {"id": message, "channel_id": channel, "type": 0, "content": "", "author": author, "attachments": [],
                    "embeds": [], "components": [], "mentions": [], "mention_roles": [], "mention_everyone": false,
                    "pinned": false, "tts": false, "edited_timestamp": null, "timestamp": "2026-01-01T00:00:00.000000+00:00"},
    });
    serde_json::from_value::<Interaction>(body.clone()).unwrap();
    body
}

/// An answer that Discord's own types read, which one person alone sees and which mentions nobody.
pub fn checked(answer: Value) -> Value {
    let mut read = answer.clone();
    // What Discord adds when it gives an embed back, and these types are of that.
    for embed in read["data"]["embeds"].as_array_mut().into_iter().flatten() {
        embed["type"] = json!("rich");
        embed["fields"].as_array_mut().into_iter().flatten().for_each(|field| field["inline"] = json!(false));
    }
    serde_json::from_value::<InteractionResponse>(read).unwrap();
    assert_eq!(answer["data"]["flags"], 64, "{answer}");
    match answer["type"].as_u64() {
        Some(4) => {
            assert_eq!(answer["data"]["allowed_mentions"], json!({"parse": []}), "{answer}");
            let length = text(&answer).encode_utf16().count();
            assert!((1..=2000).contains(&length), "{answer}");
        }
        Some(5) => {}
        _ => panic!("{answer}"),
    }
    answer
}

pub fn text(answer: &Value) -> &str {
    answer["data"]["content"].as_str().unwrap()
}

/// The only button of an answer.
pub fn button(answer: &Value) -> String {
    let row = answer["data"]["components"][0]["components"].as_array().unwrap_or_else(|| panic!("no button in {answer}"));
    assert_eq!(row.len(), 1, "{answer}");
    row[0]["custom_id"].as_str().unwrap().to_owned()
}

fn plan(risk: &str) -> Plan {
    serde_json::from_value(json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
        "intent": {"action": "scale_deployment", "resource_type": "deployment", "resource_name": "checkout", "namespace": "shop",
                   "params": {"replicas": 4}, "cause": "insufficient_replicas"},
        "target": {"uid": "uid-of-checkout", "version": "generation:7"},
        "request": {"method": "PATCH", "path": "/apis/apps/v1/namespaces/shop/deployments/checkout/scale",
                    "contentType": "application/json-patch+json", "body": []},
        "diff": [{"path": "spec.replicas", "before": 2, "after": 4}],
        "risk": {"level": risk, "axes": [{"axis": "blast radius", "value": "low (2 callers)", "level": 0}]},
    }))
    .unwrap()
}

fn proposal(run: &Run, plan: Plan, now: Timestamp) -> NewAttempt {
    let worker = Actor { kind: "system".to_owned(), id: "worker".to_owned(), name: "worker".to_owned() };
    NewAttempt {
        incident: run.incident.clone(),
        run_id: run.id.clone(),
        plan,
        context: json!({
            "title": "Scale deployment/checkout in shop from 2 to 4", "why": "confirmed @everyone [x](https://evil.example)",
            "command": "kubectl -n shop scale deployment/checkout --replicas=4", "undo": "back to 2",
            "decision": {"value": "approve", "rule": "needs_approval", "why": "a person has to approve it"},
        }),
        requested_by: Some(worker.clone()),
        expires_at: now + SignedDuration::from_mins(30),
        before: Some(json!({"spec": {"replicas": 2}})),
        undo_of: None,
        audit: vec![AuditEvent::new(AuditName::ApprovalRequested, worker, "worker")],
    }
}
