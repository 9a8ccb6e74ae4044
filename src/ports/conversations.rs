//! Where conversations live. A question is a job; its answer is what that results in.

use super::StoreError;
use crate::domain::{Conversation, Job, ObjectRef};
use std::future::Future;
use thiserror::Error;

/// A question to be queued.
#[derive(Clone, Debug, Default)]
pub struct NewQuestion {
    /// Who asks.
    pub by: String,
    /// The conversation that it goes on with; `None` opens one.
    pub conversation: Option<String>,
    /// What a new conversation is about.
    pub incident: Option<String>,
    /// The same, of an object.
    pub target: Option<ObjectRef>,
    /// The question, masked.
    pub prompt: String,
}

/// A question that was queued.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its job.
    pub job: Job,
    /// Its conversation.
    pub conversation: String,
}

/// Why a question can't be asked.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum AskError {
    /// There is no such conversation, or it is somebody else's: nobody learns which.
    #[error("there is no such conversation")]
    NoConversation,
    /// There is no such incident.
    #[error("there is no such incident")]
    NoIncident,
    /// Nothing more may be asked in the conversation.
    #[error("the conversation is over: {0}; ask without it to open another one")]
    Over(&'static str),
    /// The question can't be taken as it is.
    #[error("{0}")]
    Invalid(String),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where conversations live.
pub trait Conversations: Sync {
    /// Queues a question, in its conversation or in a new one.
    fn ask(&self, question: NewQuestion) -> impl Future<Output = Result<Asked, AskError>> + Send;

    /// One conversation with the turns that were answered.
    fn conversation(&self, id: &str) -> impl Future<Output = Result<Option<Conversation>, StoreError>> + Send;
}
