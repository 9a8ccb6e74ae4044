//! What a person approves: exactly one request against exactly one version of exactly one object, with what the API
//! server said it would change. Its digest is what the approval binds.

use super::Risk;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// One change, dry-run by the API server and ready for approval. The place-holders [`CLAIM_TIME`] and
/// [`RESOURCE_VERSION`] in the request's body stand for what is only known when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Always `sre-copilot/v1`.
    pub api_version: String,
    /// Always `Plan`.
    pub kind: String,
    /// Which cluster: the UID of its namespace `kube-system`.
    pub cluster: String,
    /// The intent without its risk and reason, see `ExecutionIntent::bound`.
    pub intent: Value,
    /// The version of the object that it holds for.
    pub target: PlanTarget,
    /// What is sent.
    pub request: PlanRequest,
    /// What changes, as the API server's dry run said.
    pub diff: Vec<DiffLine>,
    /// How much can go wrong, and why.
    pub risk: RiskReport,
    /// The attempt that this one takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<String>,
}

/// Stands in a plan's body for the RFC 3339 time at which the attempt is claimed.
pub const CLAIM_TIME: &str = "<claim-time>";
/// Stands in a plan's body for the resource version that is read just before sending.
pub const RESOURCE_VERSION: &str = "<resource-version>";

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTarget {
    /// `metadata.uid`.
    pub uid: String,
    /// `generation:N`, or `template:HASH` where an autoscaler moves the generation and the action doesn't set replicas; of a
    /// pod its UID alone, and this is empty.
    pub version: String,
    /// The node that a pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// One request to the API server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRequest {
    /// `PATCH` or `POST`.
    pub method: String,
    /// From `/api` on, without a query.
    pub path: String,
    /// The media type of the body, which says how a patch is meant.
    pub content_type: String,
    /// The body.
    pub body: Value,
}

impl PlanRequest {
    /// This request with its place-holders filled in: the time of the claim, and the resource version read just before.
    #[must_use]
    pub fn filled(&self, claim_time: &str, resource_version: &str) -> Self {
        let mut filled = self.clone();
        fill(&mut filled.body, claim_time, resource_version, 0);
        filled
    }

    /// This request as a plan holds it: a pod template that a rollback writes stands as its hash, since what is stored and
    /// shown holds no environment value. Everything else is as it is sent.
    #[must_use]
    pub fn bound(&self) -> Self {
        let mut bound = self.clone();
        for operation in bound.body.as_array_mut().into_iter().flatten() {
            let is_template = operation.get("path").and_then(Value::as_str) == Some("/spec/template");
            if let Some(value) = operation.get_mut("value").filter(|value| is_template && value.is_object()) {
                *value = Value::String(template_hash(value));
            }
        }
        bound
    }
}

/// What stands in a plan for a pod template.
pub fn template_hash(template: &Value) -> String {
    // The canonical form refuses only numbers that JSON can't write.
    Digest::of(template).map(|digest| format!("<template:{}>", digest.as_str())).unwrap_or_default()
}

/// Deeper than any body that `remedy` makes, except a pod template, whose own depth the API server bounds.
const DEEPEST: usize = 128;

fn fill(value: &mut Value, claim_time: &str, resource_version: &str, depth: usize) {
    match value {
        Value::String(text) if text == CLAIM_TIME => claim_time.clone_into(text),
        Value::String(text) if text == RESOURCE_VERSION => resource_version.clone_into(text),
        Value::Array(list) if depth < DEEPEST => {
            list.iter_mut().for_each(|value| fill(value, claim_time, resource_version, depth + 1));
        }
        Value::Object(map) if depth < DEEPEST => {
            map.values_mut().for_each(|value| fill(value, claim_time, resource_version, depth + 1));
        }
        _ => {}
    }
}

/// One leaf that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffLine {
    /// From `spec` on, with list elements by name.
    pub path: String,
    /// Null when it was not set.
    pub before: Value,
    /// Null when it is taken away.
    pub after: Value,
    /// `admission` for what nobody asked for and the API server adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A risk and the axes that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskReport {
    /// The whole.
    pub level: Risk,
    /// In the order of the table.
    pub axes: Vec<RiskAxis>,
}

/// One axis of a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAxis {
    /// Such as `blast radius`.
    pub axis: String,
    /// Such as `medium (9 callers)`.
    pub value: String,
    /// 0 to 3.
    pub level: u8,
}

/// The SHA-256 of a plan as canonical JSON (RFC 8785), in 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of any value. Every number in a plan is an integer or was written by the API server, which both forms keep.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let canonical = serde_json_canonicalizer::to_vec(value)?;
        Ok(Self(format!("{:x}", HexOf(Sha256::digest(&canonical).as_slice()))))
    }

    /// All 64 lower-case hexadecimal digits, or nothing.
    pub fn parse(digits: &str) -> Option<Self> {
        let is_digest = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_digest.then(|| Self(digits.to_owned()))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The twelve that are shown.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// Whether these are its first digits, at least eight of them; `sha256:` before them is passed over.
    pub fn begins_with(&self, digits: &str) -> bool {
        let digits = digits.strip_prefix("sha256:").unwrap_or(digits);
        digits.len() >= 8 && self.0.starts_with(&digits.to_ascii_lowercase())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.short())
    }
}

struct HexOf<'a>(&'a [u8]);

impl fmt::LowerHex for HexOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Plan {
    /// The object that the intent is about, as `NAMESPACE/type/name`: what at most one attempt may hold. `None` for an
    /// intent that doesn't name one.
    pub fn target_name(&self) -> Option<String> {
        let word = |key: &str| self.intent.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
        Some(format!("{}/{}/{}", word("namespace")?, word("resource_type")?, word("resource_name")?))
    }

    /// What an approval binds.
    ///
    /// # Errors
    /// Never for a plan; the canonical form refuses numbers that JSON can't write.
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Digest::of(self)
    }
}
