//! A click in one transaction: its id is new, its token is looked up and used, the limits are counted, and what it does is
//! done with its audit row and its messages.

use super::replies::{self, WaitsFor};
use super::{Store, attempt_queries, audit, buttons, columns, feedback, incidents, jobs, messages, transition};
use crate::domain::{
    Attempt, AttemptState, AuditData, AuditEvent, AuditName, ButtonIds, Class, Code, Digest, JobKind, Lifecycle, SECOND_STEP,
    Verb,
};
use crate::ports::{
    Advance, AdvanceError, Changes, Click, Clicked, Clicks, Effect, NewButton, NewJob, Refusal, Seen, StoreError,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use std::sync::Arc;

/// The channel in the audit log.
const CHANNEL: &str = "discord";
/// What counts for the limit of clicks.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// What counts for the limit of decisions.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Interactions are known for longer than the 20 min in which one could come again, since decisions are counted over an hour.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(2);

impl Clicks for Store {
    async fn click<F>(&self, click: Click, judge: F) -> Result<Option<Clicked>, StoreError>
    where
        F: Fn(&Click, &Seen) -> Effect + Send + 'static,
    {
        let rules = Arc::clone(&self.lifecycle);
        self.writer.write(move |connection, now| take(connection, now, &rules, &click, &judge)).await
    }

    async fn is_new(&self, interaction: &str) -> Result<bool, StoreError> {
        let id = interaction.to_owned();
        self.writer.write(move |connection, now| is_new(connection, now, &id, "")).await
    }
}

fn is_new(connection: &Connection, now: Timestamp, id: &str, user: &str) -> Result<bool, StoreError> {
    connection.prepare_cached("DELETE FROM interactions WHERE at < ?1")?.execute([before(now, KNOWN_FOR).as_millisecond()])?;
    let mut statement = connection.prepare_cached("INSERT OR IGNORE INTO interactions (id, user_id, at) VALUES (?1, ?2, ?3)")?;
    Ok(statement.execute(params![id, user, now.as_millisecond()])? == 1)
}

fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

fn take(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    click: &Click,
    judge: &impl Fn(&Click, &Seen) -> Effect,
) -> Result<Option<Clicked>, StoreError> {
    replies::tidy(connection, now)?;
    let (seen, set) = look(connection, now, click)?;
    if !is_new(connection, now, &click.id, &click.by.id)? {
        return Ok(None);
    }
    let effect = judge(click, &seen);
    let (mut clicked, taking) = (
        Clicked { attempt: seen.attempt.clone(), seen, effect, lost: None, buttons: ButtonIds::new() },
        Taking { connection, now, rules, click },
    );
    taking.act(&mut clicked)?;
    if let Some(incident) = &clicked.seen.incident {
        let mut statement = connection.prepare_cached("UPDATE incidents SET clicked_at = ?2 WHERE id = ?1")?;
        statement.execute(params![incident.id, now.as_millisecond()])?;
        let mut statement =
            connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE incident_id = ?1 AND is_stale)")?;
        if statement.query_row([&incident.id], |row| row.get(0))? {
            // It isn't any more: the message says so.
            messages::changed(connection, now, &incident.id, "answered")?;
        }
    }
    if let (Some(set), Some(button)) = (set, &clicked.seen.button)
        && !matches!(clicked.effect, Effect::Refused(_))
    {
        if button.user_id.is_some() {
            buttons::use_up(connection, now, &set)?;
        } else if button.message_id.is_none() {
            taking.bind(&set)?;
        }
    }
    Ok(Some(clicked))
}

/// What is known of a click, and the set of its button.
fn look(connection: &Connection, now: Timestamp, click: &Click) -> Result<(Seen, Option<String>), StoreError> {
    let found = match click.button {
        Some((_, hash)) => buttons::find(connection, hash)?,
        None => None,
    };
    let (button, set) = found.unzip();
    let incident = match &button {
        Some(button) => incidents::by_id(connection, &button.incident_id)?,
        None => None,
    };
    let mut statement =
        connection.prepare_cached("SELECT id FROM runs WHERE incident_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 1")?;
    let newest_run = match &incident {
        Some(incident) => statement.query_row([&incident.id], |row| row.get(0)).optional()?,
        None => None,
    };
    let attempt = match button.as_ref().and_then(|button| button.about.as_ref()) {
        Some((attempt, _)) => attempt_queries::by_id(connection, attempt)?,
        None => None,
    };
    let since = |span| before(now, span).as_millisecond();
    let mut statement = connection
        .prepare_cached("SELECT count(*) FILTER (WHERE at > ?2), count(*) FILTER (WHERE is_decision) FROM interactions WHERE user_id = ?1 AND at > ?3")?;
    let counts = statement.query_row(params![click.by.id, since(MINUTE), since(HOUR)], |row| Ok((row.get(0)?, row.get(1)?)));
    let (clicks, decisions): (u32, u32) = counts?;
    let many = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let is_our_channel = buttons::is_our_channel(connection, &click.channel_id)?;
    let (clicks, decisions) = (many(clicks), many(decisions));
    Ok((Seen { now, button, incident, newest_run, attempt, is_our_channel, clicks, decisions }, set))
}

/// A click that is being taken.
#[derive(Clone, Copy)]
struct Taking<'a> {
    connection: &'a Connection,
    now: Timestamp,
    rules: &'a Lifecycle,
    click: &'a Click,
}

impl Taking<'_> {
    fn act(self, clicked: &mut Clicked) -> Result<(), StoreError> {
        let Some(button) = clicked.seen.button.clone() else { return Ok(()) };
        let attempt = clicked.seen.attempt.clone();
        match (&clicked.effect, attempt) {
            (Effect::Refused(Refusal::Denied { code, .. }), Some(attempt)) => self.denied(&attempt, code),
            (Effect::Refused(Refusal::Over), Some(attempt)) => self.denied(&attempt, "too_late"),
            (Effect::Refused(Refusal::Older), Some(attempt)) => self.denied(&attempt, "older_report"),
            (Effect::Refused(Refusal::StepOver), Some(attempt)) => self.denied(&attempt, "second_step_too_late"),
            (Effect::Refused(Refusal::Used), Some(attempt)) => self.denied(&attempt, "used"),
            (Effect::Refused(_) | Effect::Cancelled, _) => Ok(()),
            (Effect::Feedback(given), _) => {
                feedback::put(self.connection, self.now, given)?;
                Ok(())
            }
            (Effect::AskedWhy(verbs), _) => {
                clicked.buttons = self.ask(&button.incident_id, &button.run_id, verbs, None)?;
                Ok(())
            }
            (Effect::Shown(verb), Some(attempt)) => {
                self.note(AuditName::ApprovalFirstStep, &attempt, AuditData::default())?;
                let about = Some((attempt.id.clone(), attempt.digest.clone()));
                clicked.buttons = self.ask(&button.incident_id, &button.run_id, &[*verb], about)?;
                Ok(())
            }
            (Effect::Requested, Some(attempt)) => {
                clicked.attempt = Some(self.request(&attempt)?);
                self.decided(&attempt)
            }
            (Effect::Approved, Some(attempt)) => {
                self.advance(&attempt, AttemptState::Approved, AuditName::ApprovalApproved, clicked)?;
                if clicked.lost.is_none() {
                    let (to, user) = (&self.click.reply_to, &self.click.by.id);
                    replies::wait(self.connection, self.now, to, user, &attempt.id, WaitsFor::Outcome)?;
                }
                Ok(())
            }
            (Effect::Declined, Some(attempt)) => {
                self.advance(&attempt, AttemptState::Declined, AuditName::ApprovalDeclined, clicked)
            }
            (Effect::UndoAsked, Some(attempt)) => self.plan_undo(&attempt),
            // There is nothing that it could be done to: whoever judges says so.
            (_, None) => Err(StoreError::Invalid("a decision about no attempt".to_owned())),
        }
    }

    fn event(self, name: AuditName, data: AuditData) -> AuditEvent {
        AuditEvent::new(name, self.click.by.clone(), CHANNEL).with(data)
    }

    /// A row about an attempt that changes nothing of it.
    fn note(self, name: AuditName, attempt: &Attempt, data: AuditData) -> Result<(), StoreError> {
        let mut event = self.event(name, data);
        event.incident_id = Some(attempt.incident.clone());
        event.run_id = Some(attempt.run_id.clone());
        event.attempt_id = Some(attempt.id.clone());
        event.digest = Some(attempt.digest.as_str().to_owned());
        event.target = Some(attempt.target.clone());
        audit::append(self.connection, self.now, &event)?;
        Ok(())
    }

    fn denied(self, attempt: &Attempt, code: &str) -> Result<(), StoreError> {
        self.note(AuditName::ApprovalDenied, attempt, AuditData { reason: Code::new(code), ..AuditData::default() })
    }

    /// Buttons for this person alone.
    fn ask(
        self,
        incident_id: &str,
        run_id: &str,
        verbs: &[Verb],
        about: Option<(String, Digest)>,
    ) -> Result<ButtonIds, StoreError> {
        let expires_at = self.now.saturating_add(SECOND_STEP).unwrap_or(Timestamp::MAX);
        let new = |verb: &Verb| NewButton { verb: *verb, about: about.clone(), expires_at };
        let buttons: Vec<_> = verbs.iter().map(new).collect();
        let whose = buttons::Whose {
            incident_id,
            run_id,
            channel_id: Some(self.click.channel_id.as_str()),
            message_id: None,
            user_id: Some(&self.click.by.id),
        };
        Ok(buttons::mint(self.connection, self.now, whose, &buttons)?.ids)
    }

    /// One transition, with what follows from it. Who comes too late is told so, and it stands in the log.
    fn advance(self, attempt: &Attempt, to: AttemptState, name: AuditName, clicked: &mut Clicked) -> Result<(), StoreError> {
        let wanted = Advance {
            id: attempt.id.clone(),
            from: attempt.state,
            version: attempt.version,
            fence: attempt.fence,
            to,
            set: Changes { decided_by: Some(self.click.by.clone()), ..Changes::default() },
            audit: self.event(name, AuditData::default()),
            // Counted over all decisions, before.
            per_hour: None,
        };
        match transition::advance(self.connection, self.now, &wanted) {
            Ok(moved) => {
                clicked.attempt = Some(moved);
                self.decided(attempt)
            }
            Err(AdvanceError::Store(error)) => Err(error),
            Err(lost) => {
                clicked.lost = Some(lost);
                self.denied(attempt, "too_late")
            }
        }
    }

    /// It counts as a decision, and the incident's message says so.
    fn decided(self, attempt: &Attempt) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("UPDATE interactions SET is_decision = 1 WHERE id = ?1")?;
        statement.execute([&self.click.id])?;
        messages::changed(self.connection, self.now, &attempt.incident, "attempt")
    }

    fn request(self, attempt: &Attempt) -> Result<Attempt, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE attempts SET requested_by = ?3, version = version + 1 WHERE id = ?1 AND version = ?2 AND state = 'proposed'",
        )?;
        statement.execute(params![attempt.id, attempt.version, columns::text(&self.click.by)?])?;
        self.note(AuditName::ApprovalRequested, attempt, AuditData::default())?;
        let gone = || StoreError::Failed("an attempt that can't be read back".to_owned());
        attempt_queries::by_id(self.connection, &attempt.id)?.ok_or_else(gone)
    }

    fn plan_undo(self, attempt: &Attempt) -> Result<(), StoreError> {
        let job = NewJob {
            kind: JobKind::Undo,
            class: Class::Ask,
            incident_id: Some(attempt.incident.clone()),
            dedup_key: Some(format!("undo:{}", attempt.id)),
            payload: json!({ "attempt": attempt.id, "by": self.click.by }),
            requested_by: Some(self.click.by.id.clone()),
            not_before: None,
        };
        jobs::enqueue(self.connection, self.now, &job, self.rules.jobs.most)?;
        let (to, user) = (&self.click.reply_to, &self.click.by.id);
        replies::wait(self.connection, self.now, to, user, &attempt.id, WaitsFor::Plan)?;
        self.decided(attempt)
    }

    /// The first click on a message of which it isn't known yet where it stands says so.
    fn bind(self, set: &str) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare_cached("UPDATE buttons SET channel_id = ?2, message_id = ?3 WHERE set_id = ?1")?;
        statement.execute(params![set, self.click.channel_id, self.click.message_id])?;
        Ok(())
    }
}
