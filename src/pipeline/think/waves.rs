//! The stages after the diagnosis, in their waves: first what is seen and what could be the cause, then what speaks against it,
//! then the text and the choice. Each has the rules' result before anybody is asked, so that a model that is down, late, over
//! budget or wrong costs its own paragraph and nothing else.

use super::{Called, Caller, Gap, Question, Voice};
use crate::domain::{Exchange, HealthStatus, ModelName, Origin, Perspective, Reasoning, Stage, StageTrace};
use crate::ports::ModelRequest;
use crate::reason::answers::{self, Answer};
use crate::reason::plan::Plan;
use crate::reason::{
    Case, Context, Dropped, Prompt, Prose, Task, analyze, confidence, criticize, fix, hypothesize, room, share, synthesize,
};
use crate::remedy::Settings;
use crate::telemetry::{self, in_stage};
use futures::future::join_all;

/// What bounds the prompts of one incident.
#[derive(Clone, Copy, Debug)]
pub struct Prompts<'a> {
    /// The longest prompt, in characters (`PROMPT_INPUT_MAX_CHARS`).
    pub max_chars: usize,
    /// The tokens that all calls together may read.
    pub input_tokens: u64,
    /// The longest answer in tokens.
    pub max_tokens: u32,
    /// What an action that a model fills in is held to.
    pub remedy: &'a Settings,
}

/// How a stage went: `rules` where nobody was asked, `degraded` where nobody could answer.
fn outcome<A>(heard: &Option<Heard<A>>) -> &'static str {
    outcome_of_all(heard.as_slice())
}

fn outcome_of_all<A>(heard: &[Heard<A>]) -> &'static str {
    match heard {
        [] => "rules",
        heard if heard.iter().all(|heard| heard.answer.is_some()) => "ok",
        _ => "degraded",
    }
}

/// What the stages say without a model. `note` says in one line why none was asked.
pub fn by_rules(case: Case<'_>, note: &str) -> Reasoning {
    use telemetry::Stage::{Analyze, Criticize, Fix, Hypothesize, Synthesize};
    let reasoning = rules(case, note);
    // The rules do all of it at once, and in no time: each stage stands in the trace, and how long they took says nothing.
    for stage in [Analyze, Hypothesize, Criticize, Synthesize, Fix] {
        telemetry::skipped(stage, "rules");
    }
    reasoning
}

fn rules(case: Case<'_>, note: &str) -> Reasoning {
    let claims = criticize::by_rules(hypothesize::by_rules(case), case);
    let ranking = confidence::rank(&claims.claims, &claims.objections, case);
    let plan = Plan::of(case, is_unwell(case));
    Reasoning {
        analysis: analyze::by_rules(case),
        narrative: synthesize::by_rules(case),
        choice: fix::by_rules(case),
        stages: plan.waves().concat().into_iter().map(|(stage, perspective)| StageTrace::of(stage, perspective)).collect(),
        hypotheses: ranking.hypotheses,
        side_by_side: ranking.side_by_side,
        // Nobody is there whom a line could instruct.
        suspicious: Vec::new(),
        model: crate::domain::ModelCost { backend: "none".to_owned(), note: Some(note.to_owned()), ..Default::default() },
    }
}

fn is_unwell(case: Case<'_>) -> bool {
    let health = case.report.health.as_ref().map(|health| health.status);
    matches!(health, Some(HealthStatus::Degraded | HealthStatus::Critical))
}

/// What the stages say with whoever answers, and what was said.
pub async fn think<V: Voice>(case: Case<'_>, voice: V, prompts: Prompts<'_>) -> (Reasoning, Vec<Exchange>) {
    let plan = Plan::of(case, is_unwell(case));
    if plan == Plan::default() {
        let mut reasoning = by_rules(case, "");
        let why = "nothing is wrong that a model could add to";
        reasoning.model = crate::domain::ModelCost { note: Some(why.to_owned()), ..Exchange::cost(&voice.name(), &[]) };
        return (reasoning, Vec::new());
    }
    let mut reasoning = rules(case, "");
    let table = Table { case, context: Context::of(case), caller: Caller::new(voice), prompts };
    let mut open: Vec<Stage> = plan.waves().concat().into_iter().map(|(stage, _)| stage).collect();
    let mut traces = Vec::new();

    // The first wave: what is seen, and what could be the cause, from each side.
    let looks = plan.perspectives.iter().map(|perspective| table.ask(Task::Hypothesize(*perspective), &open));
    let (analysis, looks) = futures::join!(
        in_stage(telemetry::Stage::Analyze, table.maybe(plan.analyze, Task::Analyze, &open), outcome),
        in_stage(telemetry::Stage::Hypothesize, join_all(looks), |looks: &Vec<_>| outcome_of_all(looks)),
    );
    if let Some(heard) = analysis {
        let found = heard.checked(|answer, prose| analyze::checked(answer, case, prose), &mut traces);
        reasoning.analysis = found.unwrap_or(reasoning.analysis);
    }
    let mut claims = hypothesize::by_rules(case);
    for (perspective, heard) in plan.perspectives.iter().zip(looks) {
        let checked = |answer, prose: &Prose| hypothesize::checked(answer, *perspective, case, prose);
        claims.extend(heard.checked(checked, &mut traces).unwrap_or_default());
    }
    open.retain(|stage| !matches!(stage, Stage::Analyze | Stage::Hypothesize));

    // The second: code objects first, then the model to what is left.
    let mut reviewed = criticize::by_rules(claims, case);
    let mut ranking = confidence::rank(&reviewed.claims, &reviewed.objections, case);
    let is_criticized = plan.criticize && !ranking.hypotheses.is_empty();
    let heard = table.maybe(is_criticized, Task::Criticize(&ranking.hypotheses), &open);
    if let Some(heard) = in_stage(telemetry::Stage::Criticize, heard, outcome).await {
        let checked = |answer, prose: &Prose| criticize::checked(answer, &ranking.hypotheses, case, prose);
        let objections = heard.checked(checked, &mut traces);
        reviewed.objections.extend(objections.unwrap_or_default());
        ranking = confidence::rank(&reviewed.claims, &reviewed.objections, case);
    }
    if let Some(trace) = traces.iter_mut().find(|trace| trace.stage == Stage::Criticize) {
        trace.dropped.extend(reviewed.dropped.lines());
    }
    open.retain(|stage| *stage != Stage::Criticize);

    // The third: the text for the verdict that stands, and the choice.
    let (text, choice) = futures::join!(
        in_stage(
            telemetry::Stage::Synthesize,
            table.maybe(plan.synthesize, Task::Synthesize(&ranking.hypotheses), &open),
            outcome
        ),
        in_stage(telemetry::Stage::Fix, table.maybe(plan.fix, Task::Fix, &open), outcome),
    );
    reasoning.narrative = synthesize::by_rules(case);
    if let Some(heard) = text {
        let found = heard.checked(|answer, prose| synthesize::checked(answer, case, prose), &mut traces);
        reasoning.narrative = found.unwrap_or(reasoning.narrative);
    }
    if let Some(heard) = choice {
        let found = heard.checked(|answer, prose| fix::checked(answer, case, prompts.remedy, prose), &mut traces);
        reasoning.choice = found.unwrap_or(reasoning.choice);
    }

    for trace in traces.iter().filter(|trace| trace.degraded.is_some()) {
        let why = trace.degraded.as_deref();
        tracing::info!(name: "model.degraded", { sre.model.stage = trace.stage.as_str(), why }, "a stage goes without the model");
    }
    reasoning.suspicious = table.context.suspicious().to_vec();
    let (model, exchanges) = table.caller.finish();
    reasoning.hypotheses = ranking.hypotheses;
    reasoning.side_by_side = ranking.side_by_side;
    reasoning.model = model;
    reasoning.model.note = missing(&traces);
    reasoning.stages = traces;
    (reasoning, exchanges)
}

/// The first requests of all calls as they would be sent, in the order of recordings. What would stand for the answers of
/// earlier calls are the rules' results.
pub fn previews(case: Case<'_>, prompts: Prompts<'_>) -> Vec<ModelRequest> {
    let plan = Plan::of(case, is_unwell(case));
    let table = Table { case, context: Context::of(case), caller: Caller::new(Silent), prompts };
    let reviewed = criticize::by_rules(hypothesize::by_rules(case), case);
    let ranking = confidence::rank(&reviewed.claims, &reviewed.objections, case);
    let mut open: Vec<Stage> = plan.waves().concat().into_iter().map(|(stage, _)| stage).collect();
    let mut requests = Vec::new();
    for wave in plan.waves() {
        for (stage, perspective) in &wave {
            let task = match (stage, perspective) {
                (Stage::Hypothesize, Some(perspective)) => Task::Hypothesize(*perspective),
                (Stage::Criticize, _) => Task::Criticize(&ranking.hypotheses),
                (Stage::Synthesize, _) => Task::Synthesize(&ranking.hypotheses),
                (Stage::Fix, _) => Task::Fix,
                _ => Task::Analyze,
            };
            requests.extend(table.question(task, *perspective, &open).map(|(question, _)| question.first()));
        }
        open.retain(|stage| !wave.iter().any(|(asked, _)| asked == stage));
    }
    requests
}

/// Nobody answers a preview.
struct Silent;

impl Voice for Silent {
    fn name(&self) -> ModelName {
        ModelName::default()
    }

    async fn exchange(&self, _: ModelRequest) -> Exchange {
        std::future::pending().await
    }
}

/// Why the report has no part of the model's, where it has none.
fn missing(traces: &[StageTrace]) -> Option<String> {
    if traces.iter().any(|trace| trace.origin == Origin::Model) {
        return None;
    }
    traces.iter().find_map(|trace| trace.degraded.clone())
}

/// Where the questions of one incident are put.
pub(super) struct Table<'a, V> {
    pub(super) case: Case<'a>,
    pub(super) context: Context<'a>,
    pub(super) caller: Caller<V>,
    pub(super) prompts: Prompts<'a>,
}

/// What came of one question.
pub(super) struct Heard<A> {
    trace: StageTrace,
    prose: Prose,
    answer: Option<A>,
}

impl<V: Voice> Table<'_, V> {
    async fn maybe<A: Answer>(&self, is_wanted: bool, task: Task<'_>, open: &[Stage]) -> Option<Heard<A>> {
        if is_wanted { Some(self.ask(task, open).await) } else { None }
    }

    /// Asks; `open` are the stages of all calls that are still to be made, this one among them.
    pub(super) async fn ask<A: Answer>(&self, task: Task<'_>, open: &[Stage]) -> Heard<A> {
        let stage = task.stage();
        let perspective = if let Task::Hypothesize(perspective) = task { Some(perspective) } else { None };
        let mut trace = StageTrace::of(stage, perspective);
        let Some((question, prompt)) = self.question(task, perspective, open) else {
            trace.degraded = Some("over budget: the found facts alone are more than this call may read".to_owned());
            return Heard { trace, prose: Prose::new(self.case, ""), answer: None };
        };
        trace.left_out = prompt.left_out;
        let prose = Prose::new(self.case, &prompt.user);
        let answer = match self.caller.call(&question, answers::parse::<A>).await {
            Ok(Called { value, calls }) => {
                trace.calls = calls;
                Some(value)
            }
            Err(Gap { why, calls }) => {
                (trace.calls, trace.degraded) = (calls, Some(why));
                None
            }
        };
        Heard { trace, prose, answer }
    }

    /// The question within the call's share, and its prompt.
    fn question(&self, task: Task<'_>, perspective: Option<Perspective>, open: &[Stage]) -> Option<(Question, Prompt)> {
        let stage = task.stage();
        let schema = answers::schema(stage);
        let left = self.prompts.input_tokens.saturating_sub(self.caller.input_tokens());
        let share = share(left, open.iter().copied(), stage);
        let room = room(share, schema.to_string().len(), self.prompts.max_chars);
        let prompt = self.context.prompt(task, room)?;
        let question = Question {
            stage,
            perspective,
            system: prompt.system.clone(),
            user: prompt.user.clone(),
            schema: schema.clone(),
            max_tokens: self.prompts.max_tokens,
        };
        Some((question, prompt))
    }
}

impl<A> Heard<A> {
    /// Checks the answer, if there is one, and files how the stage went.
    pub(super) fn checked<T>(self, check: impl FnOnce(A, &Prose) -> (T, Dropped), traces: &mut Vec<StageTrace>) -> Option<T> {
        let Self { mut trace, prose, answer } = self;
        let checked = answer.map(|answer| check(answer, &prose));
        let value = checked.map(|(value, dropped)| {
            trace.origin = Origin::Model;
            trace.dropped.extend(dropped.lines());
            value
        });
        traces.push(trace);
        value
    }
}
