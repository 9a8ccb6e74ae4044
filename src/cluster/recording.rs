//! What was read of the world, before it is indexed: exactly what a bundle holds, and exactly what the live reader
//! gives, so that both lead to the same report. Never holds a Secret's values.

use crate::domain::{ObjectRef, Sources};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that one analysis reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The moment that all ages are relative to: the API server's `Date` when live, `capturedAt` in a bundle.
    /// `None` when the input doesn't say (plain `kubectl get -o json`); the snapshot then takes the newest
    /// time that it finds in the objects.
    pub captured_at: Option<Timestamp>,
    /// What the recording says it is about.
    pub target: Option<ObjectRef>,
    /// One line for people.
    pub title: Option<String>,
    /// How reading each source went.
    pub sources: Sources,
    /// Kubernetes objects as the API server gives them, Events among them; in any order.
    pub objects: Vec<Value>,
    /// Container logs.
    pub logs: BTreeMap<LogKey, String>,
    /// Time series under normalised names.
    pub signals: Vec<Signal>,
    /// Service dependencies that a mesh, tracing or a person knows.
    pub dependencies: Vec<Dependency>,
    /// What a CI server deployed.
    pub deploys: Vec<Deploy>,
    /// What a ticket tracker knows.
    pub tickets: Vec<Ticket>,
    /// An Alertmanager webhook payload, version 4, as it came.
    pub alert: Option<Value>,
    /// What could not be understood while reading, one sentence each; shown, never hidden.
    pub warnings: Vec<String>,
}

/// Which log a text is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// True for the log of the instance before the current one.
    pub previous: bool,
}

/// One time series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The normalised name, such as `memory_working_set_bytes`.
    pub signal: String,
    /// What is measured.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `(unix seconds, value)`, oldest first.
    #[serde(default)]
    pub values: Vec<(f64, f64)>,
}

/// A service by namespace and name, as `dependencies.json` names its ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceName {
    /// The service's namespace.
    #[serde(default)]
    pub namespace: String,
    /// The service's name.
    pub name: String,
}

/// One service calls or uses another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// Who calls.
    pub from: ServiceName,
    /// Who is called.
    pub to: ServiceName,
    /// `calls`, `uses_db` …
    #[serde(default)]
    pub kind: String,
    /// Who says so: `mesh`, `tracing`, `declared`.
    #[serde(default)]
    pub source: String,
}

/// One build that deployed something. Whatever the CI server didn't say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deploy {
    /// The service that was deployed.
    pub service: String,
    /// The namespace that it was deployed to.
    pub namespace: String,
    /// The build configuration's id.
    pub build_type: String,
    /// The build's number as people see it; not always a number.
    #[serde(deserialize_with = "text_or_number")]
    pub number: String,
    /// How it ended, in the CI server's own word.
    pub status: String,
    /// The commit that was built.
    pub sha: String,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Who or what started it.
    pub triggered_by: String,
    /// The build's page.
    pub url: String,
    /// The commits in it, as the CI server gives them; null when it didn't say.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub changes: Value,
}

/// CI servers number builds with text; people write a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        other => Err(serde::de::Error::custom(format_args!("a build's number is a text or a number, not {other}"))),
    }
}

/// One ticket. Whatever the tracker didn't say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ticket {
    /// The ticket's key, such as `SHOP-12`.
    pub key: String,
    /// Its one line.
    pub summary: String,
    /// Its status, in the tracker's own word.
    pub status: String,
    /// Whether it is done.
    pub resolved: bool,
    /// Its priority, in the tracker's own word.
    pub priority: String,
    /// The ticket's page.
    pub url: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}
