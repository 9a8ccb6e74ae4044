//! What is asked about attempts.

use super::{codes, columns};
use crate::domain::{Actor, Attempt};
use crate::ports::{AttemptFilter, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params};

/// So many at a time where nobody says how many.
const LIMIT: u32 = 500;

fn attempt(row: &Row<'_>) -> Result<Attempt, rusqlite::Error> {
    Ok(Attempt {
        id: row.get("id")?,
        code: row.get("code")?,
        incident: row.get("incident_id")?,
        run_id: row.get("run_id")?,
        digest: columns::word(row, "digest")?,
        try_number: row.get("try")?,
        plan: columns::json(row, "plan")?,
        cluster: row.get("cluster")?,
        target: row.get("target")?,
        context: columns::json(row, "context")?,
        state: columns::word(row, "state")?,
        version: row.get("version")?,
        requested_by: columns::maybe_json(row, "requested_by")?,
        decided_by: columns::maybe_json(row, "decided_by")?,
        decided_at: columns::maybe_time(row, "decided_at")?,
        nonce: row.get("nonce")?,
        created_at: columns::time(row, "created_at")?,
        changed_at: columns::time(row, "changed_at")?,
        expires_at: columns::time(row, "expires_at")?,
        lease_until: columns::maybe_time(row, "lease_until")?,
        fence: row.get("fence")?,
        sent_at: columns::maybe_time(row, "sent_at")?,
        token: row.get("token")?,
        resource_version: row.get("resource_version")?,
        sends: row.get("sends")?,
        before: columns::maybe_json(row, "before")?,
        after: columns::maybe_json(row, "after")?,
        reason: row.get("reason")?,
        verify_due_at: columns::maybe_time(row, "verify_due_at")?,
        verification: columns::maybe_json(row, "verification")?,
        undo_of: row.get("undo_of")?,
    })
}

fn one(connection: &Connection, sql: &str, params: impl Params) -> Result<Option<Attempt>, StoreError> {
    Ok(connection.query_row(sql, params, attempt).optional()?)
}

pub(super) fn many(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Attempt>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map(params, attempt)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Option<Attempt>, StoreError> {
    one(connection, "SELECT * FROM attempts WHERE id = ?1", [id])
}

pub(super) fn find(connection: &Connection, code_or_id: &str) -> Result<Option<Attempt>, StoreError> {
    match codes::typed(code_or_id) {
        Some(code) => one(connection, "SELECT * FROM attempts WHERE code = ?1", [code]),
        None => by_id(connection, code_or_id),
    }
}

pub(super) fn last_try(connection: &Connection, run: &str, digest: &str) -> Result<Option<Attempt>, StoreError> {
    one(connection, "SELECT * FROM attempts WHERE run_id = ?1 AND digest = ?2 ORDER BY try DESC LIMIT 1", [run, digest])
}

pub(super) fn open_proposal(connection: &Connection, incident: &str) -> Result<Option<Attempt>, StoreError> {
    one(connection, "SELECT * FROM attempts WHERE incident_id = ?1 AND state = 'proposed'", [incident])
}

/// Another attempt that holds this one's target.
pub(super) fn holder(connection: &Connection, attempt: &Attempt) -> Result<Option<Attempt>, StoreError> {
    one(
        connection,
        "SELECT * FROM attempts WHERE cluster = ?1 AND target = ?2 AND id <> ?3
           AND state IN ('approved', 'claimed', 'running', 'unknown')",
        params![attempt.cluster, attempt.target, attempt.id],
    )
}

pub(super) fn list(connection: &Connection, filter: &AttemptFilter) -> Result<Vec<Attempt>, StoreError> {
    // Only what is asked for is in the statement, so that it has its index.
    let since = filter.since.map(Timestamp::as_millisecond);
    let asked: [(&str, Option<&dyn ToSql>); 5] = [
        ("incident_id = ?", filter.incident.as_ref().map(|value| value as &dyn ToSql)),
        ("run_id = ?", filter.run_id.as_ref().map(|value| value as &dyn ToSql)),
        ("cluster = ?", filter.cluster.as_ref().map(|value| value as &dyn ToSql)),
        ("target = ?", filter.target.as_ref().map(|value| value as &dyn ToSql)),
        ("created_at >= ?", since.as_ref().map(|value| value as &dyn ToSql)),
    ];
    let (mut conditions, mut values): (Vec<String>, Vec<&dyn ToSql>) =
        asked.into_iter().filter_map(|(condition, value)| Some((condition.to_owned(), value?))).unzip();
    if !filter.states.is_empty() {
        let words: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
        conditions.push(format!("state IN ({})", words.join(", ")));
    }
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let limit = filter.limit.unwrap_or(LIMIT);
    values.push(&limit);
    let statement = format!("SELECT * FROM attempts WHERE {conditions} ORDER BY created_at DESC, id DESC LIMIT ?");
    many(connection, &statement, values.as_slice())
}

pub(super) fn due(connection: &Connection, now: Timestamp) -> Result<Vec<Attempt>, StoreError> {
    many(
        connection,
        "SELECT * FROM attempts
         WHERE (state IN ('proposed', 'approved') AND expires_at <= ?1)
           OR (state IN ('claimed', 'running') AND lease_until <= ?1)
           OR (state IN ('unknown', 'succeeded') AND verify_due_at <= ?1)
         ORDER BY state = 'succeeded', created_at, id LIMIT ?2",
        params![now.as_millisecond(), LIMIT],
    )
}

/// How many writes were sent to a cluster. What is unknown counts: it may have landed.
pub(super) fn writes(connection: &Connection, cluster: &str, since: Timestamp) -> Result<usize, StoreError> {
    let sent = "SELECT count(*) FROM attempts WHERE cluster = ?1 AND sent_at >= ?2 AND state <> 'failed'";
    Ok(connection
        .query_row(sent, params![cluster, since.as_millisecond()], |row| row.get::<_, u32>(0))?
        .try_into()
        .unwrap_or(usize::MAX))
}

/// How many approvals somebody gave.
pub(super) fn approvals(connection: &Connection, by: &Actor, since: Timestamp) -> Result<usize, StoreError> {
    let counted = "SELECT count(*) FROM attempts WHERE decided_at >= ?1 AND state <> 'declined'
      AND decided_by ->> '$.kind' = ?2 AND decided_by ->> '$.id' = ?3";
    Ok(connection
        .query_row(counted, params![since.as_millisecond(), by.kind, by.id], |row| row.get::<_, u32>(0))?
        .try_into()
        .unwrap_or(usize::MAX))
}
