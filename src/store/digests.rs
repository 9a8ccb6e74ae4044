//! Counts for digests. The last day is found by indexes of what fires and of what ended, whatever lies before it.

use super::placing::day_before;
use super::{Store, columns};
use crate::domain::{Lifecycle, ObjectRef};
use crate::ports::{Chronic, DayFigures, Digests, Fired, Recent, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// `labels` and `annotations` are of the row with the greatest `begun_at` (SQLite, SELECT §2.5: bare columns in an aggregate
/// query), which holds as long as there is one `max` and no `min` beside it.
const FIRED: &str = "
    WITH recent AS (
      SELECT number FROM episodes INDEXED BY episodes_firing WHERE end_how IS NULL AND incident_id IS NOT NULL
      UNION ALL
      SELECT number FROM episodes INDEXED BY episodes_ended
      WHERE incident_id IS NOT NULL AND end_how IS NOT NULL AND end_heard_at > ?1)
    SELECT incidents.cluster, incidents.namespace, incidents.kind, incidents.name AS object, episodes.name AS alert,
      COALESCE(episodes.severity, 'warning') AS rank, labels, annotations, max(begun_at) AS last_at,
      sum(is_cycle AND begun_at > ?2) AS cycles, sum(end_how IS NULL) AS firing, sum(end_how IS NULL AND begun_at > ?3) AS new,
      sum(begun_at <= ?3 AND (end_how IS NULL OR end_heard_at > ?3)) AS fired_before
    FROM recent JOIN episodes USING (number) JOIN incidents ON incidents.id = episodes.incident_id
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6";
/// Of one subject, alert and severity: what is open, or was not long ago.
const OF_ONE: &str = "
    FROM episodes JOIN incidents ON incidents.id = episodes.incident_id
    WHERE incidents.cluster = ?1 AND incidents.namespace = ?2 AND incidents.kind = ?3 AND incidents.name = ?4
      AND episodes.name = ?5 AND COALESCE(episodes.severity, 'warning') = ?6
      AND (incidents.resolved_at IS NULL OR incidents.resolved_at > ?7)";
const CAUSE: &str = "
    SELECT cause FROM incidents WHERE cluster = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4 AND cause IS NOT NULL
    ORDER BY opened_at DESC LIMIT 1";
const OPENED: &str = "
    SELECT verdict, count(*) AS number FROM incidents INDEXED BY incidents_opened
    WHERE opened_at > ?1 AND status <> 'merged' GROUP BY verdict";

impl Digests for Store {
    async fn recent(&self, now: Timestamp) -> Result<Recent, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        self.reader.read(move |connection| recent(connection, now, &rules)).await
    }

    async fn day(&self, now: Timestamp) -> Result<DayFigures, StoreError> {
        self.reader.read(move |connection| day(connection, now)).await
    }
}

fn recent(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<Recent, StoreError> {
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    let (chronic_since, stuck, day) = (before(rules.chronic_window), before(rules.stuck_after), day_before(now));
    let since = chronic_since.min(day);
    let mut statement = connection.prepare_cached(FIRED)?;
    let mut rows = statement.query([since, chronic_since, day].map(Timestamp::as_millisecond))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cluster: String = row.get("cluster")?;
        let mut fired = read(row)?;
        if fired.firing > 0 {
            let oldest =
                of_one(connection, &cluster, &fired, since, "SELECT min(begun_at) AS at", "AND end_how IS NULL", |row| {
                    columns::maybe_time(row, "at")
                })?;
            fired.stuck_since = oldest.into_iter().flatten().next().filter(|oldest| *oldest <= stuck);
        }
        if fired.cycles >= u64::try_from(rules.chronic_from).unwrap_or(u64::MAX) {
            fired.chronic = Some(chronic(connection, &cluster, &fired, now, chronic_since)?);
        }
        all.push(fired);
    }
    Ok(Recent { window: rules.chronic_window, fired: all })
}

fn read(row: &Row<'_>) -> Result<Fired, rusqlite::Error> {
    let namespace: String = row.get("namespace")?;
    Ok(Fired {
        subject: ObjectRef {
            kind: row.get("kind")?,
            namespace: Some(namespace).filter(|namespace| !namespace.is_empty()),
            name: row.get("object")?,
        },
        alert: row.get("alert")?,
        severity: columns::word(row, "rank")?,
        labels: columns::json(row, "labels")?,
        annotations: columns::json(row, "annotations")?,
        cycles: row.get("cycles")?,
        firing: row.get("firing")?,
        new: row.get("new")?,
        fired_before: row.get("fired_before")?,
        stuck_since: None,
        last_at: columns::time(row, "last_at")?,
        chronic: None,
    })
}

/// Reads of the episodes of one subject, alert and severity.
fn of_one<T>(
    connection: &Connection,
    cluster: &str,
    fired: &Fired,
    since: Timestamp,
    what: &str,
    which: &str,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, StoreError> {
    let Fired { subject, alert, severity, .. } = fired;
    let mut statement = connection.prepare_cached(&format!("{what} {OF_ONE} {which}"))?;
    let of = params![cluster, subject.ns(), subject.kind, subject.name, alert, severity.as_str(), since.as_millisecond()];
    Ok(statement.query_map(of, read)?.collect::<Result<_, _>>()?)
}

fn chronic(
    connection: &Connection,
    cluster: &str,
    fired: &Fired,
    now: Timestamp,
    since: Timestamp,
) -> Result<Chronic, StoreError> {
    let spans = of_one(connection, cluster, fired, since, "SELECT begun_at, end_heard_at", "ORDER BY begun_at", |row| {
        Ok((columns::time(row, "begun_at")?.max(since), columns::maybe_time(row, "end_heard_at")?.unwrap_or(now).min(now)))
    })?;
    let subject = &fired.subject;
    let cause = connection
        .prepare_cached(CAUSE)?
        .query_row(params![cluster, subject.ns(), subject.kind, subject.name], |row| row.get(0))
        .optional()?;
    Ok(Chronic { firing_seconds: covered(&spans), cause })
}

/// How many whole seconds lie within spans that are sorted by their beginnings; what overlaps counts once.
fn covered(spans: &[(Timestamp, Timestamp)]) -> u64 {
    let mut sum = SignedDuration::ZERO;
    let mut until = Timestamp::MIN;
    for (begin, end) in spans {
        let begin = (*begin).max(until);
        if *end > begin {
            sum = sum.saturating_add(end.duration_since(begin));
            until = *end;
        }
    }
    u64::try_from(sum.as_secs()).unwrap_or_default()
}

fn day(connection: &Connection, now: Timestamp) -> Result<DayFigures, StoreError> {
    let since = day_before(now).as_millisecond();
    let mut figures = DayFigures::default();
    let oldest = "SELECT begun_at FROM episodes ORDER BY number LIMIT 1";
    figures.oldest = connection.prepare_cached(oldest)?.query_row([], |row| columns::time(row, "begun_at")).optional()?;
    let mut statement = connection.prepare_cached(OPENED)?;
    let rows = statement.query_map([since], |row| Ok((row.get("verdict")?, row.get("number")?)))?;
    figures.by_verdict = rows.collect::<Result<_, _>>()?;
    figures.opened = figures.by_verdict.values().sum();
    let resolved = "SELECT count(*) FROM incidents WHERE status = 'resolved' AND resolved_at > ?1";
    figures.resolved = connection.prepare_cached(resolved)?.query_row([since], |row| row.get(0))?;
    let resurfaced = "SELECT alert, count(*) FROM messages WHERE mark = 'resurfaced' AND posted_at > ?1 GROUP BY alert";
    let mut statement = connection.prepare_cached(resurfaced)?;
    let rows = statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    figures.resurfaced = rows.collect::<Result<_, _>>()?;
    let yesterday = day_before(now).strftime("%Y-%m-%d").to_string();
    let spent = "SELECT COALESCE(sum(micro_usd), 0), count(*) FROM model_spending WHERE day = ?1";
    figures.spent = connection.prepare_cached(spent)?.query_row([yesterday], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        /// What is covered is what a clock would count that ticks once a second.
        #[test]
        fn overlaps_count_once(mut spans in proptest::collection::vec((0i64..200, 0i64..60), 0..12)) {
            spans.sort_unstable();
            let seconds = (0..300).filter(|second| spans.iter().any(|(begin, long)| (*begin..begin + long).contains(second)));
            let spans: Vec<_> = spans.iter().map(|(begin, long)| (at(*begin), at(begin + long))).collect();
            prop_assert_eq!(covered(&spans), seconds.count() as u64);
        }
    }
}
