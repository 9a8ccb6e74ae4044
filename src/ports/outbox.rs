//! Messages that wait to be sent. They are written in the transaction of what they tell, and sent at least once.

use super::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::future::Future;

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageOp {
    /// A new one, which alerts people.
    Post,
    /// The incident's message is rendered anew, which alerts nobody. Those that wait become one.
    Patch,
    /// The answer to somebody's click.
    Reply,
}

impl MessageOp {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Reply => "reply",
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The channel by name, never by address; empty is where the incident's messages go.
    pub channel: String,
    /// What is done.
    pub op: MessageOp,
    /// The incident it is about.
    pub incident_id: Option<String>,
    /// What it is about; an incident's message is rendered from the store when it is sent.
    pub payload: Value,
    /// Not before this time; `None` is at once.
    pub not_before: Option<Timestamp>,
}

/// A message that a worker sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// UUID v7.
    pub id: String,
    /// What is sent.
    pub notice: Notice,
    /// How often it was begun, this time included.
    pub attempts: u32,
    /// How often in a row it failed.
    pub failures: u32,
    /// The incident's newest message in this channel, where there is one.
    pub message_id: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// What the worker's writes have to name.
    pub token: String,
}

/// How sending went.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// It stands there, under this id.
    As(Option<String>),
    /// Nothing was to be sent: it was only rendered.
    DryRun(Value),
    /// It isn't its turn yet: at that time, because of this.
    Later(Timestamp, String),
    /// It failed: again at that time, because of this.
    Failed(Timestamp, String),
    /// It can't be sent, because of this. What was refused.
    Refused(String, Option<Value>),
}

/// Messages that wait.
pub trait Outbox: Sync {
    /// Writes a message. One that waits and says the same takes it in.
    fn put(&self, notice: Notice) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes the oldest message that may go; of one incident and channel one at a time.
    fn next(&self) -> impl Future<Output = Result<Option<Outgoing>, StoreError>> + Send;

    /// Says how it went. `false` where it is somebody else's: nothing changed.
    fn sent(&self, message: &Outgoing, how: Sent) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
