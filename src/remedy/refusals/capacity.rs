//! Whether the pods that a change makes would be let in and find a place. The API server looks at none of this when it takes
//! a workload.

use super::Target;
use crate::cluster::fitness::{Candidate, Placement, Surroundings, place, pod_requests};
use crate::cluster::quantity::Quantity;
use crate::cluster::{Object, json, pod, workload};
use crate::remedy::Refusal;
use crate::remedy::rollout::Rollout;
use serde_json::Value;

/// Whether a ResourceQuota lets the pods in: all that come on top in the end, and one at a time where a pod comes before the
/// other goes.
pub(super) fn quota_headroom(target: &Target<'_>) -> Option<Refusal> {
    let rollout = target.rollout.as_ref().filter(|rollout| rollout.made > 0)?;
    let live = workload::pod_template(rollout.workload)?;
    for quota in target.snapshot.in_namespace("ResourceQuota", &target.intent.namespace) {
        if is_scoped(quota) {
            continue;
        }
        for (resource, hard) in json::entries(&quota.raw, "status.hard") {
            let used = json::key(quota.at("status.used"), resource);
            let Some((hard, used)) = Quantity::read(hard).zip(Quantity::read(used)) else { continue };
            let (Some(new), Some(old)) = (per_pod(&rollout.template, resource), per_pod(live, resource)) else { continue };
            let needed = needed(rollout, new, old);
            if needed > Quantity::ZERO && used.plus(needed) > hard {
                let why = format!("{} allows {hard} {resource}, {used} are used, and {needed} more are needed", quota.id);
                return Some(Refusal::new("quota_headroom", why));
            }
        }
    }
    None
}

/// Quotas for some pods only are passed over: which pods those are isn't decided here.
fn is_scoped(quota: &Object) -> bool {
    !quota.list("spec.scopes").is_empty() || quota.at("spec.scopeSelector").is_object()
}

/// How much more than now is needed at the most.
fn needed(rollout: &Rollout<'_>, new: Quantity, old: Quantity) -> Quantity {
    let in_the_end = times(new, rollout.wanted).minus(times(old, rollout.wanted - rollout.more));
    let meanwhile = if rollout.goes_first { Quantity::ZERO } else { new };
    in_the_end.max(meanwhile)
}

fn times(amount: Quantity, count: i64) -> Quantity {
    // As many replicas as any cluster has pods.
    (0..count.clamp(0, 10_000)).fold(Quantity::ZERO, |sum, _| sum.plus(amount))
}

/// What one pod of a template counts in a quota; `None` for what isn't about pods.
fn per_pod(template: &Value, resource: &str) -> Option<Quantity> {
    let spec = json::key(template, "spec");
    if matches!(resource, "pods" | "count/pods") {
        return Some(Quantity::whole(1));
    }
    if let Some(limited) = resource.strip_prefix("limits.") {
        let containers = json::list(spec, "containers").iter();
        return Some(
            containers.fold(Quantity::ZERO, |sum, container| sum.plus(amount(container, "limits", limited).unwrap_or_default())),
        );
    }
    let asked = resource.strip_prefix("requests.").unwrap_or(resource);
    let is_of_pods = matches!(asked, "cpu" | "memory" | "ephemeral-storage");
    is_of_pods.then(|| pod_requests(spec).get(asked).copied().unwrap_or_default())
}

fn amount(container: &Value, list: &str, resource: &str) -> Option<Quantity> {
    Quantity::read(json::key(json::at(container, &format!("resources.{list}")), resource))
}

/// Whether the namespace's LimitRanges let a container be as large as the template has it.
pub(super) fn limit_range(target: &Target<'_>) -> Option<Refusal> {
    let rollout = target.rollout.as_ref()?;
    let containers = json::list(json::key(&rollout.template, "spec"), "containers");
    for range in target.snapshot.in_namespace("LimitRange", &target.intent.namespace) {
        for row in range.list("spec.limits").iter().filter(|row| json::text(row, "type") == "Container") {
            for container in containers {
                if let Some(why) = outside(range, row, container) {
                    return Some(Refusal::new("limit_range", why));
                }
            }
        }
    }
    None
}

fn outside(range: &Object, row: &Value, container: &Value) -> Option<String> {
    let name = json::text(container, "name");
    let bounds = |field: &str| json::key(row, field).as_object().into_iter().flatten();
    let over = bounds("max").find_map(|(resource, max)| {
        let (limit, max) = (amount(container, "limits", resource)?, Quantity::read(max)?);
        (limit > max).then(|| format!("{} allows {max} {resource} a container, {name} would have {limit}", range.id))
    });
    let under = || {
        bounds("min").find_map(|(resource, min)| {
            let asked = amount(container, "requests", resource).or_else(|| amount(container, "limits", resource))?;
            let min = Quantity::read(min)?;
            (asked < min)
                .then(|| format!("{} asks for at least {min} {resource} a container, {name} would have {asked}", range.id))
        })
    };
    let apart = || {
        bounds("maxLimitRequestRatio").find_map(|(resource, ratio)| {
            let (limit, asked) = (amount(container, "limits", resource)?, amount(container, "requests", resource)?);
            let ratio = Quantity::read(ratio)?;
            let is_over = limit.to_f64() > asked.to_f64() * ratio.to_f64();
            is_over.then(|| {
                format!(
                    "{} allows a {resource} limit of {ratio} times the request, {name} would have {limit} over {asked}",
                    range.id
                )
            })
        })
    };
    over.or_else(under).or_else(apart)
}

/// Whether a pod of the new template finds a node.
pub(super) fn no_room(target: &Target<'_>) -> Option<Refusal> {
    let snapshot = target.snapshot;
    let rollout = target.rollout.as_ref().filter(|rollout| rollout.made > 0 && rollout.workload.id.kind != "DaemonSet")?;
    if snapshot.of_kind("Node").is_empty() || snapshot.looked_for("Node", "").is_err() {
        return None;
    }
    // A pod that goes first makes room for the next; so does one that isn't ready, which is taken away before others.
    let own: Vec<&Object> = snapshot.pods_of(&rollout.workload.id);
    let leaves = |object: &Object| {
        let is_own = object.id.kind == "Pod" && own.iter().any(|pod| pod.id == object.id);
        is_own && rollout.more == 0 && (rollout.goes_first || !pod::is_ready(object))
    };
    let surroundings = Surroundings::of(snapshot.objects().iter().filter(|object| !leaves(object)));
    let candidate = Candidate::of_template(&target.intent.namespace, &rollout.template);
    let placement = place(&candidate, &surroundings);
    if placement.fitting().next().is_some() {
        return None;
    }
    Some(Refusal::new("no_room", format!("no node takes a pod of it: {}", nearest(&placement))))
}

fn nearest(placement: &Placement<'_>) -> String {
    let obstacles = placement.obstacles();
    obstacles.first().map_or("there is none".to_owned(), |obstacle| format!("{} on {}", obstacle.misfit, obstacle.nearest))
}
