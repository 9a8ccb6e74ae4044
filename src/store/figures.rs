//! Counts what there is, by indexes that hold only what is open, fires or waits: a scrape costs the same however much is over.

use super::{Store, columns};
use crate::domain::Severity;
use crate::ports::{Figures, StoreError, StoreFigures};
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The alert that says that alerting works may have ended: it is looked for among so many that ended last.
const HISTORY: u32 = 1_000;

const OPEN: &str =
    "SELECT severity, count(*) AS number FROM incidents INDEXED BY incidents_open WHERE status = 'open' GROUP BY severity";
const FIRING: &str =
    "SELECT severity, count(*) AS number FROM episodes INDEXED BY episodes_firing WHERE end_how IS NULL GROUP BY severity";
const JOBS: &str = "
    SELECT kind, state, count(*) AS number FROM jobs INDEXED BY jobs_waiting WHERE state = 'queued' GROUP BY kind
    UNION ALL SELECT kind, state, count(*) FROM jobs INDEXED BY jobs_leases WHERE state = 'running' GROUP BY kind
    UNION ALL SELECT kind, state, count(*) FROM jobs INDEXED BY jobs_failed WHERE state = 'failed' GROUP BY kind";
const OLDEST_JOBS: &str = "
    SELECT kind, min(not_before) AS since FROM jobs INDEXED BY jobs_waiting
    WHERE state = 'queued' AND not_before <= ?1 GROUP BY kind";
const OLDEST_MESSAGES: &str = "
    SELECT channel, min(created_at) AS since FROM outbox INDEXED BY outbox_waiting WHERE state = 'queued' GROUP BY channel";
const WATCHDOG: &str = "
    SELECT coalesce(
      (SELECT max(heard_at) FROM episodes INDEXED BY episodes_firing
       WHERE incident_id IS NULL AND name = ?1 AND end_how IS NULL),
      (SELECT max(heard_at) FROM (SELECT name, heard_at FROM episodes INDEXED BY episodes_history
         WHERE incident_id IS NULL ORDER BY end_heard_at DESC LIMIT ?2) WHERE name = ?1)) AS heard_at";

impl Figures for Store {
    async fn figures(&self, now: Timestamp, watchdog: &str) -> Result<StoreFigures, StoreError> {
        let (watchdog, mut log) = (watchdog.to_owned(), self.path.clone().into_os_string());
        log.push("-wal");
        let log = PathBuf::from(log);
        self.reader
            .read(move |connection| {
                // Once everything is folded in, there is none.
                let wal_bytes = std::fs::metadata(&log).map_or(0, |file| file.len());
                Ok(StoreFigures { wal_bytes, ..count(connection, now, &watchdog)? })
            })
            .await
    }
}

fn count(connection: &Connection, now: Timestamp, watchdog: &str) -> Result<StoreFigures, StoreError> {
    let mut figures = StoreFigures {
        incidents_open: severities(connection, OPEN)?,
        episodes_firing: severities(connection, FIRING)?,
        ..StoreFigures::default()
    };
    let number = |row: &Row<'_>| row.get::<_, u64>("number");
    let mut statement = connection.prepare_cached(JOBS)?;
    let rows = statement.query_map([], |row| Ok(((columns::word(row, "kind")?, columns::word(row, "state")?), number(row)?)))?;
    figures.jobs = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(OLDEST_JOBS)?;
    let rows =
        statement.query_map([now.as_millisecond()], |row| Ok((columns::word(row, "kind")?, columns::time(row, "since")?)))?;
    figures.oldest_jobs = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(OLDEST_MESSAGES)?;
    let rows = statement.query_map([], |row| Ok((row.get("channel")?, columns::time(row, "since")?)))?;
    figures.oldest_messages = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(WATCHDOG)?;
    figures.watchdog_at = statement.query_row((watchdog, HISTORY), |row| columns::maybe_time(row, "heard_at"))?;
    let bytes = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    figures.store_bytes = connection.prepare_cached(bytes)?.query_row([], |row| row.get(0))?;
    Ok(figures)
}

/// What nobody gave a severity is a warning.
fn severities(connection: &Connection, query: &str) -> Result<BTreeMap<Severity, u64>, StoreError> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([], |row| Ok((columns::maybe_word(row, "severity")?, row.get::<_, u64>("number")?)))?;
    let mut found = BTreeMap::new();
    for row in rows {
        let (severity, number): (Option<Severity>, u64) = row?;
        *found.entry(severity.unwrap_or(Severity::Warning)).or_default() += number;
    }
    Ok(found)
}
