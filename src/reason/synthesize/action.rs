//! A proposed action as a step for a person.

use super::super::analyze::cut;
use crate::domain::{Action, ActionReport, DecisionValue, Params, ResourceParams};

/// `Roll Deployment shop/web back to revision 14 (once approved).`
pub(super) fn step(action: &ActionReport) -> String {
    let what = what(action);
    let text = match action.decision.value {
        DecisionValue::Approve => format!("{what}, once it is approved."),
        DecisionValue::Auto => format!("{what}."),
        DecisionValue::Block => format!("{what}; not from here, since {}.", action.decision.why.trim_end_matches('.')),
    };
    cut(&text, 160)
}

fn what(action: &ActionReport) -> String {
    let (intent, object) = (&action.intent, action.intent.object());
    match (intent.action, &intent.params) {
        (Action::RestartDeployment | Action::RestartStatefulSet | Action::RestartDaemonSet, _) => format!("Restart {object}"),
        (Action::ScaleDeployment, Params::Scale { replicas }) => format!("Scale {object} to {replicas} replicas"),
        (Action::RollbackDeployment, Params::Rollback { revision }) => format!("Roll {object} back to revision {revision}"),
        (Action::SetResources, Params::Resources(params)) => {
            format!("Raise {} of container {} of {object}", amounts(params), params.container)
        }
        (Action::ResumeRollout, _) => format!("Resume the rollout of {object}"),
        (Action::EvictPod, _) => format!("Evict {object}, so that its controller makes a new one"),
        (Action::GetLogs, Params::Logs { container, previous, .. }) => {
            let container = container.as_ref().map_or(String::new(), |container| format!(" container {container}"));
            let which = if *previous { "last lines before the restart" } else { "last lines" };
            format!("Read the {which} of {object}{container}: they would say what the program itself reports")
        }
        (Action::GetPods, _) => format!("List the pods of {object}"),
        _ => format!("Look at the state and the events of {object}"),
    }
}

/// `the memory limit to 512Mi and the memory request to 512Mi`
fn amounts(params: &ResourceParams) -> String {
    let all = [
        ("memory limit", &params.memory_limit),
        ("memory request", &params.memory_request),
        ("CPU limit", &params.cpu_limit),
        ("CPU request", &params.cpu_request),
    ];
    let set: Vec<String> = all.iter().filter_map(|(name, amount)| Some(format!("the {name} to {}", amount.as_ref()?))).collect();
    set.join(" and ")
}
