//! The one thread that writes. It takes what waits into one transaction, so that a slow disk is waited for once, and gives
//! each piece of work a savepoint, so that one that fails fails alone. Nobody is answered before the commit is on disk.

use super::Clock;
use crate::ports::StoreError;
use jiff::Timestamp;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

/// So many may wait; one more is told so at once.
const WAITING: usize = 512;
/// So many go into one transaction.
const GROUP: usize = 512;

/// The way to the thread.
pub(super) struct Writer {
    sender: Option<SyncSender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, clock: Clock) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(WAITING);
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(&connection, &receiver, &clock))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Runs a piece of work in a transaction, and answers once it is durable. It may be run again, from the start, after a
    /// transaction that did not commit. An error undoes what it did.
    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection, Timestamp) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let sender = self.sender.as_ref().ok_or(StoreError::Stopped)?;
        sender.try_send(Box::new(Asked { work, outcome: None, reply })).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Stopped,
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Stopped.into()))
    }
}

impl Drop for Writer {
    /// Finishes what was accepted.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A piece of work without its types.
trait Work: Send {
    /// Does it; says whether it stands.
    fn run(&mut self, connection: &Connection, now: Timestamp) -> bool;
    /// Answers who asked, once it is known whether the transaction committed.
    fn answer(self: Box<Self>, commit: Result<(), NotCommitted>);
}

/// Why a transaction does not stand.
#[derive(Clone, Debug)]
enum NotCommitted {
    /// The engine refused to begin or to commit.
    Because(StoreError),
    /// A piece of work failed so badly (full disk, failed read) that SQLite rolled everything back; it knows why.
    RolledBack,
}

impl From<rusqlite::Error> for NotCommitted {
    fn from(error: rusqlite::Error) -> Self {
        Self::Because(error.into())
    }
}

struct Asked<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Work for Asked<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnMut(&Connection, Timestamp) -> Result<T, E> + Send,
{
    fn run(&mut self, connection: &Connection, now: Timestamp) -> bool {
        let outcome = (self.work)(connection, now);
        let stands = outcome.is_ok();
        self.outcome = Some(outcome);
        stands
    }

    fn answer(self: Box<Self>, commit: Result<(), NotCommitted>) {
        let answer = match (commit, self.outcome) {
            (Ok(()), Some(outcome)) | (Err(NotCommitted::RolledBack), Some(outcome @ Err(_))) => outcome,
            // What it found in a transaction that doesn't stand, a refusal too, says nothing.
            (Err(NotCommitted::Because(error)), _) => Err(error.into()),
            (Ok(()) | Err(NotCommitted::RolledBack), _) => {
                Err(StoreError::Failed("the transaction was rolled back".to_owned()).into())
            }
        };
        // Nobody listens any more: the work is done all the same.
        let _ = self.reply.send(answer);
    }
}

fn write_all(connection: &Connection, receiver: &Receiver<Box<dyn Work>>, clock: &Clock) {
    while let Ok(first) = receiver.recv() {
        let mut group = vec![first];
        group.extend(receiver.try_iter().take(GROUP - 1));
        match commit(connection, &mut group, clock) {
            // One that needs more room than there is must not take the others with it.
            Err(NotCommitted::RolledBack | NotCommitted::Because(StoreError::Full)) if group.len() > 1 => {
                for work in group {
                    let mut alone = [work];
                    let committed = commit(connection, &mut alone, clock);
                    let [work] = alone;
                    work.answer(committed);
                }
            }
            committed => group.into_iter().for_each(|work| work.answer(committed.clone())),
        }
    }
}

/// One transaction over the group. An error means that none of it stands.
fn commit(connection: &Connection, group: &mut [Box<dyn Work>], clock: &Clock) -> Result<(), NotCommitted> {
    // Taking the write lock at once means that nothing that is read in here can be overtaken.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = in_transaction(connection, group, clock);
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

fn in_transaction(connection: &Connection, group: &mut [Box<dyn Work>], clock: &Clock) -> Result<(), NotCommitted> {
    for work in group {
        connection.execute_batch("SAVEPOINT work")?;
        let stands = work.run(connection, clock());
        if connection.is_autocommit() {
            return Err(NotCommitted::RolledBack);
        }
        connection.execute_batch(if stands { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" })?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}
