//! One transition of one attempt: compare the state, version and fence that the caller saw, swap, and write the audit row.
//! All of it happens inside the writer's `BEGIN IMMEDIATE` transaction.

use super::{attempt_queries as queries, audit, columns, messages, replies};
use crate::domain::{Attempt, AttemptState, AuditEvent, AuditName, CLAIM_LEASE, Code};
use crate::ports::{Advance, AdvanceError, Changes, Note, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, named_params};

/// An approval that nobody claimed within it has expired.
const CLAIM_WITHIN: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn advance(connection: &Connection, now: Timestamp, wanted: &Advance) -> Result<Attempt, AdvanceError> {
    let seen = (wanted.from, wanted.version, wanted.fence);
    let attempt = as_seen(connection, &wanted.id, seen)?;
    if !wanted.from.may_become(wanted.to) {
        return Err(AdvanceError::NoSuchTransition { from: wanted.from, to: wanted.to });
    }
    if too_late(&attempt, wanted.to, now) {
        return Err(AdvanceError::TooLate(Box::new(attempt)));
    }
    if wanted.to.holds_target()
        && let Some(holder) = queries::holder(connection, &attempt)?
    {
        return Err(AdvanceError::TargetHeld(Box::new(holder)));
    }
    if let Some(allowed) = wanted.per_hour {
        let given = happened(connection, now, &attempt, wanted)?;
        if given >= allowed {
            return Err(AdvanceError::TooMany { given, allowed });
        }
    }
    let moved = swap(connection, now, &attempt, wanted.to, &wanted.set)?;
    audit::append(connection, now, &audit::about(&wanted.audit, &moved, Some(wanted.from)))?;
    if moved.state != wanted.from {
        replies::moved(connection, now, &moved)?;
    }
    if moved.state == AttemptState::Succeeded && wanted.from != AttemptState::Succeeded {
        undone(connection, now, &moved, &wanted.audit)?;
    }
    Ok(moved)
}

pub(super) fn note(connection: &Connection, now: Timestamp, wanted: &Note) -> Result<Attempt, AdvanceError> {
    let attempt = as_seen(connection, &wanted.id, (wanted.state, wanted.version, wanted.fence))?;
    if too_late(&attempt, wanted.state, now) {
        return Err(AdvanceError::TooLate(Box::new(attempt)));
    }
    Ok(swap(connection, now, &attempt, wanted.state, &wanted.set)?)
}

/// The attempt, if it still is what the caller saw.
fn as_seen(connection: &Connection, id: &str, seen: (AttemptState, i64, i64)) -> Result<Attempt, AdvanceError> {
    let attempt = queries::by_id(connection, id)?.ok_or_else(|| AdvanceError::NotFound(id.to_owned()))?;
    if (attempt.state, attempt.version, attempt.fence) == seen { Ok(attempt) } else { Err(AdvanceError::Lost(Box::new(attempt))) }
}

/// How many of the same there were within the hour.
fn happened(connection: &Connection, now: Timestamp, attempt: &Attempt, wanted: &Advance) -> Result<usize, StoreError> {
    let since = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
    match (wanted.to, &wanted.set.decided_by) {
        (AttemptState::Approved, Some(by)) => queries::approvals(connection, by, since),
        (AttemptState::Running, _) if attempt.state == AttemptState::Claimed => {
            queries::writes(connection, &attempt.cluster, since)
        }
        _ => Ok(0),
    }
}

/// Whether the time in which this could be done is over, by the store's own clock: no late click approves, no late worker
/// claims, and none sends after its lease.
fn too_late(attempt: &Attempt, to: AttemptState, now: Timestamp) -> bool {
    match to {
        AttemptState::Approved | AttemptState::Claimed if attempt.state != AttemptState::Claimed => now >= attempt.expires_at,
        AttemptState::Claimed | AttemptState::Running => attempt.lease_until.is_none_or(|until| now >= until),
        _ => false,
    }
}

/// The attempt that a successful undo took back is undone.
fn undone(connection: &Connection, now: Timestamp, undo: &Attempt, by: &AuditEvent) -> Result<(), StoreError> {
    let Some(id) = &undo.undo_of else { return Ok(()) };
    let Some(original) = queries::by_id(connection, id)? else { return Ok(()) };
    if !original.state.may_become(AttemptState::Undone) {
        return Ok(());
    }
    let moved = swap(connection, now, &original, AttemptState::Undone, &Changes::default())?;
    let mut event = AuditEvent::new(AuditName::AttemptUndone, by.actor.clone(), by.channel.clone());
    event.data.other = Code::new(&undo.id);
    audit::append(connection, now, &audit::about(&event, &moved, Some(original.state)))?;
    Ok(())
}

/// Swaps the state of an attempt that was read in this transaction, and gives it back as it is now.
pub(super) fn swap(
    connection: &Connection,
    now: Timestamp,
    attempt: &Attempt,
    to: AttemptState,
    set: &Changes,
) -> Result<Attempt, StoreError> {
    let entered = |state| to == state && attempt.state != state;
    let expires = set.expires_at.or_else(|| entered(AttemptState::Approved).then(|| after(now, CLAIM_WITHIN)));
    let lease = set.lease_until.or_else(|| entered(AttemptState::Claimed).then(|| after(now, CLAIM_LEASE)));
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let swapped = connection.execute(
        "UPDATE attempts SET
           state = :to, version = version + 1,
           fence = fence + (:to = 'claimed' AND state = 'approved'),
           changed_at = CASE WHEN state = :to THEN changed_at ELSE :now END,
           decided_by = COALESCE(:decided_by, decided_by),
           decided_at = CASE WHEN :to IN ('approved', 'declined') AND state <> :to THEN :now ELSE decided_at END,
           expires_at = COALESCE(:expires, expires_at),
           lease_until = CASE WHEN :to IN ('claimed', 'running') THEN COALESCE(:lease, lease_until) END,
           sent_at = COALESCE(:sent, sent_at), token = COALESCE(:token, token),
           resource_version = COALESCE(:resource_version, resource_version), sends = COALESCE(:sends, sends),
           before = COALESCE(:before, before), after = COALESCE(:after, after), 
           reason = CASE WHEN :to = 'claimed' AND state <> :to THEN :reason ELSE COALESCE(:reason, reason) END,
           verify_due_at = :due, verification = COALESCE(:verification, verification)
         WHERE id = :id AND state = :from AND version = :version AND fence = :fence",
        named_params! {
            ":id": attempt.id, ":from": attempt.state.as_str(), ":version": attempt.version, ":fence": attempt.fence,
            ":to": to.as_str(), ":now": now.as_millisecond(), ":decided_by": columns::maybe_text(set.decided_by.as_ref())?,
            ":expires": millis(expires), ":lease": millis(lease), ":sent": millis(set.sent_at), ":token": set.token,
            ":resource_version": set.resource_version, ":sends": set.sends,
            ":before": columns::maybe_text(set.before.as_ref())?, ":after": columns::maybe_text(set.after.as_ref())?,
            ":reason": set.reason, ":due": millis(set.verify_due_at),
            ":verification": columns::maybe_text(set.verification.as_ref())?,
        },
    )?;
    if to != attempt.state || set.verification.is_some() {
        messages::changed(connection, now, &attempt.incident, "attempt")?;
    }
    match queries::by_id(connection, &attempt.id)? {
        Some(moved) if swapped == 1 => Ok(moved),
        _ => Err(StoreError::Failed("an attempt changed inside the transaction that had it".to_owned())),
    }
}

fn after(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}
