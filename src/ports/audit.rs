//! The log of who did what. It only grows.

use super::StoreError;
use crate::domain::{AuditCheck, AuditEvent, AuditHead, AuditName, AuditRow};
use jiff::Timestamp;
use std::future::Future;

/// Which rows; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About this incident.
    pub incident: Option<String>,
    /// About this attempt.
    pub attempt: Option<String>,
    /// Of this name.
    pub event: Option<AuditName>,
    /// Written at this time or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest; all without it.
    pub limit: Option<u32>,
}

/// The log of who did what.
pub trait AuditLog: Sync {
    /// Appends a row that belongs to no transition.
    fn append(&self, event: AuditEvent) -> impl Future<Output = Result<AuditRow, StoreError>> + Send;

    /// Rows, oldest first.
    fn list(&self, filter: AuditFilter) -> impl Future<Output = Result<Vec<AuditRow>, StoreError>> + Send;

    /// Reads the whole chain. With a head that somebody noted, a cut tail shows too.
    fn verify(&self, head: Option<AuditHead>) -> impl Future<Output = Result<AuditCheck, StoreError>> + Send;
}
