//! The rows of buttons. Of a token there is the hash alone.

use super::{Store, codes, columns};
use crate::domain::{ButtonIds, CustomId, TokenHash, Verb};
use crate::ports::{Button, Buttons, Minted, NewButton, NewButtons, Place, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// After a message has newer buttons, those that it had before still work for this long: not every screen is up to date.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// A button that is over is still known for what it was about.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Buttons for Store {
    async fn mint(&self, new: NewButtons) -> Result<Minted, StoreError> {
        self.writer
            .write(move |connection, now| {
                let place = new.place.as_ref();
                let whose = Whose {
                    incident_id: &new.incident_id,
                    run_id: &new.run_id,
                    channel_id: place.map(|place| place.channel_id.as_str()),
                    message_id: place.map(|place| place.message_id.as_str()),
                    user_id: new.user_id.as_deref(),
                };
                mint(connection, now, whose, &new.buttons)
            })
            .await
    }

    async fn placed(&self, set: &str, place: &Place) -> Result<(), StoreError> {
        let (set, place) = (set.to_owned(), place.clone());
        self.writer.write(move |connection, now| placed(connection, now, &set, &place)).await
    }
}

/// What all buttons of a set have in common.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub incident_id: &'a str,
    pub run_id: &'a str,
    pub channel_id: Option<&'a str>,
    pub message_id: Option<&'a str>,
    /// Of buttons that one person alone sees.
    pub user_id: Option<&'a str>,
}

pub(super) fn mint(
    connection: &Connection,
    now: Timestamp,
    whose: Whose<'_>,
    buttons: &[NewButton],
) -> Result<Minted, StoreError> {
    let known_until = now.saturating_sub(KNOWN_FOR).unwrap_or(Timestamp::MIN);
    connection.prepare_cached("DELETE FROM buttons WHERE expires_at < ?1")?.execute([known_until.as_millisecond()])?;
    let set = codes::id();
    let mut ids = ButtonIds::new();
    let mut statement = connection.prepare_cached(
        "INSERT INTO buttons (hash, set_id, verb, incident_id, run_id, attempt_id, digest, channel_id, message_id, user_id,
           created_at, expires_at)
         VALUES (:hash, :set, :verb, :incident, :run, :attempt, :digest, :channel, :message, :user, :now, :expires)",
    )?;
    for button in buttons {
        let id = CustomId::new(button.verb, codes::random());
        let about = button.about.as_ref();
        statement.execute(named_params! {
            ":hash": id.hash().0, ":set": set, ":verb": button.verb.as_str(), ":incident": whose.incident_id,
            ":run": whose.run_id, ":attempt": about.map(|(attempt, _)| attempt),
            ":digest": about.map(|(_, digest)| digest.as_str()), ":channel": whose.channel_id, ":message": whose.message_id,
            ":user": whose.user_id, ":now": now.as_millisecond(), ":expires": button.expires_at.as_millisecond(),
        })?;
        ids.insert(button.verb, id.to_string());
    }
    Ok(Minted { set, ids })
}

/// From now on these buttons work there alone, and take the place of those that the message had.
pub(super) fn placed(connection: &Connection, now: Timestamp, set: &str, place: &Place) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO places (channel_id, at) VALUES (?1, ?2)")?;
    statement.execute(params![place.channel_id, now.as_millisecond()])?;
    let mut statement = connection.prepare_cached("UPDATE buttons SET channel_id = ?2, message_id = ?3 WHERE set_id = ?1")?;
    statement.execute(params![set, place.channel_id, place.message_id])?;
    let before = now.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN);
    let mut statement = connection.prepare_cached(
        "DELETE FROM buttons WHERE message_id = ?1 AND created_at < ?2 AND set_id <> ?3
           AND run_id = (SELECT run_id FROM buttons WHERE set_id = ?3 LIMIT 1)",
    )?;
    statement.execute(params![place.message_id, before.as_millisecond(), set])?;
    Ok(())
}

/// The button with this token, and its set.
pub(super) fn find(connection: &Connection, hash: TokenHash) -> Result<Option<(Button, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM buttons WHERE hash = ?1")?;
    Ok(statement.query_row([hash.0], |row| Ok((button(row)?, row.get("set_id")?))).optional()?)
}

fn button(row: &Row<'_>) -> Result<Button, rusqlite::Error> {
    let attempt: Option<String> = row.get("attempt_id")?;
    let verb: Verb = columns::word(row, "verb")?;
    Ok(Button {
        verb,
        incident_id: row.get("incident_id")?,
        run_id: row.get("run_id")?,
        about: attempt.zip(row.get("digest")?),
        channel_id: row.get("channel_id")?,
        message_id: row.get("message_id")?,
        user_id: row.get("user_id")?,
        expires_at: columns::time(row, "expires_at")?,
        is_used: row.get::<_, Option<i64>>("used_at")?.is_some(),
    })
}

/// One of a set was used: so are the others.
pub(super) fn use_up(connection: &Connection, now: Timestamp, set: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("UPDATE buttons SET used_at = ?2 WHERE set_id = ?1")?;
    statement.execute(params![set, now.as_millisecond()])?;
    Ok(())
}

pub(super) fn is_our_channel(connection: &Connection, channel_id: &str) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM places WHERE channel_id = ?1")?;
    Ok(statement.exists([channel_id])?)
}
