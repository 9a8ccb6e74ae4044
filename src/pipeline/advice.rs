//! What a report proposes: the intents that its cause calls for, with risk, command and what policy says to each. It needs
//! no cluster and changes nothing; what is proposed here has not met the API server yet.

use super::Situation;
use crate::cluster::Snapshot;
use crate::domain::{ActionDecision, ActionReport, ExecutionIntent, Report};
use crate::remedy::{self, Memory, Mode, Settings, command, shown};

/// Fills a report's `actions` in. Policy speaks as of the snapshot's moment, and as strictly as it can: without a person nothing
/// is applied.
pub fn propose(report: &mut Report, snapshot: &Snapshot, memory: &Memory, settings: &Settings) {
    let advice = remedy::advise(snapshot, report, memory, settings);
    let refused = advice.refused.into_iter().map(|refused| refused.intent);
    let situation = Situation { snapshot, report, memory, settings, mode: Mode::default(), is_undo: false };
    let actions = refused.chain(advice.candidates).map(|intent| action(intent, &situation)).collect();
    report.actions = actions;
}

fn action(intent: ExecutionIntent, situation: &Situation<'_>) -> ActionReport {
    let object = situation.snapshot.get(&intent.object()).map(|object| &object.raw);
    let decision = situation.advise(&intent);
    ActionReport {
        why: intent.reason.clone(),
        command: shown(&command(&intent, object)),
        risk: intent.risk,
        decision: ActionDecision { value: decision.value, rule: decision.rule, why: decision.why },
        intent,
    }
}
