//! The hash chain of the audit log: how a row is hashed, and how the chain is read back. A row is hashed as it stands in its
//! columns, so that whatever is changed in the file, by whatever means, shows.

use super::columns;
use crate::domain::{AuditCheck, AuditHead, Digest};
use crate::ports::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};

/// Stands before the first row.
pub(super) const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The columns of a row as they are stored, but `hash`.
#[derive(Debug)]
pub(super) struct Columns {
    pub seq: i64,
    pub at: i64,
    pub event: String,
    pub actor: String,
    pub channel: String,
    pub incident_id: Option<String>,
    pub run_id: Option<String>,
    pub attempt_id: Option<String>,
    pub digest: Option<String>,
    pub target: Option<String>,
    pub data: String,
    pub prev: String,
}

impl Columns {
    fn of(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: row.get("seq")?,
            at: row.get("at")?,
            event: row.get("event")?,
            actor: row.get("actor")?,
            channel: row.get("channel")?,
            incident_id: row.get("incident_id")?,
            run_id: row.get("run_id")?,
            attempt_id: row.get("attempt_id")?,
            digest: row.get("digest")?,
            target: row.get("target")?,
            data: row.get("data")?,
            prev: row.get("prev")?,
        })
    }

    /// Of this row with `prev` among the rest. `None` for a row that was never written like this.
    pub(super) fn hash(&self) -> Option<String> {
        let parsed = |text: &str| {
            let value: Value = serde_json::from_str(text).ok()?;
            (columns::text(&value).ok()? == text).then_some(value)
        };
        let at = Timestamp::from_millisecond(self.at).ok()?;
        let row = json!({
            "seq": self.seq, "at": at, "event": self.event, "actor": parsed(&self.actor)?, "channel": self.channel,
            "incident_id": self.incident_id, "run_id": self.run_id, "attempt_id": self.attempt_id, "digest": self.digest,
            "target": self.target, "data": parsed(&self.data)?, "prev": self.prev,
        });
        Digest::of(&row).ok().map(|digest| digest.as_str().to_owned())
    }
}

/// The last row.
pub(super) fn head(connection: &Connection) -> Result<Option<AuditHead>, StoreError> {
    let mut statement = connection.prepare("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?;
    let mut rows = statement.query([])?;
    rows.next()?.map(|row| Ok(AuditHead { seq: row.get("seq")?, hash: row.get("hash")? })).transpose()
}

/// Reads the chain from its first row to its last.
pub(super) fn check(connection: &Connection, noted: Option<&AuditHead>) -> Result<AuditCheck, StoreError> {
    let broken = |seq, why: &str| Ok(AuditCheck::Broken { seq, why: why.to_owned() });
    let mut statement = connection.prepare("SELECT * FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut last: Option<AuditHead> = None;
    while let Some(row) = rows.next()? {
        let (seq, prev) = last.as_ref().map_or((1, FIRST), |last| (last.seq + 1, last.hash.as_str()));
        let found: i64 = row.get("seq")?;
        if found < seq {
            return broken(found, "it was put before the first row");
        } else if found > seq {
            return broken(seq, "it was removed");
        }
        let Ok(columns) = Columns::of(row) else { return broken(seq, "it was changed: a column isn't text") };
        let hash = row.get::<_, String>("hash").unwrap_or_default();
        if columns.prev != prev {
            return broken(seq, "it doesn't follow the row before it");
        } else if columns.hash().as_deref() != Some(hash.as_str()) {
            return broken(seq, "it was changed: its hash is another");
        }
        if noted.is_some_and(|noted| noted.seq == seq && noted.hash != hash) {
            return broken(seq, "it isn't the row whose hash was noted: the log was written anew");
        }
        last = Some(AuditHead { seq, hash });
    }
    let end = last.as_ref().map_or(0, |last| last.seq);
    match noted {
        Some(noted) if noted.seq > end => broken(end + 1, "it was cut off, with all that followed"),
        _ => Ok(AuditCheck::Intact { head: last }),
    }
}
