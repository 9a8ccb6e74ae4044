//! The book of what models cost: what is set aside holds for everybody, and what can't be written denies.

use super::processes::start;
use super::*;
use jiff::civil::{Date, date};
use rusqlite::Connection;
use sre_copilot::ports::{Ledger, Reservation, StoreError};
use std::io::Write;
use std::sync::Barrier;

pub const DAY: Date = date(2026, 11, 23);

#[tokio::test]
async fn what_is_set_aside_counts_until_it_is_known_what_it_was() {
    let home = Home::new();
    let first = home.store.reserve(DAY, 600, 1_000).await.unwrap().unwrap();
    assert_eq!(home.store.reserve(DAY, 401, 1_000).await.unwrap(), None);
    let second = home.store.reserve(DAY, 400, 1_000).await.unwrap().unwrap();
    assert_eq!(home.store.spent(DAY).await.unwrap(), 1_000);
    home.store.settle(first, 50).await.unwrap();
    assert_eq!(home.store.spent(DAY).await.unwrap(), 450);
    // More than was set aside: it is spent all the same, and nothing is left.
    home.store.settle(second, 2_000).await.unwrap();
    assert_eq!(home.store.spent(DAY).await.unwrap(), 2_050);
    assert_eq!(home.store.reserve(DAY, 0, 1_000).await.unwrap(), None);
    assert!(matches!(home.store.settle(first, 0).await, Err(StoreError::Invalid(_))), "once");
    assert!(matches!(home.store.settle(Reservation(99), 0).await, Err(StoreError::Invalid(_))));
    assert_eq!(home.store.spent(DAY).await.unwrap(), 2_050);
}

#[tokio::test]
async fn every_day_has_its_own_budget() {
    let home = Home::new();
    home.store.reserve(DAY, 1_000, 1_000).await.unwrap().unwrap();
    assert_eq!(home.store.reserve(DAY, 1, 1_000).await.unwrap(), None);
    assert!(home.store.reserve(DAY.tomorrow().unwrap(), 1_000, 1_000).await.unwrap().is_some());
    assert_eq!(home.store.spent(DAY.yesterday().unwrap()).await.unwrap(), 0);
}

#[tokio::test]
async fn sums_that_no_column_holds_deny() {
    let home = Home::new();
    let most = u64::try_from(i64::MAX).unwrap();
    assert!(matches!(home.store.reserve(DAY, most + 1, u64::MAX).await, Err(StoreError::Invalid(_))));
    home.store.reserve(DAY, most, u64::MAX).await.unwrap().unwrap();
    home.store.reserve(DAY, most, u64::MAX).await.unwrap().unwrap();
    assert!(home.store.reserve(DAY, 1, u64::MAX).await.is_err());
    assert!(home.store.spent(DAY).await.is_err());
}

#[tokio::test]
async fn a_crash_between_setting_aside_and_settling_leaves_it_spent() {
    let home = Home::new();
    home.store.reserve(DAY, 700, 1_000).await.unwrap().unwrap();
    let Home { folder, store, clock } = home;
    drop(store);
    let store = open(folder.path().join("state.db"), &clock);
    assert_eq!(store.spent(DAY).await.unwrap(), 700);
    assert_eq!(store.reserve(DAY, 301, 1_000).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_of_before_gets_the_book_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../../migrations/0001_remediation.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute("INSERT INTO keys (name, value) VALUES ('redaction', x'00')", []).unwrap();
    drop(old);
    let store = Store::open(&path, Timestamp::now).unwrap();
    assert!(store.reserve(DAY, 1, 1).await.unwrap().is_some());
    drop(store);
    let keys: i64 = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM keys", [], |row| row.get(0)).unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_book_that_can_not_be_read_or_written_denies() {
    // The table is gone: whoever damaged the file gets no free calls.
    let home = Home::new();
    Connection::open(home.path()).unwrap().execute_batch("DROP TABLE model_spending").unwrap();
    assert!(home.store.reserve(DAY, 1, 1_000).await.is_err());
    assert!(home.store.spent(DAY).await.is_err());

    // A file that turned read-only: no row can be added, whatever the user's rights are.
    let home = Home::new();
    let trigger = "CREATE TRIGGER closed BEFORE INSERT ON model_spending BEGIN SELECT RAISE(ABORT, 'closed'); END";
    Connection::open(home.path()).unwrap().execute_batch(trigger).unwrap();
    assert!(home.store.reserve(DAY, 1, 1_000).await.is_err());
    assert_eq!(home.store.spent(DAY).await.unwrap(), 0);

    // One that can't even be opened is a book too.
    let closed: Result<Store, StoreError> = Err(StoreError::ReadOnly);
    assert_eq!(closed.reserve(DAY, 0, 1_000).await, Err(StoreError::ReadOnly));
    assert_eq!(closed.spent(DAY).await, Err(StoreError::ReadOnly));
    assert_eq!(closed.settle(Reservation(1), 0).await, Err(StoreError::ReadOnly));
}

#[test]
fn four_processes_with_sixteen_calls_each_never_set_aside_more_than_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Store::open(&path, Timestamp::now).unwrap();
    let mut children: Vec<_> = (0..4).map(|_| start("reserve", &path, "")).collect();
    for (_, _, lines) in &mut children {
        assert_eq!(lines.next().as_deref(), Some("ready"));
    }
    for (_, input, _) in &mut children {
        input.write_all(b"go\n").unwrap();
    }
    let mut said = Vec::new();
    for (mut child, _input, lines) in children {
        said.extend(lines);
        assert!(child.wait().unwrap().success());
    }
    let granted = said.iter().filter(|said| *said == "granted").count();
    assert_eq!((said.len(), granted), (64, 10), "ten of 100 in 1,000: {said:?}");
    assert_eq!(runtime.block_on(store.spent(DAY)).unwrap(), 1_000);
}

#[test]
fn threads_with_stores_of_their_own_never_set_aside_more_than_there_is() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stores: Vec<_> = (0..8).map(|_| open(home.path(), &home.clock)).collect();
    let start = Barrier::new(64);
    let granted: u64 = std::thread::scope(|scope| {
        let call = |number: u64| {
            let (store, start, runtime) = (&stores[usize::try_from(number % 8).unwrap()], &start, &runtime);
            scope.spawn(move || {
                start.wait();
                let worst = 10 + number;
                let reservation = runtime.block_on(store.reserve(DAY, worst, 700)).unwrap()?;
                if number.is_multiple_of(2) {
                    runtime.block_on(store.settle(reservation, worst)).unwrap();
                }
                Some(worst)
            })
        };
        let calls: Vec<_> = (0..64).map(call).collect();
        calls.into_iter().filter_map(|call| call.join().unwrap()).sum()
    });
    assert_eq!(runtime.block_on(home.store.spent(DAY)).unwrap(), granted);
    assert!(granted <= 700 && granted > 700 - 74, "{granted}");
}
