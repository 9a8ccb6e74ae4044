//! An incident's real subject, learnt by its analysis: another open incident that has it already is the same one.

use super::{attempts, columns, leases, messages, placing, triggers};
use crate::domain::{Class, ObjectRef, Reason, Severity, Trigger};
use crate::ports::{Leased, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

pub(super) fn found_subject(
    connection: &Connection,
    now: Timestamp,
    leased: &Leased,
    subject: &ObjectRef,
) -> Result<Option<String>, StoreError> {
    let Some(this) = leases::held(connection, leased)?.and_then(|job| job.incident_id) else { return Ok(None) };
    let row = |row: &Row<'_>| Ok((row.get("cluster")?, columns::time(row, "opened_at")?, row.get::<_, String>("status")?));
    let (cluster, opened, status): (String, Timestamp, String) =
        connection.query_row("SELECT cluster, opened_at, status FROM incidents WHERE id = ?1", [&this], row)?;
    connection.execute(
        "INSERT OR REPLACE INTO subjects
         SELECT cluster, namespace, kind, name, ?2, ?3, ?4, ?5 FROM incidents
         WHERE id = ?1 AND NOT (namespace = ?2 AND kind = ?3 AND name = ?4)",
        params![this, subject.ns(), subject.kind, subject.name, now.as_millisecond()],
    )?;
    let Some(other) = placing::open_of(connection, &cluster, subject)?.filter(|other| other.id != this && status == "open")
    else {
        connection.execute(
            "UPDATE incidents SET namespace = ?2, kind = ?3, name = ?4 WHERE id = ?1",
            params![this, subject.ns(), subject.kind, subject.name],
        )?;
        return Ok(Some(this));
    };
    let other_opened = connection
        .query_row("SELECT opened_at FROM incidents WHERE id = ?1", [&other.id], |row| columns::time(row, "opened_at"))?;
    let other_is_older = (other_opened, other.id.as_str()) < (opened, this.as_str());
    let (older, younger) = if other_is_older { (other.id, this) } else { (this, other.id) };
    merge(connection, now, &younger, &older)?;
    if !other_is_older {
        connection.execute(
            "UPDATE incidents SET namespace = ?2, kind = ?3, name = ?4 WHERE id = ?1",
            params![older, subject.ns(), subject.kind, subject.name],
        )?;
    }
    Ok(Some(older))
}

/// The younger one's episodes and what waits of it become the older one's. Who runs for it loses its lease.
fn merge(connection: &Connection, now: Timestamp, younger: &str, older: &str) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE incidents SET status = 'merged', merged_into = ?2, settles_at = NULL WHERE id = ?1",
        params![younger, older],
    )?;
    attempts::void(connection, now, younger, older)?;
    connection.execute("UPDATE episodes SET incident_id = ?2 WHERE incident_id = ?1", params![younger, older])?;
    messages::changed(connection, now, younger, "merged")?;
    messages::changed(connection, now, older, "merged")?;
    let severity = |id: &str| -> Result<Option<Severity>, StoreError> {
        let read = |row: &Row<'_>| columns::maybe_word(row, "severity");
        Ok(connection.query_row("SELECT severity FROM incidents WHERE id = ?1", [id], read)?)
    };
    let highest = severity(younger)?.max(severity(older)?);
    connection.execute("UPDATE incidents SET severity = ?2 WHERE id = ?1", params![older, highest.map(Severity::as_str)])?;
    let ended = connection.execute(
        "UPDATE jobs SET state = 'superseded', finished_at = ?2, lease_token = NULL, lease_until = NULL
         WHERE incident_id = ?1 AND kind = 'analyze' AND state IN ('queued', 'running', 'failed')",
        params![younger, now.as_millisecond()],
    )?;
    if ended > 0 {
        let class = Class::of(highest.unwrap_or(Severity::Warning));
        triggers::trigger(connection, now, older, Trigger::new(Reason::Merged, class, now), None)?;
    }
    Ok(())
}
