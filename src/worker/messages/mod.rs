//! Takes messages out of the outbox and has the chat show them: what stands is rendered from the store when it is sent, so that
//! it is never older than its sending. What failed is sent again; a message may stand twice, it is never missing.
//!
//! It decides nothing about incidents, and analyses go on whatever becomes of messages.

mod channels;
mod deliver;
mod incident;
mod others;
mod shown;

use crate::config::Settings;
use crate::pipeline::ButtonRules;
use crate::pipeline::may_approve::ApprovalRules;
use crate::ports::{Books, Clock, Notifier, StoreError};
use crate::redact::Redactor;
use channels::Channels;
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// So many messages are sent at a time.
const WORKERS: usize = 2;
/// Who isn't woken looks by itself this often, in milliseconds.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked for what nobody answered, and for what was given up half way.
const TEND: Duration = Duration::from_secs(60);
/// What is waited after the store failed.
const STORE: SignedDuration = SignedDuration::from_secs(1);

/// The settings of messages.
#[derive(Clone, Debug, Default)]
pub struct MessageSettings {
    /// All is rendered and stored, nothing is sent.
    pub dry_run: bool,
    /// What people reach the server under, without a slash at the end.
    pub public_url: Option<String>,
    /// How long a link to an incident works without a token; zero is not at all.
    pub permalink_ttl: SignedDuration,
    /// What the process's own cluster is called in alerts.
    pub own_cluster: String,
    /// Changes are tried on the server.
    pub is_tried: bool,
    /// Approved changes are applied.
    pub can_apply: bool,
    /// The role that a critical message names.
    pub mention_role: Option<String>,
    /// Which buttons there are; `None` where nothing takes clicks.
    pub buttons: Option<ButtonRules>,
}

impl MessageSettings {
    /// Out of all settings. Without an application there are no clicks, and so no buttons.
    pub fn of(settings: &Settings) -> Self {
        let (discord, executor) = (&settings.discord, &settings.executor);
        let takes_clicks = discord.application_id.is_some() && discord.public_key.is_some();
        let is_enabled = executor.enabled && executor.approval_enabled;
        let rules = ButtonRules {
            approval: ApprovalRules { is_enabled, separate: settings.approval.separate_approver },
            has_approvers: !discord.approvers_user_ids.is_empty() || !discord.approvers_role_ids.is_empty(),
        };
        Self {
            dry_run: discord.dry_run,
            public_url: settings.serve.public_url.clone(),
            permalink_ttl: settings.serve.permalink_ttl,
            own_cluster: settings.serve.default_cluster.clone(),
            is_tried: executor.enabled,
            can_apply: is_enabled,
            mention_role: discord.mention_role_id.clone(),
            buttons: takes_clicks.then_some(rules),
        }
    }
}

/// Sends messages.
pub struct Courier<S, N, C> {
    store: Arc<S>,
    notifier: N,
    clock: C,
    settings: MessageSettings,
    redactor: Redactor,
    channels: Channels,
}

impl<S: Books, N: Notifier, C: Clock> Courier<S, N, C> {
    /// Sends nothing yet.
    pub fn new(store: Arc<S>, notifier: N, clock: C, settings: MessageSettings, redactor: Redactor) -> Self {
        Self { store, notifier, clock, settings, redactor, channels: Channels::default() }
    }

    /// Sends one message. `false` where none waits that may go.
    ///
    /// # Errors
    /// The store failed; what was taken is sent again later.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(outgoing) = self.store.next().await? else { return Ok(false) };
        if outgoing.notice.incident_id.is_some() {
            self.incident(&outgoing).await?;
        } else {
            self.other(&outgoing).await?;
        }
        Ok(true)
    }

    /// Sends what waits until `stop` is true; what is under way then is finished. `queued` says that something was queued.
    pub async fn run(&self, queued: &watch::Sender<()>, stop: &watch::Receiver<bool>) {
        let workers = futures::future::join_all((0..WORKERS).map(|_| self.send_all(queued.subscribe(), stop.clone())));
        futures::join!(workers, self.tend(stop.clone()));
    }

    async fn send_all(&self, mut queued: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "a message waits for the store");
                    self.clock.wait(STORE).await;
                }
            }
            tokio::select! {
                _ = queued.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn tend(&self, mut stop: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.store.tend().await {
                tracing::warn!(%error, "messages could not be tended");
            }
            tokio::select! {
                () = tokio::time::sleep(TEND) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}
