//! What every handler has: the books, the settings, the time, and what is counted over all requests.

use super::bodies::Budget;
use super::health::Probe;
use super::jwt::Tokens;
use super::rate::Limit;
use super::sender::Senders;
use super::stopping::Stopping;
use crate::config::Settings;
use crate::redact::Redactor;
use jiff::Timestamp;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// So many requests an operator may make at once.
const BURST: u32 = 60;
/// So many long bodies are parsed at a time.
const PARSED: usize = 2;

/// The application: a handle that every handler has a copy of.
pub struct App<S>(Arc<Parts<S>>);

/// What is behind it.
pub struct Parts<S> {
    /// Remembers.
    pub store: Arc<S>,
    /// All settings.
    pub settings: Settings,
    /// Tells the time.
    pub clock: Clock,
    /// Masks what is shown.
    pub redactor: Redactor,
    /// Who may send alerts.
    pub senders: Senders,
    /// How many deliveries each of them may send; told apart by their addresses.
    pub sender_rate: Limit<IpAddr>,
    /// What operators' tokens are checked by; `None` without a key.
    pub tokens: Option<Tokens>,
    /// How much an operator may ask; told apart by their `sub`.
    pub operator_rate: Limit<String>,
    /// How many questions and replays an operator may ask for.
    pub ask_rate: Limit<String>,
    /// How many bytes of bodies there may be at a time.
    pub bodies: Budget,
    /// How many of senders who have yet to prove who they are.
    pub unproven: Budget,
    /// Long bodies that are parsed at a time: what is read of one takes far more room than it until it is counted.
    pub parsing: Semaphore,
    /// Whether the store could be written lately.
    pub probe: Probe,
    /// Whether the process ends.
    pub stopping: Stopping,
    /// Says that something was queued: wakes the workers, who look by themselves too.
    pub queued: watch::Sender<()>,
}

impl<S> App<S> {
    /// The application over these books.
    ///
    /// # Errors
    /// A setting that reads well and can't be used: which, and why.
    pub fn new(store: Arc<S>, settings: Settings, clock: Clock, redactor: Redactor) -> Result<Self, String> {
        let senders = Senders::of(&settings);
        let rate = settings.serve.sender_rate;
        let tokens = Tokens::of(&settings.serve)?;
        let operator_rate = Limit::new(settings.serve.operator_rate, BURST);
        let ask_rate = Limit::new(settings.serve.ask_rate, settings.serve.ask_rate.count);
        let sender_rate = Limit::new(rate, rate.count);
        Ok(Self(Arc::new(Parts {
            store,
            settings,
            clock,
            redactor,
            senders,
            sender_rate,
            tokens,
            operator_rate,
            ask_rate,
            bodies: Budget::proven(),
            unproven: Budget::unproven(),
            parsing: Semaphore::new(PARSED),
            probe: Probe::default(),
            stopping: Stopping::default(),
            queued: watch::Sender::new(()),
        })))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Deref for App<S> {
    type Target = Parts<S>;

    fn deref(&self) -> &Parts<S> {
        &self.0
    }
}
