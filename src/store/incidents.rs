//! Incidents, their analyses, and the memory of what was tried on the same subject.

use super::{Store, attempt_queries, codes, columns, remembered};
use crate::domain::{Incident, IncidentRecord, ObjectRef, OutcomeMemory, RememberedIncident, Report, Run};
use crate::ports::{IncidentFilter, IncidentStore, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::Value;

/// So many where nobody says how many.
const LIMIT: u32 = 50;
/// So many earlier incidents and attempts make the memory of a subject.
const MEMORY: u32 = 100;

impl IncidentStore for Store {
    async fn open_or_join(&self, cluster: &str, subject: &ObjectRef) -> Result<Incident, StoreError> {
        let (cluster, subject) = (cluster.to_owned(), subject.clone());
        self.writer.write(move |connection, now| open_or_join(connection, now, &cluster, &subject)).await
    }

    async fn record(&self, incident: &str, report: &Report) -> Result<Run, StoreError> {
        let run = analysed(codes::id(), incident, report)?;
        let summary = report.summary.clone();
        self.writer.write(move |connection, now| record(connection, now, &run, &summary)).await
    }

    async fn resolve(&self, incident: &str) -> Result<Option<Incident>, StoreError> {
        let id = incident.to_owned();
        self.writer.write(move |connection, now| resolve(connection, now, &id)).await
    }

    async fn incidents(&self, filter: IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.reader.read(move |connection| list(connection, &filter)).await
    }

    async fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, StoreError> {
        let id = id.to_owned();
        self.reader.read(move |connection| whole(connection, &id)).await
    }

    async fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let id = id.to_owned();
        self.reader
            .read(move |connection| Ok(connection.query_row("SELECT * FROM runs WHERE id = ?1", [id], run).optional()?))
            .await
    }

    async fn remembered(&self, cluster: &str, since: Timestamp) -> Result<Vec<RememberedIncident>, StoreError> {
        let cluster = cluster.to_owned();
        self.reader.read(move |connection| remembered::list(connection, &cluster, since)).await
    }

    async fn memory(&self, incident: &str, now: Timestamp, window: SignedDuration) -> Result<OutcomeMemory, StoreError> {
        let id = incident.to_owned();
        self.reader.read(move |connection| memory(connection, &id, now, window)).await
    }
}

/// The analysis of an incident that this report is.
pub(super) fn analysed(id: String, incident: &str, report: &Report) -> Result<Run, StoreError> {
    let invalid = |_| StoreError::Invalid("a report that JSON can't write".to_owned());
    Ok(Run {
        id,
        incident: incident.to_owned(),
        verdict: report.verdict,
        cause: report.causes.first().filter(|_| report.verdict.is_fault()).map(|cause| cause.id.clone()),
        captured_at: report.captured_at,
        created_at: report.captured_at,
        report: serde_json::to_value(report).map_err(invalid)?,
    })
}

pub(super) fn incident(row: &Row<'_>) -> Result<Incident, rusqlite::Error> {
    let namespace: String = row.get("namespace")?;
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    Ok(Incident {
        id: row.get("id")?,
        cluster: row.get("cluster")?,
        subject: ObjectRef { kind: row.get("kind")?, namespace, name: row.get("name")? },
        status: columns::word(row, "status")?,
        opened_at: columns::time(row, "opened_at")?,
        resolved_at: columns::maybe_time(row, "resolved_at")?,
        merged_into: row.get("merged_into")?,
        verdict: columns::maybe_word(row, "verdict")?,
        cause: row.get("cause")?,
        summary: row.get("summary")?,
    })
}

fn run(row: &Row<'_>) -> Result<Run, rusqlite::Error> {
    Ok(Run {
        id: row.get("id")?,
        incident: row.get("incident_id")?,
        verdict: columns::word(row, "verdict")?,
        cause: row.get("cause")?,
        captured_at: columns::time(row, "captured_at")?,
        created_at: columns::time(row, "created_at")?,
        report: columns::json::<Value>(row, "report")?,
    })
}

pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Option<Incident>, StoreError> {
    Ok(connection.query_row("SELECT * FROM incidents WHERE id = ?1", [id], incident).optional()?)
}

fn open_or_join(connection: &Connection, now: Timestamp, cluster: &str, subject: &ObjectRef) -> Result<Incident, StoreError> {
    // The unique index of open incidents makes the second INSERT of a subject do nothing.
    connection.execute(
        "INSERT OR IGNORE INTO incidents (id, cluster, namespace, kind, name, status, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)",
        params![codes::id(), cluster, subject.ns(), subject.kind, subject.name, now.as_millisecond()],
    )?;
    Ok(connection.query_row(
        "SELECT * FROM incidents WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4 AND status = 'open'",
        params![cluster, subject.ns(), subject.kind, subject.name],
        incident,
    )?)
}

pub(super) fn record(connection: &Connection, now: Timestamp, run: &Run, summary: &str) -> Result<Run, StoreError> {
    let changed = connection.execute(
        "UPDATE incidents SET verdict = ?2, cause = COALESCE(?3, cause), summary = ?4 WHERE id = ?1",
        params![run.incident, run.verdict.as_str(), run.cause, summary],
    )?;
    if changed == 0 {
        return Err(StoreError::Invalid(format!("an analysis of the incident {}, which isn't there", run.incident)));
    }
    connection.execute(
        "INSERT INTO runs (id, incident_id, verdict, cause, captured_at, created_at, report) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            run.id,
            run.incident,
            run.verdict.as_str(),
            run.cause,
            run.captured_at.as_millisecond(),
            now.as_millisecond(),
            columns::text(&run.report)?
        ],
    )?;
    Ok(Run { created_at: now, ..run.clone() })
}

fn resolve(connection: &Connection, now: Timestamp, id: &str) -> Result<Option<Incident>, StoreError> {
    connection.execute(
        "UPDATE incidents SET status = 'resolved', resolved_at = ?2 WHERE id = ?1 AND status = 'open'
         AND NOT EXISTS (SELECT 1 FROM episodes WHERE incident_id = ?1 AND end_how IS NULL)",
        params![id, now.as_millisecond()],
    )?;
    by_id(connection, id)
}

fn list(connection: &Connection, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
    let subject = filter.subject.as_ref();
    let mut statement = connection.prepare(
        "SELECT * FROM incidents
         WHERE (:status IS NULL OR status = :status) AND (:cluster IS NULL OR cluster = :cluster)
           AND (:namespace IS NULL OR namespace = :namespace) AND (:since IS NULL OR opened_at >= :since)
           AND (:kind IS NULL OR (kind = :kind AND name = :name AND namespace = :of))
         ORDER BY opened_at DESC, id DESC LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":status": filter.status.map(|status| status.as_str()), ":cluster": filter.cluster, ":namespace": filter.namespace,
            ":since": filter.since.map(Timestamp::as_millisecond), ":kind": subject.map(|subject| &subject.kind),
            ":name": subject.map(|subject| &subject.name), ":of": subject.map(ObjectRef::ns),
            ":limit": filter.limit.unwrap_or(LIMIT),
        },
        incident,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn whole(connection: &Connection, id: &str) -> Result<Option<IncidentRecord>, StoreError> {
    let Some(incident) = by_id(connection, id)? else { return Ok(None) };
    let mut statement = connection.prepare("SELECT * FROM runs WHERE incident_id = ?1 ORDER BY created_at, id")?;
    let runs = statement.query_map([id], run)?.collect::<Result<_, _>>()?;
    let attempts =
        attempt_queries::many(connection, "SELECT * FROM attempts WHERE incident_id = ?1 ORDER BY created_at, id", [id])?;
    let clicked = "SELECT clicked_at FROM incidents WHERE id = ?1";
    let clicked_at = connection.prepare_cached(clicked)?.query_row([id], |row| columns::maybe_time(row, "clicked_at"))?;
    Ok(Some(IncidentRecord { incident, runs, attempts, clicked_at }))
}

/// Whether an incident was over before another opened, and not long before: `:opened` and `:reach` by our clock, and where both
/// have alerts, `:start` by their sender's. The window is open at its far end: what was over exactly so long before doesn't count.
pub(super) const EARLIER: &str = "status = 'resolved' AND resolved_at <= :opened
   AND CASE WHEN :start IS NULL OR quiet_at IS NULL THEN resolved_at > :reach ELSE quiet_at > :start END";

/// Where the window begins for [`EARLIER`]: by our clock, and by the sender's before the incident's first alert began.
pub(super) fn reach(
    connection: &Connection,
    incident: &Incident,
    window: SignedDuration,
) -> Result<(i64, Option<i64>), StoreError> {
    let before = |at: Timestamp| at.saturating_sub(window).unwrap_or(Timestamp::MIN).as_millisecond();
    let mut statement = connection.prepare_cached("SELECT min(starts_at) FROM episodes WHERE incident_id = ?1")?;
    let start: Option<i64> = statement.query_row([&incident.id], |row| row.get(0))?;
    let start = start.and_then(|start| Timestamp::from_millisecond(start).ok());
    Ok((before(incident.opened_at), start.map(before)))
}

fn memory(connection: &Connection, id: &str, now: Timestamp, window: SignedDuration) -> Result<OutcomeMemory, StoreError> {
    let Some(this) = by_id(connection, id)? else { return Ok(OutcomeMemory::default()) };
    let before = |at: Timestamp| at.saturating_sub(window).unwrap_or(Timestamp::MIN).as_millisecond();
    let mut statement = connection.prepare(&format!(
        "SELECT * FROM incidents
         WHERE cluster = :cluster AND namespace = :namespace AND kind = :kind AND name = :name AND id <> :id AND {EARLIER}
         ORDER BY resolved_at DESC, id DESC LIMIT :most"
    ))?;
    let subject = &this.subject;
    let (reach, start) = reach(connection, &this, window)?;
    let earlier = named_params! {
        ":cluster": this.cluster, ":namespace": subject.ns(), ":kind": subject.kind, ":name": subject.name, ":id": id,
        ":opened": this.opened_at.as_millisecond(), ":reach": reach, ":start": start, ":most": MEMORY,
    };
    let incidents = statement.query_map(earlier, incident)?.collect::<Result<_, _>>()?;
    let attempts = attempt_queries::many(
        connection,
        "SELECT * FROM attempts
         WHERE incident_id IN (SELECT id FROM incidents WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4)
           AND sent_at > ?5
         ORDER BY sent_at DESC, id DESC LIMIT ?6",
        params![this.cluster, subject.ns(), subject.kind, subject.name, before(now), MEMORY],
    )?;
    Ok(OutcomeMemory { incidents, attempts })
}
