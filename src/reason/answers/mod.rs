//! What a model may answer at each stage: the types, the JSON schemas made from them, and the strict reading of a text. The
//! schemas are the same for every incident, so that servers compile and cache them once; ids are plain strings in them, and
//! whether an id names something is checked by the stage. Nothing in here knows an incident.

mod bounds;
mod conform;
mod intent;
mod read;

use crate::diagnose;
use crate::domain::Stage;
use bounds::Bounds;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

pub use intent::{IntentAnswer, ParamsAnswer};
pub use read::parse;

/// An answer of one stage.
pub trait Answer: DeserializeOwned + JsonSchema {
    /// Of which.
    const STAGE: Stage;

    /// Holds it against what a schema that strict servers take can't say: lengths, counts and ranges.
    fn check(&self, bounds: &mut Bounds);
}

/// A sentence and the facts that it rests on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementAnswer {
    /// One sentence, at most 200 characters.
    pub text: String,
    /// Ids of facts, such as F3.
    pub facts: Vec<String>,
}

/// What is seen and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyzeAnswer {
    /// At most 600 characters.
    pub summary: String,
    /// At most 6.
    pub observations: Vec<StatementAnswer>,
    /// What would help and was not seen: at most 5 of at most 120 characters.
    pub missing: Vec<String>,
}

/// The cause that a hypothesis names: an id of the catalogue, or `other`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CauseId(pub String);

/// What a hypothesis is called that the catalogue has no name for.
pub const OTHER: &str = "other";

impl JsonSchema for CauseId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CauseId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut ids: Vec<&str> = diagnose::catalogue().into_iter().flat_map(|(_, causes)| causes).map(|cause| cause.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.push(OTHER);
        json_schema!({"type": "string", "enum": ids})
    }
}

/// A candidate explanation.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HypothesisAnswer {
    /// The cause's id, or other.
    pub cause: CauseId,
    /// Id of the object to mend, such as O2.
    pub object: String,
    /// At most 240 characters.
    pub statement: String,
    /// Ids of the facts that it rests on, at least one.
    pub facts: Vec<String>,
    /// Ids of the facts that speak against it.
    pub against: Vec<String>,
    /// What one would see if it held: at most 3 of at most 120 characters.
    pub predicts: Vec<String>,
    /// From 0 to 1.
    pub confidence: f64,
}

/// The hypotheses of one perspective.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HypothesizeAnswer {
    /// At most 3, best first.
    pub hypotheses: Vec<HypothesisAnswer>,
}

/// What kind of objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ObjectionKind {
    /// A found fact that can't be true if the hypothesis is.
    Contradicts,
    /// An absent fact that would be found if the hypothesis held.
    Missing,
    /// A found fact that another cause explains better.
    OtherCause,
}

impl ObjectionKind {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradicts => "contradicts",
            Self::Missing => "missing",
            Self::OtherCause => "other_cause",
        }
    }
}

/// One objection to a hypothesis.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefutationAnswer {
    /// Id of the fact, such as F3.
    pub fact: String,
    /// What kind.
    pub kind: ObjectionKind,
    /// Id of the hypothesis that explains it better, such as H2, or null.
    #[serde(deserialize_with = "present")]
    pub other: Option<String>,
    /// At most 160 characters.
    pub why: String,
}

/// What a model says to one hypothesis.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// Its id, such as H1.
    pub hypothesis: String,
    /// At most 4.
    pub refutations: Vec<RefutationAnswer>,
    /// Ids of the facts that support it.
    pub supports: Vec<String>,
}

/// What speaks against the hypotheses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CriticizeAnswer {
    /// One for each hypothesis.
    pub reviews: Vec<ReviewAnswer>,
}

/// Something to do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextAnswer {
    /// At most 160 characters.
    pub text: String,
    /// Id of the proposed action that it speaks of, such as I1, or null.
    #[serde(deserialize_with = "present")]
    pub intent: Option<String>,
}

/// The text for a verdict that stands.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SynthesizeAnswer {
    /// At most 120 characters.
    pub headline: String,
    /// At most 400 characters.
    pub happened: String,
    /// Why that is so, at most 5.
    pub because: Vec<StatementAnswer>,
    /// What to do, at most 4.
    pub next: Vec<NextAnswer>,
    /// What would raise the confidence: at most 3 of at most 120 characters.
    pub raises_confidence: Vec<String>,
}

/// Which of the proposed actions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixAnswer {
    /// Id of a proposed action, such as I1, or none.
    pub choice: String,
    /// The same action filled in, or null.
    #[serde(deserialize_with = "present")]
    pub intent: Option<IntentAnswer>,
    /// At most 160 characters.
    pub why: String,
    /// Ids of the facts that it rests on.
    pub facts: Vec<String>,
}

/// An answer to a person's question.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConverseAnswer {
    /// At most 1200 characters.
    pub answer: String,
    /// Ids of the facts that it rests on.
    pub facts: Vec<String>,
    /// What is not known: at most 3 of at most 120 characters.
    pub unknown: Vec<String>,
    /// Ids of reading actions that would tell more, such as I2.
    pub look: Vec<String>,
}

/// Takes `null` for nothing, but wants the field to be there: strict servers write every field.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// The JSON schema of a stage's answer, without keywords that strict servers refuse: objects are closed, every field is
/// required, what may be missing is a union with null, and nothing bounds a length, a count or a number.
pub fn schema(stage: Stage) -> &'static Value {
    let [analyze, hypothesize, criticize, synthesize, fix, converse] = &*SCHEMAS;
    match stage {
        Stage::Analyze => analyze,
        Stage::Hypothesize => hypothesize,
        Stage::Criticize => criticize,
        Stage::Synthesize => synthesize,
        Stage::Fix => fix,
        Stage::Converse => converse,
    }
}

static SCHEMAS: LazyLock<[Value; 6]> = LazyLock::new(|| {
    [
        schema_of::<AnalyzeAnswer>(),
        schema_of::<HypothesizeAnswer>(),
        schema_of::<CriticizeAnswer>(),
        schema_of::<SynthesizeAnswer>(),
        schema_of::<FixAnswer>(),
        schema_of::<ConverseAnswer>(),
    ]
});

fn schema_of<A: Answer>() -> Value {
    // As they are serialized: a field that may be null is there all the same.
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<A>().to_value();
    plain(&mut schema);
    schema
}

/// Takes out what no server needs (titles) or strict ones refuse (formats), and writes what may be one of several the way that all
/// of them read.
fn plain(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for refused in ["title", "format"] {
        fields.remove(refused);
    }
    // A list of types with an object among them is a union to some servers and nothing to others.
    if fields.get("type").and_then(Value::as_array).is_some_and(|types| types.contains(&"object".into())) {
        let mut object = std::mem::take(fields);
        object.insert("type".to_owned(), "object".into());
        fields.insert("anyOf".to_owned(), Value::Array(vec![Value::Object(object), serde_json::json!({"type": "null"})]));
    }
    if let Some(variants) = fields.get("oneOf").and_then(Value::as_array) {
        let words: Vec<Value> = variants.iter().filter_map(|variant| variant.get("const").cloned()).collect();
        fields.remove("oneOf");
        fields.insert("type".to_owned(), "string".into());
        fields.insert("enum".to_owned(), words.into());
    }
    for nested in ["items", "anyOf", "properties"] {
        match fields.get_mut(nested) {
            Some(Value::Array(all)) => all.iter_mut().for_each(plain),
            Some(Value::Object(all)) if nested == "properties" => all.values_mut().for_each(plain),
            Some(one) => plain(one),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
