//! The file: how it is made, shared, migrated and refused.

use super::*;
use rusqlite::Connection;
use sre_copilot::ports::{AuditLog, StoreError};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn refusal(path: &Path) -> StoreError {
    match Store::open(path, || Timestamp::UNIX_EPOCH) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_folder_and_all_files_are_this_user_s_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/deep/state.db");
    let store = Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
    store.append(event(AuditName::PolicyLoaded)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    drop(store);
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["state.db"]);
}

/// How many there are.
fn migrations() -> usize {
    fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap().count()
}

#[tokio::test]
async fn what_is_in_a_file_is_there_after_it_was_opened_again() {
    let home = Home::new();
    let made = home.proposed("i1", "checkout").await;
    let Home { folder, store, clock } = home;
    drop(store);
    let path = folder.path().join("state.db");
    let version: i64 = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(version).unwrap(), migrations());
    let store = open(path, &clock);
    assert_eq!(store.attempt(&made.code).await.unwrap(), Some(made));
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Newer { known, .. } if known == migrations()), "{error}");
    assert!(error.to_string().contains("newer sre-copilot"), "{error}");
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but long enough to look at its header: ".repeat(20)).unwrap();
    assert!(matches!(refusal(&text), StoreError::NotADatabase { .. }));
    assert!(fs::read_to_string(&text).unwrap().starts_with("not a database"));
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").unwrap();
    assert!(matches!(refusal(&other), StoreError::NotADatabase { .. }));
    assert!(matches!(refusal(folder.path()), StoreError::Open { .. }), "a folder");
    assert!(matches!(refusal(Path::new("/dev/null/state.db")), StoreError::Open { .. }), "below a file");
}

#[test]
fn many_that_open_an_empty_file_at_once_migrate_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
            });
        }
    });
}
