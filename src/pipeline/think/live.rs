//! A model that is asked for real: in time, within the bars and the day's budget, past the breaker, with retries. Whatever goes
//! wrong ends in an exchange that says so in one line; nothing waits longer than the incident's deadline.

use super::breaker::Sign;
use super::call::{Voice, one_line};
use super::gate::{Gate, Line};
use super::purse::{Purse, Sum, prompt_tokens};
use super::retry;
use crate::domain::{
    EXCHANGE_VERSION, Exchange, ExchangeAnswer, ExchangeError, ExchangeMessage, ExchangeRequest, ModelName, Price, Usage,
};
use crate::ports::{Clock, LanguageModel, Ledger, ModelAnswer, ModelError, ModelRequest, Role};
use crate::redact::Redactor;
use crate::telemetry::metrics;
use futures::future::{Either, select};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use tracing::Span;

/// The longest reason, in characters.
const WHY: usize = 200;

/// What bounds the calls of one incident.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One try, waiting for a seat included.
    pub call: SignedDuration,
    /// All stages together.
    pub incident: SignedDuration,
    /// Tokens that are read, cached ones among them.
    pub input_tokens: u64,
    /// Tokens that are written.
    pub output_tokens: u64,
    /// One incident, in millionths of a US dollar.
    pub micro_usd: u64,
    /// One day (UTC) of all incidents of all processes, in millionths of a US dollar; 0 is no calls.
    pub daily_micro_usd: u64,
    /// What the model costs.
    pub price: Price,
}

impl Default for Limits {
    /// Those of the specification, for a model that costs nothing.
    fn default() -> Self {
        Self {
            call: SignedDuration::from_secs(30),
            incident: SignedDuration::from_secs(60),
            input_tokens: 12_000,
            output_tokens: 24_000,
            micro_usd: 300_000,
            daily_micro_usd: 5_000_000,
            price: Price::FREE,
        }
    }
}

/// One incident's access to a model. Its time runs from when it is made.
pub struct Live<'a, M, L, C> {
    model: &'a M,
    ledger: &'a L,
    clock: &'a C,
    gate: &'a Gate,
    redactor: &'a Redactor,
    limits: Limits,
    line: Line,
    began: Timestamp,
    purse: Purse,
    /// Set when the account's spend limit is reached: then the incident asks no more.
    stopped: OnceLock<String>,
}

/// Why a request has no answer.
struct Failure {
    why: String,
    truncated: bool,
    usage: Usage,
}

impl Failure {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), truncated: false, usage: Usage::default() }
    }

    fn over_budget(why: &str) -> Self {
        Self::new(format!("over budget: {why}"))
    }
}

/// What a request came to so far. It outlives the request's future, which the deadline may drop.
#[derive(Default)]
struct Spent {
    tries: u32,
    sum: Sum,
    is_under_way: bool,
}

impl<'a, M: LanguageModel, L: Ledger, C: Clock> Live<'a, M, L, C> {
    /// For one incident, whose time begins now. `gate` is the process's own.
    pub fn new(model: &'a M, ledger: &'a L, clock: &'a C, gate: &'a Gate, redactor: &'a Redactor, limits: Limits) -> Self {
        let line = Line { backend: model.backend(), address: model.address().to_owned(), model: model.model().to_owned() };
        let (began, purse, stopped) = (clock.now(), Purse::default(), OnceLock::new());
        Self { model, ledger, clock, gate, redactor, limits, line, began, purse, stopped }
    }

    /// The time until the incident's deadline.
    fn left(&self) -> SignedDuration {
        // A clock that was set back gives no more time than there was at the beginning.
        let passed = self.clock.now().duration_since(self.began).max(SignedDuration::ZERO);
        self.limits.incident.saturating_sub(passed).max(SignedDuration::ZERO)
    }

    fn too_late(&self) -> Failure {
        Failure::new(format!("no answer within the incident's {} s", self.limits.incident.as_secs()))
    }

    /// Tries until there is an answer, or no further try is worth it.
    async fn answer(&self, request: &ModelRequest, spent: &mut Spent) -> Result<ModelAnswer, Failure> {
        let mut last: Option<Failure> = None;
        loop {
            let error = match self.one_try(request, spent).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                // That the model failed says more than that it may not be asked again.
                Err(not_sent) => return Err(last.unwrap_or(not_sent)),
            };
            let pause = retry::pause(&error, spent.tries, self.left(), self.gate.jitter(self.clock.now()));
            let failure = self.failure(&error);
            if matches!(error, ModelError::SpendLimit(_)) {
                let _ = self.stopped.set(failure.why.clone());
            }
            let Some(pause) = pause else { return Err(failure) };
            last = Some(failure);
            self.clock.wait(pause).await;
        }
    }

    /// One try. The outer error means that nothing was sent.
    async fn one_try(&self, request: &ModelRequest, spent: &mut Spent) -> Result<Result<ModelAnswer, ModelError>, Failure> {
        if let Some(why) = self.stopped.get() {
            return Err(Failure::new(why));
        }
        if self.limits.daily_micro_usd == 0 {
            return Err(Failure::over_budget("the day's budget is 0"));
        }
        let began = self.clock.now();
        if let Some(since) = self.gate.open_since(&self.line, began) {
            return Err(breaker_open(since));
        }
        let busy = || Failure::new(format!("no free call within {} s", self.limits.call.as_secs()));
        let seat = within(self.clock, self.limits.call, self.gate.seats.acquire()).await;
        let _seat = seat.and_then(Result::ok).ok_or_else(busy)?;
        if self.left().is_zero() {
            return Err(self.too_late());
        }
        let now = self.clock.now();
        let time = self.limits.call.saturating_sub(now.duration_since(began));
        if time <= SignedDuration::ZERO {
            return Err(busy());
        }
        let admission = self.gate.admit(&self.line, now).map_err(breaker_open)?;

        let (input, output) = (prompt_tokens(request), u64::from(request.max_tokens));
        let worst = Sum { input, output, micro_usd: self.limits.price.worst(input, output) };
        self.purse.book(&self.limits, request, spent.tries == 0, worst).map_err(Failure::over_budget)?;
        let day = Offset::UTC.to_datetime(now).date();
        let reserved = self.ledger.reserve(day, worst.micro_usd, self.limits.daily_micro_usd).await;
        let reservation = match reserved {
            Ok(Some(reservation)) => reservation,
            denied => {
                self.purse.settle(worst, Sum::default());
                return Err(match denied {
                    Err(error) => {
                        Failure::over_budget(&format!("the day's budget can't be kept: {}", self.shown(&error.to_string())))
                    }
                    Ok(_) => Failure::over_budget("the day's budget is used up"),
                });
            }
        };

        spent.tries += 1;
        spent.sum = spent.sum.plus(worst);
        spent.is_under_way = true;
        let asked = within(self.clock, time, self.model.ask(request, time.unsigned_abs())).await;
        spent.is_under_way = false;
        let answered = match asked {
            // What adapters and we call late is the same: the time of one call is over.
            None | Some(Err(ModelError::Timeout(_))) => Err(ModelError::Timeout(self.limits.call.unsigned_abs())),
            Some(answered) => answered,
        };
        admission.report(self.clock.now(), sign_of(&answered));
        let (backend, outcome) = (self.line.backend, outcome_of(&answered));
        metrics().model_request(backend, request.stage.as_str(), outcome);
        metrics().model_breaker(backend, self.gate.open_since(&self.line, self.clock.now()).is_some());
        if let Some(usage) = known_usage(&answered) {
            let cost = self.limits.price.of(&usage);
            let real = Sum::of(&usage, cost);
            metrics().model_use(backend, real.input, real.output, cost as f64 / 1e6);
            self.purse.settle(worst, real);
            spent.sum = spent.sum.minus(worst).plus(real);
            if let Err(error) = self.ledger.settle(reservation, cost).await {
                tracing::warn!(%error, "what a model's answer really cost could not be booked: its worst case stays");
            }
        }
        Ok(answered)
    }

    fn failure(&self, error: &ModelError) -> Failure {
        let truncated = matches!(error, ModelError::Truncated(_));
        Failure { why: self.shown(&error.to_string()), truncated, usage: error.usage().unwrap_or_default() }
    }

    /// Text from outside for a report: masked, in one line, not too long.
    fn shown(&self, text: &str) -> String {
        one_line(&self.redactor.text(text), WHY)
    }

    /// The request as it is sent and recorded. Whoever made it has masked it; this is the last place that can.
    fn masked(&self, mut request: ModelRequest) -> ModelRequest {
        request.system = self.redactor.text(&request.system).into_owned();
        for message in &mut request.messages {
            message.text = self.redactor.text(&message.text).into_owned();
        }
        request
    }
}

impl<M: LanguageModel, L: Ledger, C: Clock> Voice for Live<'_, M, L, C> {
    fn name(&self) -> ModelName {
        ModelName { backend: self.line.backend.to_owned(), model: self.line.model.clone() }
    }

    #[tracing::instrument(
        name = "sre.copilot.model.call",
        skip_all,
        fields(sre.model.backend = self.line.backend, sre.model.stage = request.stage.as_str(), sre.model.tries, sre.model.answered)
    )]
    async fn exchange(&self, request: ModelRequest) -> Exchange {
        let request = self.masked(request);
        let began = self.clock.now();
        let mut spent = Spent::default();
        let in_time = within(self.clock, self.left(), self.answer(&request, &mut spent)).await;
        let outcome = in_time.unwrap_or_else(|| {
            if spent.is_under_way {
                self.gate.count_late();
            }
            Err(self.too_late())
        });
        let (response, error) = match outcome {
            Ok(ModelAnswer { text, stop_reason, usage }) => {
                // Masked before it is parsed, so that a replay parses the same.
                let text = self.redactor.text(&text).into_owned();
                (Some(ExchangeAnswer { text, stop_reason: self.shown(&stop_reason), usage }), None)
            }
            Err(Failure { why, truncated, usage }) => (None, Some(ExchangeError { why, truncated, usage })),
        };
        Span::current().record("sre.model.tries", spent.tries).record("sre.model.answered", response.is_some());
        let ended = self.clock.now();
        let whole = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        let took_ms = whole(ended).as_millisecond().saturating_sub(whole(began).as_millisecond());
        let asked = recorded_request(&request);
        Exchange {
            version: EXCHANGE_VERSION,
            n: 0,
            stage: request.stage,
            perspective: request.perspective,
            attempt: request.attempt,
            name: self.name(),
            request_sha256: asked.sha256(),
            request: asked,
            response,
            error,
            recorded_at: whole(ended),
            took_ms: u64::try_from(took_ms).unwrap_or(0),
            tries: spent.tries,
            micro_usd: spent.sum.micro_usd,
            input_tokens: spent.sum.input,
        }
    }
}

/// A request as it is recorded.
pub(super) fn recorded_request(request: &ModelRequest) -> ExchangeRequest {
    let role = |role| match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let message =
        |message: &crate::ports::Message| ExchangeMessage { role: role(message.role).to_owned(), content: message.text.clone() };
    ExchangeRequest {
        system: request.system.clone(),
        messages: request.messages.iter().map(message).collect(),
        schema: request.schema.clone(),
        max_tokens: request.max_tokens,
    }
}

/// What comes of a future within this time; `None` when it takes longer, and then it is dropped.
async fn within<T>(clock: &impl Clock, time: SignedDuration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(clock.wait(time))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

fn breaker_open(since: Timestamp) -> Failure {
    Failure::new(format!("breaker open since {} UTC", Offset::UTC.to_datetime(since).strftime("%H:%M")))
}

/// How a call went, in a word.
fn outcome_of(answered: &Result<ModelAnswer, ModelError>) -> &'static str {
    match answered {
        Ok(_) => "ok",
        Err(ModelError::Timeout(_)) => "timeout",
        Err(ModelError::Refused(_)) => "refused",
        Err(ModelError::Truncated(_) | ModelError::PromptCut(..)) => "cut",
        Err(ModelError::SpendLimit(_)) => "spend_limit",
        Err(ModelError::Rejected { .. }) => "rejected",
        Err(_) => "failed",
    }
}

/// What an answer says about whoever gave it. Whoever refuses or writes too much is there; an error page with 200 is not.
fn sign_of(answered: &Result<ModelAnswer, ModelError>) -> Sign {
    match answered {
        Ok(_) | Err(ModelError::Refused(_) | ModelError::Truncated(_)) => Sign::Works,
        Err(ModelError::Rejected { status: 401 | 403 | 404, .. }) => Sign::Denies,
        Err(ModelError::Rejected { .. } | ModelError::PromptCut(..)) => Sign::Nothing,
        Err(_) => Sign::Fails,
    }
}

/// The tokens of a try, where they are known. An answer that claims to have cost nothing wasn't counted.
fn known_usage(answered: &Result<ModelAnswer, ModelError>) -> Option<Usage> {
    let counted = |usage: Usage| (usage.output_tokens > 0 && Sum::of(&usage, 0).input > 0).then_some(usage);
    match answered {
        Ok(answer) => counted(answer.usage),
        Err(ModelError::Refused(usage) | ModelError::Truncated(usage) | ModelError::PromptCut(_, usage)) => counted(*usage),
        Err(error) => error.usage(),
    }
}
