//! The audit log's rows: written at the end of the chain, inside the transaction of what they tell.

use super::chain::{self, Columns, FIRST};
use super::{Store, columns};
use crate::domain::{Attempt, AttemptState, AuditCheck, AuditEvent, AuditHead, AuditName, AuditRow, Code};
use crate::ports::{AuditFilter, AuditLog, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};

impl AuditLog for Store {
    async fn append(&self, event: AuditEvent) -> Result<AuditRow, StoreError> {
        self.writer.write(move |connection, now| append(connection, now, &event)).await
    }

    async fn list(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.reader.read(move |connection| list(connection, &filter)).await
    }

    async fn verify(&self, head: Option<AuditHead>) -> Result<AuditCheck, StoreError> {
        self.reader.read(move |connection| chain::check(connection, head.as_ref())).await
    }
}

/// The event as it is about this attempt: whoever wrote it can't have named another.
pub(super) fn about(event: &AuditEvent, attempt: &Attempt, from: Option<AttemptState>) -> AuditEvent {
    let mut event = event.clone();
    event.incident_id = Some(attempt.incident.clone());
    event.run_id = Some(attempt.run_id.clone());
    event.attempt_id = Some(attempt.id.clone());
    event.digest = Some(attempt.digest.as_str().to_owned());
    event.target = Some(attempt.target.clone());
    event.data.code = Code::new(&attempt.code);
    event.data.from = from;
    event.data.to = Some(attempt.state);
    event
}

pub(super) fn append(connection: &Connection, now: Timestamp, event: &AuditEvent) -> Result<AuditRow, StoreError> {
    let (seq, prev) = match chain::head(connection)? {
        Some(head) => (head.seq + 1, head.hash),
        None => (1, FIRST.to_owned()),
    };
    // By way of `Value`, whose keys are sorted: what is read back is written the same.
    let json = |value: serde_json::Result<serde_json::Value>| match value {
        Ok(value) => columns::text(&value).map_err(StoreError::from),
        Err(_) => Err(StoreError::Invalid("an audit event that JSON can't write".to_owned())),
    };
    let row = Columns {
        seq,
        at: now.as_millisecond(),
        event: event.event.as_str().to_owned(),
        actor: json(serde_json::to_value(&event.actor))?,
        channel: event.channel.clone(),
        incident_id: event.incident_id.clone(),
        run_id: event.run_id.clone(),
        attempt_id: event.attempt_id.clone(),
        digest: event.digest.clone(),
        target: event.target.clone(),
        data: json(serde_json::to_value(&event.data))?,
        prev,
    };
    let hash = row.hash().ok_or_else(|| StoreError::Invalid("an audit event that has no hash".to_owned()))?;
    connection.execute(
        "INSERT INTO audit (seq, at, event, actor, channel, incident_id, run_id, attempt_id, digest, target, data, prev, hash)
         VALUES (:seq, :at, :event, :actor, :channel, :incident, :run, :attempt, :digest, :target, :data, :prev, :hash)",
        named_params! {
            ":seq": row.seq, ":at": row.at, ":event": row.event, ":actor": row.actor, ":channel": row.channel,
            ":incident": row.incident_id, ":run": row.run_id, ":attempt": row.attempt_id, ":digest": row.digest,
            ":target": row.target, ":data": row.data, ":prev": row.prev, ":hash": hash,
        },
    )?;
    let at = Timestamp::from_millisecond(row.at).unwrap_or(now);
    Ok(AuditRow { seq, at, event: event.clone(), prev: row.prev, hash })
}

fn list(connection: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT * FROM (SELECT * FROM audit
           WHERE (:incident IS NULL OR incident_id = :incident) AND (:attempt IS NULL OR attempt_id = :attempt)
             AND (:event IS NULL OR event = :event) AND (:since IS NULL OR at >= :since)
           ORDER BY seq DESC LIMIT :limit)
         ORDER BY seq",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":incident": filter.incident, ":attempt": filter.attempt,
            ":event": filter.event.map(AuditName::as_str), ":since": filter.since.map(Timestamp::as_millisecond),
            // A negative limit is none (SQLite, SELECT).
            ":limit": filter.limit.map_or(-1, i64::from),
        },
        row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn row(row: &Row<'_>) -> Result<AuditRow, rusqlite::Error> {
    let event = AuditEvent {
        event: columns::word(row, "event")?,
        actor: columns::json(row, "actor")?,
        channel: row.get("channel")?,
        incident_id: row.get("incident_id")?,
        run_id: row.get("run_id")?,
        attempt_id: row.get("attempt_id")?,
        digest: row.get("digest")?,
        target: row.get("target")?,
        data: columns::json(row, "data")?,
    };
    Ok(AuditRow { seq: row.get("seq")?, at: columns::time(row, "at")?, event, prev: row.get("prev")?, hash: row.get("hash")? })
}
