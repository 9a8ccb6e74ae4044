//! The body of a request, with its fields always in the same order.

use crate::adapters::model::tokens;
use crate::config::Structured;
use crate::ports::{Message, ModelRequest, Role};
use serde::Serialize;
use serde_json::{Value, json};

/// The name of the one tool through which an answer is asked for.
const TOOL: &str = "answer";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    system: [SystemBlock<'a>; 1],
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Serialize)]
struct SystemBlock<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: &'a str,
}

/// The body of a masked request.
pub(super) fn of(request: &ModelRequest, model: &str, structured: Structured, cache_min_tokens: u32) -> String {
    let is_cached = tokens(request.system.len()) >= u64::from(cache_min_tokens);
    let cache_control = is_cached.then(|| json!({"type": "ephemeral"}));
    let schema = &request.schema;
    let (output_config, tools, tool_choice) = match structured {
        Structured::Format => (Some(json!({"effort": "low", "format": {"type": "json_schema", "schema": schema}})), None, None),
        Structured::Tool => {
            let tool = json!({"name": TOOL, "description": "Gives the answer.", "input_schema": schema, "strict": true});
            (None, Some(json!([tool])), Some(json!({"type": "tool", "name": TOOL})))
        }
    };
    let body = Body {
        model,
        max_tokens: request.max_tokens,
        system: [SystemBlock { r#type: "text", text: &request.system, cache_control }],
        messages: request.messages.iter().map(turn).collect(),
        output_config,
        tools,
        tool_choice,
    };
    // Texts, numbers and JSON: nothing in it can fail to be written.
    serde_json::to_string(&body).unwrap_or_default()
}

fn turn(message: &Message) -> Turn<'_> {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    Turn { role, content: &message.text }
}
