//! What the program printed: the result object of `--output-format json`, or text.

use super::child::Ended;
use crate::adapters::anthropic::usage_of;
use crate::adapters::http::one_line;
use crate::ports::{ModelAnswer, ModelError};
use crate::redact::Redactor;
use serde_json::Value;

/// Reads what a run left behind.
pub(super) fn read(ended: &Ended, redactor: &Redactor) -> Result<ModelAnswer, ModelError> {
    let output = String::from_utf8_lossy(&ended.output);
    let output = output.trim();
    let printed: Value = serde_json::from_str(output).unwrap_or_default();
    let field = |name: &str| printed.get(name).filter(|value| !value.is_null());
    let (structured, result) = (field("structured_output").map(text_of), field("result").map(text_of));
    if !ended.status.success() || field("is_error") == Some(&Value::Bool(true)) {
        let said = result.unwrap_or_else(|| String::from_utf8_lossy(&ended.complaint).into_owned());
        return Err(failure(ended, field("api_error_status").and_then(Value::as_u64), &one_line(&redactor.text(&said))));
    }
    let usage = usage_of(printed.get("usage").unwrap_or(&Value::Null));
    let stop_reason = field("stop_reason").map(text_of).unwrap_or_default();
    match stop_reason.as_str() {
        "refusal" => return Err(ModelError::Refused(usage)),
        "max_tokens" | "model_context_window_exceeded" => return Err(ModelError::Truncated(usage)),
        _ => {}
    }
    let text = structured.or(result).unwrap_or_else(|| output.to_owned());
    if text.trim().is_empty() {
        return Err(ModelError::Unreadable("claude printed nothing".to_owned()));
    }
    Ok(ModelAnswer { text, stop_reason, usage })
}

/// A failure is worth a retry only where the API behind the program says so.
fn failure(ended: &Ended, status: Option<u64>, said: &str) -> ModelError {
    let message = if said.is_empty() { "no reason given" } else { said }.to_owned();
    match status.and_then(|status| u16::try_from(status).ok()) {
        Some(status @ (408 | 429 | 500..=599)) => ModelError::Busy { status, retry_after: None, message },
        Some(status @ 400..=499) => ModelError::Rejected { status, message },
        _ => ModelError::Unreadable(format!("claude failed ({}): {message}", ended.status)),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
