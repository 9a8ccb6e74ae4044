//! One exchange with a language model as it is recorded: what was asked, what came back, what it cost. A replay answers out of
//! these and asks nobody.

use super::{Digest, ModelCost, Perspective, Stage, Usage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format that this build reads and writes.
pub const EXCHANGE_VERSION: u32 = 1;

/// Which model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelName {
    /// `anthropic`, `claude_cli` or `openai`.
    pub backend: String,
    /// The model's name.
    pub model: String,
}

/// One call of a stage with all its retries, redacted (`llm/NNN.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// [`EXCHANGE_VERSION`].
    pub version: u32,
    /// Its number in the recording, from 1: by stage, perspective and attempt, not by arrival. 0 until it is numbered.
    pub n: u32,
    /// For which stage.
    pub stage: Stage,
    /// Of `hypothesize` the perspective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perspective: Option<Perspective>,
    /// 1 for the first call of a stage, 2 for its repair.
    pub attempt: u32,
    /// Which model.
    #[serde(flatten)]
    pub name: ModelName,
    /// What was asked.
    pub request: ExchangeRequest,
    /// SHA-256 of the request's canonical JSON (RFC 8785), in hexadecimal digits.
    #[serde(rename = "requestSha256")]
    pub request_sha256: String,
    /// What came back. Exactly one of this and `error` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ExchangeAnswer>,
    /// Why nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExchangeError>,
    /// When it was over, in whole milliseconds.
    pub recorded_at: Timestamp,
    /// From the first try to the end, waiting included, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// How often the request was sent; 0 when it never was.
    #[serde(default = "once")]
    pub tries: u32,
    /// What all tries cost, in millionths of a US dollar: the worst case where the real price isn't known.
    #[serde(default)]
    pub micro_usd: u64,
    /// The tokens that all tries read, cached ones among them, as the incident's bar counts them: the worst case where the real
    /// number isn't known.
    #[serde(default)]
    pub input_tokens: u64,
}

fn once() -> u32 {
    1
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeRequest {
    /// Alike for every incident of a stage.
    pub system: String,
    /// What was said, in order.
    pub messages: Vec<ExchangeMessage>,
    /// The schema of the answer.
    pub schema: Value,
    /// The longest answer in tokens.
    pub max_tokens: u32,
}

impl ExchangeRequest {
    /// SHA-256 of the canonical JSON; empty for what JSON can't hold, which equals no digest.
    pub fn sha256(&self) -> String {
        Digest::of(self).map(|digest| digest.as_str().to_owned()).unwrap_or_default()
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeMessage {
    /// `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeAnswer {
    /// The text, which should be JSON of the schema.
    pub text: String,
    /// Why it ended, in the API's own word.
    #[serde(default)]
    pub stop_reason: String,
    /// The tokens.
    #[serde(default)]
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeError {
    /// In one line, as reports show it.
    pub why: String,
    /// True for an answer that was cut at its longest length, which may be asked for once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The tokens that it cost all the same.
    #[serde(default)]
    pub usage: Usage,
}

impl Exchange {
    /// The tokens.
    pub fn usage(&self) -> Usage {
        match (&self.response, &self.error) {
            (Some(answer), _) => answer.usage,
            (None, Some(error)) => error.usage,
            (None, None) => Usage::default(),
        }
    }

    /// Its texts, for whoever masks them. The digest stays that of what was sent.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { request: ExchangeRequest { system, messages, .. }, response, error, .. } = self;
        let said = messages.iter_mut().map(|message| &mut message.content);
        let came = response.iter_mut().map(|answer| &mut answer.text);
        [system].into_iter().chain(said).chain(came).chain(error.iter_mut().map(|error| &mut error.why))
    }

    /// The same exchanges in the order of stage, perspective and attempt, numbered from 1. Those that are alike in all three
    /// keep their order.
    pub fn numbered(mut exchanges: Vec<Self>) -> Vec<Self> {
        exchanges.sort_by_key(|exchange| (exchange.stage, exchange.perspective, exchange.attempt));
        for (exchange, n) in exchanges.iter_mut().zip(1..) {
            exchange.n = n;
        }
        exchanges
    }

    /// What the exchanges of one incident came to. A replay computes the same from the same recordings.
    pub fn cost(name: &ModelName, exchanges: &[Self]) -> ModelCost {
        let sent = || exchanges.iter().filter(|exchange| exchange.tries > 0);
        let mut usage = Usage::default();
        for one in sent().map(Self::usage) {
            usage.input_tokens = usage.input_tokens.saturating_add(one.input_tokens);
            usage.cache_write_tokens = usage.cache_write_tokens.saturating_add(one.cache_write_tokens);
            usage.cache_read_tokens = usage.cache_read_tokens.saturating_add(one.cache_read_tokens);
            usage.output_tokens = usage.output_tokens.saturating_add(one.output_tokens);
        }
        let millis = |exchange: &Self| i128::from(exchange.recorded_at.as_millisecond());
        let began = sent().map(|exchange| millis(exchange) - i128::from(exchange.took_ms)).min().unwrap_or(0);
        let ended = sent().map(millis).max().unwrap_or(0);
        ModelCost {
            backend: name.backend.clone(),
            model: Some(name.model.clone()),
            calls: u32::try_from(sent().count()).unwrap_or(u32::MAX),
            usage,
            micro_usd: sent().fold(0, |sum, exchange| sum.saturating_add(exchange.micro_usd)),
            took_ms: u64::try_from(ended - began).unwrap_or(0),
            note: None,
        }
    }
}
