//! The rows of people's answers to analyses.

use super::{Store, columns};
use crate::domain::{Actor, Feedback, FeedbackCounts, FeedbackReason};
use crate::ports::{FeedbackStore, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// So many are read of an incident.
const LIMIT: u32 = 500;

impl FeedbackStore for Store {
    async fn put_feedback(&self, feedback: Feedback) -> Result<Feedback, StoreError> {
        self.writer.write(move |connection, now| put(connection, now, &feedback)).await
    }

    async fn feedback(&self, incident: &str) -> Result<Vec<Feedback>, StoreError> {
        let incident = incident.to_owned();
        self.reader.read(move |connection| of(connection, &incident)).await
    }

    async fn feedback_counts(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<FeedbackCounts, StoreError> {
        self.reader.read(move |connection| counts(connection, from, to)).await
    }
}

/// Stores an answer with this time; the person's earlier one about the analysis goes.
pub(super) fn put(connection: &Connection, now: Timestamp, feedback: &Feedback) -> Result<Feedback, StoreError> {
    let of = connection
        .query_row("SELECT incident_id FROM runs WHERE id = ?1", [&feedback.run_id], |row| row.get::<_, String>(0))
        .optional()?;
    if of.as_ref() != Some(&feedback.incident_id) {
        return Err(StoreError::Invalid("an answer to an analysis that the incident doesn't have".to_owned()));
    }
    connection.execute(
        "INSERT OR REPLACE INTO feedback
           (run_id, by_kind, by_id, by_name, incident_id, channel, score, is_accepted, reason, cause, comment, at)
         VALUES (:run, :kind, :id, :name, :incident, :channel, :score, :accepted, :reason, :cause, :comment, :at)",
        named_params! {
            ":run": feedback.run_id, ":kind": feedback.by.kind, ":id": feedback.by.id, ":name": feedback.by.name,
            ":incident": feedback.incident_id, ":channel": feedback.channel, ":score": feedback.score,
            ":accepted": feedback.is_accepted, ":reason": feedback.reason.map(FeedbackReason::as_str),
            ":cause": feedback.cause, ":comment": feedback.comment, ":at": now.as_millisecond(),
        },
    )?;
    Ok(Feedback { at: now, ..feedback.clone() })
}

fn of(connection: &Connection, incident: &str) -> Result<Vec<Feedback>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM (SELECT * FROM feedback WHERE incident_id = ?1 ORDER BY at DESC, run_id DESC, by_kind, by_id LIMIT ?2)
         ORDER BY at, run_id, by_kind, by_id",
    )?;
    Ok(statement.query_map(params![incident, LIMIT], feedback)?.collect::<Result<_, _>>()?)
}

fn feedback(row: &Row<'_>) -> Result<Feedback, rusqlite::Error> {
    Ok(Feedback {
        incident_id: row.get("incident_id")?,
        run_id: row.get("run_id")?,
        by: Actor { kind: row.get("by_kind")?, id: row.get("by_id")?, name: row.get("by_name")? },
        channel: row.get("channel")?,
        score: row.get("score")?,
        is_accepted: row.get("is_accepted")?,
        reason: columns::maybe_word(row, "reason")?,
        cause: row.get("cause")?,
        comment: row.get("comment")?,
        at: columns::time(row, "at")?,
    })
}

fn counts(connection: &Connection, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<FeedbackCounts, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT score, is_accepted, reason, count(*) AS so_many FROM feedback WHERE at >= ?1 AND at < ?2 GROUP BY 1, 2, 3",
    )?;
    let bounds = [from.map_or(i64::MIN, Timestamp::as_millisecond), to.map_or(i64::MAX, Timestamp::as_millisecond)];
    let mut counts = FeedbackCounts::default();
    let mut rows = statement.query(bounds)?;
    while let Some(row) = rows.next()? {
        let many: u64 = row.get("so_many")?;
        counts.total += many;
        *(if row.get("is_accepted")? { &mut counts.accepted } else { &mut counts.rejected }) += many;
        *counts.scores.entry(row.get("score")?).or_default() += many;
        if let Some(reason) = columns::maybe_word(row, "reason")? {
            *counts.reasons.entry(reason).or_default() += many;
        }
    }
    Ok(counts)
}
