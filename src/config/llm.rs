//! `[llm]`: which language model, and what it may cost.

use super::Secret;
use crate::domain::Price;
use jiff::SignedDuration;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[llm]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmSettings {
    /// Which backend.
    pub backend: Backend,
    /// The model's name; without it the backend's default.
    pub model: Option<String>,
    /// The API's address; without it the backend's default.
    pub base_url: Option<String>,
    /// `ANTHROPIC_API_KEY`, or the bearer key of an OpenAI-compatible server.
    pub api_key: Option<Secret>,
    /// The header `anthropic-version`.
    pub anthropic_version: String,
    /// How a structured answer is asked for.
    pub structured: Structured,
    /// The fewest tokens that the model's cache takes.
    pub cache_min_tokens: u32,
    /// The longest answer in tokens, thinking among them.
    pub max_tokens: u32,
    /// Prompt and answer together, for OpenAI-compatible servers.
    pub context_window: u32,
    /// The program of `claude_cli`.
    pub claude: PathBuf,
    /// One call; 30 s, of `claude_cli` 180 s.
    pub call_timeout: Option<SignedDuration>,
    /// All stages of an incident; 60 s, of `claude_cli` 240 s.
    pub incident_timeout: Option<SignedDuration>,
    /// `PROMPT_INPUT_MAX_CHARS`.
    pub prompt_input_max_chars: usize,
    /// Of one incident.
    pub incident_input_tokens: u64,
    /// Of one incident.
    pub incident_output_tokens: u64,
    /// Of one incident, in US dollars.
    pub incident_budget_usd: f64,
    /// `LLM_DAILY_BUDGET_USD`; 0 is no calls.
    pub daily_budget_usd: f64,
    /// By model, in US dollars for a million tokens.
    pub prices: BTreeMap<String, Price>,
}

/// Which backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// The rules alone.
    #[default]
    None,
    /// Anthropic's Messages API.
    Anthropic,
    /// The program `claude` with its own login.
    ClaudeCli,
    /// Any server that speaks OpenAI's chat completions.
    Openai,
}

/// How a structured answer is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structured {
    /// `output_config.format`.
    #[default]
    Format,
    /// One strict tool, for servers without `output_config`.
    Tool,
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self {
            backend: Backend::None,
            model: None,
            base_url: None,
            api_key: None,
            anthropic_version: "2026-10-21".to_owned(),
            structured: Structured::Format,
            cache_min_tokens: 512,
            max_tokens: 3_000,
            context_window: 8_192,
            claude: PathBuf::from("claude"),
            call_timeout: None,
            incident_timeout: None,
            prompt_input_max_chars: 20_000,
            incident_input_tokens: 12_000,
            incident_output_tokens: 24_000,
            incident_budget_usd: 0.30,
            daily_budget_usd: 5.0,
            prices: BTreeMap::new(),
        }
    }
}
