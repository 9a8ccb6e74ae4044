//! What a server answers: one choice, why it ended, and what it says it used.

use crate::adapters::http::HttpAnswer;
use crate::adapters::model::{count, failed};
use crate::domain::Usage;
use crate::ports::{ModelAnswer, ModelError};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    /// Where the model refuses to keep to a schema.
    refusal: Option<String>,
}

/// Reads an answer with a status of success to a prompt of about so many tokens.
pub(super) fn read(answer: &HttpAnswer, prompt: u64) -> Result<ModelAnswer, ModelError> {
    let Completion { choices, usage } = answer.json().map_err(failed)?;
    let read = count(&usage, "/prompt_tokens");
    let cached = count(&usage, "/prompt_tokens_details/cached_tokens").min(read);
    let usage = Usage {
        input_tokens: read - cached,
        cache_write_tokens: 0,
        cache_read_tokens: cached,
        output_tokens: count(&usage, "/completion_tokens"),
    };
    // A server that says nothing about it has cut nothing that could be known.
    if read > 0 && read.saturating_mul(10) < prompt.saturating_mul(6) {
        let why = format!(
            "it read {read} of about {prompt} tokens; raise the server's context length (Ollama: OLLAMA_CONTEXT_LENGTH or \
             num_ctx, vLLM: --max-model-len), or lower llm.context_window to it"
        );
        return Err(ModelError::PromptCut(why, usage));
    }
    let Some(Choice { message, finish_reason }) = choices.into_iter().next() else {
        return Err(ModelError::Unreadable("it holds no choice".to_owned()));
    };
    let stop_reason = finish_reason.unwrap_or_default();
    match stop_reason.as_str() {
        "length" => return Err(ModelError::Truncated(usage)),
        "content_filter" => return Err(ModelError::Refused(usage)),
        // Servers have words of their own for an answer that is complete.
        _ if message.refusal.is_some_and(|refusal| !refusal.is_empty()) => return Err(ModelError::Refused(usage)),
        _ => {}
    }
    let text = message.content.as_deref().map(without_thinking).unwrap_or_default().to_owned();
    if text.is_empty() {
        return Err(ModelError::Unreadable("it holds no text".to_owned()));
    }
    Ok(ModelAnswer { text, stop_reason, usage })
}

/// The text behind a leading `<think>…</think>`; nothing, where that doesn't end.
fn without_thinking(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("<think>") {
        Some(thinking) => thinking.split_once("</think>").map_or("", |(_, text)| text.trim_start()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_cut_only_at_the_beginning() {
        assert_eq!(without_thinking("<think>\nhm {\"a\": 2}\n</think>\n\n{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(without_thinking("{\"a\": \"<think>b</think>\"}"), "{\"a\": \"<think>b</think>\"}");
        assert_eq!(without_thinking("<think>and so on"), "");
    }
}
