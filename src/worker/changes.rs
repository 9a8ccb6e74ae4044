//! Applies what people approved in Discord or over HTTP, and looks after what was applied. The table of attempts is its own
//! queue: a claim is a transition, which only one can make.

use super::{LOOK, Workers, World};
use crate::domain::{Attempt, AttemptState};
use crate::ports::{AttemptFilter, Books, Clock};
use std::time::Duration;
use tokio::time::Instant;

/// Attempts whose time is over, and checks that are due, are looked for this often.
const LOOK_AFTER: Duration = Duration::from_secs(5);

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    pub(super) async fn changes(self) {
        let mut next = Instant::now();
        while !self.is_stopping() {
            self.apply_approved().await;
            if Instant::now() >= next {
                self.look_after().await;
                next = Instant::now() + LOOK_AFTER;
            }
            self.pause(LOOK).await;
        }
    }

    async fn apply_approved(&self) {
        let approved = AttemptFilter { states: vec![AttemptState::Approved], ..AttemptFilter::default() };
        let approved = match self.store.attempts(approved).await {
            Ok(approved) => approved,
            Err(error) => return tracing::error!(%error, "what was approved could not be read"),
        };
        for attempt in approved.into_iter().filter(is_ours) {
            // Once it is begun it is not ended by a signal: its lease and the server's own limit end it.
            match self.world.apply(&attempt).await {
                Ok(now) => self.note(&now),
                Err(why) => tracing::error!(attempt = attempt.code, why, "not applied"),
            }
        }
    }

    async fn look_after(&self) {
        match self.world.look_after().await {
            Ok(moved) => {
                for attempt in &moved {
                    self.note(attempt);
                }
            }
            Err(why) => tracing::warn!(why, "attempts could not be looked after"),
        }
    }

    /// The store has told the incident's message already.
    fn note(&self, attempt: &Attempt) {
        tracing::info!(attempt = attempt.code, incident = attempt.incident, state = %attempt.state, "an attempt moved");
    }
}

/// What the command line approved it applies itself.
fn is_ours(attempt: &Attempt) -> bool {
    attempt.decided_by.as_ref().is_some_and(|by| matches!(by.kind.as_str(), "discord" | "operator"))
}
