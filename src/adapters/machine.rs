//! The time of this machine.

use crate::ports::Clock;
use jiff::{SignedDuration, Timestamp};

/// This machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn wait(&self, time: SignedDuration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }
}
