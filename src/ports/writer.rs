//! What the executor asks of a cluster: to look at one object, to ask whether something may be done, to try a change
//! without doing it, and to do it. Whoever implements it retries nothing: a request is sent once and its answer told.

use crate::domain::{Attempt, AttemptState, ExecutionIntent, ObjectRef, Plan, PlanRequest};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use thiserror::Error;

macro_rules! api_reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Why the API server, or the writer itself, refused a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ApiReason {
            $($(#[$doc])* $name,)*
        }

        impl ApiReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word used in JSON, in the store and in text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

api_reasons! {
    /// The server does not know this identity.
    Unauthorized = "unauthorized",
    /// This identity may not do that.
    RbacDenied = "rbac_denied",
    /// A ResourceQuota is used up.
    QuotaExceeded = "quota_exceeded",
    /// An admission webhook said no.
    WebhookDenied = "webhook_denied",
    /// Another admission plugin or policy said no.
    AdmissionDenied = "admission_denied",
    /// An admission webhook that must be asked doesn't answer.
    WebhookUnavailable = "webhook_unavailable",
    /// An admission webhook that must be asked knows no dry run, so nothing can be tried.
    DryRunUnsupported = "dry_run_unsupported",
    /// There is no such object.
    TargetGone = "target_gone",
    /// The namespace is being deleted.
    NamespaceTerminating = "namespace_terminating",
    /// The server has no such kind in this version.
    NotServed = "not_served",
    /// The server can't make sense of the change.
    Invalid = "invalid",
    /// The object was changed since it was read.
    TargetChanged = "target_changed",
    /// Another object has the name now.
    TargetReplaced = "target_replaced",
    /// A PodDisruptionBudget allows no eviction.
    PdbBlocks = "pdb_blocks",
    /// Two PodDisruptionBudgets select the pod, which the server can't evict then.
    PdbAmbiguous = "pdb_ambiguous",
    /// The server is busy.
    Throttled = "throttled",
    /// Any other answer of 4xx.
    Refused = "refused",
    /// Any other answer of 5xx: whether it did anything is not known.
    ServerError = "server_error",
    /// The write identity leads to another cluster.
    ClusterMismatch = "cluster_mismatch",
    /// The writer's own last check: this is not what somebody approved.
    SafeMode = "safe_mode",
}

impl fmt::Display for ApiReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ApiReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A refusal: its code, one sentence with the server's own words, and the particulars in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[error("{sentence}")]
pub struct ApiRefusal {
    /// What kind of refusal.
    pub code: ApiReason,
    /// The HTTP status; 0 where nothing was sent.
    pub status: u16,
    /// One line, without secrets and control characters, of bounded length.
    pub sentence: String,
    /// Such as `quota`, `requested`, `used` and `limited`; of what is invalid, each field with its message.
    pub details: BTreeMap<String, String>,
}

impl ApiRefusal {
    /// One of the writer's own, before anything was sent.
    pub fn own(code: ApiReason, sentence: impl Into<String>) -> Self {
        Self { code, status: 0, sentence: sentence.into(), details: BTreeMap::new() }
    }
}

/// Why a request brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// There was an answer, and it says no.
    #[error(transparent)]
    Refused(#[from] ApiRefusal),
    /// There was no answer, not in time, or none that can be read: a write may have landed or not.
    #[error("{0}")]
    NoAnswer(String),
}

impl WriteError {
    /// The refusal's code, where there is one.
    pub fn code(&self) -> Option<ApiReason> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::NoAnswer(_) => None,
        }
    }

    /// Whether it says for certain that nothing was changed. A 5xx of a known kind does: it comes before the server stores
    /// anything.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code != ApiReason::ServerError)
    }
}

/// Whether somebody may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessQuestion {
    /// Such as `patch`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, such as `deployments`.
    pub resource: String,
    /// Such as `scale`, which a right on the resource doesn't give; or empty.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name; empty for all of them.
    pub name: String,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether they may.
    pub allowed: bool,
    /// The authorizer's own words; often empty.
    pub reason: String,
}

/// Looks, asks, tries and writes, as one identity at one cluster.
pub trait ClusterWriter: Sync {
    /// Which cluster: the UID of its namespace `kube-system`; where that may not be read, `server:` and a hash of the
    /// server's address.
    fn cluster_id(&self) -> impl Future<Output = Result<String, WriteError>> + Send;

    /// One object as the server has it, less its managed fields.
    fn get(&self, object: &ObjectRef) -> impl Future<Output = Result<Value, WriteError>> + Send;

    /// What keeps a workload's earlier pod templates: the ReplicaSets that a Deployment owns, the ControllerRevisions that a
    /// StatefulSet or DaemonSet owns. `workload` is as [`ClusterWriter::get`] gave it.
    fn revisions(&self, workload: &Value) -> impl Future<Output = Result<Vec<Value>, WriteError>> + Send;

    /// The objects of a kind in a namespace, such as the PodDisruptionBudgets that count for an eviction. At most 500.
    fn list(&self, kind: &str, namespace: &str, selector: &str) -> impl Future<Output = Result<Vec<Value>, WriteError>> + Send;

    /// Whether this identity may do something.
    fn access(&self, question: &AccessQuestion) -> impl Future<Output = Result<Access, WriteError>> + Send;

    /// The API version of `Eviction` that the server has: `policy/v1`, or `policy/v1beta1` before Kubernetes 1.22.
    fn eviction_version(&self) -> impl Future<Output = Result<String, WriteError>> + Send;

    /// What the request would make of the object. Nothing is changed. Place-holders must be filled in.
    fn dry_run(&self, request: &PlanRequest) -> impl Future<Output = Result<Value, WriteError>> + Send;

    /// Sends the request, once. `attempt` is what it is sent for, see [`permits`].
    fn send(&self, attempt: &Attempt, request: &PlanRequest) -> impl Future<Output = Result<Value, WriteError>> + Send;

    /// Does an intent that only looks; at most 4 KiB of text without secrets.
    fn read(&self, intent: &ExecutionIntent) -> impl Future<Output = Result<String, WriteError>> + Send;
}

/// The writer's own last check: whether this request is the one that somebody approved the digest of, for an attempt that
/// is claimed and marked as running.
///
/// # Errors
/// A refusal of `safe_mode` that says what doesn't fit.
pub fn permits(attempt: &Attempt, request: &PlanRequest) -> Result<(), ApiRefusal> {
    let refuse = |why: &str| Err(ApiRefusal::own(ApiReason::SafeMode, format!("not sent, since {why}")));
    if attempt.state != AttemptState::Running || attempt.fence == 0 {
        return refuse("no worker has claimed the attempt");
    }
    if attempt.decided_by.is_none() {
        return refuse("nobody approved it");
    }
    let Ok(plan) = serde_json::from_value::<Plan>(attempt.plan.clone()) else { return refuse("its plan can't be read") };
    if plan.digest().ok().as_ref() != Some(&attempt.digest) {
        return refuse("its plan is not the one that was approved");
    }
    let token = attempt.token.as_deref().unwrap_or_default();
    let version = attempt.resource_version.as_deref().unwrap_or_default();
    if plan.request.filled(token, version) != request.bound() {
        return refuse("the request is not the plan's");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, Digest, RESOURCE_VERSION};
    use serde_json::json;

    fn plan() -> Value {
        json!({
            "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "c",
            "intent": {"action": "rollback_deployment"}, "target": {"uid": "u", "version": "generation:7"},
            "request": {"method": "PATCH", "path": "/x", "contentType": "application/json-patch+json", "body": [
                {"op": "replace", "path": "/metadata/resourceVersion", "value": RESOURCE_VERSION},
                {"op": "replace", "path": "/spec/template", "value": crate::domain::template_hash(&json!({"spec": 1}))},
            ]},
            "diff": [], "risk": {"level": "low", "axes": []},
        })
    }

    fn attempt() -> Attempt {
        let plan: Plan = serde_json::from_value(plan()).unwrap();
        let at = jiff::Timestamp::UNIX_EPOCH;
        let anna = Actor { kind: "person".to_owned(), id: "anna".to_owned(), name: "Anna".to_owned() };
        Attempt {
            id: "1".to_owned(),
            code: "A-1".to_owned(),
            incident: String::new(),
            run_id: String::new(),
            digest: plan.digest().unwrap(),
            try_number: 1,
            plan: serde_json::to_value(plan).unwrap(),
            cluster: "c".to_owned(),
            target: String::new(),
            context: Value::Null,
            state: AttemptState::Running,
            version: 4,
            requested_by: None,
            decided_by: Some(anna),
            decided_at: Some(at),
            nonce: String::new(),
            created_at: at,
            changed_at: at,
            expires_at: at,
            lease_until: Some(at),
            fence: 1,
            sent_at: Some(at),
            token: Some("t".to_owned()),
            resource_version: Some("100".to_owned()),
            sends: 1,
            before: None,
            after: None,
            reason: None,
            verify_due_at: None,
            verification: None,
            undo_of: None,
        }
    }

    fn request(template: Value, version: &str) -> PlanRequest {
        let body = json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]);
        let [method, path, content_type] = ["PATCH", "/x", "application/json-patch+json"].map(str::to_owned);
        PlanRequest { method, path, content_type, body }
    }

    #[test]
    fn only_the_approved_request_of_a_claimed_attempt_passes() {
        let good = request(json!({"spec": 1}), "100");
        assert_eq!(permits(&attempt(), &good), Ok(()));
        let other = PlanRequest { path: "/y".to_owned(), ..good.clone() };
        for refused in [request(json!({"spec": 2}), "100"), request(json!({"spec": 1}), "101"), other] {
            assert_eq!(permits(&attempt(), &refused).unwrap_err().code, ApiReason::SafeMode);
        }
        let forged = Digest::of(&"another").unwrap();
        for refused in [
            Attempt { state: AttemptState::Approved, ..attempt() },
            Attempt { state: AttemptState::Claimed, ..attempt() },
            Attempt { fence: 0, ..attempt() },
            Attempt { decided_by: None, ..attempt() },
            Attempt { digest: forged, ..attempt() },
            Attempt { plan: Value::Null, ..attempt() },
        ] {
            assert_eq!(permits(&refused, &good).unwrap_err().code, ApiReason::SafeMode, "{refused:?}");
        }
    }
}
