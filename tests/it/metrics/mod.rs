//! Time series from metrics servers: from real ones, where their programs are installed, and from ones that misbehave.

mod hostile;
mod servers;

use sre_copilot::adapters::prometheus::Prometheus;
use sre_copilot::cluster::{Recording, Signal, Snapshot};
use sre_copilot::config::{Mesh, MetricsSettings};
use sre_copilot::diagnose::{self, Options};
use sre_copilot::domain::{ClusterHealth, ObjectRef, SIGNALS};
use sre_copilot::ports::{Answered, EvidenceRequest, NodeNames, SignalSource};
use sre_copilot::redact::Redactor;

/// What is asked in all of these tests: two pods of `shop`, and the node `w1`.
fn request() -> EvidenceRequest {
    EvidenceRequest {
        at: "2026-01-02T05:00:00Z".parse().unwrap(),
        until: "2026-01-02T09:00:00Z".parse().unwrap(),
        objects: vec![ObjectRef::new("Deployment", "shop", "web"), ObjectRef::new("Service", "shop", "front")],
        pods: ["web-1", "web-2"].map(|name| ObjectRef::new("Pod", "shop", name)).into(),
        nodes: vec![NodeNames { name: "w1".into(), addresses: vec!["10.0.0.7".into()] }],
        namespaces: vec!["shop".into()],
        hosts: vec!["shop.example.com".into()],
        ..EvidenceRequest::default()
    }
}

async fn ask(url: &str, request: &EvidenceRequest) -> Answered<Signal> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = MetricsSettings { url: Some(url.to_owned()), mesh: Some(Mesh::Istio), ..MetricsSettings::default() };
    Prometheus::new(&settings, Redactor::fixed()).unwrap().unwrap().signals(request).await
}

/// The cluster's health as a report of this answer has it.
fn health(answer: &Answered<Signal>) -> ClusterHealth {
    let sources = [(SIGNALS.to_owned(), answer.state.clone())].into();
    let snapshot = Snapshot::new(Recording { signals: answer.items.clone(), sources, ..Recording::default() });
    diagnose::diagnose(&snapshot, &ObjectRef::cluster("Namespace", "shop"), Options::default()).health.unwrap()
}
