//! Anthropic's Messages API. It sends what it was given, masked, and neither temperature, `top_p` nor `top_k`, nor the
//! beginning of an answer: current models refuse them. It has no tool that does anything.

mod answer;
mod body;

use super::http::{HttpClient, HttpRequest, MODEL_ANSWER, endpoint, origin, secret_header};
use super::model::{ModelSetupError, failed, masked, refused};
use crate::config::{LlmSettings, Secret, Structured};
use crate::ports::{Egress, LanguageModel, ModelAnswer, ModelError, ModelRequest};
use crate::redact::Redactor;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::time::Duration;

pub(super) use answer::usage_of;

const BACKEND: &str = "anthropic";
/// The API's own address.
const BASE_URL: &str = "https://api.anthropic.com";
/// The model that is asked where the settings name none.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// What the settings say about this backend.
#[derive(Clone, Debug)]
pub struct AnthropicOptions {
    /// The model's name.
    pub model: String,
    /// The address above `/v1/messages`.
    pub base_url: String,
    /// Sent as `x-api-key`.
    pub api_key: Secret,
    /// Sent as `anthropic-version`.
    pub version: String,
    /// How a structured answer is asked for.
    pub structured: Structured,
    /// The fewest tokens of a system text that the model's cache takes.
    pub cache_min_tokens: u32,
}

impl AnthropicOptions {
    /// Out of `[llm]`.
    ///
    /// # Errors
    /// There is no key.
    pub fn of(settings: &LlmSettings) -> Result<Self, ModelSetupError> {
        Ok(Self {
            model: settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
            base_url: settings.base_url.clone().unwrap_or_else(|| BASE_URL.to_owned()),
            api_key: settings.api_key.clone().ok_or(ModelSetupError::NoKey(BACKEND))?,
            version: settings.anthropic_version.clone(),
            structured: settings.structured,
            cache_min_tokens: settings.cache_min_tokens,
        })
    }
}

/// A model behind Anthropic's Messages API, or a gateway that speaks it.
#[derive(Debug)]
pub struct AnthropicModel {
    client: HttpClient,
    model: String,
    url: Url,
    address: String,
    headers: HeaderMap,
    structured: Structured,
    cache_min_tokens: u32,
}

impl AnthropicModel {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The address or the key can't be used.
    pub fn new(options: AnthropicOptions, redactor: Redactor) -> Result<Self, ModelSetupError> {
        let url = endpoint(&options.base_url, &["v1", "messages"])?;
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-api-key"), secret_header(options.api_key.expose())?);
        headers.insert(HeaderName::from_static("anthropic-version"), secret_header(&options.version)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            client: HttpClient::new(redactor)?,
            model: options.model,
            address: origin(&url),
            url,
            headers,
            structured: options.structured,
            cache_min_tokens: options.cache_min_tokens,
        })
    }

    /// Asks for the model by its name (`GET /v1/models/NAME`), which costs nothing.
    ///
    /// # Errors
    /// It isn't there, or the key isn't taken.
    pub async fn probe(&self, time: Duration) -> Result<String, ModelError> {
        let mut url = self.url.clone();
        url.set_path(&self.url.path().replace("/messages", &format!("/models/{}", self.model)));
        let request = HttpRequest { method: Method::GET, url, headers: self.headers.clone(), body: String::new() };
        let answer = self.client.send(&request, time, MODEL_ANSWER).await.map_err(failed)?;
        match refused(&self.client, &request, &answer) {
            Some(error) => Err(error),
            None => Ok(format!("{} at {}", self.model, self.address)),
        }
    }

    /// The one place that makes what is sent.
    fn request(&self, request: &ModelRequest) -> HttpRequest {
        let request = masked(self.client.redactor(), request);
        let body = body::of(&request, &self.model, self.structured, self.cache_min_tokens);
        HttpRequest { method: Method::POST, url: self.url.clone(), headers: self.headers.clone(), body }
    }
}

impl LanguageModel for AnthropicModel {
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
        let request = self.request(request);
        let answer = self.client.send(&request, time, MODEL_ANSWER).await.map_err(failed)?;
        if let Some(error) = refused(&self.client, &request, &answer) {
            return Err(error);
        }
        answer::read(&answer)
    }

    fn egress(&self, request: &ModelRequest) -> Egress {
        self.request(request).egress("model", self.client.redactor())
    }
}
