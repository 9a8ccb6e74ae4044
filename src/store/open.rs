//! Makes, opens and migrates the file.

use super::LOCK_TIMEOUT;
use crate::ports::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rusqlite_migration::{Error as MigrationError, M, MigrationDefinitionError, Migrations};
use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Append only: a released file never changes, the next change is the next file.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/0001_remediation.sql")),
    M::up(include_str!("../../migrations/0002_model_spending.sql")),
    M::up(include_str!("../../migrations/0003_serve.sql")),
    M::up(include_str!("../../migrations/0004_messages.sql")),
    M::up(include_str!("../../migrations/0005_clicks.sql")),
    M::up(include_str!("../../migrations/0006_pages.sql")),
    M::up(include_str!("../../migrations/0007_conversations.sql")),
    M::up(include_str!("../../migrations/0008_digests.sql")),
    M::up(include_str!("../../migrations/0009_message_first.sql")),
];

/// Marks our files in the header (`PRAGMA application_id`); the first migration writes it. "SREC" in ASCII.
const APPLICATION_ID: i32 = 0x5352_4543;

/// So many prepared statements are kept: more than there are on the way of a delivery.
const STATEMENTS: usize = 128;

/// So many pages of 4 KiB are in the write-ahead log before it is folded into the file: in a flood, a page that changes again and
/// again is folded in once. SQLite's own 1,000 folds a tenth more than is needed; 4,000 makes who waits for it wait half as long again.
const LOG_PAGES: u32 = 2000;

/// The path in a setting: `sqlite:PATH`, `sqlite://PATH` or a bare path.
///
/// # Errors
/// Another database's URL, and no path at all.
pub fn path_of(location: &str) -> Result<PathBuf, StoreError> {
    let path = match location.split_once(':') {
        Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        Some((scheme, rest)) if rest.starts_with("//") => {
            return Err(StoreError::Location(format!("{scheme} is no database that this program can use; it takes sqlite:PATH")));
        }
        _ => location,
    };
    match path {
        "" => Err(StoreError::Location("the database's path is empty; it is written sqlite:PATH".to_owned())),
        ":memory:" => Err(StoreError::Location("a database in memory forgets approvals; give it a path".to_owned())),
        path => Ok(PathBuf::from(path)),
    }
}

/// Makes the folder and the file where they aren't there, readable by this user alone: plans and reports are in it. SQLite
/// gives the files beside it the same mode.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Open { path: path.to_owned(), why: error.to_string() };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(failed)?;
    }
    // Only ever made new: opening and closing an existing file would drop the locks that this process has on it.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Opens the file for reading and writing, set up to be durable and shared.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| about(path, error))?;
    set_up(path, &connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn set_up(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let at_path = |error| about(path, error);
    connection.busy_timeout(LOCK_TIMEOUT).map_err(at_path)?;
    check_owner(path, connection)?;
    if connection.is_readonly("main").map_err(at_path)? {
        return Err(StoreError::ReadOnly);
    }
    let mode = write_ahead(connection).map_err(at_path)?;
    if mode != "wal" {
        return Err(StoreError::Open { path: path.to_owned(), why: "its file system can't keep a write-ahead log".to_owned() });
    }
    // With a write-ahead log, NORMAL would lose the last commits when the power goes.
    connection.pragma_update(None, "synchronous", "FULL").map_err(at_path)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(())).map_err(at_path)?;
    // What a savepoint would undo is kept in memory: a folder for temporary files may be full, or not there.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(at_path)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(at_path)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(at_path)
}

/// Another program's database is left alone.
fn check_owner(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let owner = "SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)";
    let (application, tables): (i32, i64) =
        connection.query_row(owner, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| about(path, error))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        return Ok(());
    }
    Err(StoreError::NotADatabase { path: path.to_owned(), why: "another program made it".to_owned() })
}

/// Turns the write-ahead log on. SQLite doesn't wait for another process that does the same, so this does.
fn write_ahead(connection: &Connection) -> Result<String, rusqlite::Error> {
    let until = Instant::now() + LOCK_TIMEOUT;
    loop {
        let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match &set {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => return set,
        }
    }
}

/// Brings the schema up to date. Another process may do the same at the same time: what it did isn't done again.
pub(super) fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    let migrations = Migrations::from_slice(MIGRATIONS);
    loop {
        let pending = migrations.pending_migrations(connection).map_err(|error| migration(path, error))?;
        let Err(error) = migrations.to_latest(connection) else { return Ok(()) };
        let left = migrations.pending_migrations(connection).map_err(|error| migration(path, error))?;
        match left {
            0 => return Ok(()),
            left if left > 0 && left < pending => {}
            _ => return Err(migration(path, error)),
        }
    }
}

/// How many changes of its schema a file waits for, which opening it would make; `None` where there is no file. It is only read.
pub(super) fn pending(path: &Path) -> Result<Option<usize>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| about(path, error))?;
    connection.busy_timeout(LOCK_TIMEOUT).map_err(|error| about(path, error))?;
    check_owner(path, &connection)?;
    let left = Migrations::from_slice(MIGRATIONS).pending_migrations(&connection).map_err(|error| migration(path, error))?;
    // Fewer than none: a newer program made it.
    let newer = StoreError::Newer { path: path.to_owned(), known: MIGRATIONS.len() };
    usize::try_from(left).map(Some).map_err(|_| newer)
}

fn migration(path: &Path, error: MigrationError) -> StoreError {
    match error {
        MigrationError::RusqliteError { err, .. } => about(path, err),
        MigrationError::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            StoreError::Newer { path: path.to_owned(), known: MIGRATIONS.len() }
        }
        _ => StoreError::Damaged("the version of its schema can't be read".to_owned()),
    }
}

/// An error while opening, with the file's name where the engine's code is about the file.
fn about(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::NotADatabase { path: path.to_owned(), why: "it isn't an SQLite file".to_owned() }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::Open { path: path.to_owned(), why: "it, its folder or the files beside it can't be opened".to_owned() }
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
