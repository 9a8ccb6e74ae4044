//! The one thread that writes. It takes what waits into one transaction, so that a slow disk is waited for once, and gives
//! each piece of work a savepoint, so that one that fails fails alone. Nobody is answered before the commit is on disk.
//!
//! Deliveries of alerts have a lane of their own: whatever else is to be written goes before the next of them.

use super::Clock;
use crate::ports::StoreError;
use crate::telemetry::metrics;
use jiff::Timestamp;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// So many may wait in each lane; one more is told so at once.
const WAITING: usize = 512;
/// So many go into one transaction.
const GROUP: usize = 512;
/// So many bytes of deliveries go into one transaction.
const GROUP_BYTES: usize = 8 << 20;
/// So long after the first one a transaction takes no more deliveries.
const GROUP_TIME: Duration = Duration::from_millis(5);
/// So often the thread shows that it lives while there is nothing to write.
const BEAT: Duration = Duration::from_secs(10);

/// The way to the thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, clock: Clock) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::default());
        let theirs = Arc::clone(&queue);
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                // Whoever still waits is told, however the thread ends.
                let _closes = Closes(&theirs);
                write_all(&connection, &theirs, &clock);
            })
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Runs a piece of work in a transaction, and answers once it is durable. It may be run again, from the start, after a
    /// transaction that did not commit. An error undoes what it did.
    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection, Timestamp) -> Result<T, E> + Send + 'static,
    {
        self.queued(None, work).await
    }

    /// The same for a delivery of so many bytes, which lets everything else go first.
    pub(super) async fn write_delivery<T, E, F>(&self, bytes: usize, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection, Timestamp) -> Result<T, E> + Send + 'static,
    {
        self.queued(Some(bytes), work).await
    }

    /// Lets so many deliveries wait.
    pub(super) fn limit_deliveries(&self, most: usize) {
        self.queue.deliveries.store(most, Ordering::Relaxed);
    }

    /// How many deliveries wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lanes().deliveries.len()
    }

    /// How long ago the thread last showed that it lives; `None` once it ended.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let lives = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        lives.then(|| self.queue.began.elapsed().saturating_sub(Duration::from_millis(self.queue.beat.load(Ordering::Relaxed))))
    }

    async fn queued<T, E, F>(&self, delivery: Option<usize>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection, Timestamp) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.queue.put(delivery, Box::new(Asked { work, outcome: None, reply }))?;
        answer.await.map_or_else(|_| Err(StoreError::Stopped.into()), |(outcome, _)| outcome)
    }
}

impl Drop for Writer {
    /// Finishes what was accepted.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What waits.
struct Queue {
    lanes: Mutex<Lanes>,
    changed: Condvar,
    /// So many deliveries may wait.
    deliveries: AtomicUsize,
    began: Instant,
    /// When the thread last showed that it lives, in milliseconds since `began`.
    beat: AtomicU64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            lanes: Mutex::default(),
            changed: Condvar::new(),
            deliveries: AtomicUsize::new(WAITING),
            began: Instant::now(),
            beat: AtomicU64::new(0),
        }
    }
}

#[derive(Default)]
struct Lanes {
    express: VecDeque<Box<dyn Work>>,
    /// Each with its bytes.
    deliveries: VecDeque<(usize, Box<dyn Work>)>,
    is_closed: bool,
}

impl Queue {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, delivery: Option<usize>, work: Box<dyn Work>) -> Result<(), StoreError> {
        let mut lanes = self.lanes();
        if lanes.is_closed {
            return Err(StoreError::Stopped);
        }
        match delivery {
            Some(bytes) if lanes.deliveries.len() < self.deliveries.load(Ordering::Relaxed) => {
                lanes.deliveries.push_back((bytes, work))
            }
            None if lanes.express.len() < WAITING => lanes.express.push_back(work),
            _ => {
                metrics().store_error(word(&StoreError::Busy));
                return Err(StoreError::Busy);
            }
        }
        drop(lanes);
        self.changed.notify_one();
        Ok(())
    }

    fn close(&self) {
        self.lanes().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits until there is something; `false` once there won't be.
    fn wait(&self) -> bool {
        let idle = |lanes: &mut Lanes| lanes.express.is_empty() && lanes.deliveries.is_empty() && !lanes.is_closed;
        let mut lanes = self.lanes();
        loop {
            self.beat();
            let waited = self.changed.wait_timeout_while(lanes, BEAT, idle).unwrap_or_else(PoisonError::into_inner);
            lanes = waited.0;
            if !waited.1.timed_out() {
                self.beat();
                return !(lanes.express.is_empty() && lanes.deliveries.is_empty());
            }
        }
    }

    fn beat(&self) {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(passed, Ordering::Relaxed);
    }
}

struct Closes<'a>(&'a Queue);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        let mut lanes = self.0.lanes();
        lanes.is_closed = true;
        lanes.express.clear();
        lanes.deliveries.clear();
    }
}

/// What goes into one transaction, chosen while it goes on.
struct Group<'a> {
    queue: &'a Queue,
    taken: usize,
    bytes: usize,
    /// When the first delivery was taken.
    began: Option<Instant>,
    /// There is an express piece in it, which isn't kept waiting for more than one delivery.
    hurries: bool,
}

impl<'a> Group<'a> {
    fn new(queue: &'a Queue) -> Self {
        Self { queue, taken: 0, bytes: 0, began: None, hurries: false }
    }
}

impl Iterator for Group<'_> {
    type Item = Box<dyn Work>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.taken == GROUP {
            return None;
        }
        let mut lanes = self.queue.lanes();
        if let Some(work) = lanes.express.pop_front() {
            self.hurries = true;
            self.taken += 1;
            return Some(work);
        }
        let (bytes, _) = lanes.deliveries.front()?;
        if let Some(began) = self.began
            && (self.hurries || self.bytes + bytes > GROUP_BYTES || began.elapsed() > GROUP_TIME)
        {
            return None;
        }
        let (bytes, work) = lanes.deliveries.pop_front()?;
        self.began.get_or_insert_with(Instant::now);
        self.bytes += bytes;
        self.taken += 1;
        Some(work)
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
    /// The work goes back with the answer: freeing a long delivery is for who asked, not for the one thread.
    reply: oneshot::Sender<(Result<T, E>, F)>,
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
        let _ = self.reply.send((answer, self.work));
    }
}

/// An error in a word, for metrics.
fn word(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => "full",
        StoreError::ReadOnly => "read_only",
        StoreError::Locked { .. } => "locked",
        StoreError::Busy => "busy",
        StoreError::Damaged(_) => "damaged",
        StoreError::Stopped => "stopped",
        _ => "failed",
    }
}

fn write_all(connection: &Connection, queue: &Queue, clock: &Clock) {
    while queue.wait() {
        let mut group = Group::new(queue);
        let mut done = Vec::new();
        match commit(connection, &mut group, &mut done, clock) {
            // One that needs more room than there is must not take the others with it.
            Err(NotCommitted::RolledBack | NotCommitted::Because(StoreError::Full)) if done.len() > 1 => {
                for work in done {
                    let mut alone = Vec::new();
                    let committed = commit(connection, &mut std::iter::once(work), &mut alone, clock);
                    alone.into_iter().for_each(|work| work.answer(committed.clone()));
                }
            }
            committed => {
                if let Err(NotCommitted::Because(error)) = &committed {
                    metrics().store_error(word(error));
                }
                done.into_iter().for_each(|work| work.answer(committed.clone()));
            }
        }
    }
}

/// One transaction over what is taken from `group`, which ends up in `done`. An error means that none of it stands.
fn commit(
    connection: &Connection,
    group: &mut dyn Iterator<Item = Box<dyn Work>>,
    done: &mut Vec<Box<dyn Work>>,
    clock: &Clock,
) -> Result<(), NotCommitted> {
    // Taking the write lock at once means that nothing that is read in here can be overtaken.
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        done.extend(group);
        return Err(error.into());
    }
    let committed = in_transaction(connection, group, done, clock);
    if committed.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    committed
}

fn in_transaction(
    connection: &Connection,
    group: &mut dyn Iterator<Item = Box<dyn Work>>,
    done: &mut Vec<Box<dyn Work>>,
    clock: &Clock,
) -> Result<(), NotCommitted> {
    for mut work in group {
        let opened = connection.execute_batch("SAVEPOINT work");
        let stands = opened.is_ok() && work.run(connection, clock());
        done.push(work);
        opened?;
        if connection.is_autocommit() {
            return Err(NotCommitted::RolledBack);
        }
        connection.execute_batch(if stands { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" })?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}
