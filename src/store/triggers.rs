//! Analyses that are asked for: one waits, one runs and notes what came meanwhile, and never two wait.

use super::{codes, columns};
use crate::domain::{Class, JobKind, Trigger};
use crate::ports::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::Value;

/// What keeps two analyses of an incident from waiting at once.
pub(super) fn dedup_key(incident: &str) -> String {
    format!("analyze:{incident}")
}

/// A job as far as it matters here.
struct Waiting {
    id: String,
    trigger: Trigger,
    created_at: Timestamp,
}

fn waiting(row: &Row<'_>) -> Result<Waiting, rusqlite::Error> {
    let class: Class = columns::word(row, "class")?;
    let payload: Value = columns::json(row, "payload")?;
    let reasons = payload.get("reasons").cloned().unwrap_or_default();
    let reasons = serde_json::from_value(reasons).unwrap_or_default();
    Ok(Waiting {
        id: row.get("id")?,
        trigger: Trigger { reasons, class, not_before: columns::time(row, "not_before")? },
        created_at: columns::time(row, "created_at")?,
    })
}

/// The analysis of an incident that waits.
fn queued(connection: &Connection, incident: &str) -> Result<Option<Waiting>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, payload, class, not_before, created_at FROM jobs WHERE dedup_key = ?1 AND state = 'queued'",
    )?;
    Ok(statement.query_row([dedup_key(incident)], waiting).optional()?)
}

fn payload(trigger: &Trigger) -> Result<String, StoreError> {
    Ok(columns::text(&serde_json::json!({ "reasons": trigger.reasons }))?)
}

pub(super) fn class_word(class: Class) -> &'static str {
    match class {
        Class::Critical => "critical",
        Class::Ask => "ask",
        Class::Warning => "warning",
        Class::Rest => "rest",
    }
}

/// Widens the analysis that waits, notes it with the one that runs, or queues a new one. The job's id. Somebody who asks gets one
/// that begins after they asked.
pub(super) fn trigger(
    connection: &Connection,
    now: Timestamp,
    incident: &str,
    trigger: Trigger,
    by: Option<&str>,
) -> Result<String, StoreError> {
    if let Some(found) = queued(connection, incident)? {
        widen(connection, &found, found.trigger.clone().widened(trigger))?;
        return Ok(found.id);
    }
    let mut statement = connection
        .prepare_cached("SELECT id, follow_up FROM jobs WHERE incident_id = ?1 AND state = 'running' AND kind = 'analyze'")?;
    let running = |row: &Row<'_>| Ok((row.get("id")?, columns::maybe_json::<Trigger>(row, "follow_up")?));
    let running: Option<(String, Option<Trigger>)> = statement.query_row([incident], running).optional()?;
    if let Some((id, noted)) = running.filter(|_| by.is_none()) {
        let wider = match noted {
            Some(noted) => noted.widened(trigger),
            None => trigger,
        };
        let mut statement = connection.prepare_cached("UPDATE jobs SET follow_up = ?2 WHERE id = ?1")?;
        statement.execute(params![id, columns::text(&wider)?])?;
        return Ok(id);
    }
    queue(connection, now, incident, &trigger, by)
}

fn widen(connection: &Connection, found: &Waiting, wider: Trigger) -> Result<(), StoreError> {
    if wider != found.trigger {
        let mut statement =
            connection.prepare_cached("UPDATE jobs SET payload = ?2, class = ?3, rank = ?4, not_before = ?5 WHERE id = ?1")?;
        let rank = wider.class.rank(found.created_at, wider.not_before);
        let not_before = wider.not_before.as_millisecond();
        statement.execute(params![found.id, payload(&wider)?, class_word(wider.class), rank, not_before])?;
    }
    Ok(())
}

/// Queues an analysis. Those of the incident that were given up make way for it.
fn queue(
    connection: &Connection,
    now: Timestamp,
    incident: &str,
    trigger: &Trigger,
    by: Option<&str>,
) -> Result<String, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT COALESCE(max(failures + 1), 0) FROM jobs WHERE incident_id = ?1 AND state = 'failed' AND kind = 'analyze'",
    )?;
    let failures: u32 = statement.query_row([incident], |row| row.get(0))?;
    if failures > 0 {
        connection.execute(
            "UPDATE jobs SET state = 'superseded' WHERE incident_id = ?1 AND state = 'failed' AND kind = 'analyze'",
            [incident],
        )?;
    }
    let id = codes::id();
    let mut statement = connection.prepare_cached(
        "INSERT INTO jobs (id, kind, lane, state, class, rank, incident_id, run_id, dedup_key, payload, requested_by, failures,
           created_at, not_before)
         VALUES (:id, :kind, :lane, 'queued', :class, :rank, :incident, :run, :key, :payload, :by, :failures, :now, :not_before)",
    )?;
    statement.execute(named_params! {
        ":id": id, ":kind": JobKind::Analyze.as_str(), ":lane": JobKind::Analyze.lane().as_str(),
        ":class": class_word(trigger.class), ":rank": trigger.class.rank(now, trigger.not_before), ":incident": incident, ":run": codes::id(),
        ":key": dedup_key(incident), ":payload": payload(trigger)?, ":by": by, ":failures": failures,
        ":now": now.as_millisecond(), ":not_before": trigger.not_before.as_millisecond(),
    })?;
    Ok(id)
}

/// All alerts of the incident ended: what waits isn't urgent any more, what runs is told.
pub(super) fn all_ended(connection: &Connection, incident: &str) -> Result<(), StoreError> {
    if let Some(found) = queued(connection, incident)? {
        let rank = Class::Rest.rank(found.created_at, found.trigger.not_before);
        connection
            .execute("UPDATE jobs SET class = ?2, rank = ?3 WHERE id = ?1", params![found.id, class_word(Class::Rest), rank])?;
    }
    connection.execute(
        "UPDATE jobs SET resolved_during_run = 1 WHERE incident_id = ?1 AND state = 'running' AND kind = 'analyze'",
        [incident],
    )?;
    Ok(())
}

/// One of its alerts goes on after all: what waits is as urgent again as it was. What is chronic never was.
pub(super) fn fires_again(connection: &Connection, incident: &str, class: Class) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT is_chronic FROM incidents WHERE id = ?1")?;
    if statement.query_row([incident], |row| row.get(0))? {
        return Ok(());
    }
    let Some(found) = queued(connection, incident)? else { return Ok(()) };
    let wider = Trigger { class: found.trigger.class.min(class), ..found.trigger.clone() };
    widen(connection, &found, wider)
}
