//! Whether the process ends, and how far it is with that. It ends nothing itself.

use tokio::sync::watch;

/// How far the end of the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It goes on.
    #[default]
    Serving,
    /// It was told to end: not ready any more, while what comes is still taken.
    Leaving,
    /// Nothing new is taken.
    Closed,
}

/// A handle on it. All copies are of the same process.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Sender<Phase>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Stopping {
    /// Where it is.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to this phase; there is no way back.
    pub fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let is_later = phase > *now;
            *now = phase.max(*now);
            is_later
        });
    }

    /// Ends once this phase, or a later one, has come.
    pub async fn reached(&self, phase: Phase) {
        // It can't be closed: this is a sender of it.
        _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}
