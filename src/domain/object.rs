//! Names of Kubernetes objects, and of containers inside them. A name is all that a report needs to point
//! at something; the object itself lives in `cluster`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A Kubernetes object by kind, namespace and name. The order is kind, namespace, name, so that lists of
/// references sort the same everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The kind as the API server spells it (`Deployment`). A kind of a group that we don't know carries the
    /// group (`Service.serving.knative.dev`), so that it is never taken for the core kind of the same name.
    pub kind: String,
    /// `None` for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// A namespaced object.
    pub fn new(kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: Some(namespace.into()), name: name.into() }
    }

    /// A cluster-scoped object.
    pub fn cluster(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: None, name: name.into() }
    }

    /// The namespace, or the empty string for cluster-scoped objects.
    pub fn ns(&self) -> &str {
        self.namespace.as_deref().unwrap_or("")
    }

    /// `deployment/checkout`, as kubectl takes it.
    pub fn kubectl(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {}/{}", self.kind, namespace, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What a fact is about: an object, and one container of it where the fact is about one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The container's name, for init containers and sidecars too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl Subject {
    /// A container of a pod.
    pub fn container(pod: ObjectRef, container: impl Into<String>) -> Self {
        Self { object: pod, container: Some(container.into()) }
    }
}

impl From<ObjectRef> for Subject {
    fn from(object: ObjectRef) -> Self {
        Self { object, container: None }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Some(container) => write!(f, "{} container {container}", self.object),
            None => self.object.fmt(f),
        }
    }
}
