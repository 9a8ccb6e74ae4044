//! The rows of messages.

use super::{Store, codes, columns};
use crate::ports::{MessageOp, Notice, Outbox, Outgoing, Sent, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

impl Outbox for Store {
    async fn put(&self, notice: Notice) -> Result<(), StoreError> {
        self.writer.write(move |connection, now| put(connection, now, &notice)).await
    }

    async fn next(&self) -> Result<Option<Outgoing>, StoreError> {
        self.writer.write(next).await
    }

    async fn sent(&self, message: &Outgoing, how: Sent) -> Result<bool, StoreError> {
        let message = message.clone();
        self.writer.write(move |connection, now| sent(connection, now, &message, &how)).await
    }
}

/// Writes a message. A patch goes into whatever waits for the same incident's message: that is rendered when it is sent.
pub(super) fn put(connection: &Connection, now: Timestamp, notice: &Notice) -> Result<(), StoreError> {
    let not_before = notice.not_before.unwrap_or(now).as_millisecond();
    if notice.op != MessageOp::Reply && notice.incident_id.is_some() {
        let mut statement = connection.prepare_cached(
            "SELECT number, payload FROM outbox WHERE incident_id = ?1 AND channel = ?2 AND state = 'queued'
               AND (op = ?3 OR (?3 = 'patch' AND op = 'post')) ORDER BY op DESC LIMIT 1",
        )?;
        let row = |row: &Row<'_>| Ok((row.get("number")?, columns::json::<Value>(row, "payload")?));
        let waits: Option<(i64, Value)> =
            statement.query_row(params![notice.incident_id, notice.channel, notice.op.as_str()], row).optional()?;
        if let Some((number, mut payload)) = waits {
            let about = |payload: &Value| payload.get("about").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut all = about(&payload);
            let new: Vec<Value> = about(&notice.payload).into_iter().filter(|word| !all.contains(word)).collect();
            let is_report = new.iter().any(|word| word == "report");
            if new.is_empty() {
                return Ok(());
            }
            all.extend(new);
            payload["about"] = Value::Array(all);
            // A first message waits for its report, and for nothing else.
            let mut statement = connection.prepare_cached(
                "UPDATE outbox SET payload = ?2, not_before = CASE WHEN ?3 THEN min(not_before, ?4) ELSE not_before END
                 WHERE number = ?1",
            )?;
            statement.execute(params![number, columns::text(&payload)?, is_report, not_before])?;
            return Ok(());
        }
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO outbox (id, channel, op, incident_id, payload, state, created_at, not_before)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7)",
    )?;
    statement.execute(params![
        codes::id(),
        notice.channel,
        notice.op.as_str(),
        notice.incident_id,
        columns::text(&notice.payload)?,
        now.as_millisecond(),
        not_before
    ])?;
    Ok(())
}

fn next(connection: &Connection, now: Timestamp) -> Result<Option<Outgoing>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT *, (SELECT message_id FROM outbox AS before WHERE before.incident_id = this.incident_id
                      AND before.channel = this.channel AND before.message_id IS NOT NULL ORDER BY number DESC LIMIT 1) AS newest
         FROM outbox AS this
         WHERE state = 'queued' AND not_before <= ?1 AND (incident_id IS NULL OR NOT EXISTS (
           SELECT 1 FROM outbox AS other WHERE other.incident_id = this.incident_id AND other.channel = this.channel
             AND (other.state = 'sending' OR (other.state = 'queued' AND other.number < this.number))))
         ORDER BY not_before, number LIMIT 1",
    )?;
    let token = codes::nonce();
    let row = |row: &Row<'_>| {
        let attempts: u32 = row.get("attempts")?;
        let notice = Notice {
            channel: row.get("channel")?,
            op: columns::word(row, "op")?,
            incident_id: row.get("incident_id")?,
            payload: columns::json(row, "payload")?,
            not_before: columns::maybe_time(row, "not_before")?,
        };
        let created_at = columns::time(row, "created_at")?;
        let (id, message_id, token) = (row.get("id")?, row.get("newest")?, token.clone());
        let failures = row.get("failures")?;
        Ok(Outgoing { id, notice, attempts: attempts + 1, failures, message_id, created_at, token })
    };
    let Some(message) = statement.query_row([now.as_millisecond()], row).optional()? else { return Ok(None) };
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, lease_token = ?2, taken_at = ?3 WHERE id = ?1",
        params![message.id, message.token, now.as_millisecond()],
    )?;
    Ok(Some(message))
}

pub(super) fn sent(connection: &Connection, now: Timestamp, message: &Outgoing, how: &Sent) -> Result<bool, StoreError> {
    let (state, id, again, why, body) = match how {
        Sent::As(id) => ("sent", id.as_deref(), None, None, None),
        Sent::DryRun(body) => ("dry_run", None, None, None, Some(body)),
        Sent::Later(at, why) | Sent::Failed(at, why) => ("queued", None, Some(at.as_millisecond()), Some(why.as_str()), None),
        Sent::Refused(why, body) => ("failed", None, None, Some(why.as_str()), body.as_ref()),
    };
    let ended = (state != "queued").then(|| now.as_millisecond());
    let failed = matches!(how, Sent::Failed(..));
    let changed = connection.execute(
        "UPDATE outbox SET state = ?3, lease_token = NULL, message_id = COALESCE(?4, message_id),
           not_before = COALESCE(?5, not_before), last_error = ?6, sent_at = ?7, body = COALESCE(?8, body),
           failures = failures + ?9
         WHERE id = ?1 AND lease_token = ?2 AND state = 'sending'",
        params![message.id, message.token, state, id, again, why, ended, columns::maybe_text(body)?, failed],
    )?;
    Ok(changed > 0)
}
