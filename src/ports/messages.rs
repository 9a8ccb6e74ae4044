//! The messages of incidents: which stands where, and what follows. What is decided and noted, and what was done and noted,
//! is one transaction each, so that a process that dies goes on where it was.

use super::{Outgoing, StoreError};
use crate::domain::{IncidentMessage, ObjectRef};
use serde_json::Value;
use std::future::Future;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The message.
    pub message: IncidentMessage,
    /// It is posted; else it is changed.
    pub is_post: bool,
    /// Nothing fires any more, and its end is not to be announced yet.
    pub is_settling: bool,
    /// The incidents that have no message of their own and are named in this one, oldest first.
    pub affected: Vec<Affected>,
    /// Where the message stands whose place this one takes.
    pub earlier: Option<String>,
}

/// An incident that another one's message names.
#[derive(Clone, Debug, PartialEq)]
pub struct Affected {
    /// The incident.
    pub incident_id: String,
    /// What it is about.
    pub subject: ObjectRef,
}

/// A message whose place a newer one took.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacedMessage {
    /// It.
    pub message: IncidentMessage,
    /// Where the newer one stands.
    pub newer: Option<String>,
}

/// How a message stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Stands {
    /// The message.
    pub number: i64,
    /// Where, by name.
    pub channel: String,
    /// The chat's id of it; `None` where it was only rendered.
    pub message_id: Option<String>,
    /// Where people find it.
    pub link: Option<String>,
    /// A digest of what it shows.
    pub content: String,
    /// What was refused before something shorter was taken, or was only rendered.
    pub body: Option<Value>,
}

/// The messages of incidents.
pub trait Messages: Sync {
    /// Decides what is to be done for a message of an incident that was taken out of the outbox, and notes it. `None` where
    /// nothing is: nobody has to see it, or another incident's message names it, which is then changed.
    fn plan(&self, outgoing: &Outgoing) -> impl Future<Output = Result<Option<Planned>, StoreError>> + Send;

    /// It stands: the outbox and the message know it, and one whose place it takes is to be changed. `false` where it is
    /// somebody else's: nothing changed.
    fn stands(&self, outgoing: &Outgoing, how: Stands) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// A message whose place was taken.
    fn replaced(&self, number: i64) -> impl Future<Output = Result<Option<ReplacedMessage>, StoreError>> + Send;

    /// Has the messages of critical incidents changed that nobody answered for a day, and takes back what somebody began to
    /// send and gave up. How many.
    fn tend(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Tells of the program's own trouble, once for a cause in six hours. Whether it was told. `cause` and `text` hold no
    /// secret.
    fn trouble(&self, cause: &str, text: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
