//! The audit log's rows: who did what to which plan. Insert only; each row's hash covers the row before it.

use super::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that happened, before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Such as `approval.approved`.
    pub event: String,
    /// Who.
    pub actor: Actor,
    /// Through what: `cli`, `discord`, `http`, `worker`.
    pub channel: String,
    /// About which incident.
    pub incident_id: Option<String>,
    /// About which analysis.
    pub run_id: Option<String>,
    /// About which attempt.
    pub attempt_id: Option<String>,
    /// Of which plan.
    pub digest: Option<String>,
    /// On which object.
    pub target: Option<String>,
    /// The particulars; never a secret, an environment value or log text.
    pub data: Value,
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub seq: i64,
    /// When, by the clock of the machine that wrote it.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
    /// The hash of the row before; of the first, 64 zeros.
    pub prev: String,
    /// The SHA-256 over `prev` and this row as canonical JSON (RFC 8785), in hexadecimal.
    pub hash: String,
}
