//! The port of attempts, and how a proposal is stored.

use super::transition::{advance, note, swap};
use super::{Store, attempt_queries as queries, audit, codes, columns, messages, placing, replies};
use crate::domain::{Actor, Attempt, AttemptState, AuditEvent, AuditName, Code};
use crate::ports::{Advance, AdvanceError, AttemptFilter, AttemptStore, Changes, NewAttempt, Note, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

impl AttemptStore for Store {
    async fn propose(&self, new: NewAttempt) -> Result<Attempt, StoreError> {
        self.writer.write(move |connection, now| propose(connection, now, &new)).await
    }

    async fn attempt(&self, code_or_id: &str) -> Result<Option<Attempt>, StoreError> {
        let wanted = code_or_id.to_owned();
        self.reader.read(move |connection| queries::find(connection, &wanted)).await
    }

    async fn attempts(&self, filter: AttemptFilter) -> Result<Vec<Attempt>, StoreError> {
        self.reader.read(move |connection| queries::list(connection, &filter)).await
    }

    async fn advance(&self, wanted: Advance) -> Result<Attempt, AdvanceError> {
        self.writer.write(move |connection, now| advance(connection, now, &wanted)).await
    }

    async fn note(&self, wanted: Note) -> Result<Attempt, AdvanceError> {
        self.writer.write(move |connection, now| note(connection, now, &wanted)).await
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<Attempt>, StoreError> {
        self.reader.read(move |connection| queries::due(connection, now)).await
    }

    async fn key(&self) -> Result<[u8; 32], StoreError> {
        if let Some(key) = self.key.get() {
            return Ok(*key);
        }
        let key = self.writer.write(|connection, _| key(connection)).await?;
        Ok(*self.key.get_or_init(|| key))
    }
}

fn propose(connection: &Connection, now: Timestamp, new: &NewAttempt) -> Result<Attempt, StoreError> {
    let invalid = |why: &str| StoreError::Invalid(why.to_owned());
    let digest = new.plan.digest().map_err(|_| invalid("a plan without a canonical form"))?;
    let target = new.plan.target_name().ok_or_else(|| invalid("a plan that names no object"))?;
    let first = new.audit.first().ok_or_else(|| invalid("a proposal that the audit log says nothing about"))?;
    // Its analysis lost the lease. A person may plan afresh, and what was applied is taken back, where it was.
    let is_analysis = new.undo_of.is_none() && new.requested_by.as_ref().is_none_or(|actor| actor.kind == "system");
    if is_analysis && placing::incident(connection, &new.incident)?.is_some_and(|place| place.id != new.incident) {
        return Err(invalid("the incident turned out to be another one, whose analysis proposes what there is to do"));
    }
    let last = queries::last_try(connection, &new.run_id, digest.as_str())?;
    if let Some(last) = &last {
        let waits = last.state == AttemptState::Proposed && now < last.expires_at;
        if waits || last.state.holds_target() {
            // Somebody else may wait to be shown it.
            replies::planned(connection, now, last)?;
            return Ok(last.clone());
        }
    }
    let id = codes::id();
    make_way(connection, now, &new.incident, &id, first)?;
    connection.execute(
        "INSERT INTO attempts (id, code, nonce, incident_id, run_id, digest, try, plan, cluster, target, context, state, version,
           requested_by, created_at, changed_at, expires_at, fence, sends, before, undo_of)
         VALUES (:id, :code, :nonce, :incident, :run, :digest, :try, :plan, :cluster, :target, :context, 'proposed', 1,
           :requested_by, :now, :now, :expires, 0, 0, :before, :undo_of)",
        named_params! {
            ":id": id, ":code": free_code(connection, codes::code)?, ":nonce": codes::nonce(), ":incident": new.incident,
            ":run": new.run_id, ":digest": digest.as_str(), ":try": last.map_or(1, |last| last.try_number + 1),
            ":plan": columns::text(&new.plan)?, ":cluster": new.plan.cluster, ":target": target,
            ":context": columns::text(&new.context)?, ":requested_by": columns::maybe_text(new.requested_by.as_ref())?,
            ":now": now.as_millisecond(), ":expires": new.expires_at.as_millisecond(),
            ":before": columns::maybe_text(new.before.as_ref())?, ":undo_of": new.undo_of,
        },
    )?;
    let attempt = queries::by_id(connection, &id)?.ok_or_else(|| invalid("a proposal that can't be read back"))?;
    for event in &new.audit {
        audit::append(connection, now, &audit::about(event, &attempt, None))?;
    }
    messages::changed(connection, now, &new.incident, "attempt")?;
    replies::planned(connection, now, &attempt)?;
    Ok(attempt)
}

/// A newer analysis of the incident is done: what an older one proposed can't be approved any more.
pub(super) fn void_older(connection: &Connection, now: Timestamp, incident: &str, run: &str) -> Result<(), StoreError> {
    match queries::open_proposal(connection, incident)? {
        Some(open) if open.run_id != run => void(connection, now, incident, run),
        _ => Ok(()),
    }
}

/// What is proposed for the incident can't be approved any more, because of this analysis or incident.
pub(super) fn void(connection: &Connection, now: Timestamp, incident: &str, run: &str) -> Result<(), StoreError> {
    let program = Actor { kind: "program".to_owned(), id: "worker".to_owned(), name: "worker".to_owned() };
    make_way(connection, now, incident, run, &AuditEvent::new(AuditName::ApprovalSuperseded, program, "serve"))
}

/// Ends the incident's open proposal, for which the newer one leaves no place.
fn make_way(connection: &Connection, now: Timestamp, incident: &str, newer: &str, by: &AuditEvent) -> Result<(), StoreError> {
    let Some(open) = queries::open_proposal(connection, incident)? else { return Ok(()) };
    let (to, name) = if open.expires_at <= now {
        (AttemptState::Expired, AuditName::ApprovalExpired)
    } else {
        (AttemptState::Superseded, AuditName::ApprovalSuperseded)
    };
    let ended = swap(connection, now, &open, to, &Changes::default())?;
    let mut event = AuditEvent::new(name, by.actor.clone(), by.channel.clone());
    event.data.other = Code::new(newer);
    audit::append(connection, now, &audit::about(&event, &ended, Some(open.state)))?;
    Ok(())
}

/// A code that no attempt has. There are 2^30, so one that is taken is rare, and several in a row mean something else.
fn free_code(connection: &Connection, mut next: impl FnMut() -> String) -> Result<String, StoreError> {
    for _ in 0..32 {
        let code = next();
        let taken = connection.query_row("SELECT 1 FROM attempts WHERE code = ?1", [&code], |_| Ok(())).optional()?;
        if taken.is_none() {
            return Ok(code);
        }
    }
    Err(StoreError::Failed("no free code was found for the attempt".to_owned()))
}

fn key(connection: &Connection) -> Result<[u8; 32], StoreError> {
    connection.execute("INSERT OR IGNORE INTO keys (name, value) VALUES ('values', ?1)", [codes::key()])?;
    Ok(connection.query_row("SELECT value FROM keys WHERE name = 'values'", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_taken_is_not_given_again() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE attempts (code TEXT); INSERT INTO attempts VALUES ('A-000000')").unwrap();
        let mut codes = ["A-000000", "A-000000", "A-000001"].into_iter();
        assert_eq!(free_code(&connection, || codes.next().unwrap().to_owned()).unwrap(), "A-000001");
        assert!(matches!(free_code(&connection, || "A-000000".to_owned()), Err(StoreError::Failed(_))));
    }
}
