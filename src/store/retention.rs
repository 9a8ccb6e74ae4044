//! What was kept long enough goes, a little at a time, so that nothing waits for it.

use super::Store;
use crate::domain::Keep;
use crate::ports::StoreError;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

/// So many rows in one transaction.
const AT_ONCE: u32 = 500;

/// How long, of the settings.
type Longest = fn(&Keep) -> SignedDuration;

/// Each statement removes what is older than that. Open incidents, attempts and the audit log stay.
const RULES: &[(Longest, &str)] = &[
    (|keep| keep.bodies, "DELETE FROM intakes WHERE number IN (SELECT number FROM intakes WHERE at < ?1 LIMIT ?2)"),
    (
        |keep| keep.bodies,
        "DELETE FROM jobs WHERE id IN
           (SELECT id FROM jobs WHERE finished_at < ?1 AND state IN ('done', 'superseded') LIMIT ?2)",
    ),
    (|keep| keep.bodies, "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE opened_at < ?1 LIMIT ?2)"),
    (|keep| keep.messages, "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at < ?1 AND state = 'failed' LIMIT ?2)"),
    (|keep| keep.messages, "DELETE FROM set_aside WHERE number IN (SELECT number FROM set_aside WHERE at < ?1 LIMIT ?2)"),
    (
        |keep| keep.messages,
        "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE sent_at < ?1
           AND (incident_id IS NULL OR incident_id NOT IN (SELECT id FROM incidents WHERE status = 'open')) LIMIT ?2)",
    ),
    (
        |keep| keep.messages,
        "DELETE FROM messages WHERE number IN (SELECT number FROM messages WHERE last_at < ?1
           AND incident_id NOT IN (SELECT id FROM incidents WHERE status = 'open') LIMIT ?2)",
    ),
    (|keep| keep.messages, "DELETE FROM troubles WHERE cause IN (SELECT cause FROM troubles WHERE told_at < ?1 LIMIT ?2)"),
    (|keep| keep.messages, "DELETE FROM subjects WHERE rowid IN (SELECT rowid FROM subjects WHERE at < ?1 LIMIT ?2)"),
    (
        |keep| keep.incidents,
        "DELETE FROM episodes WHERE number IN (SELECT number FROM episodes WHERE end_heard_at < ?1
           AND (incident_id IS NULL OR incident_id IN (SELECT id FROM incidents WHERE status <> 'open' AND COALESCE(resolved_at, opened_at) < ?1)) LIMIT ?2)",
    ),
    (
        |keep| keep.incidents,
        "DELETE FROM runs WHERE id IN (SELECT runs.id FROM runs JOIN incidents ON incidents.id = runs.incident_id
           WHERE incidents.status <> 'open' AND COALESCE(incidents.resolved_at, incidents.opened_at) < ?1 LIMIT ?2)",
    ),
    (
        |keep| keep.incidents,
        "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE status <> 'open'
           AND COALESCE(resolved_at, opened_at) < ?1 AND NOT EXISTS (SELECT 1 FROM episodes WHERE incident_id = incidents.id)
           AND NOT EXISTS (SELECT 1 FROM runs WHERE incident_id = incidents.id) LIMIT ?2)",
    ),
];

impl Store {
    /// Removes what was kept long enough. How many rows.
    ///
    /// # Errors
    /// The store can't write; what is gone by then is gone.
    pub async fn clean(&self) -> Result<usize, StoreError> {
        let mut removed = 0;
        for (longest, statement) in RULES {
            let longest = longest(&self.lifecycle.keep);
            loop {
                let gone = self.writer.write(move |connection, now| delete(connection, now, longest, statement)).await?;
                removed += gone;
                if gone < AT_ONCE as usize {
                    break;
                }
            }
        }
        Ok(removed)
    }
}

fn delete(connection: &Connection, now: Timestamp, longest: SignedDuration, statement: &str) -> Result<usize, StoreError> {
    let before = now.saturating_sub(longest).unwrap_or(Timestamp::MIN).as_millisecond();
    Ok(connection.execute(statement, [before, i64::from(AT_ONCE)])?)
}
