//! The rows of what happens by the clock.

use super::{Store, jobs};
use crate::domain::Class;
use crate::ports::{NewJob, Periodic, PeriodicTask, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use uuid::Uuid;

impl Periodic for Store {
    async fn due(&self, tasks: Vec<PeriodicTask>) -> Result<Vec<&'static str>, StoreError> {
        self.writer.write(move |connection, now| due(connection, now, &tasks)).await
    }
}

fn due(connection: &Connection, now: Timestamp, tasks: &[PeriodicTask]) -> Result<Vec<&'static str>, StoreError> {
    let mut named = Vec::new();
    for task in tasks {
        let next = task.schedule.after(now, Uuid::new_v4().as_u64_pair().1).as_millisecond();
        let mut statement = connection.prepare_cached("SELECT next_at FROM periodic WHERE name = ?1")?;
        let stored: Option<i64> = statement.query_row([task.name], |row| row.get(0)).optional()?;
        let is_due = stored.is_some_and(|at| at <= now.as_millisecond());
        // Further away than it can be: our clock was put back. A tenth of jitter is allowed for twice.
        let latest = now.as_millisecond() + (next - now.as_millisecond()) * 5 / 4 + 86_400_000;
        if is_due || stored.is_none_or(|at| at > latest) {
            connection.execute("INSERT OR REPLACE INTO periodic (name, next_at) VALUES (?1, ?2)", params![task.name, next])?;
        }
        if !is_due {
            continue;
        }
        let Some(kind) = task.job else {
            named.push(task.name);
            continue;
        };
        let job = NewJob {
            kind,
            class: Class::Rest,
            incident_id: None,
            dedup_key: Some(task.name.to_owned()),
            payload: json!({ "task": task.name }),
            requested_by: None,
            not_before: None,
        };
        jobs::enqueue(connection, now, &job, usize::MAX)?;
    }
    Ok(named)
}
