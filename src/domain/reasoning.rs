//! What the stages after the diagnosis say: who said it, on which facts it rests, and what it cost. A model's words are
//! kept apart from the rules' everywhere; none of this changes a verdict, an object or an action.

use super::{Code, ObjectRef, Verdict};
use serde::{Deserialize, Serialize};

/// From which side a cause is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Perspective {
    /// The application and its configuration.
    App,
    /// Cluster, nodes, storage, network.
    Infra,
    /// What it depends on.
    Deps,
    /// The container's runtime: limits, signals, probes.
    Runtime,
}

impl Perspective {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Infra => "infra",
            Self::Deps => "deps",
            Self::Runtime => "runtime",
        }
    }
}

impl Perspective {
    /// All of them, in the order in which reports name them.
    pub const ALL: [Self; 4] = [Self::App, Self::Infra, Self::Deps, Self::Runtime];
}

/// A stage that may ask a model. Also the order in which exchanges are numbered when they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// What is seen and what is missing.
    Analyze,
    /// What could be the cause, from one perspective.
    Hypothesize,
    /// What speaks against the hypotheses.
    Criticize,
    /// The text for the verdict that stands.
    Synthesize,
    /// The choice among the proposed actions.
    Fix,
    /// An answer to a person's question.
    Converse,
}

impl Stage {
    /// The word used in JSON, in recordings and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Hypothesize => "hypothesize",
            Self::Criticize => "criticize",
            Self::Synthesize => "synthesize",
            Self::Fix => "fix",
            Self::Converse => "converse",
        }
    }
}

/// Who wrote something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The rules of this program.
    #[default]
    Rules,
    /// A language model, checked against the facts.
    Model,
}

/// A sentence and the facts that it rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The sentence.
    pub text: String,
    /// The numbers of facts, `F1` …; each exists.
    pub facts: Vec<String>,
}

/// What is seen and what is missing. Never evidence, and no input of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// Who wrote it.
    pub origin: Origin,
    /// At most 600 characters.
    pub summary: String,
    /// At most six.
    pub observations: Vec<Statement>,
    /// What would help and wasn't seen; at most five.
    pub missing: Vec<String>,
}

/// A candidate explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hypothesis {
    /// `H1` …, best first.
    pub id: String,
    /// Who had it first.
    pub origin: Origin,
    /// From which side: of the rules' the family's, of the model's the one that was asked.
    pub perspective: Perspective,
    /// The model's perspectives that have it too.
    pub seen_by: Vec<Perspective>,
    /// An id of the catalogue, or `other`.
    pub cause: String,
    /// The object to mend.
    pub object: ObjectRef,
    /// Of the model's at most 240 characters.
    pub statement: String,
    /// 0 to 1.
    pub confidence: f64,
    /// What it would stand as: `likely` from 0.60 on with direct evidence, `confirmed` from the rules alone, else `inconclusive`.
    pub verdict: Verdict,
    /// The facts that it rests on.
    pub facts: Vec<String>,
    /// The facts that speak against it.
    pub against: Vec<String>,
    /// What one would see if it held.
    pub predicts: Vec<String>,
    /// Objections that count, and remarks that don't.
    pub objections: Vec<Objection>,
}

/// An objection to a hypothesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Whether it lowered the confidence; otherwise it is a remark.
    pub counts: bool,
    /// `contradicts`, `missing` or `other_cause`.
    pub kind: String,
    /// The fact.
    pub fact: String,
    /// At most 160 characters.
    pub why: String,
}

/// The verdict in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Narrative {
    /// Who wrote it.
    pub origin: Origin,
    /// At most 120 characters.
    pub headline: String,
    /// At most 400 characters.
    pub happened: String,
    /// Why that is so; at most five.
    pub because: Vec<Statement>,
    /// What to do; at most four.
    pub next: Vec<NextStep>,
    /// What would raise the confidence; at most three.
    pub raises_confidence: Vec<String>,
}

/// Something to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// At most 160 characters.
    pub text: String,
    /// The proposed action that it speaks of, `I1` ….
    pub intent: Option<String>,
}

/// Which of the proposed actions, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Who chose.
    pub origin: Origin,
    /// `I1` … in the order of the report's actions; `None` when nothing is chosen.
    pub intent: Option<String>,
    /// At most 160 characters.
    pub why: String,
    /// The facts that it rests on.
    pub facts: Vec<String>,
    /// What was said about it and doesn't count.
    pub remarks: Vec<String>,
    /// Why the intent that a model filled in was rejected, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Code>,
}

/// How one stage went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTrace {
    /// Which.
    pub stage: Stage,
    /// Of `hypothesize` the perspective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perspective: Option<Perspective>,
    /// Whose result stands.
    pub origin: Origin,
    /// How many calls it made, the repair among them.
    pub calls: u32,
    /// Why the rules' result stands where a model was asked: `over budget`, `refused`, `breaker open since 12:03 UTC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// What was dropped from the answer, such as citations of facts that don't exist, and how often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// What the prompt left out: `logs: 143 of 160 lines left out`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl StageTrace {
    /// A stage at which the rules' result stands.
    pub fn of(stage: Stage, perspective: Option<Perspective>) -> Self {
        let origin = Origin::Rules;
        Self { stage, perspective, origin, calls: 0, degraded: None, dropped: Vec::new(), left_out: Vec::new() }
    }
}

/// What the calls of one incident came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens that were read at the full price.
    pub input_tokens: u64,
    /// Tokens that were read and kept for later calls.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Tokens that were read out of the cache.
    #[serde(default)]
    pub cache_read_tokens: u64,
    /// Tokens that were written, thinking among them.
    pub output_tokens: u64,
}

/// What a model added to one report, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCost {
    /// `none`, `anthropic`, `claude_cli` or `openai`; in a replay the one that was recorded.
    pub backend: String,
    /// The model's name; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Calls that were sent.
    pub calls: u32,
    /// Tokens of all calls.
    pub usage: Usage,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
    /// From the first request to the last answer, in milliseconds.
    pub took_ms: u64,
    /// Why there is no model part, in one line: `model: none`, `over budget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A line from outside that tries to instruct. It is evidence all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suspicious {
    /// Where it stands: `log shop/checkout-1/app line 17`, `annotation of Deployment shop/checkout`.
    pub place: String,
    /// The beginning of the phrase.
    pub phrase: String,
}

/// What the stages after the diagnosis say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasoning {
    /// What is seen and what is missing.
    pub analysis: Analysis,
    /// Possible causes, best first: the rules' and the model's.
    pub hypotheses: Vec<Hypothesis>,
    /// The hypotheses that the perspectives put first, where all of them put another one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub side_by_side: Vec<String>,
    /// The verdict in words.
    pub narrative: Narrative,
    /// Which action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// How each stage went, in order.
    pub stages: Vec<StageTrace>,
    /// Lines that tried to instruct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicious: Vec<Suspicious>,
    /// What the model cost.
    pub model: ModelCost,
}
