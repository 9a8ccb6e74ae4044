//! The store ports' home in one SQLite file, so that approvals, attempts, incidents, the audit log
//! and the models' ledger need no server.
//!
//! One thread owns the connection that writes; what waits for it goes into one transaction, a savepoint each, and is
//! answered once that is on disk. Another thread reads. Several processes may have the same file open. All SQL of the
//! program is in here; nothing in here decides what may happen beyond what the ports say.

mod attempt_queries;
mod attempts;
mod audit;
mod chain;
mod codes;
mod columns;
mod error;
mod incidents;
mod ledger;
mod open;
mod reader;
mod remembered;
mod transition;
mod writer;

pub use open::path_of;

use crate::ports::StoreError;
use jiff::Timestamp;
use reader::Reader;
use std::path::Path;
use std::time::Duration;
use writer::Writer;

/// How long a write waits for another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// What tells the time of every row.
type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// An open database. Dropping it finishes what was accepted and folds the write-ahead log in.
pub struct Store {
    // The reader is closed first, so that the writer's connection is the last one and tidies up.
    reader: Reader,
    writer: Writer,
}

impl Store {
    /// Opens the file at this path; makes it (mode 0600, in a folder of mode 0700) where there is none, and brings its
    /// schema up to date. `clock` tells the time of every row.
    ///
    /// # Errors
    /// The file or folder can't be made, is read-only, locked, no database of ours, or a newer one.
    pub fn open(path: &Path, clock: impl Fn() -> Timestamp + Send + 'static) -> Result<Self, StoreError> {
        open::create(path)?;
        let mut writing = open::connect(path)?;
        open::migrate(path, &mut writing)?;
        let reading = open::connect(path)?;
        reading.pragma_update(None, "query_only", true)?;
        Ok(Self { reader: Reader::start(reading)?, writer: Writer::start(writing, Box::new(clock))? })
    }
}

#[cfg(test)]
mod tests;
