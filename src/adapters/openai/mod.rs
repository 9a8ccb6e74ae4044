//! OpenAI's chat completions, as Ollama, vLLM, LiteLLM and others serve them. A server that doesn't know how to hold itself
//! to a schema is asked with less, and then for as long as the process lives. That a server cuts long prompts without a word
//! is noticed by what it says it read.

mod answer;
mod body;

use super::http::{HttpAnswer, HttpClient, HttpRequest, MODEL_ANSWER, endpoint, origin, secret_header};
use super::model::{ModelSetupError, failed, masked, refused};
use crate::config::{LlmSettings, Secret};
use crate::domain::Usage;
use crate::ports::{Egress, LanguageModel, ModelAnswer, ModelError, ModelRequest};
use crate::redact::Redactor;
use body::Format;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const BACKEND: &str = "openai";
/// Ollama's own address on this machine, so that nothing leaves it unless a setting says where to.
const BASE_URL: &str = "http://127.0.0.1:11434/v1";

/// What the settings say about this backend.
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// The model's name.
    pub model: String,
    /// The address above `/chat/completions`.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// How many tokens prompt and answer may have together.
    pub context_window: u32,
}

impl OpenAiOptions {
    /// Out of `[llm]`. A key of Anthropic's, as it is found in many environments, is not sent to another's server.
    ///
    /// # Errors
    /// No model is named.
    pub fn of(settings: &LlmSettings) -> Result<Self, ModelSetupError> {
        let base_url = settings.base_url.clone().unwrap_or_else(|| BASE_URL.to_owned());
        let is_anthropics = |url: &Url| url.host_str().is_some_and(|host| host.ends_with(".anthropic.com"));
        let is_theirs = endpoint(&base_url, &[]).is_ok_and(|url| is_anthropics(&url));
        let api_key = settings.api_key.clone().filter(|key| is_theirs || !key.expose().starts_with("sk-ant-"));
        Ok(Self {
            model: settings.model.clone().ok_or(ModelSetupError::NoModel(BACKEND))?,
            base_url,
            api_key,
            context_window: settings.context_window,
        })
    }
}

/// A model behind a server that speaks chat completions.
#[derive(Debug)]
pub struct OpenAiModel {
    client: HttpClient,
    model: String,
    url: Url,
    address: String,
    headers: HeaderMap,
    context_window: u32,
    /// How a structured answer is asked for, as an index into [`Format::ALL`]; it only grows.
    format: AtomicU8,
}

impl OpenAiModel {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The address or the key can't be used.
    pub fn new(options: OpenAiOptions, redactor: Redactor) -> Result<Self, ModelSetupError> {
        let url = endpoint(&options.base_url, &["chat", "completions"])?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.api_key {
            headers.insert(AUTHORIZATION, secret_header(&format!("Bearer {}", key.expose()))?);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            client: HttpClient::new(redactor)?,
            model: options.model,
            address: origin(&url),
            url,
            headers,
            context_window: options.context_window,
            format: AtomicU8::new(0),
        })
    }

    /// Asks which models there are (`GET models`), which costs nothing.
    ///
    /// # Errors
    /// The server isn't there, the key isn't taken, or it says that it has no model of this name.
    pub async fn probe(&self, time: Duration) -> Result<String, ModelError> {
        let mut url = self.url.clone();
        url.set_path(&self.url.path().replace("/chat/completions", "/models"));
        let request = HttpRequest { method: Method::GET, url, headers: self.headers.clone(), body: String::new() };
        let answer = self.client.send(&request, time, MODEL_ANSWER).await.map_err(failed)?;
        if let Some(error) = refused(&self.client, &request, &answer) {
            return Err(error);
        }
        let list: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let ids = list.get("data").and_then(Value::as_array).into_iter().flatten();
        let ids: Vec<&str> = ids.filter_map(|model| model.get("id")?.as_str()).collect();
        if !ids.is_empty() && !ids.contains(&self.model.as_str()) {
            return Err(ModelError::Unreadable(format!("{} has no model {}", self.address, self.model)));
        }
        Ok(format!("{} at {}", self.model, self.address))
    }

    fn format(&self) -> Format {
        Format::ALL.get(usize::from(self.format.load(Ordering::Relaxed))).copied().unwrap_or(Format::Prompt)
    }

    /// The one place that makes what is sent, with the estimate of its prompt in tokens.
    fn request(&self, request: &ModelRequest, format: Format) -> (HttpRequest, Result<u64, u64>) {
        let request = masked(self.client.redactor(), request);
        let (body, prompt) = body::of(&request, &self.model, format, self.context_window);
        (HttpRequest { method: Method::POST, url: self.url.clone(), headers: self.headers.clone(), body }, prompt)
    }

    /// Whether a server refuses how a structured answer was asked for; it is then asked with less from now on.
    fn steps_down(&self, format: Format, answer: &HttpAnswer) -> bool {
        let next = match format {
            Format::Schema => 1,
            Format::Object => 2,
            Format::Prompt => return false,
        };
        let said = String::from_utf8_lossy(&answer.body);
        // 422 is what servers answer that check a body's form before they look at it.
        let names_it = ["response_format", "json_schema", "json_object"].iter().any(|word| said.contains(word));
        let is_refused = matches!(answer.status.as_u16(), 400 | 422) && names_it;
        if is_refused {
            self.format.fetch_max(next, Ordering::Relaxed);
        }
        is_refused
    }
}

impl LanguageModel for OpenAiModel {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn ask(&self, request: &ModelRequest, time: Duration) -> Result<ModelAnswer, ModelError> {
        let until = Instant::now() + time;
        loop {
            let format = self.format();
            let (sent, prompt) = self.request(request, format);
            let prompt = prompt.map_err(|prompt| {
                let window = self.context_window;
                let why = format!("about {prompt} tokens and an answer don't fit into llm.context_window = {window}");
                ModelError::PromptCut(why, Usage::default())
            })?;
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.client.send(&sent, left, MODEL_ANSWER).await.map_err(failed).map_err(|error| match error {
                ModelError::Timeout(_) => ModelError::Timeout(time),
                other => other,
            })?;
            if self.steps_down(format, &answer) {
                continue;
            }
            return match refused(&self.client, &sent, &answer) {
                Some(error) => Err(error),
                None => answer::read(&answer, prompt),
            };
        }
    }

    fn egress(&self, request: &ModelRequest) -> Egress {
        self.request(request, self.format()).0.egress("model", self.client.redactor())
    }
}
