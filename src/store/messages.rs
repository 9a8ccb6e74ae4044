//! The rows of incidents' messages. What is done is decided by `domain`; here it is carried out.

use super::{Store, columns, incidents, outbox};
use crate::domain::{
    BURST_WITHIN, BurstPeer, Incident, IncidentMessage, IncidentStatus, MessageSituation, MessageState, MessageStep, ObjectRef,
    PostMark, STALE_AFTER, Severity, content_key,
};
use crate::ports::{
    Affected, MessageOp, Messages, Notice, Outgoing, Planned, ReplacedMessage, Sent, Stands, StoreError, channel,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One trouble is told once in this time.
const TROUBLE_EVERY: SignedDuration = SignedDuration::from_hours(6);
/// Who has taken a message for longer than this isn't sending it any more.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(5);
/// So many others of a burst are looked at: the first that takes one in is among the first.
const PEERS: u32 = 200;
/// So many that a message names are read; it shows a few, and counts the rest.
const AFFECTED: u32 = 10_000;
/// So many messages become stale in one transaction.
const AT_ONCE: u32 = 100;

impl Messages for Store {
    async fn plan(&self, outgoing: &Outgoing) -> Result<Option<Planned>, StoreError> {
        let outgoing = outgoing.clone();
        self.writer.write(move |connection, now| plan(connection, now, &outgoing)).await
    }

    async fn stands(&self, outgoing: &Outgoing, how: Stands) -> Result<bool, StoreError> {
        let outgoing = outgoing.clone();
        self.writer.write(move |connection, now| stands(connection, now, &outgoing, &how)).await
    }

    async fn replaced(&self, number: i64) -> Result<Option<ReplacedMessage>, StoreError> {
        self.reader.read(move |connection| replaced(connection, number)).await
    }

    async fn tend(&self) -> Result<usize, StoreError> {
        self.writer.write(tend).await
    }

    async fn trouble(&self, cause: &str, text: &str) -> Result<bool, StoreError> {
        let (cause, text) = (cause.to_owned(), text.to_owned());
        self.writer.write(move |connection, now| trouble(connection, now, &cause, &text)).await
    }
}

fn message(row: &Row<'_>) -> Result<IncidentMessage, rusqlite::Error> {
    Ok(IncidentMessage {
        number: row.get("number")?,
        incident_id: row.get("incident_id")?,
        key: row.get("content_key")?,
        state: columns::word(row, "state")?,
        mark: columns::word(row, "mark")?,
        severity: columns::word(row, "severity")?,
        channel: row.get("channel")?,
        message_id: row.get("message_id")?,
        link: row.get("link")?,
        replaces: row.get("replaces")?,
        cycles: row.get("cycles")?,
        repeats: row.get("repeats")?,
        posted_at: columns::maybe_time(row, "posted_at")?,
        first_at: columns::time(row, "first_at")?,
        last_at: columns::time(row, "last_at")?,
        content: row.get("content")?,
    })
}

fn by_number(connection: &Connection, number: i64) -> Result<Option<IncidentMessage>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM messages WHERE number = ?1")?;
    Ok(statement.query_row([number], message).optional()?)
}

/// An incident's newest message that wasn't replaced.
fn own(connection: &Connection, incident: &str) -> Result<Option<IncidentMessage>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM messages WHERE incident_id = ?1 AND state <> 'replaced' ORDER BY number DESC LIMIT 1")?;
    Ok(statement.query_row([incident], message).optional()?)
}

/// Everything that is known when a message of an incident is due, and the names that its row needs.
struct Seen {
    situation: MessageSituation,
    alert: String,
    key: String,
}

fn seen(connection: &Connection, incident: Incident, asks_for_eyes: bool) -> Result<Seen, StoreError> {
    let id = incident.id.clone();
    let (severity, is_chronic) =
        connection.query_row("SELECT severity, is_chronic FROM incidents WHERE id = ?1", [&id], |row| {
            Ok((columns::maybe_word::<Severity>(row, "severity")?, row.get("is_chronic")?))
        })?;
    // Merging moves the episodes away.
    let mut statement =
        connection.prepare_cached("SELECT name, labels FROM episodes WHERE incident_id = ?1 ORDER BY number LIMIT 1")?;
    let row = |row: &Row<'_>| Ok((row.get("name")?, columns::json::<BTreeMap<String, String>>(row, "labels")?));
    let (alert, labels): (String, BTreeMap<String, String>) = statement.query_row([&id], row).optional()?.unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT count(*) AS cycles, max(begun_at) AS last_at FROM episodes WHERE incident_id = ?1 AND is_cycle AND name = ?2",
    )?;
    let row = |row: &Row<'_>| Ok((row.get("cycles")?, columns::maybe_time(row, "last_at")?));
    let (cycles, last_at): (u64, Option<Timestamp>) = statement.query_row(params![id, alert], row)?;
    let key = content_key(&incident, &alert, labels.get("reason").map_or("", String::as_str));
    let mut statement = connection.prepare_cached(
        "SELECT * FROM messages WHERE content_key = ?1 AND state = 'stands' AND incident_id <> ?2 ORDER BY number DESC LIMIT 1",
    )?;
    let earlier = statement.query_row(params![key, id], message).optional()?;
    let peers = peers(connection, &incident, &alert)?;
    let situation = MessageSituation {
        severity: severity.unwrap_or(Severity::Warning),
        is_chronic,
        cycles,
        last_at: last_at.unwrap_or(incident.opened_at),
        asks_for_eyes,
        own: own(connection, &id)?,
        earlier,
        peers,
        incident,
    };
    Ok(Seen { situation, alert, key })
}

/// The incidents of the same burst that were seen before this one.
fn peers(connection: &Connection, incident: &Incident, alert: &str) -> Result<Vec<BurstPeer>, StoreError> {
    let within = i64::try_from(BURST_WITHIN.as_millis()).unwrap_or(i64::MAX);
    let opened = incident.opened_at.as_millisecond();
    let mut statement = connection.prepare_cached(
        "SELECT incidents.id, incidents.status, incidents.cause, first.state, first.severity FROM messages AS first
           JOIN incidents ON incidents.id = first.incident_id
         WHERE first.cluster = ?1 AND first.alert = ?2 AND first.opened_at BETWEEN ?3 AND ?4 AND first.incident_id <> ?5
           AND first.number = (SELECT max(number) FROM messages WHERE incident_id = first.incident_id)
           AND (SELECT min(number) FROM messages WHERE incident_id = first.incident_id)
             < COALESCE((SELECT min(number) FROM messages WHERE incident_id = ?5), 9223372036854775807)
         ORDER BY first.number LIMIT ?6",
    )?;
    let row = |row: &Row<'_>| {
        let is_open = columns::word::<IncidentStatus>(row, "status")? == IncidentStatus::Open;
        let state: MessageState = columns::word(row, "state")?;
        let can_take_in = is_open && matches!(state, MessageState::Posting | MessageState::Stands);
        Ok(BurstPeer {
            incident_id: row.get("id")?,
            can_take_in,
            severity: columns::word(row, "severity")?,
            cause: row.get("cause")?,
        })
    };
    let of = params![incident.cluster, alert, opened - within, opened + within, incident.id, PEERS];
    Ok(statement.query_map(of, row)?.collect::<Result<_, _>>()?)
}

fn plan(connection: &Connection, now: Timestamp, outgoing: &Outgoing) -> Result<Option<Planned>, StoreError> {
    let Some(id) = &outgoing.notice.incident_id else { return Ok(None) };
    let Some(incident) = incidents::by_id(connection, id)? else { return Ok(None) };
    let is_settling: bool =
        connection.query_row("SELECT settles_at IS NOT NULL FROM incidents WHERE id = ?1", [id], |row| row.get(0))?;
    let is_settling = is_settling && incident.status == IncidentStatus::Resolved;
    if incident.status != IncidentStatus::Open && !is_settling {
        release(connection, now, id)?;
    }
    let seen = seen(connection, incident, outgoing.notice.op == MessageOp::Post)?;
    let situation = &seen.situation;
    let own = situation.own.as_ref();
    let number = match situation.step() {
        MessageStep::Nothing => return Ok(None),
        MessageStep::Fold(host) => {
            let number = match own {
                Some(own) => own.number,
                None => insert(connection, &seen, MessageState::Folded, PostMark::First, None)?,
            };
            connection.execute("UPDATE messages SET folded_into = ?2 WHERE number = ?1", params![number, host])?;
            let payload = json!({ "about": ["affected"] });
            change(connection, now, &host, MessageOp::Patch, payload)?;
            return Ok(None);
        }
        MessageStep::Post(mark, replaces) => match own.filter(|own| own.state == MessageState::Folded) {
            Some(folded) => {
                let host: Option<String> =
                    connection
                        .query_row("SELECT folded_into FROM messages WHERE number = ?1", [folded.number], |row| row.get(0))?;
                connection.execute(
                    "UPDATE messages SET state = 'posting', folded_into = NULL, severity = ?2 WHERE number = ?1",
                    params![folded.number, situation.severity.as_str()],
                )?;
                if let Some(host) = host {
                    change(connection, now, &host, MessageOp::Patch, json!({ "about": ["affected"] }))?;
                }
                folded.number
            }
            None => insert(connection, &seen, MessageState::Posting, mark, replaces)?,
        },
        MessageStep::PostAgain => {
            let Some(own) = own else { return Ok(None) };
            look(connection, own, situation, situation.cycles.saturating_sub(own.cycles))?;
            own.number
        }
        MessageStep::Patch(more) => {
            let Some(own) = own else { return Ok(None) };
            look(connection, own, situation, more)?;
            own.number
        }
        MessageStep::Adopt(earlier, is_repeat) => adopt(connection, &seen, earlier, is_repeat)?,
    };
    let Some(message) = by_number(connection, number)? else { return Ok(None) };
    let earlier = match message.replaces {
        Some(number) => by_number(connection, number)?.and_then(|earlier| earlier.link),
        None => None,
    };
    let is_post = message.state == MessageState::Posting;
    Ok(Some(Planned { is_post, is_settling, affected: affected(connection, id)?, earlier, message }))
}

fn insert(
    connection: &Connection,
    seen: &Seen,
    state: MessageState,
    mark: PostMark,
    replaces: Option<i64>,
) -> Result<i64, StoreError> {
    let MessageSituation { incident, severity, cycles, last_at, .. } = &seen.situation;
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (incident_id, cluster, alert, opened_at, content_key, state, mark, severity, replaces, cycles,
           repeats, first_at, last_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?11)",
    )?;
    statement.execute(params![
        incident.id,
        incident.cluster,
        seen.alert,
        incident.opened_at.as_millisecond(),
        seen.key,
        state.as_str(),
        mark.as_str(),
        severity.as_str(),
        replaces,
        cycles,
        last_at.as_millisecond()
    ])?;
    Ok(connection.last_insert_rowid())
}

/// Notes what was seen of the incident when its message was looked at.
fn look(connection: &Connection, own: &IncidentMessage, seen: &MessageSituation, more: u64) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET cycles = ?2, repeats = repeats + ?3, last_at = max(last_at, ?4) WHERE number = ?1",
    )?;
    statement.execute(params![own.number, seen.cycles, more, seen.last_at.as_millisecond()])?;
    Ok(())
}

/// The message of another incident becomes this one's, where it stands. A repeat is counted with those before.
fn adopt(connection: &Connection, seen: &Seen, earlier: i64, is_repeat: bool) -> Result<i64, StoreError> {
    let number = insert(connection, seen, MessageState::Stands, PostMark::First, None)?;
    connection.execute(
        "UPDATE messages SET (channel, message_id, link, posted_at, mark, repeats, first_at) =
           (SELECT earlier.channel, earlier.message_id, earlier.link, earlier.posted_at, earlier.mark,
              CASE WHEN ?3 THEN earlier.repeats + 1 ELSE 1 END, CASE WHEN ?3 THEN earlier.first_at ELSE messages.first_at END
            FROM messages AS earlier WHERE earlier.number = ?2) WHERE number = ?1",
        params![number, earlier, is_repeat],
    )?;
    connection.execute("UPDATE messages SET state = 'replaced' WHERE number = ?1", [earlier])?;
    Ok(number)
}

/// The incidents that this one's message names get one of their own when it is over: the first of them that is open, which
/// then names the others.
fn release(connection: &Connection, now: Timestamp, host: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT incidents.id FROM messages JOIN incidents ON incidents.id = messages.incident_id
         WHERE folded_into = ?1 AND state = 'folded' AND status = 'open' ORDER BY number LIMIT 1",
    )?;
    let Some(next) = statement.query_row([host], |row| row.get::<_, String>(0)).optional()? else { return Ok(()) };
    connection.execute(
        "UPDATE messages SET state = 'posting', folded_into = NULL WHERE incident_id = ?1 AND state = 'folded'",
        [&next],
    )?;
    connection.execute(
        "UPDATE messages SET folded_into = ?2 WHERE folded_into = ?1 AND state = 'folded'
           AND incident_id IN (SELECT id FROM incidents WHERE status = 'open')",
        [host, &next],
    )?;
    change(connection, now, &next, MessageOp::Post, json!({ "about": ["opened"] }))
}

fn affected(connection: &Connection, host: &str) -> Result<Vec<Affected>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, namespace, kind, name FROM messages JOIN incidents ON incidents.id = messages.incident_id
         WHERE folded_into = ?1 AND state = 'folded' AND status <> 'merged' ORDER BY number LIMIT ?2",
    )?;
    let row = |row: &Row<'_>| {
        let namespace = Some(row.get::<_, String>("namespace")?).filter(|namespace| !namespace.is_empty());
        let subject = ObjectRef { kind: row.get("kind")?, namespace, name: row.get("name")? };
        Ok(Affected { incident_id: row.get("id")?, subject })
    };
    Ok(statement.query_map(params![host, AFFECTED], row)?.collect::<Result<_, _>>()?)
}

/// Has an incident's message posted or changed.
fn change(connection: &Connection, now: Timestamp, incident: &str, op: MessageOp, payload: Value) -> Result<(), StoreError> {
    let incident_id = Some(incident.to_owned());
    outbox::put(connection, now, &Notice { channel: String::new(), op, incident_id, payload, not_before: None })
}

/// Has an incident's message changed, where there is one or will be. For what happens outside the server, too.
pub(super) fn changed(connection: &Connection, now: Timestamp, incident: &str, about: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE incident_id = ?1)")?;
    if statement.query_row([incident], |row| row.get(0))? {
        change(connection, now, incident, MessageOp::Patch, json!({ "about": [about] }))?;
    }
    Ok(())
}

fn stands(connection: &Connection, now: Timestamp, outgoing: &Outgoing, how: &Stands) -> Result<bool, StoreError> {
    let ended = match (&how.message_id, &how.body) {
        (None, body) => Sent::DryRun(body.clone().unwrap_or_default()),
        (Some(id), _) => Sent::As(Some(id.clone())),
    };
    if !outbox::sent(connection, now, outgoing, &ended)? {
        return Ok(false);
    }
    if how.message_id.is_some() && how.body.is_some() {
        let body = columns::maybe_text(how.body.as_ref())?;
        connection.execute("UPDATE outbox SET body = ?2 WHERE id = ?1", params![outgoing.id, body])?;
    }
    let Some(before) = by_number(connection, how.number)? else { return Ok(true) };
    connection.execute(
        "UPDATE messages SET state = CASE state WHEN 'posting' THEN 'stands' ELSE state END, channel = ?2, message_id = ?3,
           link = ?4, content = ?5, posted_at = COALESCE(posted_at, ?6) WHERE number = ?1",
        params![how.number, how.channel, how.message_id, how.link, how.content, now.as_millisecond()],
    )?;
    let Some(replaces) = before.replaces.filter(|_| before.state == MessageState::Posting) else { return Ok(true) };
    connection.execute("UPDATE messages SET state = 'replaced', replaced_by = ?2 WHERE number = ?1", [replaces, how.number])?;
    let payload = json!({ "about": ["replaced"], "message": replaces });
    // Of no incident, so that it isn't taken into what waits for the new message.
    let notice = Notice { channel: String::new(), op: MessageOp::Patch, incident_id: None, payload, not_before: None };
    outbox::put(connection, now, &notice)?;
    Ok(true)
}

fn replaced(connection: &Connection, number: i64) -> Result<Option<ReplacedMessage>, StoreError> {
    let Some(message) = by_number(connection, number)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT newer.link FROM messages AS older JOIN messages AS newer ON newer.number = older.replaced_by WHERE older.number = ?1",
    )?;
    let newer = statement.query_row([number], |row| row.get::<_, Option<String>>(0)).optional()?.flatten();
    Ok(Some(ReplacedMessage { message, newer }))
}

fn tend(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let before = now.saturating_sub(TAKEN_FOR).unwrap_or(Timestamp::MIN).as_millisecond();
    // A time that is ahead is of a clock that was put back.
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET state = 'queued', lease_token = NULL WHERE state = 'sending' AND NOT taken_at BETWEEN ?1 AND ?2",
    )?;
    let lost = statement.execute([before, now.as_millisecond()])?;
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET not_before = ?1 WHERE state = 'queued' AND not_before > ?1 AND COALESCE(taken_at, created_at) > ?1",
    )?;
    statement.execute([now.as_millisecond()])?;
    Ok(lost + stale(connection, now)?)
}

fn stale(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let before = now.saturating_sub(STALE_AFTER).unwrap_or(Timestamp::MIN).as_millisecond();
    let mut statement = connection.prepare_cached(
        "SELECT number, incident_id FROM messages INDEXED BY messages_unanswered
         WHERE state = 'stands' AND severity = 'critical' AND NOT is_stale AND opened_at <= ?1 LIMIT ?2",
    )?;
    let rows = statement.query_map(params![before, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let due: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
    for (number, incident) in &due {
        connection.execute("UPDATE messages SET is_stale = 1 WHERE number = ?1", [number])?;
        if incidents::by_id(connection, incident)?.is_some_and(|incident| incident.status == IncidentStatus::Open) {
            change(connection, now, incident, MessageOp::Patch, json!({ "about": ["stale"] }))?;
        }
    }
    Ok(due.len())
}

/// Writes it for the channel of the program's own health. What can't be said there is said nowhere.
pub(super) fn trouble(connection: &Connection, now: Timestamp, cause: &str, text: &str) -> Result<bool, StoreError> {
    let before = now.saturating_sub(TROUBLE_EVERY).unwrap_or(Timestamp::MIN).as_millisecond();
    let told = connection.execute(
        "INSERT INTO troubles (cause, told_at) VALUES (?1, ?2)
         ON CONFLICT (cause) DO UPDATE SET told_at = excluded.told_at WHERE told_at <= ?3",
        params![cause, now.as_millisecond(), before],
    )?;
    if told > 0 {
        let payload = json!({ "about": ["trouble"], "cause": cause, "text": text });
        let notice = Notice {
            channel: channel::SELF_HEALTH.to_owned(),
            op: MessageOp::Post,
            incident_id: None,
            payload,
            not_before: None,
        };
        outbox::put(connection, now, &notice)?;
    }
    Ok(told > 0)
}
