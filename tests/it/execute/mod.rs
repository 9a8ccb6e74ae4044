//! The executor: against a server made for the purpose, which fails as it is told, and against a real API server.

mod killed;
mod lost;
mod race;
mod refused;
mod rejected;
mod simulated;
mod verified;
mod webhook;
mod writes;

use crate::kubernetes::Kubeconfig;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::{KubernetesWriter, WriterOptions};
use sre_copilot::domain::{
    Action, Actor, Attempt, Decision, DecisionValue, ExecutionIntent, Params, PlanRequest, ResourceParams, ResourceType, Risk,
    RiskReport,
};
use sre_copilot::pipeline::execute::{Ask, ExecutionStatus, Executor, Limits, Outcome, Policy, Progress, Unheard};
use sre_copilot::ports::{Clock, ClusterWriter};
use sre_copilot::redact::Redactor;
use sre_copilot::store::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// This machine's time, so many milliseconds later; waiting only moves it on.
#[derive(Clone, Default)]
pub struct Later(Arc<AtomicI64>);

impl Later {
    pub fn pass(&self, time: SignedDuration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn wait(&self, time: SignedDuration) {
        self.pass(time);
    }
}

/// A policy that has everything approved by a person.
pub struct Allows;

fn decision(value: DecisionValue, rule: &str) -> Decision {
    Decision { value, rule: rule.to_owned(), why: format!("because of {rule}") }
}

impl Policy for Allows {
    fn guard(&self, _: &ExecutionIntent, _: Timestamp) -> Decision {
        decision(DecisionValue::Approve, "needs_approval")
    }

    fn risk(&self, _: &ExecutionIntent, _: Timestamp) -> RiskReport {
        RiskReport { level: Risk::Medium, axes: Vec::new() }
    }

    fn gate(&self, _: &ExecutionIntent, _: &PlanRequest, _: &RiskReport, _: Timestamp) -> Decision {
        decision(DecisionValue::Approve, "needs_approval")
    }
}

/// A database in a folder of its own, and its clock.
pub struct Home {
    folder: TempDir,
    pub store: Store,
    pub clock: Later,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Later::default();
        let store = open(&folder.path().join("state.db"), &clock);
        Self { folder, store, clock }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    pub fn executor<'a, W: ClusterWriter>(&'a self, writer: &'a W) -> Executor<'a, W, Store, Later> {
        executor(writer, &self.store, &self.clock, &Unheard)
    }

    /// Proposes, and gives what became of it.
    pub async fn propose<W: ClusterWriter>(&self, writer: &W, intent: &ExecutionIntent) -> Outcome {
        self.executor(writer).propose(ask(intent), &Allows).await.unwrap()
    }

    /// Proposes what has to come through.
    pub async fn proposed<W: ClusterWriter>(&self, writer: &W, intent: &ExecutionIntent) -> Attempt {
        let outcome = self.propose(writer, intent).await;
        assert_eq!(outcome.status, ExecutionStatus::DryRunOk, "{outcome:?}");
        *outcome.attempt.unwrap()
    }

    /// Proposes and approves.
    pub async fn approved<W: ClusterWriter>(&self, writer: &W, intent: &ExecutionIntent) -> Attempt {
        let proposed = self.proposed(writer, intent).await;
        self.executor(writer).approve(&proposed, &proposed.digest).await.unwrap()
    }

    /// Proposes, approves and applies.
    pub async fn applied<W: ClusterWriter>(&self, writer: &W, intent: &ExecutionIntent) -> Attempt {
        let approved = self.approved(writer, intent).await;
        self.executor(writer).apply(&approved, &Allows).await.unwrap()
    }
}

pub fn open(path: &Path, clock: &Later) -> Store {
    let clock = clock.clone();
    Store::open(path, move || clock.now()).unwrap()
}

pub fn executor<'a, W: ClusterWriter>(
    writer: &'a W,
    store: &'a Store,
    clock: &'a Later,
    progress: &'a dyn Progress,
) -> Executor<'a, W, Store, Later> {
    let actor = Actor { kind: "person".to_owned(), id: "anna".to_owned(), name: "Anna".to_owned() };
    Executor { writer, store, clock, actor, channel: "cli".to_owned(), limits: Limits::default(), progress }
}

pub fn ask(intent: &ExecutionIntent) -> Ask<'_> {
    Ask {
        intent,
        incident: "i-1",
        run_id: "r-1",
        context: json!({}),
        requested_by: None,
        cluster: None,
        ttl: SignedDuration::from_mins(30),
        by_rule: true,
        undo_of: None,
    }
}

pub fn options(kubeconfig: &Kubeconfig) -> WriterOptions {
    WriterOptions { connect: kubeconfig.options(), token_file: None, safe_mode: true, redactor: Redactor::fixed() }
}

pub async fn connect(options: WriterOptions) -> KubernetesWriter {
    let _ = rustls::crypto::ring::default_provider().install_default();
    KubernetesWriter::connect(options).await.unwrap()
}

pub fn intent(namespace: &str, action: Action, name: &str, params: Params) -> ExecutionIntent {
    let resource_type = match action {
        Action::RestartStatefulSet => ResourceType::StatefulSet,
        Action::RestartDaemonSet => ResourceType::DaemonSet,
        Action::EvictPod | Action::GetLogs => ResourceType::Pod,
        _ => ResourceType::Deployment,
    };
    let (namespace, resource_name) = (namespace.to_owned(), name.to_owned());
    ExecutionIntent { action, resource_type, resource_name, namespace, params, risk: Risk::Low, reason: "because".to_owned() }
}

pub fn memory(limit: &str) -> Params {
    let memory_limit = Some(limit.to_owned());
    Params::Resources(ResourceParams { container: "app".to_owned(), memory_limit, ..ResourceParams::default() })
}

/// A workload without pods but for its replicas.
pub fn workload(name: &str, replicas: i32) -> Value {
    let containers = json!([{
        "name": "app", "image": "registry.example/app:1", "env": [{"name": "DB", "value": "canary-of-execute"}],
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}},
    }]);
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
        },
    })
}

/// The code at the beginning of an attempt's reason.
pub fn code(attempt: &Attempt) -> &str {
    attempt.reason.as_deref().unwrap_or_default().split(": ").next().unwrap_or_default()
}
