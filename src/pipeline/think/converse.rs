//! One question of a person about one report: one call, or what the rules say.

use super::waves::{Prompts, Table};
use super::{Caller, Voice};
use crate::domain::{Exchange, ModelCost, Reply, Stage, Turn};
use crate::reason::{Case, Context, Task, converse as stage};

/// What came of a question.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The answer.
    pub reply: Reply,
    /// What it cost; or why no model answered.
    pub model: ModelCost,
    /// What was taken out of the model's answer, in plain words.
    pub dropped: Vec<String>,
}

/// The rules' answer. `note` says in one line why no model was asked.
pub fn converse_by_rules(case: Case<'_>, note: &str) -> Said {
    let model = ModelCost { backend: "none".to_owned(), note: Some(note.to_owned()), ..ModelCost::default() };
    Said { reply: stage::by_rules(case), model, dropped: Vec::new() }
}

/// The answer of whoever answers, checked; the rules' where there is none. Question and turns are masked.
pub async fn converse<V: Voice>(
    case: Case<'_>,
    voice: V,
    prompts: Prompts<'_>,
    question: &str,
    turns: &[Turn],
) -> (Said, Vec<Exchange>) {
    let table = Table { case, context: Context::of(case), caller: Caller::new(voice), prompts };
    let heard = table.ask(Task::Converse { question, turns }, &[Stage::Converse]).await;
    let mut traces = Vec::new();
    let reply = heard.checked(|answer, prose| stage::checked(answer, case, prose), &mut traces);
    let (mut model, exchanges) = table.caller.finish();
    let trace = traces.pop();
    model.note = trace.as_ref().and_then(|trace| trace.degraded.clone());
    let said = Said {
        reply: reply.unwrap_or_else(|| stage::by_rules(case)),
        model,
        dropped: trace.map(|trace| trace.dropped).unwrap_or_default(),
    };
    (said, exchanges)
}
