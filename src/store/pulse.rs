//! Whether the store is well.

use super::Store;
use crate::ports::{Pulse, StoreError};
use std::time::Duration;

impl Pulse for Store {
    fn silent_for(&self) -> Option<Duration> {
        self.writer.silent_for().filter(|_| self.reader.lives())
    }

    fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let work = |connection: &rusqlite::Connection, now: jiff::Timestamp| {
            let mut statement =
                connection.prepare_cached("INSERT OR REPLACE INTO periodic (name, next_at) VALUES ('probe', ?1)")?;
            statement.execute([now.as_millisecond()])?;
            Ok::<_, StoreError>(())
        };
        self.writer.write(work).await
    }
}
