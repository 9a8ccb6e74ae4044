//! Which incident an episode belongs to, and what is known of it when the episode begins.

use super::{codes, columns};
use crate::domain::{DeliveredAlert, IncidentStatus, Lifecycle, ObjectRef, Placement, Severity, Situation, Verdict, subject_of};
use crate::ports::StoreError;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Incidents are merged into others that are merged; this deep, and no deeper.
const MERGES: usize = 8;

/// An incident, as far as it matters here.
pub(super) struct Place {
    pub(super) id: String,
    subject: ObjectRef,
    pub(super) status: IncidentStatus,
    pub(super) severity: Option<Severity>,
    pub(super) verdict: Option<Verdict>,
    merged_into: Option<String>,
    resolved_at: Option<Timestamp>,
    quiet_at: Option<Timestamp>,
    quiet_how: Option<String>,
}

/// The incident of an episode, how it came to be that, and what it is about.
pub(super) type Found = (Place, Placement, ObjectRef);

const COLUMNS: &str = "id, namespace, kind, name, status, severity, verdict, merged_into, resolved_at, quiet_at, quiet_how";

fn object(namespace: String, kind: String, name: String) -> ObjectRef {
    ObjectRef { kind, namespace: Some(namespace).filter(|namespace| !namespace.is_empty()), name }
}

fn place(row: &Row<'_>) -> Result<Place, rusqlite::Error> {
    Ok(Place {
        id: row.get("id")?,
        subject: object(row.get("namespace")?, row.get("kind")?, row.get("name")?),
        status: columns::word(row, "status")?,
        severity: columns::maybe_word(row, "severity")?,
        verdict: columns::maybe_word(row, "verdict")?,
        merged_into: row.get("merged_into")?,
        resolved_at: columns::maybe_time(row, "resolved_at")?,
        quiet_at: columns::maybe_time(row, "quiet_at")?,
        quiet_how: row.get("quiet_how")?,
    })
}

/// The incident itself, or the one that it turned out to be.
pub(super) fn incident(connection: &Connection, id: &str) -> Result<Option<Place>, StoreError> {
    let mut wanted = id.to_owned();
    for _ in 0..MERGES {
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM incidents WHERE id = ?1"))?;
        match statement.query_row([&wanted], place).optional()? {
            Some(Place { merged_into: Some(other), .. }) => wanted = other,
            found => return Ok(found),
        }
    }
    Ok(None)
}

fn by_subject(connection: &Connection, cluster: &str, subject: &ObjectRef, status: &str) -> Result<Option<Place>, StoreError> {
    // Two statements, so that each has its index.
    let which = if status == "open" { "status = 'open'" } else { "status = 'resolved' ORDER BY resolved_at DESC LIMIT 1" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM incidents WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4 AND {which}"
    ))?;
    Ok(statement.query_row(params![cluster, subject.ns(), subject.kind, subject.name], place).optional()?)
}

pub(super) fn open_of(connection: &Connection, cluster: &str, subject: &ObjectRef) -> Result<Option<Place>, StoreError> {
    by_subject(connection, cluster, subject, "open")
}

/// What an alert is about: what its labels name, or what that turned out to be.
pub(super) fn subject(connection: &Connection, now: Timestamp, alert: &DeliveredAlert) -> Result<ObjectRef, StoreError> {
    let named = subject_of(&alert.name, &alert.labels);
    let mut statement = connection.prepare_cached(
        "SELECT rowid, at, real_namespace, real_kind, real_name FROM subjects
         WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4",
    )?;
    let real = |row: &Row<'_>| Ok((row.get(0)?, columns::time(row, "at")?, object(row.get(2)?, row.get(3)?, row.get(4)?)));
    let learnt: Option<(i64, Timestamp, ObjectRef)> =
        statement.query_row(params![alert.cluster, named.ns(), named.kind, named.name], real).optional()?;
    let Some((row, at, real)) = learnt else { return Ok(named) };
    if at < day_before(now) {
        // What is used isn't forgotten.
        connection.execute("UPDATE subjects SET at = ?2 WHERE rowid = ?1", params![row, now.as_millisecond()])?;
    }
    Ok(real)
}

/// The incident of an episode that begins: the open one of its subject, one that was over not long ago, or a new one.
pub(super) fn find(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    alert: &DeliveredAlert,
) -> Result<Found, StoreError> {
    let subject = subject(connection, now, alert)?;
    if let Some(open) = open_of(connection, &alert.cluster, &subject)? {
        return Ok((open, Placement::Joined, subject));
    }
    if let Some(over) = by_subject(connection, &alert.cluster, &subject, "resolved")? {
        // The sender's times with each other; what a person ended has none, so there ours.
        let is_recent = match (over.quiet_at, over.resolved_at) {
            (Some(quiet), _) => rules.reopens(quiet, alert.starts_at),
            (None, Some(resolved)) => rules.reopens(resolved, now),
            (None, None) => false,
        };
        if is_recent {
            reopen(connection, &over.id)?;
            let notified = over.quiet_how.as_deref() == Some("notified");
            return Ok((over, Placement::Reopened { notified }, subject));
        }
    }
    let id = codes::id();
    let mut statement = connection.prepare_cached(
        "INSERT INTO incidents (id, cluster, namespace, kind, name, status, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)",
    )?;
    statement.execute(params![id, alert.cluster, subject.ns(), subject.kind, subject.name, now.as_millisecond()])?;
    let new = Place {
        id,
        subject: subject.clone(),
        status: IncidentStatus::Open,
        severity: None,
        verdict: None,
        merged_into: None,
        resolved_at: None,
        quiet_at: None,
        quiet_how: None,
    };
    Ok((new, Placement::Opened, subject))
}

/// The incident that is open where this one was: another of its subject, or of what the alert names now, if there is one.
pub(super) fn open_again(connection: &Connection, over: Place, cluster: &str, subject: &ObjectRef) -> Result<Place, StoreError> {
    for subject in [subject, &over.subject] {
        if let Some(open) = open_of(connection, cluster, subject)? {
            return Ok(open);
        }
    }
    reopen(connection, &over.id)?;
    Ok(over)
}

fn reopen(connection: &Connection, id: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE incidents SET status = 'open', resolved_at = NULL, settles_at = NULL WHERE id = ?1 AND status = 'resolved'",
    )?;
    statement.execute([id])?;
    Ok(())
}

/// What is known of the incident before an episode of this alert begins in it.
pub(super) fn situation(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    (place, placement, subject): &Found,
    alert: &DeliveredAlert,
    alert_flaps: bool,
) -> Result<Situation, StoreError> {
    let severity = alert.severity.unwrap_or(Severity::Warning);
    let mut seen = Situation {
        placement: *placement,
        alert_flaps,
        already_fires: false,
        name_is_known: false,
        severity: place.severity,
        cycles: 0,
        last_run: None,
        run_failed: false,
    };
    if *placement != Placement::Opened {
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM episodes WHERE incident_id = ?1 AND name = ?2 AND end_how IS NULL
                            AND COALESCE(severity, 'warning') = ?3),
                    EXISTS (SELECT 1 FROM episodes WHERE incident_id = ?1 AND name = ?2),
                    EXISTS (SELECT 1 FROM jobs WHERE incident_id = ?1 AND state = 'failed' AND kind = 'analyze')",
        )?;
        let known = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        (seen.already_fires, seen.name_is_known, seen.run_failed) =
            statement.query_row(params![place.id, alert.name, severity.as_str()], known)?;
    }
    // One more pod of the same workload asks no further.
    if seen.already_fires && !seen.run_failed {
        return Ok(seen);
    }
    let since = now.saturating_sub(rules.chronic_window).unwrap_or(Timestamp::MIN).as_millisecond();
    let mut statement = connection.prepare_cached(
        "WITH recent AS (
           SELECT id FROM incidents
           WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4 AND (resolved_at IS NULL OR resolved_at > ?5))
         SELECT (SELECT count(*) FROM episodes WHERE is_cycle AND incident_id IN recent AND begun_at > ?5 AND name = ?6
                 AND COALESCE(severity, 'warning') = ?7),
                (SELECT max(started_at) FROM jobs WHERE incident_id IN recent AND kind = 'analyze')",
    )?;
    let of_subject = params![alert.cluster, subject.ns(), subject.kind, subject.name, since, alert.name, severity.as_str()];
    let (cycles, last): (usize, Option<i64>) = statement.query_row(of_subject, |row| Ok((row.get(0)?, row.get(1)?)))?;
    seen.cycles = cycles;
    seen.last_run = last.and_then(|last| Timestamp::from_millisecond(last).ok());
    Ok(seen)
}

/// What an incident flapped since; 24 h.
pub(super) fn day_before(now: Timestamp) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN)
}
