//! One question of a stage: asked, its answer parsed, and once more with the error where it doesn't fit. Whether a model or a
//! recording answers makes no difference here. What comes out is a value or a reason; it never fails an incident.

use crate::domain::{Exchange, ExchangeAnswer, ExchangeError, ModelCost, ModelName, Perspective, Stage};
use crate::ports::{Message, ModelRequest, Role};
use serde_json::Value;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

/// The longest error that a repair quotes, in characters.
const QUOTED_ERROR: usize = 600;
/// The longest answer that a repair quotes, in bytes: more than any answer that fits its schema.
const QUOTED_ANSWER: usize = 12_000;
/// The longest reason, in characters.
const LONGEST_WHY: usize = 400;

/// What a stage asks. The texts are redacted and guarded.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which stage.
    pub stage: Stage,
    /// Of `hypothesize` the perspective.
    pub perspective: Option<Perspective>,
    /// Alike for every incident of the stage.
    pub system: String,
    /// About this incident.
    pub user: String,
    /// The schema of the answer.
    pub schema: Value,
    /// The longest answer in tokens.
    pub max_tokens: u32,
}

impl Question {
    fn request(&self, attempt: u32, messages: Vec<Message>) -> ModelRequest {
        let Self { stage, perspective, system, schema, max_tokens, .. } = self.clone();
        ModelRequest { stage, perspective, attempt, system, messages, schema, max_tokens }
    }

    /// The request of its first call.
    pub(super) fn first(&self) -> ModelRequest {
        self.request(1, vec![said(Role::User, self.user.clone())])
    }

    /// The same again: the answer and what is wrong with it. An answer that isn't there, or that is too long to be sent back,
    /// is only described, since an empty message is refused and a cut one misleads.
    fn repair(&self, answer: &str, wrong: &str) -> ModelRequest {
        let wrong = one_line(wrong, QUOTED_ERROR);
        let again = format!("That answer can't be used: {wrong}. Answer again, with JSON of the schema and nothing else.");
        let messages = if answer.trim().is_empty() || answer.len() > QUOTED_ANSWER {
            vec![said(Role::User, format!("{}\n\nAn earlier answer: {again}", self.user))]
        } else {
            let question = said(Role::User, self.user.clone());
            vec![question, said(Role::Assistant, answer.to_owned()), said(Role::User, again)]
        };
        self.request(2, messages)
    }
}

fn said(role: Role, text: String) -> Message {
    Message { role, text }
}

/// An answer that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Called<T> {
    /// What was parsed.
    pub value: T,
    /// How many calls were sent for it, the repair among them.
    pub calls: u32,
}

/// Why there is no answer; the rules' equivalent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// In one line: `over budget: …`, `refused`, `breaker open since 12:03 UTC`, `no answer within 30 s`.
    pub why: String,
    /// How many calls were sent all the same.
    pub calls: u32,
}

/// Who answers: a model ([`Live`](super::Live)) or a recording ([`Replayed`](super::Replayed)).
pub trait Voice: Sync {
    /// Which model answers, or answered when it was recorded.
    fn name(&self) -> ModelName;

    /// One call with all that belongs to it. What goes wrong stands in the exchange.
    fn exchange(&self, request: ModelRequest) -> impl Future<Output = Exchange> + Send;
}

impl<V: Voice> Voice for &V {
    fn name(&self) -> ModelName {
        (*self).name()
    }

    fn exchange(&self, request: ModelRequest) -> impl Future<Output = Exchange> + Send {
        (*self).exchange(request)
    }
}

/// Asks the questions of one incident, in any order and at the same time, and keeps what was said.
#[derive(Debug)]
pub struct Caller<V> {
    voice: V,
    exchanges: Mutex<Vec<Exchange>>,
}

impl<V: Voice> Caller<V> {
    /// For one incident.
    pub fn new(voice: V) -> Self {
        Self { voice, exchanges: Mutex::default() }
    }

    /// Asks, parses the answer without its code fence, and asks once more where it doesn't fit.
    ///
    /// # Errors
    /// When there is no answer, or none that fits.
    pub async fn call<T>(&self, question: &Question, parse: impl Fn(&str) -> Result<T, String>) -> Result<Called<T>, Gap> {
        let (calls, first) = self.ask(question.first()).await;
        let repair = match first {
            Ok(answer) => match parse(unfenced(&answer.text)) {
                Ok(value) => return Ok(Called { value, calls }),
                Err(wrong) => question.repair(&answer.text, &wrong),
            },
            Err(ExchangeError { truncated: true, .. }) => question.repair("", "it was cut off at its longest length"),
            Err(error) => return Err(Gap { why: error.why, calls }),
        };
        let (more, second) = self.ask(repair).await;
        let calls = calls + more;
        let answer = second.map_err(|error| Gap { why: error.why, calls })?;
        match parse(unfenced(&answer.text)) {
            Ok(value) => Ok(Called { value, calls }),
            Err(wrong) => Err(Gap { why: format!("no usable answer: {}", one_line(&wrong, 160)), calls }),
        }
    }

    /// One exchange, and how many calls it was: none when it was never sent.
    async fn ask(&self, request: ModelRequest) -> (u32, Result<ExchangeAnswer, ExchangeError>) {
        let exchange = self.voice.exchange(request).await;
        let calls = u32::from(exchange.tries > 0);
        let answer = match (&exchange.response, &exchange.error) {
            (Some(answer), None) => Ok(answer.clone()),
            // One line and no longer than what is said live, whatever a recording holds.
            (_, Some(error)) => Err(ExchangeError { why: one_line(&error.why, LONGEST_WHY), ..error.clone() }),
            (None, None) => Err(ExchangeError { why: "no answer".to_owned(), truncated: false, usage: exchange.usage() }),
        };
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
        (calls, answer)
    }

    /// The tokens that were read so far, which the next wave's shares are counted from. The same in a replay.
    pub fn input_tokens(&self) -> u64 {
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().fold(0, |sum, exchange| sum.saturating_add(exchange.input_tokens))
    }

    /// What it all came to, and what was said, in the order of recordings.
    pub fn finish(self) -> (ModelCost, Vec<Exchange>) {
        let exchanges = Exchange::numbered(self.exchanges.into_inner().unwrap_or_else(PoisonError::into_inner));
        (Exchange::cost(&self.voice.name(), &exchanges), exchanges)
    }
}

/// An answer without the code fence around it.
fn unfenced(answer: &str) -> &str {
    let text = answer.trim();
    let Some(fenced) = text.strip_prefix("```") else { return text };
    let Some((language, rest)) = fenced.split_once('\n') else { return text };
    let is_language = language.trim().bytes().all(|byte| byte.is_ascii_alphanumeric());
    match rest.trim_end().strip_suffix("```") {
        Some(inner) if is_language => inner.trim(),
        _ => text,
    }
}

/// Text from outside in one line: white space and control characters become one blank, at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for (index, word) in
        text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty()).enumerate()
    {
        if index > 0 {
            line.push(' ');
        }
        line.push_str(word);
        // Enough is enough: the text may be long.
        if line.len() > max * 4 {
            break;
        }
    }
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
