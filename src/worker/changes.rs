//! Applies what people approved in Discord or over HTTP, and looks after what was applied. The table of attempts is its own
//! queue: a claim is a transition, which only one can make.
//!
//! Three loops, so that none waits for another's network: what is approved is applied, what is applied is looked at, and what
//! nobody did in time ends, which needs no cluster and so goes on without one.

use super::{LOOK, Workers, World};
use crate::domain::{Actor, Attempt, AttemptState};
use crate::pipeline::execute::{Executor, Limits, Unheard};
use crate::ports::{AttemptFilter, Books, Clock};
use futures::StreamExt;
use std::future::Future;
use std::time::Duration;

/// Attempts whose time is over, and checks that are due, are looked for this often.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// So many are applied at a time: each of them within the minute that its approval is good for.
const AT_A_TIME: usize = 8;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    pub(super) async fn changes(self) {
        let applying = async {
            while !self.is_stopping() {
                self.apply_approved().await;
                self.pause(LOOK).await;
            }
        };
        futures::join!(applying, self.every_while(|| self.expire()), self.every_while(|| self.look_after()));
    }

    /// Again and again until the process ends, which it doesn't wait for: each step of these is a transaction.
    async fn every_while<F: Future<Output = ()>>(&self, act: impl Fn() -> F) {
        let mut stop = self.stop.clone();
        let acts = async {
            loop {
                act().await;
                tokio::time::sleep(LOOK_AFTER).await;
            }
        };
        tokio::select! {
            () = acts => {}
            _ = stop.wait_for(|stops| *stops) => {}
        }
    }

    async fn apply_approved(&self) {
        let approved = AttemptFilter { states: vec![AttemptState::Approved], ..AttemptFilter::default() };
        let approved = match self.store.attempts(approved).await {
            Ok(approved) => approved,
            Err(error) => return tracing::error!(%error, "what was approved could not be read"),
        };
        let ours = approved.into_iter().filter(is_ours);
        futures::stream::iter(ours).for_each_concurrent(AT_A_TIME, |attempt| self.apply_one(attempt)).await;
    }

    async fn apply_one(&self, attempt: Attempt) {
        // Once it is begun it is not ended by a signal: its lease and the server's own limit end it.
        match self.world.apply(&attempt).await {
            Ok(now) => self.note(&now),
            Err(why) => {
                if attempt.reason.as_ref() != Some(&why) {
                    tracing::error!(attempt = attempt.code, why, "not applied; it is tried again while its approval is good");
                }
                // Whoever moved it meanwhile knows better.
                _ = self.executor().keep_waiting(attempt, why).await;
            }
        }
    }

    async fn expire(&self) {
        match self.executor().expire().await {
            Ok(moved) => moved.iter().for_each(|attempt| self.note(attempt)),
            Err(error) => tracing::warn!(%error, "what nobody did in time could not be ended"),
        }
    }

    async fn look_after(&self) {
        match self.world.look_after().await {
            Ok(moved) => moved.iter().for_each(|attempt| self.note(attempt)),
            Err(why) => tracing::warn!(why, "attempts could not be looked after"),
        }
    }

    /// For what needs no cluster.
    fn executor(&self) -> Executor<'_, (), S, C> {
        Executor {
            writer: &(),
            store: &self.store,
            clock: &self.clock,
            actor: Actor { kind: "system".to_owned(), id: "serve".to_owned(), name: "sre-copilot".to_owned() },
            channel: "worker".to_owned(),
            limits: Limits::default(),
            progress: &Unheard,
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
