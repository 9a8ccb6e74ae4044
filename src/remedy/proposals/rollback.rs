//! R: the rollback, where the fault began with a revision of a Deployment and an earlier one ran well.

use super::{Case, Condition};
use crate::cluster::{Object, Snapshot, json, revisions};
use crate::domain::{Action, Change, Params};

/// Found with the newest earlier revision that ran Ready and has another template.
pub(super) fn condition(case: &Case<'_>) -> Condition {
    let Some(change) = &case.report.change else {
        let read = case.snapshot.looked_for("ReplicaSet", case.workload.ns());
        let has_revisions = matches!(case.workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet");
        return match read {
            Err(_) if has_revisions => Condition::Unknown("the revisions were not read"),
            _ => Condition::Absent,
        };
    };
    if change.object.kind != "Deployment" {
        return Condition::Unknown("only a Deployment is rolled back");
    }
    let Some(deployment) = case.snapshot.get(&change.object) else {
        return Condition::Unknown("the Deployment was not read");
    };
    let Some((number, old)) = newest_other(case.snapshot, deployment, change) else { return Condition::Absent };
    match ran_ready(deployment, old, change) {
        Some(true) => {
            let reason = format!("the fault began with revision {}, and revision {number} ran well", change.to);
            case.found(Action::RollbackDeployment, &change.object, Params::Rollback { revision: number }, reason)
        }
        Some(false) => Condition::Absent,
        None => Condition::Unknown("nobody can say whether the earlier revision ran well"),
    }
}

/// The newest revision before the one that runs whose template is another. Marks of controllers and of restarts don't count.
fn newest_other<'a>(snapshot: &'a Snapshot, deployment: &Object, change: &Change) -> Option<(i64, &'a Object)> {
    let live = revisions::template(deployment)?;
    let sets = snapshot.children(&deployment.id).filter(|child| child.id.kind == "ReplicaSet");
    let earlier = sets.filter_map(|set| Some((revisions::revision_number(set)?, set))).filter(|(number, _)| *number < change.to);
    let other = earlier.filter(|(_, set)| revisions::template(set).is_some_and(|old| !revisions::diff(old, live).is_empty()));
    other.max_by_key(|(number, _)| *number)
}

/// Whether a revision ran Ready: some of its pods are, or the Deployment was available when the next one came.
fn ran_ready(deployment: &Object, old: &Object, change: &Change) -> Option<bool> {
    if old.int("status.readyReplicas").is_some_and(|ready| ready > 0) {
        return Some(true);
    }
    let available = deployment.condition("Available");
    let since = json::time(available, "lastTransitionTime")?;
    // What turned over after the change was the other way before; the fault began with the change, so it was well.
    Some(json::text(available, "status") == "True" || since >= change.at?)
}
