//! What a report proposes: the intents that its cause calls for, with risk, command and what policy says to each. It needs
//! no cluster and changes nothing; what is proposed here has not met the API server yet.

use crate::cluster::Snapshot;
use crate::domain::{ActionDecision, ActionReport, ExecutionIntent, Report};
use crate::remedy::{self, GateInput, Memory, Mode, Settings, command, shown};

/// Fills a report's `actions` in. Policy speaks as of the snapshot's moment, and as strictly as it can: without a person nothing
/// is applied.
pub fn propose(report: &mut Report, snapshot: &Snapshot, memory: &Memory, settings: &Settings) {
    let advice = remedy::advise(snapshot, report, memory, settings);
    let refused = advice.refused.into_iter().map(|refused| refused.intent);
    let intents = refused.chain(advice.candidates);
    report.actions = intents.map(|intent| action(intent, report, snapshot, memory, settings)).collect();
}

fn action(intent: ExecutionIntent, report: &Report, snapshot: &Snapshot, memory: &Memory, settings: &Settings) -> ActionReport {
    let object = snapshot.get(&intent.object()).map(|object| &object.raw);
    let data_plane = remedy::data_plane(snapshot, settings, &intent.object());
    let refusals = remedy::refusals(snapshot, &intent);
    let decision = remedy::gate(&GateInput {
        settings,
        mode: Mode::default(),
        now: snapshot.now,
        intent: &intent,
        request: None,
        verdict: report.verdict,
        cause: report.causes.first().map_or("", |cause| cause.id.as_str()),
        is_contradicted: !report.contradictions.is_empty(),
        data_plane: &data_plane,
        refusals: &refusals,
        gitops_owner: object.and_then(remedy::gitops_owner),
        memory,
        risk: intent.risk,
        is_undo: false,
    });
    ActionReport {
        why: intent.reason.clone(),
        command: shown(&command(&intent, object)),
        risk: intent.risk,
        decision: ActionDecision { value: decision.value, rule: decision.rule, why: decision.why },
        intent,
    }
}
