//! What was read of the world, before it is indexed: exactly what a bundle holds, and exactly what the live reader
//! gives, so that both lead to the same report. Never holds a Secret's values.

use crate::domain::{Deploy, Exchange, ModelName, ObjectRef, RememberedIncident, Sources, Ticket};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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
    /// What a search in structured logs found, oldest first.
    pub log_events: Vec<LogEvent>,
    /// Earlier incidents of the cluster, and open ones, as the store remembers them.
    pub history: Vec<RememberedIncident>,
    /// An Alertmanager webhook payload, version 4, as it came.
    pub alert: Option<Value>,
    /// The model that was asked about it; `None` when none was.
    pub model: Option<ModelName>,
    /// What was asked of it and what it said, by number.
    pub exchanges: Vec<Exchange>,
    /// What could not be understood while reading, one sentence each; shown, never hidden.
    pub warnings: Vec<String>,
}

impl Recording {
    /// Adds what other witnesses said of the same moment; nothing of the cluster is taken over.
    pub fn add(&mut self, evidence: Self) {
        self.signals.extend(evidence.signals);
        self.dependencies.extend(evidence.dependencies);
        self.deploys.extend(evidence.deploys);
        self.tickets.extend(evidence.tickets);
        self.log_events.extend(evidence.log_events);
        self.sources.extend(evidence.sources);
        self.warnings.extend(evidence.warnings);
    }
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

/// One event of a structured log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogEvent {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// `Verbose` to `Fatal`, in the log's own word.
    pub level: String,
    /// The message as a person reads it.
    pub message: String,
    /// The message with its place-holders, the same for all events of one kind.
    pub template: String,
    /// The exception's first lines.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exception: String,
    /// What else the event says: service, namespace, pod.
    pub properties: BTreeMap<String, String>,
}

impl LogEvent {
    /// What events are sorted by: time, then everything else, so that the same events stand in the same order.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (self.at, &self.level, &self.template, &self.message, &self.exception, &self.properties)
    }
}
