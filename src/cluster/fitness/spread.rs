//! Topology spread constraints that forbid (`whenUnsatisfiable: DoNotSchedule`):
//! `pkg/scheduler/framework/plugins/podtopologyspread/filtering.go` and `common.go` beside it.

use super::{Candidate, Misfit, Surroundings, node_affinity, taints};
use crate::cluster::{Object, json, selector};
use serde_json::Value;
use std::collections::BTreeMap;

/// One constraint, with the matching pods counted in each domain.
struct Constraint<'a> {
    topology_key: &'a str,
    max_skew: i64,
    /// 1 when the pod itself counts among those that are spread.
    own: i64,
    /// The lowest count that the skew is measured from.
    lowest: i64,
    /// Matching pods by the value of the node label.
    counts: BTreeMap<&'a str, i64>,
}

/// The forbidding constraints of a pod, counted once for all nodes.
pub(super) struct Spread<'a>(Vec<Constraint<'a>>);

impl<'a> Spread<'a> {
    pub(super) fn new(candidate: &Candidate<'a>, surroundings: &'a Surroundings<'a>) -> Self {
        let all = json::list(candidate.spec, "topologySpreadConstraints").iter();
        let hard: Vec<&Value> = all.filter(|constraint| json::text(constraint, "whenUnsatisfiable") == "DoNotSchedule").collect();
        Self(hard.iter().map(|constraint| count(constraint, &hard, candidate, surroundings)).collect())
    }

    pub(super) fn misfits(&self, node: &Object, found: &mut Vec<Misfit>) {
        for constraint in &self.0 {
            let topology_key = constraint.topology_key.to_owned();
            let skew = node.label(constraint.topology_key).map(|domain| {
                let here = constraint.counts.get(domain).copied().unwrap_or(0);
                here.saturating_add(constraint.own).saturating_sub(constraint.lowest)
            });
            if skew.is_none_or(|skew| skew > constraint.max_skew) {
                found.push(Misfit::TopologySpread { topology_key, max_skew: constraint.max_skew, skew });
            }
        }
    }
}

fn count<'a>(
    constraint: &'a Value,
    hard: &[&Value],
    candidate: &Candidate<'a>,
    surroundings: &'a Surroundings<'a>,
) -> Constraint<'a> {
    let topology_key = json::text(constraint, "topologyKey");
    let matches = |labels: &Value| {
        // matchLabelKeys: only pods that agree with this one on these labels count, such as those of the same revision.
        let same = json::list(constraint, "matchLabelKeys").iter().filter_map(Value::as_str).all(|key| {
            let own = json::key(candidate.labels, key);
            own.is_null() || own == json::key(labels, key)
        });
        same && selector::matches(json::key(constraint, "labelSelector"), labels)
    };
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for usage in surroundings.nodes() {
        let has_every_key = hard.iter().all(|other| usage.node.label(json::text(other, "topologyKey")).is_some());
        let Some(domain) =
            usage.node.label(topology_key).filter(|_| has_every_key && is_included(constraint, candidate, usage.node))
        else {
            continue;
        };
        let counted = usage.pods.iter().filter(|pod| {
            let stays = pod.deleted().is_none() && !candidate.is(pod);
            stays && pod.id.ns() == candidate.namespace && matches(pod.at("metadata.labels"))
        });
        *counts.entry(domain).or_default() += i64::try_from(counted.count()).unwrap_or(i64::MAX);
    }
    // With fewer domains than minDomains (1 where it isn't given) the lowest count is taken to be 0.
    let domains = i64::try_from(counts.len()).unwrap_or(i64::MAX);
    let enough = domains >= json::int(constraint, "minDomains").unwrap_or(1).max(1);
    Constraint {
        topology_key,
        max_skew: json::int(constraint, "maxSkew").unwrap_or(1),
        own: i64::from(matches(candidate.labels)),
        lowest: if enough { counts.values().copied().min().unwrap_or(0) } else { 0 },
        counts,
    }
}

/// Whether a node's pods are counted: by default those of nodes that the pod's node affinity allows, tainted or not.
fn is_included(constraint: &Value, candidate: &Candidate<'_>, node: &Object) -> bool {
    let policy = |field, default| match json::text(constraint, field) {
        "" => default,
        policy => policy == "Honor",
    };
    let by_affinity = !policy("nodeAffinityPolicy", true) || node_affinity::is_satisfied(candidate.spec, node);
    let tolerations = json::key(candidate.spec, "tolerations");
    by_affinity && (!policy("nodeTaintsPolicy", false) || taints::untolerated(tolerations, node).is_empty())
}
