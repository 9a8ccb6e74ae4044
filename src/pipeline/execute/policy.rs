//! Which policy was in force, for those who look later.

use crate::domain::{Actor, AuditData, AuditEvent, AuditName, Digest};
use crate::ports::{AuditFilter, AuditLog, StoreError};
use crate::remedy::Settings;

/// Notes the digest of the settings that decide about changes, unless it is the one that was noted last.
///
/// # Errors
/// The store failed.
pub async fn note_policy<S: AuditLog>(store: &S, settings: &Settings, actor: &Actor, channel: &str) -> Result<(), StoreError> {
    let digest =
        Digest::of(settings).map_err(|error| StoreError::Invalid(format!("a policy without a canonical form: {error}")))?;
    let last = AuditFilter { event: Some(AuditName::PolicyLoaded), limit: Some(1), ..AuditFilter::default() };
    let last = store.list(last).await?.pop();
    if last.is_some_and(|row| row.event.data.policy.as_ref() == Some(&digest)) {
        return Ok(());
    }
    let data = AuditData { policy: Some(digest), ..AuditData::default() };
    store.append(AuditEvent::new(AuditName::PolicyLoaded, actor.clone(), channel).with(data)).await?;
    Ok(())
}
