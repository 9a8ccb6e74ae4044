//! What workers do with jobs. Each write names the lease: who lost it changes nothing.

use super::jobs::{by_id, job};
use super::{attempts, codes, columns, incidents, messages, outbox, taking, triggers};
use crate::domain::{Class, Job, JobKind, JobState, Lane, Lifecycle, Reason, Severity, Trigger, retry_after};
use crate::ports::{Finished, Leased, MessageOp, Outcome, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

fn after(now: Timestamp, span: SignedDuration) -> i64 {
    now.saturating_add(span).unwrap_or(Timestamp::MAX).as_millisecond()
}

pub(super) fn claim(
    connection: &Connection,
    now: Timestamp,
    lane: Lane,
    lease: SignedDuration,
) -> Result<Option<Leased>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM jobs AS this INDEXED BY jobs_waiting
         WHERE lane = ?1 AND state = 'queued' AND not_before <= ?2
           AND (incident_id IS NULL
                OR NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND incident_id = this.incident_id))
         ORDER BY rank, id LIMIT 1",
    )?;
    let next: Option<String> = statement.query_row(params![lane.as_str(), now.as_millisecond()], |row| row.get(0)).optional()?;
    let Some(id) = next else { return Ok(None) };
    let token = codes::nonce();
    connection.execute(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = ?2, lease_token = ?3, lease_until = ?4 WHERE id = ?1",
        params![id, now.as_millisecond(), token, after(now, lease)],
    )?;
    Ok(by_id(connection, &id)?.map(|job| Leased { job, token }))
}

pub(super) fn renew(connection: &Connection, now: Timestamp, leased: &Leased, lease: SignedDuration) -> Result<bool, StoreError> {
    let changed = connection.execute(
        "UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND lease_token = ?2 AND state = 'running'",
        params![leased.job.id, leased.token, after(now, lease)],
    )?;
    Ok(changed > 0)
}

/// The job, if the lease still holds.
pub(super) fn held(connection: &Connection, leased: &Leased) -> Result<Option<Job>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM jobs WHERE id = ?1 AND lease_token = ?2 AND state = 'running'")?;
    Ok(statement.query_row([&leased.job.id, &leased.token], job).optional()?)
}

pub(super) fn finish(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    leased: &Leased,
    outcome: &Outcome,
) -> Result<Option<Finished>, StoreError> {
    let Some(job) = held(connection, leased)? else { return Ok(None) };
    let mut finished = Finished { run: None, follow_up: None, resolved_during_run: job.resolved_during_run };
    let mut result = None;
    match outcome {
        Outcome::Result(value) => result = Some(columns::text(value)?),
        Outcome::Messages(value, notices) => {
            result = Some(columns::text(value)?);
            notices.iter().try_for_each(|notice| outbox::put(connection, now, notice))?;
        }
        Outcome::Report(report) => {
            let (Some(incident), Some(id)) = (&job.incident_id, &job.run_id) else {
                return Err(StoreError::Invalid("a report of a job that is no analysis".to_owned()));
            };
            let run = incidents::analysed(id.clone(), incident, report)?;
            finished.run = Some(incidents::record(connection, now, &run, &report.summary)?);
            attempts::void_older(connection, now, incident, id)?;
            connection.execute(
                "UPDATE jobs SET state = 'superseded' WHERE incident_id = ?1 AND kind = 'analyze' AND state IN ('done', 'failed')",
                [incident],
            )?;
        }
    }
    let follow_up = end(connection, now, leased, JobState::Done, result.as_deref(), None)?;
    if let Some(incident) = &job.incident_id {
        if finished.run.is_some() {
            taking::notify(connection, now, rules, incident, MessageOp::Patch, "report")?;
        }
        if let Some(trigger) = follow_up {
            finished.follow_up = Some(triggers::trigger(connection, now, incident, trigger, None)?);
        }
    }
    Ok(Some(finished))
}

/// Ends a running job; the trigger that came while it ran.
fn end(
    connection: &Connection,
    now: Timestamp,
    leased: &Leased,
    state: JobState,
    result: Option<&str>,
    error: Option<&str>,
) -> Result<Option<Trigger>, StoreError> {
    let noted = |row: &Row<'_>| columns::maybe_json::<Trigger>(row, "follow_up");
    let follow_up = connection.query_row("SELECT follow_up FROM jobs WHERE id = ?1", [&leased.job.id], noted)?;
    connection.execute(
        "UPDATE jobs SET state = ?2, finished_at = ?3, lease_token = NULL, lease_until = NULL, follow_up = NULL, result = ?4,
           last_error = COALESCE(?5, last_error) WHERE id = ?1",
        params![leased.job.id, state.as_str(), now.as_millisecond(), result, error],
    )?;
    Ok(follow_up)
}

pub(super) fn give_back(connection: &Connection, now: Timestamp, leased: &Leased) -> Result<bool, StoreError> {
    let Some(job) = held(connection, leased)? else { return Ok(false) };
    requeue(connection, now, &job, None, None)?;
    connection.execute("UPDATE jobs SET attempts = max(attempts - 1, 0) WHERE id = ?1", [&job.id])?;
    Ok(true)
}

/// Back into the queue at its old place. An analysis takes in what came while it ran: its next attempt sees all of it.
fn requeue(
    connection: &Connection,
    now: Timestamp,
    job: &Job,
    not_before: Option<Timestamp>,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let noted = |row: &Row<'_>| columns::maybe_json::<Trigger>(row, "follow_up");
    let noted: Option<Trigger> = connection.query_row("SELECT follow_up FROM jobs WHERE id = ?1", [&job.id], noted)?;
    // Another one with its key may have been queued meanwhile: that one does it.
    let replaced = connection.execute(
        "UPDATE jobs SET state = 'superseded', finished_at = started_at, lease_token = NULL, lease_until = NULL, follow_up = NULL
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM jobs AS other WHERE other.dedup_key = jobs.dedup_key AND other.state = 'queued')",
        [&job.id],
    )?;
    if replaced > 0 {
        if let Some((incident, noted)) = job.incident_id.as_ref().zip(noted) {
            triggers::trigger(connection, now, incident, noted, None)?;
        }
        return Ok(());
    }
    let mut trigger = Trigger {
        reasons: job.payload.get("reasons").cloned().and_then(|reasons| serde_json::from_value(reasons).ok()).unwrap_or_default(),
        class: job.class,
        not_before: job.not_before,
    };
    let mut payload = job.payload.clone();
    if let Some(noted) = noted {
        trigger = trigger.widened(noted);
        payload = serde_json::json!({ "reasons": trigger.reasons });
    }
    connection.execute(
        "UPDATE jobs SET state = 'queued', lease_token = NULL, lease_until = NULL, follow_up = NULL, payload = ?2, class = ?3,
           rank = ?4, not_before = COALESCE(?5, not_before), last_error = COALESCE(?6, last_error) WHERE id = ?1",
        params![
            job.id,
            columns::text(&payload)?,
            triggers::class_word(trigger.class),
            trigger.class.rank(job.created_at, not_before.unwrap_or(job.not_before)),
            not_before.map(Timestamp::as_millisecond),
            error
        ],
    )?;
    Ok(())
}

pub(super) fn fail(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    leased: &Leased,
    why: &str,
) -> Result<Option<JobState>, StoreError> {
    let Some(job) = held(connection, leased)? else { return Ok(None) };
    let wait = rules.jobs.waits(job.attempts, Uuid::new_v4().as_u64_pair().1);
    let again = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    lost(connection, now, rules, leased, &job, again, why).map(Some)
}

/// An attempt came to nothing: the job waits until then, or is a dead letter.
fn lost(
    connection: &Connection,
    now: Timestamp,
    rules: &Lifecycle,
    leased: &Leased,
    job: &Job,
    again: Timestamp,
    why: &str,
) -> Result<JobState, StoreError> {
    if job.attempts < rules.jobs.max_attempts {
        requeue(connection, now, job, Some(again), Some(why))?;
        return Ok(JobState::Queued);
    }
    let follow_up = end(connection, now, leased, JobState::Failed, None, Some(why))?;
    if rules.notify_from.is_some() {
        let kind = job.kind.as_str();
        messages::trouble(connection, now, &format!("dead_letter:{kind}"), &format!("A job ({kind}) is given up: {why}"))?;
    }
    let Some(incident) = job.incident_id.as_ref().filter(|_| job.kind == JobKind::Analyze) else {
        return Ok(JobState::Failed);
    };
    let failures: u32 = connection.query_row("SELECT failures FROM jobs WHERE id = ?1", [&job.id], |row| row.get(0))?;
    let retry = after(now, retry_after(failures + 1));
    connection.execute("UPDATE jobs SET retry_at = ?2 WHERE id = ?1", params![job.id, retry])?;
    taking::notify(connection, now, rules, incident, MessageOp::Patch, "failed")?;
    if let Some(trigger) = follow_up {
        triggers::trigger(connection, now, incident, trigger, None)?;
    }
    Ok(JobState::Failed)
}

/// The jobs whose lease is over. One that is longer than a lease can be was given before our clock was put back: it is cut,
/// so that it ends. So is the wait of a job that was queued, or failed, at a time that is still to come.
pub(super) fn expire(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<Vec<Lost>, StoreError> {
    let longest = after(now, rules.jobs.lease);
    connection.execute("UPDATE jobs SET lease_until = ?1 WHERE state = 'running' AND lease_until > ?1", [longest])?;
    let mut statement = connection.prepare_cached(
        "UPDATE jobs SET rank = rank - max(created_at, not_before) + ?1, not_before = ?1 WHERE state = 'queued' AND not_before > ?1 AND COALESCE(started_at, created_at) > ?1",
    )?;
    statement.execute([now.as_millisecond()])?;
    let why = "its worker was not heard of any more";
    let over = leased_until(connection, now)?;
    let each = |leased: &Leased| {
        let wait = rules.jobs.waits(leased.job.attempts, Uuid::new_v4().as_u64_pair().1);
        let again = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        Ok((leased.job.kind, lost(connection, now, rules, leased, &leased.job, again, why)?))
    };
    over.iter().map(each).collect()
}

/// A job whose worker is gone, and what became of it.
pub(super) type Lost = (JobKind, JobState);

/// All of them: their process is gone.
pub(super) fn release_all(connection: &Connection, now: Timestamp, rules: &Lifecycle) -> Result<Vec<Lost>, StoreError> {
    let why = "the process ended while it ran";
    let all = leased_until(connection, Timestamp::MAX)?;
    let each = |leased: &Leased| Ok((leased.job.kind, lost(connection, now, rules, leased, &leased.job, now, why)?));
    let all = all.iter().map(each).collect::<Result<_, StoreError>>()?;
    connection.execute("UPDATE outbox SET state = 'queued', lease_token = NULL WHERE state = 'sending'", [])?;
    Ok(all)
}

fn leased_until(connection: &Connection, until: Timestamp) -> Result<Vec<Leased>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM jobs WHERE state = 'running' AND lease_until <= ?1")?;
    let leased = |row: &Row<'_>| Ok(Leased { job: job(row)?, token: row.get("lease_token")? });
    Ok(statement.query_map([until.as_millisecond()], leased)?.collect::<Result<_, _>>()?)
}

pub(super) fn retry_failed(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT incidents.id, incidents.severity FROM jobs JOIN incidents ON incidents.id = jobs.incident_id
         WHERE jobs.state = 'failed' AND jobs.kind = 'analyze' AND jobs.retry_at <= ?1 AND incidents.status = 'open'
         GROUP BY incidents.id",
    )?;
    let row = |row: &Row<'_>| Ok((row.get(0)?, columns::maybe_word::<Severity>(row, "severity")?));
    let due: Vec<(String, Option<Severity>)> = statement.query_map([now.as_millisecond()], row)?.collect::<Result<_, _>>()?;
    for (incident, severity) in &due {
        let class = Class::of(severity.unwrap_or(Severity::Warning));
        triggers::trigger(connection, now, incident, Trigger::new(Reason::Retry, class, now), None)?;
    }
    Ok(due.len())
}
