//! What an HTTP answer means that brings no answer of a model. The APIs differ in the shape of an error's body, which
//! `http` knows, and agree on what a status means.

use crate::adapters::http::{HttpAnswer, HttpClient, HttpError, HttpRequest};
use crate::ports::ModelError;
use reqwest::StatusCode;

/// What the code or type of a 429 says where waiting doesn't help, since money is missing. Anthropic has
/// `enforced_spend_limit_reached`; OpenAI `insufficient_quota`, `credit_balance_exhausted`, `project_spend_limit_exceeded`,
/// `organization_usage_limit_exceeded`; LiteLLM `budget_exceeded`.
const OF_MONEY: [&str; 6] = ["spend", "credit", "quota", "billing", "budget", "usage_limit"];

/// Why there is no whole answer.
pub(in crate::adapters) fn failed(error: HttpError) -> ModelError {
    match error {
        HttpError::Unreachable(why) => ModelError::Unreachable(why),
        HttpError::Broken(why) => ModelError::Connection(why),
        HttpError::Timeout(time) => ModelError::Timeout(time),
        HttpError::Setup(_) | HttpError::TooLong(_) | HttpError::Unreadable(_) => ModelError::Unreadable(error.to_string()),
    }
}

/// Why a server refuses; `None` when it doesn't.
pub(in crate::adapters) fn refused(client: &HttpClient, request: &HttpRequest, answer: &HttpAnswer) -> Option<ModelError> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    let message = client.words(request, answer);
    let of_money = || answer.codes().iter().any(|code| OF_MONEY.iter().any(|word| code.contains(word)));
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS if of_money() => ModelError::SpendLimit(message),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => busy(answer, message),
        _ if status.is_server_error() => busy(answer, message),
        _ => ModelError::Rejected { status: status.as_u16(), message },
    })
}

fn busy(answer: &HttpAnswer, message: String) -> ModelError {
    ModelError::Busy { status: answer.status.as_u16(), retry_after: answer.retry_after(), message }
}
