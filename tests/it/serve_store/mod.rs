//! Deliveries, jobs and messages over real files: what is answered is on disk, once, whatever happens.

mod absent;
mod digests;
mod figures;
mod flood;
mod helped;
mod incidents;
mod killed;
mod queue;
mod rows;
mod upkeep;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::domain::{
    Actor, AuditEvent, AuditName, Delivery, Lane, Lifecycle, ObjectRef, Reading, Report, Severity, Verdict,
};
use sre_copilot::ports::{Accepted, AlertAnswer, Intake, JobFilter, JobQueue, Leased, NewAttempt, Outcome, StoreError, Taken};
use sre_copilot::store::Store;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

const EPOCH: i64 = 1_790_000_000;

struct Home {
    folder: TempDir,
    store: Store,
    clock: Arc<AtomicI64>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(EPOCH + second).unwrap()
}

fn open(path: PathBuf, clock: &Arc<AtomicI64>) -> Store {
    let clock = Arc::clone(clock);
    Store::open(&path, move || Timestamp::from_second(EPOCH + clock.load(Ordering::SeqCst)).unwrap()).unwrap()
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let store = open(folder.path().join("state.db"), &clock);
        Self { folder, store, clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Our clock, in seconds.
    fn set(&self, second: i64) {
        self.clock.store(second, Ordering::SeqCst);
    }

    fn pass(&self, second: i64) {
        self.clock.fetch_add(second, Ordering::SeqCst);
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    async fn try_take(&self, alerts: Vec<Value>) -> Result<Accepted, StoreError> {
        let body = json!({"version": "4", "receiver": "sre", "groupKey": "g", "alerts": alerts});
        take(&self.store, body, at(self.now())).await
    }

    async fn take(&self, alerts: Vec<Value>) -> Accepted {
        self.try_take(alerts).await.unwrap()
    }

    /// One alert in a delivery of its own.
    async fn one(&self, alert: Value) -> AlertAnswer {
        let mut answer = self.take(vec![alert]).await;
        assert_eq!(answer.alerts.len(), 1);
        answer.alerts.remove(0)
    }

    async fn claim(&self) -> Option<Leased> {
        self.store.claim(Lane::Analysis).await.unwrap()
    }

    /// Analyses what waits, to this verdict.
    async fn analyse(&self, verdict: Verdict) -> Leased {
        let leased = self.claim().await.unwrap();
        assert!(self.store.finish(&leased, outcome(verdict)).await.unwrap().is_some());
        leased
    }

    async fn jobs(&self) -> usize {
        self.store.jobs(JobFilter { limit: Some(1_000), ..JobFilter::default() }).await.unwrap().len()
    }

    fn count(&self, what: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }
}

async fn take(store: &Store, body: Value, received: Timestamp) -> Result<Accepted, StoreError> {
    let raw = body.to_string().into_bytes();
    let (labels, severities) = (["cluster".to_owned()], BTreeMap::new());
    let how = Reading { cluster_labels: &labels, default_cluster: "default", severities: &severities, received };
    store.take(Delivery::read(&raw, &how).unwrap(), raw).await
}

/// A restart of the Deployment shop/checkout, as an analysis of the incident proposes it.
fn restart(incident: &str, run: &str) -> NewAttempt {
    let plan = json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
        "intent": {"action": "restart_deployment", "resource_type": "deployment", "resource_name": "checkout", "namespace": "shop",
                   "params": {}},
        "target": {"uid": "uid", "version": "generation:7"},
        "request": {"method": "PATCH", "path": "/apis/apps/v1/namespaces/shop/deployments/checkout",
                    "contentType": "application/strategic-merge-patch+json", "body": {}},
        "diff": [], "risk": {"level": "low", "axes": []},
    });
    let actor = Actor { kind: "cli".to_owned(), id: "7".to_owned(), name: "anna".to_owned() };
    NewAttempt {
        incident: incident.to_owned(),
        run_id: run.to_owned(),
        plan: serde_json::from_value(plan).unwrap(),
        context: json!({}),
        requested_by: None,
        expires_at: at(3_600),
        before: None,
        undo_of: None,
        audit: vec![AuditEvent::new(AuditName::ApprovalRequested, actor, "cli")],
    }
}

fn outcome(verdict: Verdict) -> Outcome {
    let target = ObjectRef::new("Deployment", "shop", "checkout");
    Outcome::Report(Box::new(Report::new(target, verdict, at(0))))
}

/// A pod of the Deployment shop/checkout, whose alert began then and, by the sender's clock, ended then.
fn pod(alert: &str, number: u32, start: i64, end: Option<i64>) -> Value {
    with(
        alert,
        &json!({"namespace": "shop", "pod": format!("checkout-6d5f9c7b8-{}", suffix(number)), "severity": "warning"}),
        start,
        end,
    )
}

fn with(alert: &str, labels: &Value, start: i64, end: Option<i64>) -> Value {
    let mut labels = labels.clone();
    labels["alertname"] = json!(alert);
    let status = if end.is_some() { "resolved" } else { "firing" };
    let end = end.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |end| at(end).to_string());
    json!({"status": status, "labels": labels, "annotations": {"summary": "it restarts"}, "startsAt": at(start).to_string(), "endsAt": end})
}

/// Five characters as Kubernetes draws them.
fn suffix(mut number: u32) -> String {
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5)
        .map(|_| {
            let letter = letters[(number % 27) as usize];
            number /= 27;
            char::from(letter)
        })
        .collect()
}
