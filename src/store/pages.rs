//! Lists of incidents, a page at a time.

use super::incidents::{EARLIER, reach};
use super::{Store, columns, episodes, incidents, placing};
use crate::domain::{Incident, IncidentStatus, IncidentSummary, Severity};
use crate::ports::{IncidentPage, IncidentPages, PageFilter, PageKey, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use std::path::PathBuf;

/// A page looks at no more rows than this: where they don't match it ends early, and the next one goes on.
const LOOKED_AT: usize = 10_000;

impl IncidentPages for Store {
    async fn page(&self, filter: PageFilter) -> Result<IncidentPage, StoreError> {
        self.reader.read(move |connection| page(connection, &filter)).await
    }

    async fn summary(&self, id: &str, window: SignedDuration) -> Result<Option<IncidentSummary>, StoreError> {
        let id = id.to_owned();
        self.reader
            .read(move |connection| {
                let found = connection.query_row("SELECT * FROM incidents WHERE id = ?1", [&id], found).optional()?;
                found.map(|found| summary(connection, found, window)).transpose()
            })
            .await
    }

    fn recording(&self, incident: &str, run: &str) -> PathBuf {
        let mut folder = self.path.as_os_str().to_owned();
        folder.push(".recordings");
        PathBuf::from(folder).join(incident).join(run)
    }
}

/// An incident, its severity, and whether it is chronic.
type Found = (Incident, Option<Severity>, bool);

fn found(row: &Row<'_>) -> Result<Found, rusqlite::Error> {
    Ok((incidents::incident(row)?, columns::maybe_word(row, "severity")?, row.get("is_chronic")?))
}

fn page(connection: &Connection, filter: &PageFilter) -> Result<IncidentPage, StoreError> {
    // Each of these walks one index from where the page begins, and stops where it is full.
    let (source, narrow) = match (filter.status, &filter.namespace) {
        (Some(IncidentStatus::Open), _) => ("incidents INDEXED BY incidents_open_opened", "status = 'open' AND"),
        (_, Some(_)) => ("incidents INDEXED BY incidents_namespace_opened", "namespace = :namespace AND"),
        (_, None) => ("incidents INDEXED BY incidents_opened", ""),
    };
    let sql = format!(
        "SELECT * FROM {source} WHERE {narrow} (opened_at, id) < (:opened, :id) AND opened_at >= :since
           AND (:namespace IS NULL OR namespace = :namespace)
         ORDER BY opened_at DESC, id DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = filter.after.as_ref();
    let mut rows = statement.query(named_params! {
        ":opened": after.map_or(i64::MAX, |key| key.opened_at.as_millisecond()),
        ":id": after.map_or("", |key| key.id.as_str()),
        ":since": filter.since.map_or(i64::MIN, Timestamp::as_millisecond),
        ":namespace": filter.namespace,
    })?;
    let mut page = IncidentPage::default();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let (incident, severity, chronic) = found(row)?;
        let key = PageKey { opened_at: incident.opened_at, id: incident.id.clone() };
        if matches(connection, filter, &incident, severity)? {
            page.incidents.push(summary(connection, (incident, severity, chronic), filter.window)?);
        }
        if page.incidents.len() >= filter.limit || looked_at >= LOOKED_AT {
            page.next = rows.next()?.map(|_| key);
            break;
        }
    }
    Ok(page)
}

fn matches(
    connection: &Connection,
    filter: &PageFilter,
    incident: &Incident,
    severity: Option<Severity>,
) -> Result<bool, StoreError> {
    let is_it = filter.status.is_none_or(|status| status == incident.status)
        && filter.cluster.as_ref().is_none_or(|cluster| *cluster == incident.cluster)
        // A severity that isn't set counts as a warning.
        && filter.severity.is_none_or(|wanted| wanted == severity.unwrap_or(Severity::Warning));
    let Some(name) = filter.alertname.as_ref().filter(|_| is_it) else { return Ok(is_it) };
    let mut statement = connection.prepare_cached("SELECT 1 FROM episodes WHERE incident_id = ?1 AND name = ?2 LIMIT 1")?;
    Ok(statement.exists(params![incident.id, name])?)
}

fn summary(
    connection: &Connection,
    (incident, severity, chronic): Found,
    window: SignedDuration,
) -> Result<IncidentSummary, StoreError> {
    let mut last = connection.prepare_cached("SELECT max(heard_at) FROM episodes WHERE incident_id = ?1")?;
    let last: Option<i64> = last.query_row([&incident.id], |row| row.get(0))?;
    let last = last.and_then(|last| Timestamp::from_millisecond(last).ok()).unwrap_or(Timestamp::MIN);
    let flap_count = episodes::flaps(connection, &incident.id, placing::day_before(last))?;
    let mut before = connection.prepare_cached(&format!(
        "SELECT count(*) FROM incidents AS past
         WHERE cluster = :cluster AND namespace = :namespace AND kind = :kind AND name = :name AND id <> :id AND {EARLIER}
           AND CASE WHEN :cause IS NOT NULL THEN cause = :cause
             ELSE EXISTS (SELECT 1 FROM episodes AS theirs JOIN episodes AS ours ON ours.name = theirs.name
               WHERE theirs.incident_id = past.id AND ours.incident_id = :id) END"
    ))?;
    let subject = &incident.subject;
    let (reach, start) = reach(connection, &incident, window)?;
    let earlier = named_params! {
        ":cluster": incident.cluster, ":namespace": subject.ns(), ":kind": subject.kind, ":name": subject.name,
        ":id": incident.id, ":opened": incident.opened_at.as_millisecond(), ":reach": reach, ":start": start,
        ":cause": incident.cause,
    };
    let recurrence = before.query_row(earlier, |row| row.get(0))?;
    Ok(IncidentSummary { incident, severity, flap_count, recurrence, chronic })
}
