//! A language model: messages and a schema in, a text and what it cost out. It has no tool and no credential of ours.

use crate::domain::{Perspective, Stage, Usage};
use serde_json::Value;
use std::future::Future;
use std::time::Duration;
use thiserror::Error;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This program.
    User,
    /// The model; only what it said itself, never words put into its mouth.
    Assistant,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What was said, redacted.
    pub text: String,
}

/// One call. All texts in it are redacted already.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRequest {
    /// For which stage.
    pub stage: Stage,
    /// Of `hypothesize` the perspective.
    pub perspective: Option<Perspective>,
    /// 1 for the first call of a stage, 2 for its repair. A retry of the same call keeps the number.
    pub attempt: u32,
    /// Alike for every incident of a stage, so that it can be cached.
    pub system: String,
    /// The user's message; in a repair followed by the answer and what is wrong with it.
    pub messages: Vec<Message>,
    /// The schema of the answer, the same for every incident of a stage.
    pub schema: Value,
    /// The longest answer in tokens, thinking among them.
    pub max_tokens: u32,
}

/// What a model answered: always a complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelAnswer {
    /// The text, which should be JSON of the schema.
    pub text: String,
    /// Why it ended, in the API's own word.
    pub stop_reason: String,
    /// What it cost.
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModelError {
    /// There was no connection, so nothing was sent and nothing is owed. Worth a retry.
    #[error("no connection to {0}")]
    Unreachable(String),
    /// The connection broke after something was sent. Worth a retry.
    #[error("no answer from {0}")]
    Connection(String),
    /// Not within the time of one call. Worth a retry.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server refused for now: 408, 429, 5xx. Worth a retry, after `retry_after` where it says so.
    #[error("HTTP {status}: {message}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
        /// The server's words, redacted and cut.
        message: String,
    },
    /// A 429 whose code says that a spend limit is reached. Not worth a retry.
    #[error("the account's spend limit is reached: {0}")]
    SpendLimit(String),
    /// Any other 4xx. Not worth a retry; 401, 403 and 404 open the breaker for five minutes.
    #[error("HTTP {status}: {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The server's words, redacted and cut.
        message: String,
    },
    /// The model refused to answer. Costs what it used.
    #[error("refused")]
    Refused(Usage),
    /// The answer was cut at its longest length. Costs what it used.
    #[error("the answer was cut off")]
    Truncated(Usage),
    /// The server cut the prompt without saying so (its usage is under 60 % of the estimate).
    #[error("the server cut the prompt: {0}")]
    PromptCut(String, Usage),
    /// The answer is no answer of this API: HTML, broken JSON, too long, empty.
    #[error("unreadable answer: {0}")]
    Unreadable(String),
}

impl ModelError {
    /// What the call cost although it gave nothing; `None` when that isn't known, and then the worst case stays booked.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Refused(usage) | Self::Truncated(usage) | Self::PromptCut(_, usage) => Some(*usage),
            // Turned away before anything was computed. Behind a 408, 500, 502 or 504 it may have been.
            Self::Unreachable(_) | Self::Rejected { .. } | Self::SpendLimit(_) | Self::Busy { status: 429 | 503 | 529, .. } => {
                Some(Usage::default())
            }
            Self::Connection(_) | Self::Timeout(_) | Self::Busy { .. } | Self::Unreadable(_) => None,
        }
    }
}

/// What a request looks like on its way out, for people to read before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// `model`, `signals`, `tickets`, `deploys`, `log search`.
    pub destination: &'static str,
    /// `POST`; for a program its name.
    pub method: String,
    /// The address without credentials; for a program its arguments.
    pub address: String,
    /// The names of the headers; their values are secrets or say nothing.
    pub headers: Vec<String>,
    /// The exact bytes after redaction, as text.
    pub body: String,
}

/// One backend.
pub trait LanguageModel: Sync {
    /// `anthropic`, `claude_cli` or `openai`.
    fn backend(&self) -> &'static str;

    /// The model's name.
    fn model(&self) -> &str;

    /// The address that breakers and prices go by, without credentials: scheme, host and port; empty for a program.
    fn address(&self) -> &str;

    /// One try: no retries, no breaker, no budget; those are the caller's. Ends within `time`.
    fn ask(&self, request: &ModelRequest, time: Duration) -> impl Future<Output = Result<ModelAnswer, ModelError>> + Send;

    /// What [`ask`](Self::ask) would send for this request.
    fn egress(&self, request: &ModelRequest) -> Egress;
}
