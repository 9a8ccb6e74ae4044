//! The backends of language models against a fake server and a fake program: what is sent, and what each answer means.

mod anthropic;
mod claude_cli;
pub mod fake;
mod openai;

use fake::FakeModel;
use serde_json::json;
use sre_copilot::domain::{Stage, Usage};
use sre_copilot::ports::{Egress, LanguageModel, Message, ModelAnswer, ModelError, ModelRequest, Role};
use std::time::Duration;

/// Long enough for any answer that comes.
const TIME: Duration = Duration::from_secs(20);
/// Short enough to wait for where none comes.
const SHORT: Duration = Duration::from_millis(300);

fn request() -> ModelRequest {
    ModelRequest {
        stage: Stage::Analyze,
        perspective: None,
        attempt: 1,
        system: "You read the facts of an incident. Answer in JSON.".to_owned(),
        messages: vec![Message { role: Role::User, text: "F1 found oom_killed O2 0.98 \"OOMKilled\"".to_owned() }],
        schema: json!({
            "type": "object", "additionalProperties": false, "required": ["observations"],
            "properties": {"observations": {"type": "array", "items": {"type": "string"}}},
        }),
        max_tokens: 3_000,
    }
}

/// A request with a secret that nobody has masked, and a repair.
fn leaky() -> ModelRequest {
    let mut request = request();
    request.messages[0].text.push_str(" DB_PASSWORD=hunter2-hunter2");
    request.messages.push(Message { role: Role::Assistant, text: "{\"token\": \"abcdef123456\"}".to_owned() });
    request.messages.push(Message { role: Role::User, text: "observations is missing".to_owned() });
    request
}

/// What is sent is what was said would be: the same bytes, to the same place, with the same headers.
fn assert_sent(egress: &Egress, fake: &FakeModel, n: usize) {
    let sent = &fake.received()[n];
    assert_eq!(egress.body, sent.raw);
    assert_eq!(egress.address, format!("{}{}", fake.address(), sent.path));
    assert_eq!((egress.destination, egress.method.as_str()), ("model", "POST"));
    for name in &egress.headers {
        assert!(sent.headers.contains_key(name), "{name}");
    }
    let of_http = ["accept", "accept-encoding", "content-length", "host", "user-agent"];
    for name in sent.headers.keys().filter(|name| !of_http.contains(&name.as_str())) {
        assert!(egress.headers.contains(name), "{name}");
    }
    assert_eq!(sent.headers["user-agent"], concat!("sre-copilot/", env!("CARGO_PKG_VERSION")));
}

async fn ask(model: &impl LanguageModel) -> Result<ModelAnswer, ModelError> {
    model.ask(&request(), TIME).await
}

async fn error(model: &impl LanguageModel) -> ModelError {
    ask(model).await.unwrap_err()
}

fn usage(input_tokens: u64, cache_write_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, cache_write_tokens, cache_read_tokens: 0, output_tokens }
}
