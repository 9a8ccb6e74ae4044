//! One pod held against every node: where it would run, and which single obstacle stands in the way of how many nodes.

use super::{Misfit, taints};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// For each node why the pod can't run there; an empty list where it can.
#[derive(Clone, Debug, Default)]
pub struct Placement<'a> {
    /// By the node's name.
    pub nodes: BTreeMap<&'a str, Vec<Misfit>>,
}

/// Something that one change would remove: a taint, a label, a resource that is short, a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle<'a> {
    /// It, on the node that comes nearest: for a resource the one with the most left, among nodes that are else suitable.
    pub misfit: &'a Misfit,
    /// That node.
    pub nearest: &'a str,
    /// The nodes that it keeps the pod from.
    pub on: Vec<&'a str>,
    /// Those of them that nothing else keeps the pod from: without it the pod would run there.
    pub only_on: Vec<&'a str>,
}

impl Placement<'_> {
    /// The nodes that the pod could run on.
    pub fn fitting(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|(_, misfits)| misfits.is_empty()).map(|(node, _)| *node)
    }

    /// What stands in the way, the one whose removal opens most nodes first. A taint that keeps nodes for the control plane
    /// comes last: it is meant to keep pods out.
    pub fn obstacles(&self) -> Vec<Obstacle<'_>> {
        let mut by_cause: BTreeMap<(String, String), Vec<Refusal<'_>>> = BTreeMap::new();
        for (node, misfits) in &self.nodes {
            for misfit in misfits {
                // Several misfits of one cause, such as two host ports of one pod, count as one obstacle of the node.
                let cause = misfit.cause();
                let alone = misfits.iter().all(|other| other.cause() == cause);
                let of_cause = by_cause.entry(cause).or_default();
                if of_cause.last().is_none_or(|last| last.node != *node) {
                    of_cause.push(Refusal { node, misfit, alone });
                }
            }
        }
        let mut obstacles: Vec<Obstacle<'_>> = by_cause.into_values().filter_map(obstacle).collect();
        obstacles.sort_by_key(|obstacle| {
            let meant = matches!(obstacle.misfit, Misfit::Taint { key, .. } if taints::is_control_plane(key));
            (meant, Reverse(obstacle.only_on.len()), Reverse(obstacle.on.len()))
        });
        obstacles
    }
}

/// One node that refuses the pod for one cause.
struct Refusal<'a> {
    node: &'a str,
    misfit: &'a Misfit,
    /// Whether it has no other cause to refuse the pod.
    alone: bool,
}

fn obstacle(refusals: Vec<Refusal<'_>>) -> Option<Obstacle<'_>> {
    // Of equally near nodes the first by name.
    let nearest = refusals.iter().rev().max_by_key(|refusal| (refusal.alone, refusal.misfit.free()))?;
    Some(Obstacle {
        misfit: nearest.misfit,
        nearest: nearest.node,
        on: refusals.iter().map(|refusal| refusal.node).collect(),
        only_on: refusals.iter().filter(|refusal| refusal.alone).map(|refusal| refusal.node).collect(),
    })
}
