//! One Kubernetes object as it came, with its identity read out of it.

use super::json;
use crate::domain::ObjectRef;
use jiff::Timestamp;
use serde_json::Value;

/// The kinds that rules know, with the API groups (without version) that they come from. An object whose kind is
/// listed here but whose group isn't is another thing (a Knative `Service`) and keeps its group in its kind.
const KNOWN: &[(&str, &[&str])] = &[
    ("ClusterRole", &["rbac.authorization.k8s.io"]),
    ("ClusterRoleBinding", &["rbac.authorization.k8s.io"]),
    ("ConfigMap", &[""]),
    ("ControllerRevision", &["apps"]),
    ("CronJob", &["batch"]),
    ("DaemonSet", &["apps", "extensions"]),
    ("Deployment", &["apps", "extensions"]),
    ("EndpointSlice", &["discovery.k8s.io"]),
    ("Endpoints", &[""]),
    ("Event", &["", "events.k8s.io"]),
    ("GRPCRoute", &["gateway.networking.k8s.io"]),
    ("Gateway", &["gateway.networking.k8s.io"]),
    ("GatewayClass", &["gateway.networking.k8s.io"]),
    ("HTTPRoute", &["gateway.networking.k8s.io"]),
    ("HorizontalPodAutoscaler", &["autoscaling"]),
    ("Ingress", &["networking.k8s.io", "extensions"]),
    ("IngressClass", &["networking.k8s.io"]),
    ("Job", &["batch"]),
    ("Lease", &["coordination.k8s.io"]),
    ("LimitRange", &[""]),
    ("MutatingWebhookConfiguration", &["admissionregistration.k8s.io"]),
    ("Namespace", &[""]),
    ("NetworkPolicy", &["networking.k8s.io", "extensions"]),
    ("Node", &[""]),
    ("PersistentVolume", &[""]),
    ("PersistentVolumeClaim", &[""]),
    ("Pod", &[""]),
    ("PodDisruptionBudget", &["policy"]),
    ("PriorityClass", &["scheduling.k8s.io"]),
    ("ReplicaSet", &["apps", "extensions"]),
    ("ReplicationController", &[""]),
    ("ResourceQuota", &[""]),
    ("Role", &["rbac.authorization.k8s.io"]),
    ("RoleBinding", &["rbac.authorization.k8s.io"]),
    ("RuntimeClass", &["node.k8s.io"]),
    ("Secret", &[""]),
    ("Service", &[""]),
    ("ServiceAccount", &[""]),
    ("StatefulSet", &["apps"]),
    ("StorageClass", &["storage.k8s.io"]),
    ("TCPRoute", &["gateway.networking.k8s.io"]),
    ("TLSRoute", &["gateway.networking.k8s.io"]),
    ("ValidatingWebhookConfiguration", &["admissionregistration.k8s.io"]),
    ("VolumeAttachment", &["storage.k8s.io"]),
];

/// Kinds that have no namespace. A namespace on one of these is dropped, so that input which carries one by mistake
/// still joins.
const CLUSTER_SCOPED: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "GatewayClass",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// The annotation on an object that was seen only in part (a table, an owner reference): what it lacks is unknown.
pub const PARTIAL: &str = "sre-copilot/partial";

/// Whether objects of this kind have no namespace.
pub fn is_cluster_scoped(kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&kind)
}

/// The kind under which an object of `kind` in the API version `api_version` is kept: the kind itself when we know
/// its group, else `Kind.group`. An empty `api_version`, as in an event's reference, is taken for the known group.
pub fn canonical_kind(kind: &str, api_version: &str) -> String {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let known = KNOWN.binary_search_by_key(&kind, |(kind, _)| kind).ok();
    match known {
        Some(index) if KNOWN[index].1.contains(&group) || api_version.is_empty() => kind.to_owned(),
        _ if group.is_empty() => kind.to_owned(),
        _ => format!("{kind}.{group}"),
    }
}

/// A Kubernetes object: its identity, and all its fields as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Kind, namespace and name.
    pub id: ObjectRef,
    /// Every field, as the API server gave it.
    pub raw: Value,
}

impl Object {
    /// Takes an object as `kubectl get -o json` prints it. `None` when it has no kind or no name. A namespaced object
    /// without a namespace is taken to be in `default`, as kubectl does.
    pub fn new(raw: Value) -> Option<Self> {
        let (kind, name) = (json::text(&raw, "kind"), json::text(&raw, "metadata.name"));
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let kind = canonical_kind(kind, json::text(&raw, "apiVersion"));
        let namespace = json::text(&raw, "metadata.namespace");
        let unknown_scope = kind.contains('.') || KNOWN.binary_search_by_key(&kind.as_str(), |(kind, _)| kind).is_err();
        let namespace = match namespace {
            _ if is_cluster_scoped(&kind) => None,
            "" if unknown_scope => None,
            "" => Some("default".to_owned()),
            namespace => Some(namespace.to_owned()),
        };
        Some(Self { id: ObjectRef { kind, namespace, name: name.to_owned() }, raw })
    }

    /// The value at a dotted path, or null.
    pub fn at(&self, path: &str) -> &Value {
        json::at(&self.raw, path)
    }

    /// The string at a dotted path, or the empty string.
    pub fn text(&self, path: &str) -> &str {
        json::text(&self.raw, path)
    }

    /// The whole number at a dotted path.
    pub fn int(&self, path: &str) -> Option<i64> {
        json::int(&self.raw, path)
    }

    /// The boolean at a dotted path; false where there is none.
    pub fn flag(&self, path: &str) -> bool {
        json::flag(&self.raw, path)
    }

    /// The list at a dotted path, empty where there is none.
    pub fn list(&self, path: &str) -> &[Value] {
        json::list(&self.raw, path)
    }

    /// The RFC 3339 time at a dotted path.
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        json::time(&self.raw, path)
    }

    /// `metadata.uid`, empty where it is not given.
    pub fn uid(&self) -> &str {
        self.text("metadata.uid")
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        json::key(self.at("metadata.labels"), name).as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        json::key(self.at("metadata.annotations"), name).as_str()
    }

    /// `metadata.creationTimestamp`.
    pub fn created(&self) -> Option<Timestamp> {
        self.time("metadata.creationTimestamp")
    }

    /// `metadata.deletionTimestamp`: set while the object is being deleted.
    pub fn deleted(&self) -> Option<Timestamp> {
        self.time("metadata.deletionTimestamp")
    }

    /// Why only a part of this object was seen, if so: what it lacks is then unknown, not absent.
    pub fn partial(&self) -> Option<&str> {
        self.annotation(PARTIAL)
    }

    /// A condition of `status.conditions`, or null.
    pub fn condition(&self, r#type: &str) -> &Value {
        json::typed(&self.raw, "status.conditions", r#type)
    }

    /// The controlling owner, from `metadata.ownerReferences` with `controller: true`.
    pub fn controller(&self) -> Option<ObjectRef> {
        let owner = self.list("metadata.ownerReferences").iter().find(|owner| json::flag(owner, "controller"))?;
        let (kind, name) = (json::text(owner, "kind"), json::text(owner, "name"));
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let kind = canonical_kind(kind, json::text(owner, "apiVersion"));
        let namespace = if is_cluster_scoped(&kind) { None } else { self.id.namespace.clone() };
        Some(ObjectRef { kind, namespace, name: name.to_owned() })
    }
}
