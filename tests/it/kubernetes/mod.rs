//! The live reader, against answers made for the purpose and against a real API server.

mod approve;
pub mod envtest;
mod live;
mod logs;
mod made;
mod rights;
mod served;
mod transport;
mod whole;

use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::{ConnectOptions, KubernetesReader};
use sre_copilot::cluster::Recording;
use sre_copilot::domain::ObjectRef;
use sre_copilot::ports::{ClusterReader, ReadError, ReadRequest};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A kubeconfig in a folder of its own, which goes when this does.
pub struct Kubeconfig {
    folder: TempDir,
}

impl Kubeconfig {
    pub fn new(cluster: &Value, user: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "shop"}}],
        });
        std::fs::write(folder.path().join("config"), config.to_string()).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub fn options(&self) -> ConnectOptions {
        ConnectOptions { kubeconfig: Some(self.path()), request_timeout: Duration::from_secs(20), ..ConnectOptions::default() }
    }
}

async fn connect(options: ConnectOptions) -> Result<KubernetesReader, ReadError> {
    // Fails when another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    KubernetesReader::connect(options).await
}

async fn read(options: ConnectOptions, targets: Vec<ObjectRef>) -> Result<Recording, ReadError> {
    connect(options).await?.read(&ReadRequest { targets, all_namespaces: false }).await
}

fn namespace(name: &str) -> Vec<ObjectRef> {
    vec![ObjectRef::cluster("Namespace", name)]
}

/// The names of the objects of a kind, in the order in which they were read.
fn names<'a>(recording: &'a Recording, kind: &str) -> Vec<&'a str> {
    let of_kind = recording.objects.iter().filter(|object| object["kind"] == kind);
    of_kind.map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}

/// The state of a source, as a bundle spells it; empty where there is none.
fn state(recording: &Recording, source: &str) -> String {
    recording.sources.get(source).map(ToString::to_string).unwrap_or_default()
}
