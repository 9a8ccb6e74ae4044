//! The operators' endpoints against the server on a socket of its own, with tokens of real keys, over a real file. The keys
//! beside were made for these tests alone.

mod approvals;
mod questions;
mod tokens;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sre_copilot::config::{Environment, Settings};
use sre_copilot::domain::{Actor, Attempt, AuditEvent, AuditName, ObjectRef, Plan, Report, Run, Verdict};
use sre_copilot::ports::{AttemptStore, AuditFilter, AuditLog, IncidentStore, NewAttempt};
use sre_copilot::redact::Redactor;
use sre_copilot::server::{App, Phase, router, serve};
use sre_copilot::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;

const EPOCH: i64 = 1_790_000_000_000;
const RSA: &str = include_str!("keys/rsa.pem");
pub const RSA_PUBLIC: &str = include_str!("keys/rsa.pub.pem");
const P256: &str = include_str!("keys/p256.pem");
const P256_PUBLIC: &str = include_str!("keys/p256.pub.pem");
const OTHER: &str = include_str!("keys/other.pem");

/// In production, with the RSA key, and where changes may be applied.
fn settings() -> Settings {
    let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
    settings.serve.jwt_public_key = Some(RSA_PUBLIC.to_owned());
    settings.executor.enabled = true;
    settings.executor.approval_enabled = true;
    settings
}

/// A server with a store and a clock of its own.
struct Home {
    app: App<Store>,
    clock: Arc<AtomicI64>,
    url: String,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.app.stopping.enter(Phase::Closed);
    }
}

impl Home {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(EPOCH));
        let time = Arc::clone(&clock);
        let now = move || Timestamp::from_millisecond(time.load(Ordering::SeqCst)).unwrap();
        let store = Arc::new(Store::open(&folder.path().join("state.db"), now.clone()).unwrap());
        let app = App::new(store, settings, Arc::new(now), Redactor::fixed()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, router(app.clone()), app.stopping.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { app, clock, url, client, _folder: folder }
    }

    fn pass(&self, span: SignedDuration) {
        self.clock.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Status and document; of a problem, that it has the one form.
    async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers().contains_key("retry-after"), matches!(status, 429 | 503));
        let document: Value = answer.json().await.unwrap();
        if status >= 400 {
            assert_eq!(document["status"], status, "{document}");
            assert_eq!(document["type"], format!("urn:sre-copilot:problem:{}", document["code"].as_str().unwrap()));
        }
        (status, document)
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.send("GET", path, Some(token), None).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, Some(token), Some(body)).await
    }

    /// An incident with an analysis.
    async fn analysed(&self) -> Run {
        let subject = ObjectRef::new("Deployment", "shop", "checkout");
        let incident = self.app.store.open_or_join("5d1c", &subject).await.unwrap();
        let report = Report::new(subject, Verdict::Confirmed, self.app.now());
        self.app.store.record(&incident.id, &report).await.unwrap()
    }

    async fn proposed(&self, risk: &str, by: Option<Actor>) -> Attempt {
        let run = self.analysed().await;
        self.pass(SignedDuration::from_secs(1));
        self.app.store.propose(proposal(&run, risk, by, self.app.now())).await.unwrap()
    }

    /// What the audit log says about the attempt, with the reasons of what was denied.
    async fn log(&self, attempt: &Attempt) -> Vec<String> {
        let filter = AuditFilter { attempt: Some(attempt.id.clone()), ..AuditFilter::default() };
        let rows = self.app.store.list(filter).await.unwrap();
        let word = |event: &AuditEvent| event.data.reason.as_ref().map(|reason| format!(" {}", reason.as_str()));
        rows.iter().map(|row| format!("{}{}", row.event.event, word(&row.event).unwrap_or_default())).collect()
    }
}

/// The claims of a good token.
fn claims(sub: &str, roles: &[&str]) -> Value {
    json!({"sub": sub, "aud": "sre-copilot", "exp": EPOCH / 1000 + 86_400, "roles": roles})
}

fn signed(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, key).unwrap()
}

pub fn rsa(claims: &Value) -> String {
    signed(Algorithm::RS256, &EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(), claims)
}

fn token(sub: &str, roles: &[&str]) -> String {
    rsa(&claims(sub, roles))
}

fn operator(id: &str) -> Actor {
    Actor { kind: "operator".to_owned(), id: id.to_owned(), name: id.to_owned() }
}

fn proposal(run: &Run, risk: &str, by: Option<Actor>, now: Timestamp) -> NewAttempt {
    let plan: Plan = serde_json::from_value(json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
        "intent": {"action": "scale_deployment", "resource_type": "deployment", "resource_name": "checkout", "namespace": "shop",
                   "params": {"replicas": 4}, "cause": "insufficient_replicas"},
        "target": {"uid": "uid-of-checkout", "version": format!("generation:{}", now.as_second())},
        "request": {"method": "PATCH", "path": "/apis/apps/v1/namespaces/shop/deployments/checkout/scale",
                    "contentType": "application/json-patch+json", "body": []},
        "diff": [{"path": "spec.replicas", "before": 2, "after": 4}],
        "risk": {"level": risk, "axes": [{"axis": "blast radius", "value": "low (2 callers)", "level": 0}]},
    }))
    .unwrap();
    let worker = Actor { kind: "system".to_owned(), id: "worker".to_owned(), name: "worker".to_owned() };
    NewAttempt {
        incident: run.incident.clone(),
        run_id: run.id.clone(),
        plan,
        context: json!({"decision": {"value": "approve", "rule": "needs_approval", "why": "a person has to approve it"}}),
        requested_by: by.or_else(|| Some(worker.clone())),
        expires_at: now + SignedDuration::from_mins(30),
        before: Some(json!({"spec": {"replicas": 2}})),
        undo_of: None,
        audit: vec![AuditEvent::new(AuditName::ApprovalRequested, worker, "worker")],
    }
}
