//! Does what waits: analyses, approved changes, and what happens by the clock. It judges nothing itself, and each of its writes
//! names a lease, so that one that was taken for dead changes nothing when it comes back.

mod changes;
mod digest;
pub mod follow_up;
mod job;
mod lanes;
pub mod messages;
mod periodic;
mod world;

pub use world::{Analysed, World};

use crate::domain::Lane;
use crate::ports::{Books, Clock};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// A lease is renewed this often; it lasts four times as long.
const RENEW: Duration = Duration::from_secs(15);
/// The workers look by themselves this often, should a call have been missed.
const LOOK: Duration = Duration::from_secs(1);

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many analyses run at a time.
    pub workers: usize,
    /// How long after the signal what runs is given back.
    pub shutdown: Duration,
    /// Where copies of the database go, how often, and how many are kept.
    pub backups: Option<Backups>,
    /// Whom digests are for; `None` where nobody reads them.
    pub digests: Option<Digests>,
}

/// Digests.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    /// The teams that have a channel.
    pub teams: BTreeSet<String>,
    /// What models may cost a day, in millionths of a US dollar; `None` where there is no model.
    pub budget_micro_usd: Option<u64>,
}

/// Copies of the database.
#[derive(Clone, Debug)]
pub struct Backups {
    /// Where they go.
    pub folder: PathBuf,
    /// How often.
    pub every: jiff::SignedDuration,
    /// How many are kept.
    pub keep: usize,
}

/// Everybody who works on what is queued.
pub struct Workers<S, W, C> {
    /// Remembers.
    pub store: Arc<S>,
    /// Everything else.
    pub world: Arc<W>,
    /// Tells the time.
    pub clock: Arc<C>,
    /// Something was queued.
    pub queued: Arc<Notify>,
    /// True once the process ends.
    pub stop: watch::Receiver<bool>,
    /// What an operator decides.
    pub settings: Settings,
}

impl<S, W, C> Clone for Workers<S, W, C> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            world: Arc::clone(&self.world),
            clock: Arc::clone(&self.clock),
            queued: Arc::clone(&self.queued),
            stop: self.stop.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// Works until the process ends, and until what runs is done or given back.
    pub async fn run(self) {
        let mut all = JoinSet::new();
        for _ in 0..self.settings.workers.max(1) {
            all.spawn(self.clone().seat(Lane::Analysis));
        }
        all.spawn(self.clone().seat(Lane::Maintenance));
        all.spawn(self.clone().changes());
        all.spawn(self.periodic());
        while let Some(ended) = all.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker ended by itself");
            }
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until something is queued, a while has passed, or the process ends.
    async fn pause(&self, most: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.queued.notified() => {}
            () = tokio::time::sleep(most) => {}
            () = async { _ = stop.wait_for(|stops| *stops).await; } => {}
        }
    }
}
