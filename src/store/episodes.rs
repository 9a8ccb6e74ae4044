//! The rows of episodes.

use super::columns;
use crate::domain::{DeliveredAlert, End, Ended, Episode, EpisodeRecord, Severity};
use crate::ports::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params, params};

/// So many of an alert's episodes are looked at, the newest. It stands in the statements' text: SQLite prepares a statement with a
/// bound LIMIT anew each time that it is bound.
const KNOWN: usize = 20;

/// An episode with what else is known of it here.
pub(super) struct Known {
    pub(super) episode: Episode,
    pub(super) incident: Option<String>,
}

fn known(row: &Row<'_>) -> Result<Known, rusqlite::Error> {
    let at: Option<Timestamp> = columns::maybe_time(row, "ended_at")?;
    let heard: Option<Timestamp> = columns::maybe_time(row, "end_heard_at")?;
    let how: Option<Ended> = columns::maybe_word(row, "end_how")?;
    let end = how.zip(at).zip(heard).map(|((how, at), heard_at)| End { how, at, heard_at });
    Ok(Known {
        episode: Episode {
            id: row.get("id")?,
            starts_at: columns::time(row, "starts_at")?,
            end,
            heard_at: columns::time(row, "heard_at")?,
        },
        incident: row.get("incident_id")?,
    })
}

/// The episodes of an alert that decide what a delivery means: the newest, and those with the same start.
pub(super) fn of_alert(connection: &Connection, alert: &DeliveredAlert) -> Result<Vec<Known>, StoreError> {
    let starts = alert.starts_at.as_millisecond();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id, starts_at, ended_at, end_how, end_heard_at, heard_at, incident_id FROM episodes
         WHERE cluster = ?1 AND fingerprint = ?2 ORDER BY starts_at DESC LIMIT {KNOWN}"
    ))?;
    let mut all: Vec<Known> = statement.query_map(params![alert.cluster, alert.fingerprint], known)?.collect::<Result<_, _>>()?;
    let is_older = all.last().is_some_and(|oldest| starts < oldest.episode.starts_at.as_millisecond());
    if is_older && all.len() == KNOWN {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id, starts_at, ended_at, end_how, end_heard_at, heard_at, incident_id FROM episodes
             WHERE cluster = ?1 AND fingerprint = ?2 AND (starts_at = ?3 OR end_how IS NULL) LIMIT {KNOWN}"
        ))?;
        let more = statement.query_map(params![alert.cluster, alert.fingerprint, starts], known)?;
        all.extend(more.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// What a new episode is.
pub(super) struct New<'a> {
    pub(super) id: &'a str,
    pub(super) alert: &'a DeliveredAlert,
    pub(super) incident: Option<&'a str>,
    pub(super) is_flap: bool,
    pub(super) is_cycle: bool,
    pub(super) end: Option<(Ended, Timestamp)>,
}

pub(super) fn insert(connection: &Connection, now: Timestamp, intake: i64, new: &New<'_>) -> Result<(), StoreError> {
    let alert = new.alert;
    let mut statement = connection.prepare_cached(
        "INSERT INTO episodes (id, cluster, fingerprint, name, severity, labels, annotations, generator_url, marks, starts_at,
           ended_at, end_how, end_heard_at, begun_at, heard_at, incident_id, is_flap, is_cycle, changed_in)
         VALUES (:id, :cluster, :fingerprint, :name, :severity, :labels, :annotations, :generator_url, :marks, :starts_at,
           :ended_at, :end_how, :end_heard_at, :now, :now, :incident, :is_flap, :is_cycle, :intake)",
    )?;
    statement.execute(named_params! {
        ":id": new.id, ":cluster": alert.cluster, ":fingerprint": alert.fingerprint, ":name": alert.name,
        ":severity": alert.severity.map(Severity::as_str), ":labels": columns::text(&alert.labels)?,
        ":annotations": columns::text(&alert.annotations)?, ":generator_url": alert.generator_url,
        ":marks": columns::text(&alert.marks)?, ":starts_at": alert.starts_at.as_millisecond(),
        ":ended_at": new.end.map(|(_, at)| at.as_millisecond()), ":end_how": new.end.map(|(how, _)| word(how)),
        ":end_heard_at": new.end.map(|_| now.as_millisecond()), ":now": now.as_millisecond(), ":incident": new.incident,
        ":is_flap": new.is_flap, ":is_cycle": new.is_cycle, ":intake": intake,
    })?;
    Ok(())
}

/// It is heard of again: its earliest start and its newest annotations are kept.
pub(super) fn repeat(connection: &Connection, now: Timestamp, known: &Episode, alert: &DeliveredAlert) -> Result<(), StoreError> {
    if alert.starts_at < known.starts_at {
        let mut statement = connection.prepare_cached("UPDATE episodes SET starts_at = ?2 WHERE id = ?1")?;
        statement.execute(params![known.id, alert.starts_at.as_millisecond()])?;
    }
    let mut statement = connection
        .prepare_cached("UPDATE episodes SET heard_at = ?2, is_silent = 0, annotations = ?3, generator_url = ?4 WHERE id = ?1")?;
    statement.execute(params![known.id, now.as_millisecond(), columns::text(&alert.annotations)?, alert.generator_url])?;
    Ok(())
}

pub(super) fn end(
    connection: &Connection,
    now: Timestamp,
    intake: i64,
    id: &str,
    (how, at): (Ended, Timestamp),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE episodes SET end_how = ?2, ended_at = ?3, end_heard_at = ?4, heard_at = ?4, changed_in = ?5
         WHERE id = ?1 AND end_how IS NULL",
    )?;
    statement.execute(params![id, word(how), at.as_millisecond(), now.as_millisecond(), intake])?;
    Ok(())
}

/// The end of one that was missed is told: it stands, and is its incident's last if it is the last.
pub(super) fn correct(
    connection: &Connection,
    now: Timestamp,
    intake: i64,
    id: &str,
    (how, at): (Ended, Timestamp),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE episodes SET end_how = ?2, ended_at = ?3, end_heard_at = ?4, changed_in = ?5 WHERE id = ?1 RETURNING incident_id",
    )?;
    let told = params![id, word(how), at.as_millisecond(), now.as_millisecond(), intake];
    let incident: Option<String> = statement.query_row(told, |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "UPDATE incidents SET (quiet_at, quiet_how) =
           (SELECT ended_at, end_how FROM episodes WHERE incident_id = ?1 AND end_how IS NOT NULL ORDER BY ended_at DESC LIMIT 1)
         WHERE id = ?1",
    )?;
    statement.execute([incident])?;
    Ok(())
}

/// It goes on after all, in this incident.
pub(super) fn reopen(
    connection: &Connection,
    now: Timestamp,
    intake: i64,
    id: &str,
    incident: Option<&str>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE episodes SET end_how = NULL, ended_at = NULL, end_heard_at = NULL, heard_at = ?2, changed_in = ?3,
           incident_id = COALESCE(?4, incident_id) WHERE id = ?1",
    )?;
    statement.execute(params![id, now.as_millisecond(), intake, incident])?;
    Ok(())
}

/// Whether an episode of the incident fires.
pub(super) fn any_fires(connection: &Connection, incident: &str) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM episodes WHERE incident_id = ?1 AND end_how IS NULL)")?;
    Ok(statement.query_row([incident], |row| row.get(0))?)
}

/// How often the incident flapped since then.
pub(super) fn flaps(connection: &Connection, incident: &str, since: Timestamp) -> Result<usize, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT count(*) FROM episodes WHERE is_cycle AND is_flap AND incident_id = ?1 AND begun_at > ?2")?;
    Ok(statement.query_row(params![incident, since.as_millisecond()], |row| row.get(0))?)
}

pub(super) fn word(how: Ended) -> &'static str {
    match how {
        Ended::Notified => "notified",
        Ended::Implied => "implied",
        Ended::Absent => "absent",
    }
}

pub(super) fn record(row: &Row<'_>) -> Result<EpisodeRecord, rusqlite::Error> {
    Ok(EpisodeRecord {
        id: row.get("id")?,
        fingerprint: row.get("fingerprint")?,
        name: row.get("name")?,
        severity: columns::maybe_word(row, "severity")?,
        labels: columns::json(row, "labels")?,
        annotations: columns::json(row, "annotations")?,
        generator_url: row.get("generator_url")?,
        marks: columns::json(row, "marks")?,
        starts_at: columns::time(row, "starts_at")?,
        ended_at: columns::maybe_time(row, "ended_at")?,
        begun_at: columns::time(row, "begun_at")?,
        heard_at: columns::time(row, "heard_at")?,
        incident_id: row.get("incident_id")?,
        is_flap: row.get("is_flap")?,
        is_silent: row.get("is_silent")?,
        is_stuck: row.get("is_stuck")?,
    })
}
