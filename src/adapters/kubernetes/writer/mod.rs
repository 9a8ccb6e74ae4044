//! Writes to a live cluster, as the executor asks: looks at one object, tries a change, sends it once. It has its own
//! connection and, where one is given, its own identity. It never retries, never deletes, and sends no write that the last
//! check of [`permits`] refuses.

mod answer;
mod call;
mod looks;

use super::connect::{self, ConnectOptions, Connection};
use super::kinds::{self, Kind};
use super::list::api;
use super::request::encode;
use super::{KubernetesReader, identity};
use crate::domain::{Attempt, ExecutionIntent, ObjectRef, PlanRequest};
use crate::ports::{Access, AccessQuestion, ApiReason, ApiRefusal, ClusterWriter, ReadError, WriteError, permits};
use crate::redact::Redactor;
use call::Call;
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The longest that anything but a write may take; [`ConnectOptions::request_timeout`] may be shorter.
const ASK: Duration = Duration::from_secs(10);
/// The longest that a write may take. The API server itself gives up after 60 s (`--request-timeout`).
const SEND: Duration = Duration::from_secs(15);
/// Who the API server notes as the author of a change, in `metadata.managedFields`.
const FIELD_MANAGER: &str = "sre-copilot";
/// The most objects of one list; what the budgets, ReplicaSets or pods of one workload stay far below.
const LIST_LIMIT: u32 = 500;

/// Where to write, and as whom.
#[derive(Clone)]
pub struct WriterOptions {
    /// The cluster: the reader's own, or `executor.kubeconfig` and `executor.context`. Its `request_timeout` can only shorten
    /// the writer's own limits.
    pub connect: ConnectOptions,
    /// `executor.token_file`: a ServiceAccount's token in place of the kubeconfig's credentials.
    pub token_file: Option<PathBuf>,
    /// `SAFE_MODE`: send nothing but what [`permits`] lets pass.
    pub safe_mode: bool,
    /// Masks the server's words.
    pub redactor: Redactor,
}

impl fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WriterOptions");
        shown.field("connect", &self.connect).field("token_file", &self.token_file).field("safe_mode", &self.safe_mode);
        shown.finish_non_exhaustive()
    }
}

/// Writes to one cluster.
pub struct KubernetesWriter {
    connection: Connection,
    ask: Duration,
    send: Duration,
    safe_mode: bool,
    redactor: Redactor,
}

impl fmt::Debug for KubernetesWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesWriter").field("server", &self.connection.server).finish_non_exhaustive()
    }
}

impl KubernetesWriter {
    /// Finds the cluster and gets the credentials for it. Nothing is sent yet. As [`KubernetesReader::connect`].
    ///
    /// # Errors
    /// [`ReadError::Config`] for a kubeconfig, context, token file or credentials that can't be used.
    pub async fn connect(options: WriterOptions) -> Result<Self, ReadError> {
        let WriterOptions { connect, token_file, safe_mode, redactor } = options;
        let limit = connect.request_timeout;
        // The connection's own limits only back up those of each request.
        let connect = ConnectOptions { request_timeout: limit.max(SEND), ..connect };
        let connection = connect::connect_as(&connect, token_file.as_deref()).await?;
        Ok(Self { connection, ask: ASK.min(limit), send: SEND.min(limit), safe_mode, redactor })
    }

    /// The server's address, without credentials.
    pub fn server(&self) -> &str {
        &self.connection.server
    }

    /// Refuses (`cluster_mismatch`) where this identity leads to another cluster than the one that was read.
    ///
    /// # Errors
    /// The refusal, or why the cluster could not be asked.
    pub async fn check_cluster(&self, reader: &KubernetesReader) -> Result<(), WriteError> {
        let (here, there) = (self.cluster_id().await?, reader.cluster_id().await);
        let there = there.map_err(|fault| WriteError::NoAnswer(fault.why().to_owned()))?;
        let known = !identity::is_by_address(&here) && !identity::is_by_address(&there);
        if here == there || !known && self.server() == reader.server() {
            return Ok(());
        }
        let why = format!(
            "the write identity leads to {}, and what was read is {}: not the same cluster",
            self.server(),
            reader.server()
        );
        Err(ApiRefusal::own(ApiReason::ClusterMismatch, why).into())
    }

    async fn get_path(&self, path: String) -> Result<Value, WriteError> {
        Call::get(path, self.ask).json(&self.connection.client, &self.redactor).await
    }

    /// Does what `ask` does under the newest version of a kind that the server has.
    async fn under_newest<T, F>(&self, kind: &Kind, ask: impl Fn(String) -> F) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, WriteError>> + Send,
        T: Send,
    {
        let mut last = WriteError::NoAnswer(format!("{} has no version", kind.kind));
        for version in kind.versions {
            match ask(format!("{}/", api(version))).await {
                Err(error) if error.code() == Some(ApiReason::NotServed) => last = error,
                done => return done,
            }
        }
        Err(last)
    }

    async fn write(&self, request: &PlanRequest, query: &str, within: Duration) -> Result<Value, WriteError> {
        let path = format!("{}?{query}fieldManager={FIELD_MANAGER}", request.path);
        let (method, content_type, body) = (request.method.as_str(), request.content_type.as_str(), Some(&request.body));
        let mut object = Call { method, path, content_type, body, within }.json(&self.connection.client, &self.redactor).await?;
        without_noise(&mut object);
        Ok(object)
    }
}

impl ClusterWriter for KubernetesWriter {
    async fn cluster_id(&self) -> Result<String, WriteError> {
        match self.get_path(format!("/api/v1/namespaces/{}", identity::NAMESPACE)).await {
            Ok(namespace) => identity::of(&namespace).ok_or_else(|| WriteError::NoAnswer("the namespace has no UID".to_owned())),
            Err(WriteError::Refused(refusal)) if matches!(refusal.status, 403 | 404) => Ok(identity::by_address(self.server())),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, object: &ObjectRef) -> Result<Value, WriteError> {
        let kind = known(&object.kind)?;
        let rest = format!("namespaces/{}/{}/{}", encode(object.ns()), kind.plural, encode(&object.name));
        let mut object = self.under_newest(kind, |api| self.get_path(format!("{api}{rest}"))).await?;
        without_noise(&mut object);
        Ok(object)
    }

    async fn revisions(&self, workload: &Value) -> Result<Vec<Value>, WriteError> {
        let text = |path: &str| workload.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let kept_as = if text("/kind") == "Deployment" { "ReplicaSet" } else { "ControllerRevision" };
        let uid = text("/metadata/uid");
        let owner =
            |object: &Value| object.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut all = self.list(kept_as, text("/metadata/namespace"), "").await?;
        all.retain(|object| owner(object).iter().any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid)));
        Ok(all)
    }

    async fn list(&self, kind: &str, namespace: &str, selector: &str) -> Result<Vec<Value>, WriteError> {
        let kind = known(kind)?;
        let mut rest = format!("namespaces/{}/{}?limit={LIST_LIMIT}", encode(namespace), kind.plural);
        if !selector.is_empty() {
            rest += &format!("&labelSelector={}", encode(selector));
        }
        let mut list = self.under_newest(kind, |api| self.get_path(format!("{api}{rest}"))).await?;
        let Some(Value::Array(mut items)) = list.get_mut("items").map(Value::take) else {
            return Err(WriteError::NoAnswer("the answer is not a list".to_owned()));
        };
        for item in &mut items {
            without_noise(item);
            if let Some(item) = item.as_object_mut() {
                item.entry("kind").or_insert_with(|| json!(kind.kind));
            }
        }
        Ok(items)
    }

    async fn access(&self, question: &AccessQuestion) -> Result<Access, WriteError> {
        let AccessQuestion { verb, group, resource, subresource, namespace, name } = question;
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace, "name": name,
            }},
        });
        let path = format!("{}/selfsubjectaccessreviews", api("authorization.k8s.io/v1"));
        let call = Call { method: "POST", path, content_type: "application/json", body: Some(&body), within: self.ask };
        let answer = call.json(&self.connection.client, &self.redactor).await?;
        let status = answer.get("status");
        let Some(allowed) = status.and_then(|status| status.get("allowed")?.as_bool()) else {
            return Err(WriteError::NoAnswer("the access review has no answer".to_owned()));
        };
        let reason = status.and_then(|status| status.get("reason")?.as_str()).unwrap_or_default();
        Ok(Access { allowed, reason: super::fault::short(&self.redactor.text(reason)) })
    }

    async fn eviction_version(&self) -> Result<String, WriteError> {
        let served = self.get_path("/api/v1".to_owned()).await?;
        let resources = served.get("resources").and_then(Value::as_array).cloned().unwrap_or_default();
        let eviction = resources.iter().find(|resource| resource.get("name").and_then(Value::as_str) == Some("pods/eviction"));
        let word = |key: &str| eviction.and_then(|eviction| eviction.get(key)?.as_str());
        match (word("group"), word("version")) {
            (Some(group), Some(version)) if !group.is_empty() => Ok(format!("{group}/{version}")),
            _ => Err(ApiRefusal::own(ApiReason::NotServed, "the server has no eviction").into()),
        }
    }

    async fn dry_run(&self, request: &PlanRequest) -> Result<Value, WriteError> {
        self.write(request, "dryRun=All&", self.ask).await
    }

    async fn send(&self, attempt: &Attempt, request: &PlanRequest) -> Result<Value, WriteError> {
        if self.safe_mode {
            permits(attempt, request)?;
        }
        self.write(request, "", self.send).await
    }

    async fn read(&self, intent: &ExecutionIntent) -> Result<String, WriteError> {
        looks::read(self, intent).await
    }
}

fn known(kind: &str) -> Result<&'static Kind, WriteError> {
    let none = || ApiRefusal::own(ApiReason::NotServed, format!("no {} is read or written here", super::fault::short(kind)));
    kinds::of(kind).ok_or_else(|| none().into())
}

/// Takes away what says who set which field.
fn without_noise(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}
