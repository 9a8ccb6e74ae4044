//! Each step of the table, as a condition on what was seen.

use super::{Case, Condition, Step, pods, reads, rollback, sizes};
use crate::domain::{Action, Params};

/// Whether a step's condition holds, and what it then calls for.
pub(super) fn take(step: Step, case: &Case<'_>) -> Condition {
    match step {
        Step::Rollback => rollback::condition(case),
        Step::SetMemory => sizes::resources(&sizes::MEMORY, case),
        Step::SetCpu => sizes::resources(&sizes::CPU, case),
        Step::EvictAlone => pods::one_fails(case),
        Step::EvictOnNode => pods::one_node_fails(case),
        Step::RestartToReach => pods::other_end_is_back(case),
        Step::RestartForSecret => pods::secret_is_newer(case),
        Step::RestartToBuyTime => pods::others_serve(case),
        Step::ScaleOut => sizes::replicas(case),
        Step::ScaleBack => last_count(case),
        Step::Resume => resume(case),
        Step::Logs => {
            reads::log(case.snapshot, case.report).map_or(Condition::Absent, |intent| Condition::Found(Box::new(intent)))
        }
    }
}

fn resume(case: &Case<'_>) -> Condition {
    case.found(Action::ResumeRollout, case.workload, Params::None, "it is paused, and its last change waits".to_owned())
}

/// The last count above zero that the Deployment controller reported. Its event says `Scaled down replica set NAME from 3 to 0`
/// since 1.27, and `Scaled up replica set NAME to 3`: `pkg/controller/deployment/sync.go`.
fn last_count(case: &Case<'_>) -> Condition {
    let mut events: Vec<_> =
        case.snapshot.events(case.workload).iter().filter(|event| event.reason == "ScalingReplicaSet").collect();
    events.sort_by_key(|event| event.last.or(event.first));
    let counts = events.iter().rev().filter_map(|event| count(&event.message));
    match counts.into_iter().find(|count| (1..=100).contains(count)) {
        Some(replicas) => {
            let reason = format!("it had {replicas} replicas before it was scaled to none");
            case.found(Action::ScaleDeployment, case.workload, Params::Scale { replicas }, reason)
        }
        None => Condition::Unknown("nothing says how many replicas it had"),
    }
}

/// The higher of the counts that an event names.
fn count(message: &str) -> Option<i32> {
    let words: Vec<&str> = message.split_whitespace().collect();
    let after = |word: &str| words.windows(2).filter(|pair| pair[0] == word).filter_map(|pair| pair[1].parse().ok()).next_back();
    after("from").into_iter().chain(after("to")).max()
}
