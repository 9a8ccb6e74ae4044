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
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

/// Attempts whose time is over, and checks that are due, are looked for this often.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// So many are applied at a time: each of them within the minute that its approval is good for.
const AT_A_TIME: usize = 8;

impl<S: Books, W: World, C: Clock + Send + Sync + 'static> Workers<S, W, C> {
    pub(super) async fn changes(self) {
        futures::join!(self.apply_approved(), self.every_while(|| self.expire()), self.every_while(|| self.look_after()));
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

    /// Looks for what is approved while what was is applied: a slow one holds up nobody's.
    async fn apply_approved(&self) {
        let mut queued = self.queued.subscribe();
        let (mut under_way, mut ids) = (FuturesUnordered::new(), BTreeSet::new());
        while !self.is_stopping() {
            for attempt in self.approved().await {
                if ids.len() < AT_A_TIME && ids.insert(attempt.id.clone()) {
                    under_way.push(self.apply_one(attempt));
                }
            }
            tokio::select! {
                Some(id) = under_way.next() => { ids.remove(&id); }
                () = self.pause(&mut queued, LOOK) => {}
            }
        }
        while under_way.next().await.is_some() {}
    }

    /// What was approved here, that which is over first before the rest.
    async fn approved(&self) -> Vec<Attempt> {
        let approved = AttemptFilter { states: vec![AttemptState::Approved], ..AttemptFilter::default() };
        let mut approved = self.store.attempts(approved).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what was approved could not be read");
            Vec::new()
        });
        approved.retain(is_ours);
        approved.sort_by_key(|attempt| attempt.expires_at);
        approved
    }

    /// The attempt's id, once it needs nobody any more or has to wait.
    async fn apply_one(&self, attempt: Attempt) -> String {
        let id = attempt.id.clone();
        // Once it is begun it is not ended by a signal: its lease and the server's own limit end it.
        match self.world.apply(&attempt).await {
            Ok(now) => self.note(&now),
            Err(why) => {
                if attempt.reason.as_ref() != Some(&why) {
                    tracing::error!(attempt = attempt.code, why, "not applied; it is tried again while its approval is good");
                }
                // Whoever moved it meanwhile knows better.
                _ = self.executor().keep_waiting(attempt, why).await;
                // Whatever keeps it waiting takes a while to go.
                tokio::time::sleep(LOOK).await;
            }
        }
        id
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
            actor: Actor::serve(),
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
