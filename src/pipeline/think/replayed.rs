//! A recording in a model's place: it answers with what was answered, opens no socket, waits for nothing, and keeps account of
//! what is not as it was recorded.

use super::call::Voice;
use super::live::recorded_request;
use crate::domain::{EXCHANGE_VERSION, Exchange, ExchangeError, ExchangeRequest, ModelName, Perspective, Stage, Usage};
use crate::ports::ModelRequest;
use jiff::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The recordings of one bundle, each given out once.
#[derive(Debug)]
pub struct Replayed {
    name: ModelName,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// In the order of their numbers; `None` once given out.
    left: Vec<Option<Exchange>>,
    differences: Differences,
}

/// How a replay differs from its recording: one entry a call, such as `hypothesize (deps), attempt 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Calls of which there is no recording: a difference always.
    pub missing: Vec<String>,
    /// Calls whose request is another than the recorded one: a note, and a difference with `--strict-prompts`.
    pub changed: Vec<String>,
    /// Recordings that nobody asked for: a note.
    pub unused: Vec<String>,
}

impl Replayed {
    /// Answers out of these, as this model.
    pub fn new(name: ModelName, exchanges: Vec<Exchange>) -> Self {
        let mut exchanges = exchanges;
        exchanges.sort_by_key(|exchange| exchange.n);
        let left = exchanges.into_iter().map(Some).collect();
        Self { name, state: Mutex::new(State { left, differences: Differences::default() }) }
    }

    /// What was different so far, sorted.
    pub fn differences(&self) -> Differences {
        let state = self.state();
        let mut differences = state.differences.clone();
        differences.unused = state.left.iter().flatten().map(|one| called(one.stage, one.perspective, one.attempt)).collect();
        differences.missing.sort_unstable();
        differences.changed.sort_unstable();
        differences
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Voice for Replayed {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn exchange(&self, request: ModelRequest) -> Exchange {
        let asked = recorded_request(&request);
        let digest = asked.sha256();
        let ModelRequest { stage, perspective, attempt, .. } = request;
        let is_it = |one: &Exchange| (one.stage, one.perspective, one.attempt) == (stage, perspective, attempt);
        let mut state = self.state();
        // A bundle about several targets holds several of the same name: then the one whose request is the same.
        let all = || state.left.iter().enumerate().filter_map(|(index, one)| one.as_ref().map(|one| (index, one)));
        let same = all().find(|(_, one)| is_it(one) && one.request_sha256 == digest);
        let found = same.or_else(|| all().find(|(_, one)| is_it(one))).map(|(index, _)| index);
        let Some(exchange) = found.and_then(|index| state.left.get_mut(index)).and_then(Option::take) else {
            state.differences.missing.push(called(stage, perspective, attempt));
            return self.missing(&request, asked, digest);
        };
        if exchange.request_sha256 != digest {
            state.differences.changed.push(called(stage, perspective, attempt));
        }
        exchange
    }
}

impl Replayed {
    /// In the place of a recording that there is none of: never sent, so that it costs nothing.
    fn missing(&self, request: &ModelRequest, asked: ExchangeRequest, request_sha256: String) -> Exchange {
        let why = "no recording of this call".to_owned();
        Exchange {
            version: EXCHANGE_VERSION,
            n: 0,
            stage: request.stage,
            perspective: request.perspective,
            attempt: request.attempt,
            name: self.name.clone(),
            request: asked,
            request_sha256,
            response: None,
            error: Some(ExchangeError { why, truncated: false, usage: Usage::default() }),
            recorded_at: Timestamp::UNIX_EPOCH,
            took_ms: 0,
            tries: 0,
            micro_usd: 0,
            input_tokens: 0,
        }
    }
}

/// How a call is named: `criticize, attempt 1`.
fn called(stage: Stage, perspective: Option<Perspective>, attempt: u32) -> String {
    match perspective {
        Some(perspective) => format!("{} ({}), attempt {attempt}", stage.as_str(), perspective.as_str()),
        None => format!("{}, attempt {attempt}", stage.as_str()),
    }
}
