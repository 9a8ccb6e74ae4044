//! The store ports' home in one SQLite file, so that alerts, jobs, messages, approvals, attempts, incidents, the audit log
//! and the models' ledger need no server.
//!
//! One thread owns the connection that writes; what waits for it goes into one transaction, a savepoint each, and is
//! answered once that is on disk. Another thread reads. Several processes may have the same file open. All SQL of the
//! program is in here; nothing in here decides what may happen beyond what the ports say.

mod attempt_queries;
mod attempts;
mod audit;
mod backup;
mod buttons;
mod chain;
mod clicks;
mod codes;
mod columns;
mod conversations;
mod digests;
mod episodes;
mod error;
mod feedback;
mod figures;
mod incidents;
mod intake;
mod jobs;
mod leases;
mod ledger;
mod merging;
mod messages;
mod open;
mod outbox;
mod pages;
mod periodic;
mod placing;
mod pulse;
mod reader;
mod remembered;
mod replies;
mod retention;
mod taking;
mod transition;
mod triggers;
mod writer;

pub use open::path_of;

use crate::domain::Lifecycle;
use crate::ports::StoreError;
use jiff::Timestamp;
use reader::Reader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Mutex;
use writer::Writer;

/// How long opening waits for another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write does.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// What tells the time of every row.
type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// An open database. Dropping it finishes what was accepted and folds the write-ahead log in.
pub struct Store {
    // The reader is closed first, so that the writer's connection is the last one and tidies up.
    reader: Reader,
    writer: Writer,
    path: PathBuf,
    lifecycle: Arc<Lifecycle>,
    // Held by the copy that is being made.
    copying: Arc<Mutex<()>>,
    // Once it is there it never changes.
    key: OnceLock<[u8; 32]>,
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
        writing.busy_timeout(WRITE_TIMEOUT)?;
        let reading = open::connect(path)?;
        reading.pragma_update(None, "query_only", true)?;
        Ok(Self {
            reader: Reader::start(reading)?,
            writer: Writer::start(writing, Box::new(clock))?,
            path: path.to_owned(),
            lifecycle: Arc::default(),
            copying: Arc::default(),
            key: OnceLock::new(),
        })
    }

    /// How many changes of its schema the file at this path waits for, which [`Self::open`] would make; `None` where there is
    /// none. Nothing is changed.
    ///
    /// # Errors
    /// The file can't be read, is no database of ours, or a newer one.
    pub fn pending(path: &Path) -> Result<Option<usize>, StoreError> {
        open::pending(path)
    }

    /// With other settings of incidents' lives.
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = Arc::new(lifecycle);
        self
    }

    /// With room for so many deliveries that wait.
    #[must_use]
    pub fn with_intake_queue(self, most: usize) -> Self {
        self.writer.limit_deliveries(most);
        self
    }
}

#[cfg(test)]
mod tests;
