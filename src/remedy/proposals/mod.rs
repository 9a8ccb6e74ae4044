//! Which intent a cause calls for: one an analysis, for the first cause, on the object that it blames.

mod pods;
mod reads;
mod rollback;
mod sizes;
pub(super) use sizes::most_replicas;
pub use table::causes;
mod steps;
mod table;

use super::{DataPlane, Memory, Refusal, RiskInput, Settings, data_plane, refusals, risk};
use crate::cluster::Snapshot;
use crate::domain::{Action, CauseReport, ExecutionIntent, ObjectRef, Params, Report, ResourceType, Risk};

/// What is proposed for a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// What may be done, best first: at most one write, then reads. Their risk is computed.
    pub candidates: Vec<ExecutionIntent>,
    /// What the cause calls for and something speaks against.
    pub refused: Vec<Refused>,
    /// What to mend by hand, in words; empty where nothing is wrong.
    pub by_hand: String,
}

/// An intent that is not proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// It.
    pub intent: ExecutionIntent,
    /// Why.
    pub refusal: Refusal,
}

/// What a row of the table tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Back to the newest earlier template that ran Ready, if the fault began with a revision.
    Rollback,
    /// A higher memory limit.
    SetMemory,
    /// A higher CPU limit.
    SetCpu,
    /// Evict the one pod that fails, if the rest are well.
    EvictAlone,
    /// Evict a pod from the one node on which they fail.
    EvictOnNode,
    /// Restart, if the other end is back and others reach it.
    RestartToReach,
    /// Restart, if a Secret is newer than the pods that use it.
    RestartForSecret,
    /// Restart, if others serve meanwhile.
    RestartToBuyTime,
    /// As many replicas as the load needs.
    ScaleOut,
    /// The last count that there was.
    ScaleBack,
    /// Let a paused rollout go on.
    Resume,
    /// Read the log.
    Logs,
}

/// What a step's condition says.
enum Condition {
    /// It holds, and calls for this.
    Found(Box<ExecutionIntent>),
    /// It doesn't.
    Absent,
    /// Nobody can say; the words say why.
    Unknown(&'static str),
}

/// What a step looks at.
#[derive(Clone, Copy)]
struct Case<'a> {
    snapshot: &'a Snapshot,
    report: &'a Report,
    settings: &'a Settings,
    cause: &'a CauseReport,
    /// The top controller of what the cause blames.
    workload: &'a ObjectRef,
}

impl Case<'_> {
    fn found(&self, action: Action, object: &ObjectRef, params: Params, reason: String) -> Condition {
        intent(action, object, params, reason).map_or(Condition::Absent, |intent| Condition::Found(Box::new(intent)))
    }
}

/// An intent on an object, if its kind is one that an intent may name.
fn intent(action: Action, object: &ObjectRef, params: Params, reason: String) -> Option<ExecutionIntent> {
    let resource_type = ResourceType::of_kind(&object.kind).filter(|kind| action.works_on().contains(kind))?;
    let (namespace, resource_name) = (object.namespace.clone()?, object.name.clone());
    // What is read may be garbage, and a name goes into a path.
    if !super::parse::are_names(&namespace, &resource_name) {
        return None;
    }
    // As long as an intent's reason may be.
    let reason = reason.chars().take(500).collect();
    Some(ExecutionIntent { action, resource_type, resource_name, namespace, params, risk: Risk::High, reason })
}

/// What to do about the first cause of a report.
pub fn advise(snapshot: &Snapshot, report: &Report, memory: &Memory, settings: &Settings) -> Advice {
    let Some(cause) = report.causes.first() else {
        return with_risk(
            snapshot,
            report,
            memory,
            settings,
            Advice { candidates: reads::telling(snapshot, report), ..Advice::default() },
        );
    };
    let row = table::of(&cause.id);
    let mut advice = Advice { by_hand: row.map_or("", |row| row.by_hand).to_owned(), ..Advice::default() };
    if !report.verdict.is_fault() {
        advice.candidates = reads::telling(snapshot, report);
        return with_risk(snapshot, report, memory, settings, advice);
    }
    let workload = snapshot.workload(&cause.object);
    let case = Case { snapshot, report, settings, cause, workload: &workload };
    let mut undecided = None;
    for step in row.map_or(&[][..], |row| row.steps) {
        // A write that comes later needs what stands before it to be absent.
        if undecided.is_some() && *step != Step::Logs {
            continue;
        }
        match steps::take(*step, &case) {
            Condition::Absent => {}
            Condition::Unknown(why) => undecided = Some(why),
            Condition::Found(intent) => {
                place(*intent, &case, memory, &mut advice);
                break;
            }
        }
    }
    if let Some(why) = undecided {
        advice.by_hand = format!("{} (nothing is proposed: {why})", advice.by_hand);
    }
    with_risk(snapshot, report, memory, settings, advice)
}

/// Offers an intent, or says what speaks against it.
fn place(intent: ExecutionIntent, case: &Case<'_>, memory: &Memory, advice: &mut Advice) {
    if !intent.action.is_write() {
        advice.candidates.push(intent);
        return;
    }
    // What holds data is not changed, nor is that offered.
    if let DataPlane::Yes(_) = data_plane(case.snapshot, case.settings, &intent.object()) {
        return;
    }
    let tried = remembered(&intent, case, memory);
    let recurs = tried.is_some();
    match tried.or_else(|| refusals(case.snapshot, &intent).into_iter().next()) {
        Some(refusal) => advice.refused.push(Refused { intent, refusal }),
        None => advice.candidates.push(intent),
    }
    if recurs {
        advice.candidates.extend(reads::telling(case.snapshot, case.report));
    }
}

/// What was done before without lasting effect.
fn remembered(intent: &ExecutionIntent, case: &Case<'_>, memory: &Memory) -> Option<Refusal> {
    super::policy::seen_before(intent, &case.cause.id, memory, case.snapshot.now)
}

fn with_risk(snapshot: &Snapshot, report: &Report, memory: &Memory, settings: &Settings, mut advice: Advice) -> Advice {
    let refused = advice.refused.iter_mut().map(|refused| &mut refused.intent);
    for intent in advice.candidates.iter_mut().chain(refused) {
        let input =
            RiskInput { snapshot, report, intent, settings, memory, blast_radius: None, now: snapshot.now, is_undo: false };
        intent.risk = risk(&input).level;
    }
    advice
}

#[cfg(test)]
mod tests;
