//! Takes deliveries: what a delivery does to its alerts' episodes, and what follows for incidents, jobs and messages, is one
//! piece of work of the writer.

use super::episodes::{self, Known, New};
use super::placing::{self, day_before};
use super::{Store, codes, columns, incidents, outbox, triggers};
use crate::domain::{
    Class, DeliveredAlert, Delivery, Effect, Ended, Episode, Incident, IncidentStatus, Lifecycle, Placement, Reason, Severity,
    Trigger, Verdict, effect,
};
use crate::ports::{Accepted, AlertAnswer, AlertStanding, Intake, MessageOp, Notice, SetAsideAnswer, StoreError, Taken};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So much of a body that is no delivery is kept.
const SET_ASIDE: usize = 64 << 10;
/// A first message waits this long for its report.
const REPORT_WITHIN: SignedDuration = SignedDuration::from_secs(5);
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
        self.writer.write_delivery(bytes, work).await
    }

    async fn set_aside(&self, code: &'static str, body: &[u8]) -> Result<(), StoreError> {
        let kept = body.get(..SET_ASIDE).unwrap_or(body).to_vec();
        self.writer.write_delivery(kept.len(), move |connection, now| set_aside(connection, now, None, 0, code, &kept)).await
    }

    async fn absent(&self, alerts: Vec<(String, String)>) -> Result<usize, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        self.writer.write_delivery(0, move |connection, now| absent(connection, now, &rules, &alerts)).await
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
        let id = incident.to_owned();
        self.reader.read(move |connection| standing(connection, &id)).await
    }
}

/// What happened to an incident in one delivery.
#[derive(Default)]
struct Happened {
    /// The last end, by the sender's clock.
    end: Option<(Timestamp, Ended)>,
    /// The message that goes out.
    notice: Option<(MessageOp, &'static str)>,
}

struct Taking<'a> {
    connection: &'a Connection,
    now: Timestamp,
    rules: &'a Lifecycle,
    /// The number of this intake.
    number: i64,
    happened: BTreeMap<String, Happened>,
}

fn take(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    delivery: &Delivery,
    key: &[u8; 32],
    body: &[u8],
) -> Result<Accepted, StoreError> {
    if let Some(answer) = replayed(connection, now, delivery, key)? {
        return Ok(answer);
    }
    let mut statement = connection.prepare_cached("SELECT count(*) FROM jobs WHERE state = 'queued'")?;
    let waiting: usize = statement.query_row([], |row| row.get(0))?;
    if waiting >= rules.job_queue {
        return Err(StoreError::Busy);
    }
    let number = next_number(connection)?;
    let mut taking = Taking { connection, now, rules, number, happened: BTreeMap::new() };
    let alerts = delivery.alerts.iter().map(|alert| taking.one(alert)).collect::<Result<Vec<_>, _>>()?;
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
        let raw = columns::text(&bad.raw)?;
        set_aside(connection, now, Some(&intake_id), bad.index, bad.code, raw.as_bytes())?;
    }
    let named = delivery.set_aside.iter().map(|bad| SetAsideAnswer { index: bad.index, code: bad.code.to_owned() });
    let answer = Accepted { intake_id, replayed: false, truncated: delivery.truncated, alerts, set_aside: named.collect() };
    let mut statement = connection
        .prepare_cached("INSERT OR REPLACE INTO intakes (number, id, key, at, answer, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    statement.execute(params![number, answer.intake_id, key, now.as_millisecond(), columns::text(&answer)?, body])?;
    Ok(answer)
}

fn next_number(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT COALESCE(max(number), 0) + 1 FROM intakes")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The first answer to the same delivery, while no later one changed its episodes.
fn replayed(
    connection: &Connection,
    now: Timestamp,
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
        let Some((id, at)) = same.or_else(by_print).and_then(|answer| heard.get(&answer.index)) else { continue };
        if now.duration_since(*at) > HEARD_ANEW {
            let known = Episode { id: id.clone(), starts_at: alert.starts_at, end: None, heard_at: *at };
            episodes::repeat(connection, now, &known, alert)?;
        }
    }
    answer.replayed = true;
    Ok(Some(answer))
}

impl Taking<'_> {
    fn one(&mut self, alert: &DeliveredAlert) -> Result<AlertAnswer, StoreError> {
        let known = episodes::of_alert(self.connection, alert)?;
        let (known, incidents): (Vec<Episode>, Vec<Option<String>>) =
            known.into_iter().map(|Known { episode, incident }| (episode, incident)).unzip();
        let what = effect(&known, alert, self.now, self.rules.windows);
        let at = |index: usize| known.get(index).zip(incidents.get(index));
        let mut answer = AlertAnswer {
            index: alert.index,
            fingerprint: alert.fingerprint.clone(),
            episode_id: None,
            incident_id: None,
            task_id: None,
            result: Taken::Late,
        };
        match what {
            Effect::Late => {}
            Effect::Begins { implied, is_flap } => {
                if let Some((episode, incident)) = implied.and_then(at) {
                    self.end(episode, incident.as_deref(), (Ended::Implied, alert.starts_at))?;
                }
                self.begin(alert, None, is_flap, &mut answer)?;
            }
            Effect::Passed { implied } => {
                let before = implied.and_then(at);
                if let Some((episode, incident)) = before {
                    self.end(episode, incident.as_deref(), (Ended::Implied, alert.starts_at))?;
                }
                let id = codes::id();
                let incident = before.and_then(|(_, incident)| incident.as_deref());
                let end = Some((Ended::Notified, alert.ends_at.unwrap_or(alert.starts_at)));
                let new = New { id: &id, alert, incident, is_flap: false, is_cycle: false, end };
                episodes::insert(self.connection, self.now, self.number, &new)?;
                answer.incident_id = incident.map(str::to_owned);
                answer.episode_id = Some(id);
                answer.result = Taken::Resolved;
            }
            Effect::Repeats(index) => {
                let Some((episode, incident)) = at(index) else { return Ok(answer) };
                answer.episode_id = Some(episode.id.clone());
                answer.incident_id.clone_from(incident);
                answer.result = Taken::Repeat;
                if episode.end.is_none() {
                    episodes::repeat(self.connection, self.now, episode, alert)?;
                    // What was silenced when it began, and isn't any more.
                    if incident.is_none() && !self.rules.is_suppressed(alert) {
                        self.begin(alert, Some(episode), false, &mut answer)?;
                    }
                }
            }
            Effect::Ends(index) => {
                let Some((episode, incident)) = at(index) else { return Ok(answer) };
                let end = (Ended::Notified, alert.ends_at.unwrap_or(alert.starts_at));
                self.end(episode, incident.as_deref(), end)?;
                answer.episode_id = Some(episode.id.clone());
                answer.incident_id.clone_from(incident);
                answer.result = Taken::Resolved;
            }
            Effect::Reopens(index) => {
                let Some((episode, incident)) = at(index) else { return Ok(answer) };
                self.reopen(alert, episode, incident.as_deref(), &mut answer)?;
            }
        }
        Ok(answer)
    }

    /// An episode begins in its incident; `known` is one that was only kept so far.
    fn begin(
        &mut self,
        alert: &DeliveredAlert,
        known: Option<&Episode>,
        is_flap: bool,
        answer: &mut AlertAnswer,
    ) -> Result<(), StoreError> {
        let id = known.map_or_else(codes::id, |known| known.id.clone());
        answer.episode_id = Some(id.clone());
        if self.rules.is_suppressed(alert) {
            answer.result = Taken::Suppressed;
            let new = New { id: &id, alert, incident: None, is_flap: false, is_cycle: false, end: None };
            return episodes::insert(self.connection, self.now, self.number, &new);
        }
        let found = placing::find(self.connection, self.now, self.rules, alert)?;
        let seen = placing::situation(self.connection, self.now, self.rules, &found, alert, is_flap)?;
        let (place, placement, _) = found;
        let severity = alert.severity.unwrap_or(Severity::Warning);
        let then = self.rules.begins(severity, &seen, self.now);
        if known.is_some() {
            let mut statement = self.connection.prepare_cached(
                "UPDATE episodes SET incident_id = ?2, is_flap = ?3, is_cycle = ?4, begun_at = ?5, changed_in = ?6 WHERE id = ?1",
            )?;
            let now = self.now.as_millisecond();
            statement.execute(params![id, place.id, then.is_flap, then.is_cycle, now, self.number])?;
        } else {
            let (incident, end) = (Some(place.id.as_str()), None);
            let new = New { id: &id, alert, incident, is_flap: then.is_flap, is_cycle: then.is_cycle, end };
            episodes::insert(self.connection, self.now, self.number, &new)?;
        }
        if place.severity.is_none() || then.rises || then.chronic.is_some() {
            let mut statement = self
                .connection
                .prepare_cached("UPDATE incidents SET severity = ?2, is_chronic = COALESCE(?3, is_chronic) WHERE id = ?1")?;
            let most = place.severity.map_or(severity, |before| before.max(severity));
            statement.execute(params![place.id, most.as_str(), then.chronic])?;
        }
        let is_chronic = then.chronic == Some(true);
        let notice = match placement {
            Placement::Opened if !is_chronic => (MessageOp::Post, "opened"),
            _ if then.rises && !is_chronic => (MessageOp::Post, "severity"),
            _ => (MessageOp::Patch, "episode"),
        };
        self.happened(&place.id).notice_of(notice);
        answer.result = Taken::Joined;
        if let Some(run) = then.run {
            answer.task_id = Some(triggers::trigger(self.connection, self.now, &place.id, run, None)?);
            answer.result = Taken::Queued;
        }
        answer.incident_id = Some(place.id);
        Ok(())
    }

    fn end(&mut self, episode: &Episode, incident: Option<&str>, end: (Ended, Timestamp)) -> Result<(), StoreError> {
        episodes::end(self.connection, self.now, self.number, &episode.id, end)?;
        if let Some(incident) = incident {
            let happened = self.happened(incident);
            let (how, at) = end;
            if happened.end.is_none_or(|(last, _)| at >= last) {
                happened.end = Some((at, how));
            }
            happened.notice_of((MessageOp::Patch, "episode"));
        }
        Ok(())
    }

    /// An episode goes on, and so does its incident; in the one that is open now, where that is another.
    fn reopen(
        &mut self,
        alert: &DeliveredAlert,
        episode: &Episode,
        incident: Option<&str>,
        answer: &mut AlertAnswer,
    ) -> Result<(), StoreError> {
        answer.episode_id = Some(episode.id.clone());
        answer.result = Taken::Reopened;
        let mut place = match incident {
            Some(incident) => placing::incident(self.connection, incident)?,
            None => None,
        };
        if let Some(over) = &place
            && over.status == IncidentStatus::Resolved
        {
            let subject = placing::subject(self.connection, alert)?;
            match placing::open_of(self.connection, &alert.cluster, &subject)? {
                Some(open) => place = Some(open),
                None => placing::reopen(self.connection, &over.id)?,
            }
        }
        let id = place.as_ref().map(|place| place.id.as_str());
        episodes::reopen(self.connection, self.now, self.number, &episode.id, id)?;
        episodes::repeat(self.connection, self.now, episode, alert)?;
        let Some(place) = place else { return Ok(()) };
        if matches!(place.verdict, Some(Verdict::Healthy | Verdict::Recovered)) {
            let class = Class::of(alert.severity.unwrap_or(Severity::Warning));
            let run = Trigger::new(Reason::Disproved, class, self.now);
            answer.task_id = Some(triggers::trigger(self.connection, self.now, &place.id, run, None)?);
        }
        self.happened(&place.id).notice_of((MessageOp::Patch, "episode"));
        answer.incident_id = Some(place.id);
        Ok(())
    }

    fn happened(&mut self, incident: &str) -> &mut Happened {
        self.happened.entry(incident.to_owned()).or_default()
    }

    /// Ends the incidents in which nothing fires any more, and writes the messages.
    fn settle_down(self) -> Result<(), StoreError> {
        for (incident, happened) in &self.happened {
            if let Some((at, how)) = happened.end {
                let mut statement = self.connection.prepare_cached(
                    "UPDATE incidents SET quiet_how = CASE WHEN quiet_at > ?2 THEN quiet_how ELSE ?3 END,
                       quiet_at = max(COALESCE(quiet_at, ?2), ?2) WHERE id = ?1",
                )?;
                statement.execute(params![incident, at.as_millisecond(), episodes::word(how)])?;
                resolve_if_quiet(self.connection, self.now, self.rules, incident)?;
            }
            if let Some((op, about)) = happened.notice {
                notify(self.connection, self.now, self.rules, incident, op, about)?;
            }
        }
        Ok(())
    }
}

impl Happened {
    /// What needs eyes goes before what doesn't.
    fn notice_of(&mut self, notice: (MessageOp, &'static str)) {
        if self.notice.is_none_or(|(op, _)| op == MessageOp::Patch) {
            self.notice = Some(notice);
        }
    }
}

fn resolve_if_quiet(connection: &Connection, now: Timestamp, rules: &Lifecycle, incident: &str) -> Result<(), StoreError> {
    if episodes::any_fires(connection, incident)? {
        return Ok(());
    }
    let flaps = episodes::flaps(connection, incident, day_before(now))?;
    let settles = rules.settles_at(flaps, now).as_millisecond();
    let mut statement = connection.prepare_cached(
        "UPDATE incidents SET status = 'resolved', resolved_at = ?2, settles_at = ?3 WHERE id = ?1 AND status = 'open'",
    )?;
    if statement.execute(params![incident, now.as_millisecond(), settles])? > 0 {
        triggers::all_ended(connection, incident)?;
    }
    Ok(())
}

/// Writes a message about an incident that is severe enough. A first one gives its report a moment.
pub(super) fn notify(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    incident: &str,
    op: MessageOp,
    about: &str,
) -> Result<(), StoreError> {
    let Some(from) = rules.notify_from else { return Ok(()) };
    let mut statement = connection.prepare_cached("SELECT severity FROM incidents WHERE id = ?1")?;
    let severity = statement.query_row([incident], |row| columns::maybe_word::<Severity>(row, "severity")).optional()?;
    if severity.is_none_or(|severity| severity.unwrap_or(Severity::Warning) < from) {
        return Ok(());
    }
    let not_before = (about == "opened").then(|| now.saturating_add(REPORT_WITHIN).unwrap_or(Timestamp::MAX));
    let payload = json!({ "about": [about] });
    let notice = Notice { channel: String::new(), op, incident_id: Some(incident.to_owned()), payload, not_before };
    outbox::put(connection, now, &notice)
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

fn absent(connection: &Connection, now: Timestamp, rules: &Lifecycle, alerts: &[(String, String)]) -> Result<usize, StoreError> {
    let number = next_number(connection)?;
    let mut taking = Taking { connection, now, rules, number, happened: BTreeMap::new() };
    let mut ended = 0;
    for (cluster, fingerprint) in alerts {
        let mut statement = connection.prepare_cached(
            "SELECT id, starts_at, heard_at, incident_id FROM episodes
             WHERE cluster = ?1 AND fingerprint = ?2 AND end_how IS NULL LIMIT 1",
        )?;
        let open = |row: &Row<'_>| {
            let (starts_at, heard_at) = (columns::time(row, "starts_at")?, columns::time(row, "heard_at")?);
            let episode = Episode { id: row.get("id")?, starts_at, end: None, heard_at };
            Ok((episode, row.get::<_, Option<String>>("incident_id")?))
        };
        let Some((episode, incident)) = statement.query_row([cluster, fingerprint], open).optional()? else { continue };
        // The sender said no time: what is known by its clock is that it had begun.
        let at = episode.starts_at;
        taking.end(&episode, incident.as_deref(), (Ended::Absent, at))?;
        ended += 1;
    }
    taking.settle_down()?;
    Ok(ended)
}

fn settle(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<Vec<Incident>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM incidents WHERE settles_at <= ?1 AND status = 'resolved' ORDER BY settles_at LIMIT ?2")?;
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

fn standing(connection: &Connection, id: &str) -> Result<Option<AlertStanding>, StoreError> {
    let row = |row: &Row<'_>| Ok((columns::maybe_word(row, "severity")?, row.get("is_chronic")?, row.get("truncated")?));
    let found = connection.query_row("SELECT severity, is_chronic, truncated FROM incidents WHERE id = ?1", [id], row);
    let Some((severity, chronic, truncated)) = found.optional()? else { return Ok(None) };
    let mut statement = connection
        .prepare("SELECT * FROM (SELECT * FROM episodes WHERE incident_id = ?1 ORDER BY number DESC LIMIT ?2) ORDER BY number")?;
    let episodes = statement.query_map(params![id, SHOWN], episodes::record)?.collect::<Result<Vec<_>, _>>()?;
    // The day before what was last heard: a reader has no clock.
    let last = episodes.iter().map(|episode| episode.heard_at).max().unwrap_or(Timestamp::MIN);
    let flap_count = episodes::flaps(connection, id, day_before(last))?;
    Ok(Some(AlertStanding { severity, flap_count, chronic, truncated, episodes }))
}
