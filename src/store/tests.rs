//! What needs the connection itself: a disk that is full, work that fails in a group.

use super::*;
use crate::domain::{Actor, AuditCheck, AuditEvent, AuditName};
use crate::ports::{AuditFilter, AuditLog};
use futures::future::join_all;
use rusqlite::Connection;

fn event(channel: &str) -> AuditEvent {
    let actor = Actor { kind: "program".to_owned(), id: "test".to_owned(), name: "test".to_owned() };
    AuditEvent::new(AuditName::PolicyLoaded, actor, channel)
}

/// A store whose writing connection was changed by `set_up`.
fn store(path: &Path, set_up: impl FnOnce(&Connection)) -> Store {
    open::create(path).unwrap();
    let mut writing = open::connect(path).unwrap();
    open::migrate(path, &mut writing).unwrap();
    set_up(&writing);
    let reader = Reader::start(open::connect(path).unwrap()).unwrap();
    let writer = Writer::start(writing, Box::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    Store { reader, writer, path: path.to_owned(), lifecycle: Arc::default(), copying: Arc::default(), key: OnceLock::new() }
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let tight = |connection: &Connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages + 4).unwrap();
    };
    let store = store(&path, tight);
    let long = "x".repeat(2000);
    let answers = join_all((0..40).map(|_| store.append(event(&long)))).await;
    let written: Vec<i64> = answers.iter().filter_map(|answer| answer.as_ref().ok().map(|row| row.seq)).collect();
    assert!(!written.is_empty() && written.len() < 40, "{} of 40", written.len());
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(answer, &StoreError::Full);
    }
    // What needs no room, and the same again once there is some, works.
    assert_eq!(store.list(AuditFilter::default()).await.unwrap().len(), written.len());
    drop(store);
    let store = Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
    store.append(event(&long)).await.unwrap();
    let rows = store.list(AuditFilter::default()).await.unwrap();
    assert_eq!(rows.len(), written.len() + 1);
    assert!(matches!(store.verify(None).await.unwrap(), AuditCheck::Intact { head: Some(_) }));
}

#[tokio::test]
async fn one_that_fails_in_a_group_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder.path().join("state.db"), |_| {});
    let work = |fails: bool| {
        store.writer.write(move |connection, now| {
            audit::append(connection, now, &event("cli"))?;
            if fails { Err(StoreError::Busy) } else { Ok(()) }
        })
    };
    let answers = join_all((0..20).map(|number| work(number % 2 == 0))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert_eq!(store.list(AuditFilter::default()).await.unwrap().len(), 10);
    assert!(matches!(store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
}

#[tokio::test]
async fn what_was_accepted_is_written_before_the_store_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
    for _ in 0..20 {
        // Asked once, and then nobody waits for the answer.
        let asked = store.append(event("cli"));
        futures::pin_mut!(asked);
        assert!(futures::poll!(asked).is_pending());
    }
    drop(store);
    assert!(!path.with_extension("db-wal").exists(), "the log was not folded in");
    let store = Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(store.list(AuditFilter::default()).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_queue_that_is_full_says_so_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, || Timestamp::UNIX_EPOCH).unwrap();
    let other = open::connect(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The group that waits for the lock took some of them; the queue behind it takes 512 more.
    let answers = async { join_all((0..1100).map(|_| store.append(event("cli")))).await };
    let free = async {
        tokio::task::yield_now().await;
        other.execute_batch("COMMIT").unwrap();
    };
    let (answers, ()) = futures::join!(answers, free);
    let busy = answers.iter().filter(|answer| **answer == Err(StoreError::Busy)).count();
    assert!(busy > 0, "nobody was turned away");
    assert_eq!(store.list(AuditFilter::default()).await.unwrap().len(), 1100 - busy);
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_says_so_and_works_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = store(&path, |connection| connection.busy_timeout(Duration::from_millis(20)).unwrap());
    let other = open::connect(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = store.append(event("cli")).await;
    assert!(matches!(locked, Err(StoreError::Locked { .. })), "{locked:?}");
    assert_eq!(store.verify(None).await.unwrap(), AuditCheck::Intact { head: None }, "who reads doesn't wait");
    other.execute_batch("ROLLBACK").unwrap();
    store.append(event("cli")).await.unwrap();
}
