//! What the API answers: blocks of text among blocks of thinking, why it stopped, and what it used.

use crate::adapters::http::HttpAnswer;
use crate::adapters::model::{count, failed};
use crate::domain::Usage;
use crate::ports::{ModelAnswer, ModelError};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
    stop_reason: String,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        input: Value,
    },
    /// Thinking, and what later versions may add.
    #[serde(other)]
    Other,
}

/// Reads an answer with a status of success.
pub(super) fn read(answer: &HttpAnswer) -> Result<ModelAnswer, ModelError> {
    let Message { content, stop_reason, usage } = answer.json().map_err(failed)?;
    let usage = usage_of(&usage);
    match stop_reason.as_str() {
        "end_turn" | "tool_use" => {}
        "max_tokens" | "model_context_window_exceeded" => return Err(ModelError::Truncated(usage)),
        "refusal" => return Err(ModelError::Refused(usage)),
        _ => return Err(ModelError::Unreadable("it stopped for a reason that is not known".to_owned())),
    }
    let input = content.iter().find_map(|block| match block {
        Block::ToolUse { input } => Some(input.to_string()),
        _ => None,
    });
    let text = input.unwrap_or_else(|| {
        let texts = content.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    });
    if text.trim().is_empty() {
        return Err(ModelError::Unreadable("it holds no text".to_owned()));
    }
    Ok(ModelAnswer { text, stop_reason, usage })
}

/// What a `usage` object says; the command line program reports the same.
pub(in crate::adapters) fn usage_of(usage: &Value) -> Usage {
    Usage {
        input_tokens: count(usage, "/input_tokens"),
        cache_write_tokens: count(usage, "/cache_creation_input_tokens"),
        cache_read_tokens: count(usage, "/cache_read_input_tokens"),
        output_tokens: count(usage, "/output_tokens"),
    }
}
