//! What the store remembers of a subject and of its cluster, as the policy reads it.

use crate::domain::{Action, Attempt, AttemptState, Incident, ObjectRef, ResourceType};
use crate::ports::{AttemptFilter, AttemptStore, IncidentStore, StoreError};
use crate::remedy::{Memory, PastAttempt, PastIncident, REMEMBERED};
use jiff::Timestamp;

/// How many attempts of a week count at most; policy lets five an hour through.
const ATTEMPTS: u32 = 2_000;

/// What is remembered when an intent for this incident is judged. `cluster` is the one that is written to, as plans name it.
///
/// # Errors
/// When the store can't be read: what isn't known can't be taken for "never happened".
pub async fn memory(
    store: &(impl IncidentStore + AttemptStore),
    incident: &Incident,
    cluster: &str,
    now: Timestamp,
) -> Result<Memory, StoreError> {
    let of_subject = store.memory(&incident.id, now, REMEMBERED).await?;
    let incidents = of_subject
        .incidents
        .iter()
        .filter_map(|past| Some(PastIncident { cause: past.cause.clone()?, resolved_at: past.resolved_at? }));
    let filter = AttemptFilter {
        cluster: Some(cluster.to_owned()),
        since: now.checked_sub(REMEMBERED).ok(),
        limit: Some(ATTEMPTS),
        ..AttemptFilter::default()
    };
    let attempts = store.attempts(filter).await?;
    Ok(Memory {
        opened_at: Some(incident.opened_at),
        incidents: incidents.collect(),
        attempts: attempts.iter().filter_map(past).collect(),
        is_flapping: false,
    })
}

/// An attempt as the policy remembers it; `None` when its target or plan can't be read.
fn past(attempt: &Attempt) -> Option<PastAttempt> {
    let action: Action = serde_json::from_value(attempt.plan.get("intent")?.get("action")?.clone()).ok()?;
    let mut parts = attempt.target.splitn(3, '/');
    let (namespace, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = ResourceType::ALL.into_iter().find(|known| known.as_str() == kind)?.kind();
    let object = ObjectRef::new(kind, namespace, name);
    // What the API server refused was sent and is no write.
    let sent_at = attempt.sent_at.filter(|_| attempt.state != AttemptState::Failed);
    Some(PastAttempt { object, action, state: remembered(attempt), sent_at })
}

/// How an attempt counts. That a way back brought the fault back says nothing against the same action as a fix; and what did not
/// help did not help, although it was taken back since.
fn remembered(attempt: &Attempt) -> AttemptState {
    let outcome = attempt.verification.as_ref().and_then(|seen| seen.get("outcome")?.as_str());
    match attempt.state {
        AttemptState::NotVerified if attempt.undo_of.is_some() => AttemptState::Succeeded,
        AttemptState::Undone if outcome == Some("not_verified") => AttemptState::NotVerified,
        state => state,
    }
}
