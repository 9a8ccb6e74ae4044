//! Takes deliveries: what a delivery does to its alerts' episodes, and what follows for incidents, jobs and messages, is one
//! piece of work of the writer.

use super::episodes;
use super::placing::day_before;
use super::taking::{Taking, notify};
use super::{Store, codes, columns, incidents};
use crate::domain::{AlertStanding, Delivery, Ended, Episode, Incident, Lifecycle};
use crate::ports::{Accepted, FiringEpisode, Intake, MessageOp, SetAsideAnswer, StoreError, Taken};
use crate::telemetry::metrics;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So much of a body that is no delivery is kept.
const SET_ASIDE: usize = 64 << 10;
/// What a twin or a retry says within this time isn't written again.
const HEARD_ANEW: SignedDuration = SignedDuration::from_mins(1);
/// So many episodes of an incident are shown.
const SHOWN: u32 = 500;
/// So many rows are changed in one transaction by what happens by the clock.
const AT_ONCE: u32 = 500;

impl Intake for Store {
    async fn take(&self, delivery: Delivery, body: Vec<u8>) -> Result<Accepted, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        let (key, bytes) = (delivery.intake_key(), body.len());
        let work = move |connection: &Connection, now: Timestamp| take(connection, now, &rules, &delivery, &key, &body);
        let (answer, flaps) = self.writer.write_delivery(bytes, work).await?;
        // Not before it stands: work that is rolled back is done again.
        (0..flaps).for_each(|_| metrics().flap());
        Ok(answer)
    }

    async fn set_aside(&self, code: &'static str, body: &[u8]) -> Result<(), StoreError> {
        let kept = body.get(..SET_ASIDE).unwrap_or(body).to_vec();
        self.writer.write_delivery(kept.len(), move |connection, now| set_aside(connection, now, None, 0, code, &kept)).await
    }

    async fn firing(&self, cluster: &str) -> Result<Vec<FiringEpisode>, StoreError> {
        let cluster = cluster.to_owned();
        self.reader.read(move |connection| firing(connection, &cluster)).await
    }

    async fn absent(&self, episodes: Vec<FiringEpisode>) -> Result<usize, StoreError> {
        let mut ended = 0;
        for some in episodes.chunks(AT_ONCE as usize) {
            let (rules, some) = (Arc::clone(&self.lifecycle), some.to_vec());
            ended += self.writer.write_delivery(0, move |connection, now| absent(connection, now, &rules, &some)).await?;
        }
        Ok(ended)
    }

    async fn settle(&self) -> Result<Vec<Incident>, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        self.writer.write(move |connection, now| settle(connection, now, &rules)).await
    }

    async fn mark(&self) -> Result<usize, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        self.writer.write(move |connection, now| mark(connection, now, &rules)).await
    }

    async fn standing(&self, incident: &str) -> Result<Option<AlertStanding>, StoreError> {
        let (id, flapping_from) = (incident.to_owned(), self.lifecycle.flapping_from);
        self.reader.read(move |connection| standing(connection, &id, flapping_from)).await
    }
}

fn take(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    delivery: &Delivery,
    key: &[u8; 32],
    body: &[u8],
) -> Result<(Accepted, u64), StoreError> {
    if let Some(answer) = replayed(connection, now, rules, delivery, key)? {
        return Ok((answer, 0));
    }
    let mut statement = connection.prepare_cached("SELECT count(*) FROM jobs WHERE state = 'queued'")?;
    let waiting: usize = statement.query_row([], |row| row.get(0))?;
    if waiting >= rules.jobs.most {
        return Err(StoreError::Busy);
    }
    let number = next_number(connection)?;
    let mut taking = Taking { connection, now, rules, number, happened: BTreeMap::new(), flaps: 0 };
    let alerts = delivery.alerts.iter().map(|alert| taking.one(alert)).collect::<Result<Vec<_>, _>>()?;
    let flaps = taking.flaps;
    taking.settle_down()?;
    let intake_id = codes::id();
    if delivery.truncated > 0 {
        let ids: BTreeSet<_> = alerts.iter().filter_map(|alert| alert.incident_id.as_ref()).collect();
        for id in ids {
            let most = i64::try_from(delivery.truncated).unwrap_or(i64::MAX);
            connection.execute("UPDATE incidents SET truncated = max(truncated, ?2) WHERE id = ?1", params![id, most])?;
        }
    }
    for bad in &delivery.set_aside {
        set_aside(connection, now, Some(&intake_id), bad.index, bad.code, bad.raw.as_bytes())?;
    }
    let named = delivery.set_aside.iter().map(|bad| SetAsideAnswer { index: bad.index, code: bad.code.to_owned() });
    let answer = Accepted { intake_id, replayed: false, truncated: delivery.truncated, alerts, set_aside: named.collect() };
    let mut statement = connection
        .prepare_cached("INSERT OR REPLACE INTO intakes (number, id, key, at, answer, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    statement.execute(params![number, answer.intake_id, key, now.as_millisecond(), columns::text(&answer)?, body])?;
    Ok((answer, flaps))
}

fn next_number(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT COALESCE(max(number), 0) + 1 FROM intakes")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The first answer to the same delivery, while no later one changed its episodes.
fn replayed(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    delivery: &Delivery,
    key: &[u8; 32],
) -> Result<Option<Accepted>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT number, answer FROM intakes WHERE key = ?1")?;
    let first = |row: &Row<'_>| Ok((row.get("number")?, columns::json::<Accepted>(row, "answer")?));
    let Some((number, mut answer)) = statement.query_row([key], first).optional()?.map(|found: (i64, Accepted)| found) else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached("SELECT changed_in, heard_at FROM episodes WHERE id = ?1")?;
    let mut heard = BTreeMap::new();
    for alert in &answer.alerts {
        // What was late left no trace that could tell.
        let Some(id) = &alert.episode_id else { return Ok(None) };
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, columns::time(row, "heard_at")?));
        match statement.query_row([id], row).optional()? {
            Some((changed, at)) if changed <= number => heard.insert(alert.index, (id.clone(), at)),
            _ => return Ok(None),
        };
    }
    for alert in delivery.alerts.iter().filter(|alert| !alert.is_resolved) {
        // Two senders' payloads may have another order.
        let by_print = || answer.alerts.iter().find(|answer| answer.fingerprint == alert.fingerprint);
        let same = answer.alerts.iter().find(|answer| answer.index == alert.index && answer.fingerprint == alert.fingerprint);
        let Some(first) = same.or_else(by_print) else { continue };
        if first.result == Taken::Suppressed && !rules.is_suppressed(alert) {
            // What was decided about it by settings that aren't these any more.
            return Ok(None);
        }
        let Some((id, at)) = heard.get(&first.index) else { continue };
        if now.duration_since(*at) > HEARD_ANEW {
            let known = Episode { id: id.clone(), starts_at: alert.starts_at, end: None, heard_at: *at };
            episodes::repeat(connection, now, &known, alert)?;
        }
    }
    answer.replayed = true;
    Ok(Some(answer))
}

fn set_aside(
    connection: &Connection,
    now: Timestamp,
    intake: Option<&str>,
    index: usize,
    code: &str,
    raw: &[u8],
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT INTO set_aside (intake_id, at, position, code, raw) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    statement.execute(params![intake, now.as_millisecond(), index, code, raw])?;
    Ok(())
}

fn firing(connection: &Connection, cluster: &str) -> Result<Vec<FiringEpisode>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, fingerprint, heard_at FROM episodes INDEXED BY episodes_firing WHERE end_how IS NULL AND cluster = ?1",
    )?;
    let row = |row: &Row<'_>| {
        let (id, fingerprint) = (row.get("id")?, row.get("fingerprint")?);
        Ok(FiringEpisode { id, fingerprint, heard_at: columns::time(row, "heard_at")? })
    };
    Ok(statement.query_map([cluster], row)?.collect::<Result<_, _>>()?)
}

fn absent(connection: &Connection, now: Timestamp, rules: &Lifecycle, episodes: &[FiringEpisode]) -> Result<usize, StoreError> {
    let number = next_number(connection)?;
    let mut taking = Taking { connection, now, rules, number, happened: BTreeMap::new(), flaps: 0 };
    let mut ended = 0;
    for missing in episodes {
        // What was heard of since isn't missing.
        let mut statement = connection.prepare_cached(
            "SELECT id, starts_at, begun_at, heard_at, incident_id FROM episodes WHERE id = ?1 AND heard_at = ?2 AND end_how IS NULL",
        )?;
        let open = |row: &Row<'_>| {
            let (starts_at, heard_at) = (columns::time(row, "starts_at")?, columns::time(row, "heard_at")?);
            let episode = Episode { id: row.get("id")?, starts_at, end: None, heard_at };
            Ok((episode, columns::time(row, "begun_at")?, row.get::<_, Option<String>>("incident_id")?))
        };
        let unheard = params![missing.id, missing.heard_at.as_millisecond()];
        let Some((episode, begun_at, incident)) = statement.query_row(unheard, open).optional()? else { continue };
        // The sender said no time: by its clock, it is as long after the start as it is by ours.
        let lasted = now.duration_since(begun_at).max(SignedDuration::ZERO);
        let at = episode.starts_at.saturating_add(lasted).unwrap_or(Timestamp::MAX);
        taking.end(&episode, incident.as_deref(), (Ended::Absent, at))?;
        ended += 1;
    }
    taking.settle_down()?;
    Ok(ended)
}

fn settle(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<Vec<Incident>, StoreError> {
    // One that ended after now ended before our clock was put back.
    let mut statement = connection.prepare_cached(
        "SELECT * FROM incidents WHERE settles_at IS NOT NULL AND (settles_at <= ?1 OR resolved_at > ?1) AND status = 'resolved'
         ORDER BY settles_at LIMIT ?2",
    )?;
    let due: Vec<Incident> =
        statement.query_map(params![now.as_millisecond(), AT_ONCE], incidents::incident)?.collect::<Result<_, _>>()?;
    for incident in &due {
        connection.execute("UPDATE incidents SET settles_at = NULL WHERE id = ?1", [&incident.id])?;
        notify(connection, now, rules, &incident.id, MessageOp::Patch, "resolved")?;
    }
    Ok(due)
}

fn mark(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<usize, StoreError> {
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN).as_millisecond();
    let silent = connection.execute(
        "UPDATE episodes SET is_silent = 1 WHERE number IN (SELECT number FROM episodes INDEXED BY episodes_firing
           WHERE end_how IS NULL AND NOT is_silent AND heard_at <= ?1 LIMIT ?2)",
        params![before(rules.silent_after), AT_ONCE],
    )?;
    let stuck = connection.execute(
        "UPDATE episodes SET is_stuck = 1 WHERE number IN (SELECT number FROM episodes INDEXED BY episodes_firing
           WHERE end_how IS NULL AND NOT is_stuck AND begun_at <= ?1 AND incident_id IS NOT NULL LIMIT ?2)",
        params![before(rules.stuck_after), AT_ONCE],
    )?;
    Ok(silent + stuck)
}

fn standing(connection: &Connection, id: &str, flapping_from: usize) -> Result<Option<AlertStanding>, StoreError> {
    let row = |row: &Row<'_>| Ok((columns::maybe_word(row, "severity")?, row.get("is_chronic")?, row.get("truncated")?));
    let found = connection.query_row("SELECT severity, is_chronic, truncated FROM incidents WHERE id = ?1", [id], row);
    let Some((severity, chronic, truncated)) = found.optional()? else { return Ok(None) };
    let mut statement = connection
        .prepare("SELECT * FROM (SELECT * FROM episodes WHERE incident_id = ?1 ORDER BY number DESC LIMIT ?2) ORDER BY number")?;
    let episodes = statement.query_map(params![id, SHOWN], episodes::record)?.collect::<Result<Vec<_>, _>>()?;
    // The day before what was last heard: a reader has no clock.
    let last = episodes.iter().map(|episode| episode.heard_at).max().unwrap_or(Timestamp::MIN);
    let flap_count = episodes::flaps(connection, id, day_before(last))?;
    let flapping = flap_count >= flapping_from;
    Ok(Some(AlertStanding { severity, flap_count, flapping, chronic, truncated, episodes }))
}
