//! What the backends of language models share: the last masking of a request, the estimate of its length, what stands in the
//! way of asking at all, and what an HTTP answer means that is no answer of a model. No backend retries; that is the caller's.

mod refusal;

pub(super) use refusal::{failed, refused};

use super::http::HttpError;
use crate::ports::ModelRequest;
use crate::redact::Redactor;
use serde_json::Value;
use thiserror::Error;

/// Why a backend can't be asked at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelSetupError {
    /// The backend needs a key.
    #[error("the backend {0} needs a key: set ANTHROPIC_API_KEY or llm.api_key")]
    NoKey(&'static str),
    /// The backend has no model of its own.
    #[error("the backend {0} needs a model: set llm.model to one that the server has")]
    NoModel(&'static str),
    /// The address or the key can't be used.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// The request as it leaves. Whoever made it has masked it, which changes nothing here; this is the last place that can.
pub(super) fn masked(redactor: &Redactor, request: &ModelRequest) -> ModelRequest {
    let mut request = request.clone();
    request.system = redactor.text(&request.system).into_owned();
    for message in &mut request.messages {
        message.text = redactor.text(&message.text).into_owned();
    }
    request
}

/// The most tokens that so many bytes are: one for three.
pub(super) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(3)).unwrap_or(u64::MAX)
}

/// A count in an answer's usage; what is missing, `null`, negative or no whole number counts nothing.
pub(super) fn count(usage: &Value, place: &str) -> u64 {
    usage.pointer(place).and_then(Value::as_u64).unwrap_or(0)
}
