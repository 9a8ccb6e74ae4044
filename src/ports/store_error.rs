//! Why the store could not do something. No text of it holds SQL, or a value that was to be stored.

use std::path::PathBuf;
use thiserror::Error;

/// Why nothing was read or written. Whatever the reason: what was answered with success before is still there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The setting names no database that can be used.
    #[error("{0}")]
    Location(String),
    /// The file or its folder can't be made or opened.
    #[error("can't open the database {path}: {why}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// The file is something else.
    #[error("{path} is not a database of sre-copilot: {why}")]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// A newer program wrote the file; going on could damage it.
    #[error("the database {path} was written by a newer sre-copilot: this one knows versions up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The newest version of the schema that this program knows.
        known: usize,
    },
    /// The file or its folder may not be written.
    #[error("the database is read-only: its file, its folder and the files beside it must be writable by this user")]
    ReadOnly,
    /// No room left.
    #[error("the database can't grow: the disk, or a quota on it, is full")]
    Full,
    /// Another process held the write lock for too long.
    #[error("the database is locked by another process for longer than {seconds} s")]
    Locked {
        /// How long was waited.
        seconds: u64,
    },
    /// Too much waits to be written.
    #[error("too many writes are waiting")]
    Busy,
    /// The store is shut down.
    #[error("the store is shut down")]
    Stopped,
    /// What was to be stored can't be: a bug of the caller.
    #[error("can't store this: {0}")]
    Invalid(String),
    /// What is stored isn't readable.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else that the database engine says.
    #[error("the database failed: {0}")]
    Failed(String),
}
