//! Does what waits: analyses, approved changes, and what happens by the clock. It judges nothing itself, and each of its writes
//! names a lease, so that one that was taken for dead changes nothing when it comes back.

mod absent;
mod changes;
mod digest;
pub mod follow_up;
mod job;
mod lanes;
pub mod messages;
mod periodic;
mod world;

pub use world::{Analysed, World};

use crate::domain::{JobKind, Lane};
use crate::ports::{Books, Clock};
use crate::telemetry::metrics;
use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A lease is renewed so often while it lasts.
const RENEWALS: u32 = 4;
/// The workers look by themselves this often, should a call have been missed.
const LOOK: Duration = Duration::from_secs(1);

/// So long after a panic a part is begun anew.
const ANEW: Duration = Duration::from_secs(1);

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many analyses run at a time.
    pub workers: usize,
    /// How long a lease lasts.
    pub lease: Duration,
    /// How long after the signal what runs is given back.
    pub shutdown: Duration,
    /// Where copies of the database go, how often, and how many are kept.
    pub backups: Option<Backups>,
    /// The cluster of alerts that name none: the list of active alerts is of this one.
    pub own_cluster: String,
    /// How often the list of active alerts is compared with what fires here; `None` where there is none to ask.
    pub compare: Option<Duration>,
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
    /// Says that something was queued.
    pub queued: watch::Sender<()>,
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
            queued: self.queued.clone(),
            stop: self.stop.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// Works until the process ends, and until what runs is done or given back.
    pub async fn run(self) {
        JobKind::ALL.iter().for_each(|kind| metrics().job_attempts_from_zero(kind.as_str(), "dead"));
        let mut all = JoinSet::new();
        let stop = &self.stop;
        for _ in 0..self.settings.workers.max(1) {
            let this = self.clone();
            all.spawn(upheld("an analyst", stop.clone(), move || this.clone().seat(Lane::Analysis)));
        }
        let this = self.clone();
        all.spawn(upheld("maintenance", stop.clone(), move || this.clone().seat(Lane::Maintenance)));
        let this = self.clone();
        all.spawn(upheld("what applies changes", stop.clone(), move || this.clone().changes()));
        let this = self.clone();
        all.spawn(upheld("what happens by the clock", stop.clone(), move || this.clone().periodic()));
        if let Some(every) = self.settings.compare {
            let this = self.clone();
            all.spawn(upheld("what compares alerts", stop.clone(), move || this.clone().absences(every)));
        }
        while all.join_next().await.is_some() {}
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until something is queued that `queued` has not seen, a while has passed, or the process ends.
    async fn pause(&self, queued: &mut watch::Receiver<()>, most: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = queued.changed() => {}
            () = sleep(most) => {}
            () = async { _ = stop.wait_for(|stops| *stops).await; } => {}
        }
    }
}

/// Keeps a part of the process alive until `stop` is true: one that ends in a panic is begun anew after a moment.
pub async fn upheld<F>(what: &'static str, stop: watch::Receiver<bool>, part: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(part()).await {
        if !error.is_panic() || *stop.borrow() {
            return;
        }
        tracing::error!(%error, "{what} met a fault of the program and is begun anew");
        sleep(ANEW).await;
    }
}
