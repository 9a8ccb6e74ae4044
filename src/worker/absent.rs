//! Ends the alerts whose end was lost. A sender that gave up on it never says so again; its list of what is active does. What is
//! missing there twice in a row, and was not heard of between, is over. Age alone ends nothing.

use super::{Workers, World};
use crate::ports::{Books, Clock};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Episodes that were missing, and when they had last been heard of.
type Missing = BTreeMap<String, Timestamp>;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    /// Looks every so often, until the process ends.
    pub(super) async fn absences(self, every: Duration) {
        let mut stop = self.stop.clone();
        let mut missing = Missing::new();
        while !self.is_stopping() {
            match self.absence(&missing).await {
                Ok(now) => missing = now,
                Err(why) => tracing::warn!(why, "the list of active alerts could not be compared; nothing ends because of it"),
            }
            tokio::select! {
                () = sleep(every) => {}
                () = async { _ = stop.wait_for(|stops| *stops).await; } => {}
            }
        }
    }

    /// Ends what was missing before and is again. What is missing now.
    async fn absence(&self, before: &Missing) -> Result<Missing, String> {
        // Asked first: what begins meanwhile isn't missing.
        let firing = self.store.firing(&self.settings.own_cluster).await.map_err(|error| error.to_string())?;
        if firing.is_empty() {
            return Ok(Missing::new());
        }
        let active = self.world.active_alerts().await?;
        let missing = firing.into_iter().filter(|episode| !active.contains(&episode.fingerprint));
        let (gone, left): (Vec<_>, Vec<_>) = missing.partition(|episode| before.get(&episode.id) == Some(&episode.heard_at));
        if !gone.is_empty() {
            let ended = self.store.absent(gone).await.map_err(|error| error.to_string())?;
            tracing::info!(ended, "alerts whose end was never heard are no longer active");
        }
        Ok(left.into_iter().map(|episode| (episode.id, episode.heard_at)).collect())
    }
}
