//! One typed action on one object: what a rule proposes, a person approves and the executor sends. Eleven actions and no
//! others; what isn't named here can't be asked for.

use super::ObjectRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// What may be done. The first eight change something, the last three only look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Roll a Deployment's pods over without a change of its own.
    RestartDeployment,
    /// Roll a StatefulSet's pods over.
    RestartStatefulSet,
    /// Roll a DaemonSet's pods over.
    RestartDaemonSet,
    /// Give a Deployment more replicas.
    ScaleDeployment,
    /// Let a paused rollout go on.
    ResumeRollout,
    /// Write the pod template of an earlier revision.
    RollbackDeployment,
    /// Raise requests or limits of one container.
    SetResources,
    /// Ask for the eviction of one pod.
    EvictPod,
    /// Read a container's log.
    GetLogs,
    /// Read one object.
    DescribeResource,
    /// List a workload's or Service's pods.
    GetPods,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RestartDeployment,
        Self::RestartStatefulSet,
        Self::RestartDaemonSet,
        Self::ScaleDeployment,
        Self::ResumeRollout,
        Self::RollbackDeployment,
        Self::SetResources,
        Self::EvictPod,
        Self::GetLogs,
        Self::DescribeResource,
        Self::GetPods,
    ];

    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RestartDeployment => "restart_deployment",
            Self::RestartStatefulSet => "restart_stateful_set",
            Self::RestartDaemonSet => "restart_daemon_set",
            Self::ScaleDeployment => "scale_deployment",
            Self::ResumeRollout => "resume_rollout",
            Self::RollbackDeployment => "rollback_deployment",
            Self::SetResources => "set_resources",
            Self::EvictPod => "evict_pod",
            Self::GetLogs => "get_logs",
            Self::DescribeResource => "describe_resource",
            Self::GetPods => "get_pods",
        }
    }

    /// Whether it changes something.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::GetLogs | Self::DescribeResource | Self::GetPods)
    }

    /// Whether it is one of the three restarts.
    pub fn is_restart(self) -> bool {
        matches!(self, Self::RestartDeployment | Self::RestartStatefulSet | Self::RestartDaemonSet)
    }

    /// The types of object that it works on.
    pub fn works_on(self) -> &'static [ResourceType] {
        use ResourceType::{DaemonSet, Deployment, Job, Pod, ReplicaSet, Service, StatefulSet};
        match self {
            Self::RestartDeployment | Self::ScaleDeployment | Self::ResumeRollout | Self::RollbackDeployment => &[Deployment],
            Self::RestartStatefulSet => &[StatefulSet],
            Self::RestartDaemonSet => &[DaemonSet],
            Self::SetResources => &[Deployment, StatefulSet, DaemonSet],
            Self::EvictPod | Self::GetLogs => &[Pod],
            Self::DescribeResource => &ResourceType::ALL,
            Self::GetPods => &[Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Service],
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The type of object that an intent names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the Kubernetes kinds of the same names")]
pub enum ResourceType {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Pod,
    Job,
    CronJob,
    Service,
    Ingress,
    NetworkPolicy,
    PersistentVolumeClaim,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    ResourceQuota,
}

impl ResourceType {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::Pod,
        Self::Job,
        Self::CronJob,
        Self::Service,
        Self::Ingress,
        Self::NetworkPolicy,
        Self::PersistentVolumeClaim,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
        Self::ResourceQuota,
    ];

    /// The kind as the API server spells it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::ResourceQuota => "ResourceQuota",
        }
    }

    /// The word used in JSON and by kubectl: the kind in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::ReplicaSet => "replicaset",
            Self::Pod => "pod",
            Self::Job => "job",
            Self::CronJob => "cronjob",
            Self::Service => "service",
            Self::Ingress => "ingress",
            Self::NetworkPolicy => "networkpolicy",
            Self::PersistentVolumeClaim => "persistentvolumeclaim",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscaler",
            Self::PodDisruptionBudget => "poddisruptionbudget",
            Self::ResourceQuota => "resourcequota",
        }
    }

    /// The type of a kind, where an intent may name it.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.kind() == kind)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Risk {
    Low,
    Medium,
    High,
}

impl Risk {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What an action needs beside its object. Quantities are as Kubernetes writes them (`512Mi`, `500m`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Params {
    /// Restarts, resume, eviction and `describe_resource` take none.
    #[default]
    None,
    /// `scale_deployment`.
    Scale {
        /// The wanted count.
        replicas: i32,
    },
    /// `rollback_deployment`.
    Rollback {
        /// The revision whose template is written.
        revision: i64,
    },
    /// `set_resources`.
    Resources(ResourceParams),
    /// `get_logs`.
    Logs {
        /// The container; `None` where the pod has only one.
        #[serde(skip_serializing_if = "Option::is_none")]
        container: Option<String>,
        /// The instance before the current one.
        previous: bool,
        /// How many lines from the end.
        tail: u32,
    },
    /// `get_pods`.
    Pods {
        /// As kubectl's `-l` takes it; `None` for the workload's own selector.
        #[serde(skip_serializing_if = "Option::is_none")]
        label_selector: Option<String>,
    },
}

/// New requests and limits of one container; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResourceParams {
    /// The container.
    pub container: String,
    /// `limits.memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    /// `requests.memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_request: Option<String>,
    /// `limits.cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<String>,
    /// `requests.cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_request: Option<String>,
}

/// One typed action on one object, with why it is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionIntent {
    /// What to do.
    pub action: Action,
    /// The type of the object.
    pub resource_type: ResourceType,
    /// Its name.
    pub resource_name: String,
    /// Its namespace.
    pub namespace: String,
    /// What the action needs beside it.
    pub params: Params,
    /// As computed by `remedy`; never what somebody claims.
    pub risk: Risk,
    /// One sentence, at most 500 characters.
    pub reason: String,
}

impl ExecutionIntent {
    /// The object that it is about.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(self.resource_type.kind(), &self.namespace, &self.resource_name)
    }

    /// The public JSON form (`ExecutionIntent`, `sre-copilot/v1`), without `risk` and `reason`: what a plan's digest binds.
    pub fn bound(&self) -> Value {
        let mut all = json!({
            "apiVersion": "sre-copilot/v1",
            "kind": "ExecutionIntent",
            "action": self.action,
            "resource_type": self.resource_type,
            "resource_name": self.resource_name,
            "namespace": self.namespace,
        });
        if let (Some(all), Ok(Value::Object(params))) = (all.as_object_mut(), serde_json::to_value(&self.params)) {
            all.insert("params".to_owned(), Value::Object(params));
        } else if let Some(all) = all.as_object_mut() {
            all.insert("params".to_owned(), Value::Object(Map::new()));
        }
        all
    }
}

impl ExecutionIntent {
    /// The intent that [`ExecutionIntent::bound`] wrote, as a stored plan holds it; without a reason, and with the highest
    /// risk. `None` for anything else: what a person or a model wrote is read by `remedy`.
    pub fn from_bound(value: &Value) -> Option<Self> {
        let word = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let action: Action = serde_json::from_value(value.get("action")?.clone()).ok()?;
        let resource_type: ResourceType = serde_json::from_value(value.get("resource_type")?.clone()).ok()?;
        let params = value.get("params")?;
        let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| params.get(key)?.as_i64();
        let params = match action {
            Action::ScaleDeployment => Params::Scale { replicas: number("replicas")?.try_into().ok()? },
            Action::RollbackDeployment => Params::Rollback { revision: number("revision")? },
            Action::SetResources => Params::Resources(ResourceParams {
                container: text("container")?,
                memory_limit: text("memory_limit"),
                memory_request: text("memory_request"),
                cpu_limit: text("cpu_limit"),
                cpu_request: text("cpu_request"),
            }),
            Action::GetLogs => Params::Logs {
                container: text("container"),
                previous: params.get("previous").and_then(Value::as_bool).unwrap_or_default(),
                tail: number("tail")?.try_into().ok()?,
            },
            Action::GetPods => Params::Pods { label_selector: text("label_selector") },
            _ => Params::None,
        };
        let (resource_name, namespace) = (word("resource_name")?, word("namespace")?);
        Some(Self { action, resource_type, resource_name, namespace, params, risk: Risk::High, reason: String::new() })
    }
}

impl<'de> Deserialize<'de> for ExecutionIntent {
    /// What was stored with a report, whole. What a model or a person writes goes through the parser of `remedy`.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Value::deserialize(deserializer)?;
        let invalid = || serde::de::Error::custom("no intent");
        let risk = all.get("risk").and_then(|risk| serde_json::from_value(risk.clone()).ok()).ok_or_else(invalid)?;
        let reason = all.get("reason").and_then(Value::as_str).ok_or_else(invalid)?.to_owned();
        Ok(Self { risk, reason, ..Self::from_bound(&all).ok_or_else(invalid)? })
    }
}

impl Serialize for ExecutionIntent {
    /// The public JSON form, whole.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = self.bound();
        if let Some(all) = all.as_object_mut() {
            all.insert("risk".to_owned(), json!(self.risk));
            all.insert("reason".to_owned(), json!(self.reason));
        }
        all.serialize(serializer)
    }
}
