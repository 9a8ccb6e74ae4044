//! How a workload replaces its pods: how many more and how many fewer than wanted run meanwhile, and from which template to
//! which.

use crate::cluster::{Object, Snapshot, json, revisions, workload};
use crate::domain::{Action, ExecutionIntent, Params};
use serde_json::{Value, json};

/// What an action does to a workload's pods.
#[derive(Clone, Debug)]
pub(super) struct Rollout<'a> {
    /// The workload.
    pub workload: &'a Object,
    /// The template that new pods are made from.
    pub template: Value,
    /// How many pods there should be in the end.
    pub wanted: i64,
    /// How many pods have to be made.
    pub made: i64,
    /// How many more than now there are in the end.
    pub more: i64,
    /// Whether a pod goes before its successor comes.
    pub goes_first: bool,
}

impl<'a> Rollout<'a> {
    /// What an intent does to its workload; `None` for a read, an eviction, or a workload that was not read.
    pub fn of(snapshot: &'a Snapshot, intent: &ExecutionIntent) -> Option<Self> {
        let workload = snapshot.get(&intent.object())?;
        let live = workload::pod_template(workload)?;
        let replicas = workload::replicas(workload)?;
        let mut rollout = Self {
            workload,
            template: live.clone(),
            wanted: replicas.desired,
            made: replicas.desired,
            more: 0,
            goes_first: goes_first(workload, replicas.desired) || replicas.existing > replicas.desired,
        };
        match (intent.action, &intent.params) {
            (Action::ScaleDeployment, Params::Scale { replicas: wanted }) => {
                rollout.wanted = i64::from(*wanted);
                rollout.made = rollout.wanted - replicas.desired;
                rollout.more = rollout.made;
                rollout.goes_first = false;
            }
            (Action::RollbackDeployment, Params::Rollback { revision }) => {
                let old = revision_of(snapshot, workload, *revision)?;
                rollout.template = super::request::template(&old.raw)?;
                rollout.made = replicas.desired - old.int("status.replicas").unwrap_or(0).min(replicas.desired);
            }
            (Action::SetResources, Params::Resources(params)) => {
                let list = super::request::container_list(&workload.raw, &params.container)?;
                let containers = rollout.template.get_mut("spec")?.get_mut(list)?.as_array_mut()?;
                let container = containers.iter_mut().find(|it| json::text(it, "name") == params.container)?.as_object_mut()?;
                let resources = container.entry("resources").or_insert_with(|| json!({}));
                for (kind, resource, amount) in [
                    ("limits", "memory", &params.memory_limit),
                    ("limits", "cpu", &params.cpu_limit),
                    ("requests", "memory", &params.memory_request),
                    ("requests", "cpu", &params.cpu_request),
                ] {
                    if let (Some(amount), Some(resources)) = (amount, resources.as_object_mut()) {
                        let list = resources.entry(kind).or_insert_with(|| json!({}));
                        list.as_object_mut()?.insert(resource.to_owned(), json!(amount));
                    }
                }
            }
            (action, _) if action.is_restart() || action == Action::ResumeRollout => {}
            _ => return None,
        }
        Some(rollout)
    }
}

/// The ReplicaSet of a Deployment with a revision.
pub(super) fn revision_of<'a>(snapshot: &'a Snapshot, deployment: &Object, revision: i64) -> Option<&'a Object> {
    let mut children = snapshot.children(&deployment.id).filter(|child| child.id.kind == "ReplicaSet");
    children.find(|child| revisions::revision_number(child) == Some(revision))
}

/// Whether the controller takes a pod away before it makes the next: `ResolveFenceposts` in
/// `pkg/controller/deployment/util/deployment_util.go`, with the defaults of `pkg/apis/apps/v1/defaults.go`.
fn goes_first(workload: &Object, desired: i64) -> bool {
    if workload.id.kind != "Deployment" {
        // A StatefulSet always; a DaemonSet unless it is told otherwise.
        return share(workload.at("spec.updateStrategy.rollingUpdate.maxSurge"), 0, desired, true) == 0;
    }
    if workload.text("spec.strategy.type") == "Recreate" {
        return true;
    }
    let rolling = workload.at("spec.strategy.rollingUpdate");
    let surge = share(json::key(rolling, "maxSurge"), 25, desired, true);
    let unavailable = share(json::key(rolling, "maxUnavailable"), 25, desired, false);
    unavailable > 0 || surge == 0
}

/// A count, or a share of the replicas in per cent.
fn share(value: &Value, default_percent: i64, of: i64, up: bool) -> i64 {
    let percent = match value {
        Value::Number(count) => return count.as_i64().unwrap_or(0),
        Value::String(text) => text.trim_end_matches('%').parse().unwrap_or(default_percent),
        _ => default_percent,
    };
    let product = percent.saturating_mul(of);
    (if up { product.saturating_add(99) } else { product }) / 100
}
