//! The port of jobs: how they are queued, claimed and read.

use super::triggers::{self, class_word};
use super::{Store, codes, columns, leases, merging};
use crate::domain::{Class, IncidentStatus, Job, JobState, Lane, ObjectRef, Reason, Severity, Trigger};
use crate::ports::{Finished, JobFilter, JobQueue, Leased, NewJob, Outcome, StoreError};
use crate::telemetry::metrics;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use std::sync::Arc;

/// So many where nobody says how many.
const LIMIT: u32 = 50;

impl JobQueue for Store {
    async fn enqueue(&self, job: NewJob) -> Result<Job, StoreError> {
        let most = self.lifecycle.jobs.most;
        self.writer.write(move |connection, now| enqueue(connection, now, &job, most)).await
    }

    async fn ask_for_run(&self, incident: &str, by: &str) -> Result<Option<Job>, StoreError> {
        let (incident, by) = (incident.to_owned(), by.to_owned());
        self.writer.write(move |connection, now| ask_for_run(connection, now, &incident, &by)).await
    }

    async fn claim(&self, lane: Lane) -> Result<Option<Leased>, StoreError> {
        let lease = self.lifecycle.jobs.lease;
        self.writer.write(move |connection, now| leases::claim(connection, now, lane, lease)).await
    }

    async fn renew(&self, leased: &Leased) -> Result<bool, StoreError> {
        let (leased, lease) = (leased.clone(), self.lifecycle.jobs.lease);
        self.writer.write(move |connection, now| leases::renew(connection, now, &leased, lease)).await
    }

    async fn finish(&self, leased: &Leased, outcome: Outcome) -> Result<Option<Finished>, StoreError> {
        let (leased, rules) = (leased.clone(), Arc::clone(&self.lifecycle));
        self.writer.write(move |connection, now| leases::finish(connection, now, &rules, &leased, &outcome)).await
    }

    async fn give_back(&self, leased: &Leased) -> Result<bool, StoreError> {
        let leased = leased.clone();
        self.writer.write(move |connection, now| leases::give_back(connection, now, &leased)).await
    }

    async fn fail(&self, leased: &Leased, why: &str) -> Result<Option<JobState>, StoreError> {
        let (leased, rules, why) = (leased.clone(), Arc::clone(&self.lifecycle), why.to_owned());
        self.writer.write(move |connection, now| leases::fail(connection, now, &rules, &leased, &why)).await
    }

    async fn expire_leases(&self) -> Result<usize, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        counted(self.writer.write(move |connection, now| leases::expire(connection, now, &rules)).await)
    }

    async fn release_all(&self) -> Result<usize, StoreError> {
        let rules = Arc::clone(&self.lifecycle);
        counted(self.writer.write(move |connection, now| leases::release_all(connection, now, &rules)).await)
    }

    async fn retry_failed(&self) -> Result<usize, StoreError> {
        self.writer.write(leases::retry_failed).await
    }

    async fn found_subject(&self, leased: &Leased, subject: &ObjectRef) -> Result<Option<String>, StoreError> {
        let (leased, subject) = (leased.clone(), subject.clone());
        self.writer.write(move |connection, now| merging::found_subject(connection, now, &leased, &subject)).await
    }

    async fn job(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let id = id.to_owned();
        self.reader.read(move |connection| by_id(connection, &id)).await
    }

    async fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        self.reader.read(move |connection| list(connection, &filter)).await
    }
}

/// Counts the attempts that came to nothing, once that stands. How many there are.
fn counted(lost: Result<Vec<leases::Lost>, StoreError>) -> Result<usize, StoreError> {
    let lost = lost?;
    for (kind, state) in &lost {
        metrics().job_attempt(kind.as_str(), if *state == JobState::Failed { "dead" } else { "failed" });
    }
    Ok(lost.len())
}

pub(super) fn job(row: &Row<'_>) -> Result<Job, rusqlite::Error> {
    Ok(Job {
        id: row.get("id")?,
        kind: columns::word(row, "kind")?,
        state: columns::word(row, "state")?,
        class: columns::word(row, "class")?,
        attempts: row.get("attempts")?,
        incident_id: row.get("incident_id")?,
        run_id: row.get("run_id")?,
        payload: columns::json(row, "payload")?,
        requested_by: row.get("requested_by")?,
        created_at: columns::time(row, "created_at")?,
        not_before: columns::time(row, "not_before")?,
        started_at: columns::maybe_time(row, "started_at")?,
        finished_at: columns::maybe_time(row, "finished_at")?,
        result: columns::maybe_json(row, "result")?,
        error: row.get("last_error")?,
        retry_at: columns::maybe_time(row, "retry_at")?,
        resolved_during_run: row.get("resolved_during_run")?,
    })
}

pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Option<Job>, StoreError> {
    Ok(connection.prepare_cached("SELECT * FROM jobs WHERE id = ?1")?.query_row([id], job).optional()?)
}

fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
    let limit = filter.limit.unwrap_or(LIMIT);
    let all = "SELECT * FROM jobs ORDER BY id DESC LIMIT ?1";
    let of_incident = "SELECT * FROM jobs WHERE incident_id = ?2 ORDER BY id DESC LIMIT ?1";
    // Two statements, so that each has its index.
    let jobs = match &filter.incident {
        None => connection.prepare_cached(all)?.query_map([limit], job)?.collect::<Result<_, _>>(),
        Some(incident) => {
            connection.prepare_cached(of_incident)?.query_map(params![limit, incident], job)?.collect::<Result<_, _>>()
        }
    };
    Ok(jobs?)
}

pub(super) fn enqueue(connection: &Connection, now: Timestamp, new: &NewJob, most: usize) -> Result<Job, StoreError> {
    if let Some(key) = &new.dedup_key {
        let mut statement = connection.prepare_cached("SELECT * FROM jobs WHERE dedup_key = ?1 AND state = 'queued'")?;
        if let Some(found) = statement.query_row([key], job).optional()? {
            return Ok(found);
        }
    }
    let waiting: i64 = connection.query_row("SELECT count(*) FROM jobs WHERE state = 'queued'", [], |row| row.get(0))?;
    if usize::try_from(waiting).is_ok_and(|waiting| waiting >= most) {
        return Err(StoreError::Busy);
    }
    let id = codes::id();
    let not_before = new.not_before.unwrap_or(now);
    connection.execute(
        "INSERT INTO jobs (id, kind, lane, state, class, rank, incident_id, dedup_key, payload, requested_by, created_at, not_before)
         VALUES (:id, :kind, :lane, 'queued', :class, :rank, :incident, :key, :payload, :by, :now, :not_before)",
        named_params! {
            ":id": id, ":kind": new.kind.as_str(), ":lane": new.kind.lane().as_str(), ":class": class_word(new.class),
            ":rank": new.class.rank(now, not_before), ":incident": new.incident_id, ":key": new.dedup_key,
            ":payload": columns::text(&new.payload)?, ":by": new.requested_by, ":now": now.as_millisecond(),
            ":not_before": not_before.as_millisecond(),
        },
    )?;
    by_id(connection, &id)?.ok_or_else(|| StoreError::Failed("a job that can't be read back".to_owned()))
}

fn ask_for_run(connection: &Connection, now: Timestamp, incident: &str, by: &str) -> Result<Option<Job>, StoreError> {
    let Some(place) = super::placing::incident(connection, incident)? else { return Ok(None) };
    let class = match place.status {
        IncidentStatus::Open => Class::of(place.severity.unwrap_or(Severity::Warning)).min(Class::Ask),
        IncidentStatus::Resolved | IncidentStatus::Merged => Class::Ask,
    };
    let id = triggers::trigger(connection, now, &place.id, Trigger::new(Reason::Asked, class, now), Some(by))?;
    by_id(connection, &id)
}
