//! Who clicked and waits to be told what became of it. What is told is a message of the outbox, written in the transaction of
//! what it tells; the token, by which anybody could answer, stays here and goes with the last answer.

use super::{Store, codes, columns, outbox};
use crate::domain::{Attempt, AttemptState};
use crate::ports::{FollowUp, MessageOp, Notice, Replies, Reply, ReplyTo, StoreError, Told};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// Discord takes answers to a click for so long (Interactions, "Followup Messages": tokens are valid for 15 minutes).
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(15);

impl Replies for Store {
    async fn reply(&self, id: &str) -> Result<Option<Reply>, StoreError> {
        let id = id.to_owned();
        self.reader.read(move |connection| by_id(connection, &id)).await
    }

    async fn no_undo(&self, attempt: &str, why: &str) -> Result<(), StoreError> {
        let (attempt, why) = (attempt.to_owned(), why.to_owned());
        self.writer.write(move |connection, now| tell(connection, now, &attempt, "plan", &Told::NoUndo(why.clone()))).await
    }

    async fn forget_reply(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.writer
            .write(move |connection, _| {
                connection.prepare_cached("DELETE FROM replies WHERE id = ?1")?.execute([&id])?;
                Ok(())
            })
            .await
    }
}

/// What somebody waits for.
#[derive(Clone, Copy)]
pub(super) enum WaitsFor {
    /// What becomes of the attempt.
    Outcome,
    /// How it is taken back.
    Plan,
}

pub(super) fn wait(
    connection: &Connection,
    now: Timestamp,
    to: &ReplyTo,
    user: &str,
    attempt: &str,
    what: WaitsFor,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO replies (id, application_id, token, user_id, attempt_id, waits_for, expires_at)
         VALUES (:id, :application, :token, :user, :attempt, :waits_for, :expires)",
    )?;
    statement.execute(named_params! {
        ":id": codes::id(), ":application": to.application_id, ":token": to.token, ":user": user, ":attempt": attempt,
        ":waits_for": match what { WaitsFor::Outcome => "outcome", WaitsFor::Plan => "plan" },
        ":expires": now.saturating_add(TAKEN_FOR).unwrap_or(Timestamp::MAX).as_millisecond(),
    })?;
    Ok(())
}

/// An attempt moved: who waits for what becomes of it is told, once that is known.
pub(super) fn moved(connection: &Connection, now: Timestamp, attempt: &Attempt) -> Result<(), StoreError> {
    use AttemptState::{Declined, Expired, Failed, Succeeded, Superseded, Unknown};
    if !matches!(attempt.state, Succeeded | Failed | Unknown | Declined | Expired | Superseded) {
        return Ok(());
    }
    tell(connection, now, &attempt.id, "outcome", &Told::Outcome)
}

/// How an attempt is taken back is planned: who waits for that is shown it.
pub(super) fn planned(connection: &Connection, now: Timestamp, undo: &Attempt) -> Result<(), StoreError> {
    let Some(undone) = &undo.undo_of else { return Ok(()) };
    tell(connection, now, undone, "plan", &Told::Plan)?;
    let mut statement =
        connection.prepare_cached("UPDATE replies SET attempt_id = ?2 WHERE attempt_id = ?1 AND waits_for = 'plan'")?;
    statement.execute(params![undone, undo.id])?;
    Ok(())
}

fn tell(connection: &Connection, now: Timestamp, attempt: &str, waits_for: &str, what: &Told) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM replies WHERE attempt_id = ?1 AND waits_for = ?2 AND expires_at > ?3 ORDER BY id")?;
    let waiting = statement.query_map(params![attempt, waits_for, now.as_millisecond()], |row| row.get(0))?;
    for reply in waiting.collect::<Result<Vec<String>, _>>()? {
        let follow_up = FollowUp { reply, about: what.clone() };
        let payload = serde_json::to_value(follow_up).map_err(|_| StoreError::Invalid("an answer".to_owned()))?;
        let notice = Notice { channel: String::new(), op: MessageOp::Reply, incident_id: None, payload, not_before: None };
        outbox::put(connection, now, &notice)?;
    }
    Ok(())
}

/// Tokens that Discord doesn't take any more are forgotten.
pub(super) fn tidy(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM replies WHERE expires_at <= ?1")?.execute([now.as_millisecond()])?;
    Ok(())
}

fn by_id(connection: &Connection, id: &str) -> Result<Option<Reply>, StoreError> {
    let reply = |row: &Row<'_>| {
        Ok(Reply {
            to: ReplyTo { application_id: row.get("application_id")?, token: row.get("token")? },
            user_id: row.get("user_id")?,
            expires_at: columns::time(row, "expires_at")?,
            attempt_id: row.get("attempt_id")?,
        })
    };
    Ok(connection.prepare_cached("SELECT * FROM replies WHERE id = ?1")?.query_row([id], reply).optional()?)
}
