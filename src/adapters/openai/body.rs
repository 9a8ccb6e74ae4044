//! The body of a request, with its fields always in the same order, and within the server's context.

use crate::adapters::model::tokens;
use crate::ports::{ModelRequest, Role};
use serde::Serialize;
use serde_json::{Value, json};

/// The shortest answer that is worth a call, in tokens.
const SHORTEST_ANSWER: u64 = 256;

/// How a structured answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The server holds the model to the schema.
    Schema,
    /// The server holds the model to JSON; the prompt has the schema.
    Object,
    /// The prompt alone.
    Prompt,
}

impl Format {
    /// What asks for most comes first.
    pub(super) const ALL: [Self; 3] = [Self::Schema, Self::Object, Self::Prompt];
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: &'a str,
}

/// The body of a masked request, and the estimate of its prompt in tokens; as an error when it leaves no room for an answer.
/// An answer may be as long as the window leaves room for.
pub(super) fn of(request: &ModelRequest, model: &str, format: Format, window: u32) -> (String, Result<u64, u64>) {
    let schema = &request.schema;
    let system = match format {
        Format::Schema => request.system.clone(),
        Format::Object | Format::Prompt => {
            format!("{}\n\nAnswer with one JSON object of this JSON Schema, and with nothing else:\n{schema}", request.system)
        }
    };
    let response_format = match format {
        Format::Schema => {
            let named = json!({"name": request.stage.as_str(), "strict": true, "schema": schema});
            Some(json!({"type": "json_schema", "json_schema": named}))
        }
        Format::Object => Some(json!({"type": "json_object"})),
        Format::Prompt => None,
    };
    let mut messages = vec![Turn { role: "system", content: &system }];
    messages.extend(request.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Turn { role, content: &message.text }
    }));
    let prompt = tokens(messages.iter().map(|turn| turn.content.len()).sum());
    let room = u64::from(window).saturating_sub(prompt);
    let max_tokens = u64::from(request.max_tokens).min(room);
    let body = Body { model, max_tokens, messages, response_format };
    // Texts, numbers and JSON: nothing in it can fail to be written.
    let body = serde_json::to_string(&body).unwrap_or_default();
    (body, if room < SHORTEST_ANSWER.min(u64::from(request.max_tokens)) { Err(prompt) } else { Ok(prompt) })
}
