//! The thread that reads, so that a query never blocks the caller's own thread and never waits for a write.

use crate::ports::StoreError;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// So many may wait; one more is told so at once.
const WAITING: usize = 1024;

/// The way to the thread.
pub(super) struct Reader {
    sender: Option<SyncSender<Query>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel::<Query>(WAITING);
        let thread = Builder::new()
            .name("store-reader".to_owned())
            .spawn(move || {
                for query in receiver {
                    // A fault of one query is its asker's, who hears nothing. The transaction ends with it.
                    if catch_unwind(AssertUnwindSafe(|| query(&connection))).is_err() {
                        tracing::error!("a query met a fault of the program");
                    }
                }
            })
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Runs a query over one state of the database.
    pub(super) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let sender = self.sender.as_ref().ok_or(StoreError::Stopped)?;
        let ask = Box::new(move |connection: &Connection| {
            // Nobody waits for it any more.
            if !reply.is_closed() {
                let _ = reply.send(in_one_state(connection, query));
            }
        });
        sender.try_send(ask).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Stopped,
        })?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }
}

fn in_one_state<T>(connection: &Connection, query: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    query(&transaction)
}

impl Reader {
    /// Whether its thread is there.
    pub(super) fn lives(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
