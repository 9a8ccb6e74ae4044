//! Kubernetes Events of both APIs (`v1` and `events.k8s.io/v1`), read into one shape.

use super::{Object, canonical_kind, is_cluster_scoped, json};
use crate::domain::{Evidence, EvidenceSource, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

/// One Event, about one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// What it is about (`involvedObject`, or `regarding` in events.k8s.io).
    pub object: ObjectRef,
    /// When it was last seen: events that repeat count at their last time.
    pub last: Option<Timestamp>,
    /// When it was first seen.
    pub first: Option<Timestamp>,
    /// The machine-readable reason, such as `BackOff`.
    pub reason: String,
    /// The message, as the component wrote it.
    pub message: String,
    /// The container, from the field path `spec.containers{app}`.
    pub container: Option<String>,
    /// Whether its type is `Warning`.
    pub warning: bool,
    /// How often it was seen, at least 1.
    pub count: u64,
    /// The component that reports it, such as `kubelet`.
    pub component: String,
    /// The node that the component runs on, where it says so.
    pub host: String,
}

impl Event {
    /// Reads an Event object. `None` when it doesn't say what it is about.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let raw = &object.raw;
        let about = [json::key(raw, "involvedObject"), json::key(raw, "regarding")].into_iter().find(|v| v.is_object())?;
        let (kind, name) = (json::text(about, "kind"), json::text(about, "name"));
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let kind = canonical_kind(kind, json::text(about, "apiVersion"));
        let namespace = match json::text(about, "namespace") {
            _ if is_cluster_scoped(&kind) => None,
            "" => object.id.namespace.clone(),
            namespace => Some(namespace.to_owned()),
        };
        let first_of = |paths: &[&str]| paths.iter().find_map(|path| json::time(raw, path));
        let text_of = |paths: &[&str]| {
            paths.iter().map(|path| json::text(raw, path)).find(|text| !text.is_empty()).unwrap_or("").to_owned()
        };
        let count = ["series.count", "count", "deprecatedCount"].iter().find_map(|path| json::int(raw, path)).unwrap_or(1);
        Some(Self {
            object: ObjectRef { kind, namespace, name: name.to_owned() },
            // The order of preference is that of kubectl's event printer: the series, then the old fields, then the new.
            last: first_of(&[
                "series.lastObservedTime",
                "lastTimestamp",
                "deprecatedLastTimestamp",
                "eventTime",
                "firstTimestamp",
                "metadata.creationTimestamp",
            ]),
            first: first_of(&["firstTimestamp", "deprecatedFirstTimestamp", "eventTime", "metadata.creationTimestamp"]),
            reason: json::text(raw, "reason").to_owned(),
            message: text_of(&["message", "note"]),
            container: container_of(json::text(about, "fieldPath")),
            warning: json::text(raw, "type") == "Warning",
            count: u64::try_from(count).unwrap_or(1).max(1),
            component: text_of(&["source.component", "reportingComponent", "reportingController", "deprecatedSource.component"]),
            host: text_of(&["source.host", "deprecatedSource.host", "reportingInstance"]),
        })
    }

    /// This event as evidence.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            source: EvidenceSource::Event,
            object: self.object.clone(),
            container: self.container.clone(),
            path: self.reason.clone(),
            line: None,
            value: Value::String(self.message.clone()),
            at: self.last,
            count: (self.count > 1).then_some(self.count),
        }
    }
}

/// The container's name in a field path such as `spec.initContainers{migrate}`.
fn container_of(field_path: &str) -> Option<String> {
    let (_, rest) = field_path.split_once('{')?;
    let (name, _) = rest.split_once('}')?;
    (!name.is_empty()).then(|| name.to_owned())
}
