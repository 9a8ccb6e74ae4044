//! What a delivery does to its alerts' episodes, and what follows for their incidents, jobs and messages, carried out.

use super::episodes::{self, Known, New};
use super::placing::{self, Found, day_before};
use super::{codes, columns, outbox, triggers};
use crate::domain::{
    Class, DeliveredAlert, Effect, Ended, Episode, IncidentStatus, Lifecycle, Placement, Reason, Severity, Trigger, Verdict,
    effect,
};
use crate::ports::{AlertAnswer, MessageOp, Notice, StoreError, Taken};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use std::collections::BTreeMap;

/// A first message waits this long for its report.
const REPORT_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What happened to an incident in one delivery.
#[derive(Default)]
pub(super) struct Happened {
    /// The last end, by the sender's clock.
    end: Option<(Timestamp, Ended)>,
    /// The message that goes out.
    notice: Option<(MessageOp, &'static str)>,
}

/// One delivery, while it is carried out.
pub(super) struct Taking<'a> {
    pub(super) connection: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) rules: &'a Lifecycle,
    /// The number of this intake.
    pub(super) number: i64,
    pub(super) happened: BTreeMap<String, Happened>,
    /// How many alerts ended and soon fired again.
    pub(super) flaps: u64,
}

impl Taking<'_> {
    pub(super) fn one(&mut self, alert: &DeliveredAlert) -> Result<AlertAnswer, StoreError> {
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
                if episode.end.is_some() {
                    episodes::correct(self.connection, self.now, self.number, &episode.id, end)?;
                } else {
                    self.end(episode, incident.as_deref(), end)?;
                }
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
        if self.rules.is_suppressed(alert) {
            let id = known.map_or_else(codes::id, |known| known.id.clone());
            answer.episode_id = Some(id.clone());
            answer.result = Taken::Suppressed;
            let new = New { id: &id, alert, incident: None, is_flap: false, is_cycle: false, end: None };
            return episodes::insert(self.connection, self.now, self.number, &new);
        }
        let found = placing::find(self.connection, self.now, self.rules, alert)?;
        self.begin_in(found, alert, known, is_flap, answer)
    }

    /// An episode begins in this incident.
    fn begin_in(
        &mut self,
        found: Found,
        alert: &DeliveredAlert,
        known: Option<&Episode>,
        is_flap: bool,
        answer: &mut AlertAnswer,
    ) -> Result<(), StoreError> {
        let id = known.map_or_else(codes::id, |known| known.id.clone());
        answer.episode_id = Some(id.clone());
        let seen = placing::situation(self.connection, self.now, self.rules, &found, alert, is_flap)?;
        let (place, placement, _) = found;
        let severity = alert.severity.unwrap_or(Severity::Warning);
        let then = self.rules.begins(severity, &seen, self.now);
        self.flaps += u64::from(then.is_flap);
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

    pub(super) fn end(&mut self, episode: &Episode, incident: Option<&str>, end: (Ended, Timestamp)) -> Result<(), StoreError> {
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
        let place = match incident {
            Some(incident) => placing::incident(self.connection, incident)?,
            None => None,
        };
        let goes_on = |this: &Self, incident: Option<&str>| {
            episodes::reopen(this.connection, this.now, this.number, &episode.id, incident)?;
            episodes::repeat(this.connection, this.now, episode, alert)
        };
        if self.rules.is_suppressed(alert) {
            // What is silenced opens, runs and sends nothing: where its incident is over, so is the episode until it isn't any more.
            answer.result = Taken::Suppressed;
            return match &place {
                Some(place) if place.status == IncidentStatus::Resolved => Ok(()),
                place => goes_on(self, place.as_ref().map(|place| place.id.as_str())),
            };
        }
        let Some(mut place) = place else {
            // It was only kept so far.
            goes_on(self, None)?;
            return self.begin(alert, Some(episode), false, answer);
        };
        if place.status == IncidentStatus::Resolved {
            let subject = placing::subject(self.connection, self.now, alert)?;
            let over = place.id.clone();
            place = placing::open_again(self.connection, place, &alert.cluster, &subject)?;
            if place.id != over {
                goes_on(self, None)?;
                return self.begin_in((place, Placement::Joined, subject), alert, Some(episode), false, answer);
            }
        }
        answer.result = Taken::Reopened;
        goes_on(self, Some(&place.id))?;
        let class = Class::of(alert.severity.unwrap_or(Severity::Warning));
        triggers::fires_again(self.connection, &place.id, class)?;
        if matches!(place.verdict, Some(Verdict::Healthy | Verdict::Recovered)) {
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
    pub(super) fn settle_down(self) -> Result<(), StoreError> {
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
