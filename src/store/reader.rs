//! The thread that reads, so that a query never blocks the caller's own thread and never waits for a write.

use crate::ports::StoreError;
use rusqlite::Connection;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the thread.
pub(super) struct Reader {
    sender: Option<Sender<Query>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, receiver) = channel::<Query>();
        let thread = Builder::new()
            .name("store-reader".to_owned())
            .spawn(move || receiver.into_iter().for_each(|query| query(&connection)))
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
            let _ = reply.send(in_one_state(connection, query));
        });
        sender.send(ask).map_err(|_| StoreError::Stopped)?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }
}

fn in_one_state<T>(connection: &Connection, query: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    query(&transaction)
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
