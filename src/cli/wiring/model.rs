//! The language model that the settings name, and the stages with it.

use super::{Progress, runtime, store_path};
use crate::adapters::anthropic::{AnthropicModel, AnthropicOptions};
use crate::adapters::claude_cli::{ClaudeCliModel, ClaudeCliOptions};
use crate::adapters::machine::MachineClock;
use crate::adapters::openai::{OpenAiModel, OpenAiOptions};
use crate::cli::error::CliError;
use crate::config::{Backend, LlmSettings, Settings};
use crate::domain::{Exchange, ModelName, Reasoning, micro_usd};
use crate::pipeline::think::{Differences, Gate, Limits, Live, Prompts, Replayed, previews, price_of, think};
use crate::ports::{Egress, LanguageModel, ModelAnswer, ModelError, ModelRequest, StoreError};
use crate::reason::Case;
use crate::redact::Redactor;
use crate::store::Store;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// One of the backends.
pub(super) enum Model {
    Anthropic(AnthropicModel),
    ClaudeCli(ClaudeCliModel),
    OpenAi(OpenAiModel),
}

impl Model {
    pub(super) fn of(settings: &LlmSettings, redactor: &Redactor) -> Result<Option<Self>, CliError> {
        let redactor = redactor.clone();
        let model = match settings.backend {
            Backend::None => return Ok(None),
            Backend::Anthropic => {
                AnthropicOptions::of(settings).and_then(|options| AnthropicModel::new(options, redactor)).map(Self::Anthropic)
            }
            Backend::ClaudeCli => Ok(Self::ClaudeCli(ClaudeCliModel::new(ClaudeCliOptions::of(settings), redactor))),
            Backend::Openai => {
                OpenAiOptions::of(settings).and_then(|options| OpenAiModel::new(options, redactor)).map(Self::OpenAi)
            }
        };
        model.map(Some).map_err(|error| CliError::usage(error.to_string()).hint("docs/settings.md says what [llm] can hold"))
    }
}

/// Asks the one that there is.
macro_rules! each {
    ($model:expr, $it:ident => $does:expr) => {
        match $model {
            Model::Anthropic($it) => $does,
            Model::ClaudeCli($it) => $does,
            Model::OpenAi($it) => $does,
        }
    };
}

impl Model {
    /// What it is called.
    pub(super) fn name(&self) -> ModelName {
        ModelName { backend: self.backend().to_owned(), model: self.model().to_owned() }
    }

    /// Whether it is there and takes the key, at no cost: no prompt is sent.
    pub(super) async fn probe(&self, time: Duration) -> Result<String, ModelError> {
        each!(self, it => it.probe(time).await)
    }
}

impl LanguageModel for Model {
    fn backend(&self) -> &'static str {
        each!(self, it => it.backend())
    }

    fn model(&self) -> &str {
        each!(self, it => it.model())
    }

    fn address(&self) -> &str {
        each!(self, it => it.address())
    }

    async fn ask(&self, request: &ModelRequest, time: Duration) -> Result<ModelAnswer, ModelError> {
        each!(self, it => it.ask(request, time).await)
    }

    fn egress(&self, request: &ModelRequest) -> Egress {
        each!(self, it => it.egress(request))
    }
}

/// The bounds of one incident's calls. A program that has to log in and start takes longer than an API.
pub(super) fn limits(settings: &LlmSettings, model: &Model) -> Limits {
    let (call, incident) = if settings.backend == Backend::ClaudeCli { (180, 240) } else { (30, 60) };
    Limits {
        call: settings.call_timeout.unwrap_or(SignedDuration::from_secs(call)),
        incident: settings.incident_timeout.unwrap_or(SignedDuration::from_secs(incident)),
        input_tokens: settings.incident_input_tokens,
        output_tokens: settings.incident_output_tokens,
        micro_usd: micro_usd(settings.incident_budget_usd),
        daily_micro_usd: micro_usd(settings.daily_budget_usd),
        price: price_of(model.model(), model.address(), &settings.prices),
    }
}

pub(super) fn prompts<'a>(settings: &LlmSettings, remedy: &'a crate::remedy::Settings) -> Prompts<'a> {
    Prompts {
        max_chars: settings.prompt_input_max_chars,
        input_tokens: settings.incident_input_tokens,
        max_tokens: settings.max_tokens,
        remedy,
    }
}

/// What the stages say with the model of the settings, and what was said to it; `None` where they name none.
///
/// # Errors
/// When the model's settings can't be used. That it doesn't answer is none: then the rules' results stand.
pub fn with_model(
    settings: &Settings,
    redactor: &Redactor,
    case: Case<'_>,
    progress: &Progress,
) -> Result<Option<(Reasoning, Vec<Exchange>, ModelName)>, CliError> {
    let runtime = runtime()?;
    let said = runtime.block_on(async {
        let Some(model) = Model::of(&settings.llm, redactor)? else { return Ok(None) };
        progress.say(&format!("asking {}", model.model()));
        // Without books there is no budget, and without a budget no call.
        let ledger = store_path(settings).map_err(|error| StoreError::Failed(error.what));
        let ledger = ledger.and_then(|path| Store::open(&path, Timestamp::now));
        let (clock, gate) = (MachineClock, Gate::default());
        let live = Live::new(&model, &ledger, &clock, &gate, redactor, limits(&settings.llm, &model));
        let name = model.name();
        let (reasoning, exchanges) = think(case, live, prompts(&settings.llm, &settings.remediation())).await;
        Ok(Some((reasoning, exchanges, name)))
    });
    // What answers late is not waited for.
    runtime.shutdown_background();
    said
}

/// What would be sent to the model; none of it is.
///
/// # Errors
/// When the model's settings can't be used.
pub fn egress(settings: &Settings, redactor: &Redactor, case: Case<'_>) -> Result<Vec<Egress>, CliError> {
    // HTTP clients are made within a runtime.
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let Some(model) = Model::of(&settings.llm, redactor)? else { return Ok(Vec::new()) };
    Ok(previews(case, prompts(&settings.llm, &settings.remediation())).iter().map(|request| model.egress(request)).collect())
}

/// What the stages say with what a model said when it was recorded, and what is not as it was. Opens no socket.
///
/// # Errors
/// When the system gives no thread.
pub fn with_recording(
    name: ModelName,
    exchanges: Vec<Exchange>,
    case: Case<'_>,
) -> Result<(Reasoning, Vec<Exchange>, Differences), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| CliError::failed(format!("cannot start what a replay needs: {error}")))?;
    let replayed = Replayed::new(name, exchanges);
    // As everybody would see it, whatever this machine's settings are.
    let (llm, remedy) = (LlmSettings::default(), crate::remedy::Settings::default());
    let (reasoning, exchanges) = runtime.block_on(think(case, &replayed, prompts(&llm, &remedy)));
    Ok((reasoning, exchanges, replayed.differences()))
}
