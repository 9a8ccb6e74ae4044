//! Which of all the things that keep a pod from nodes is the one to mend. A pod's wishes (labels, volumes, company) are taken
//! at their word: where some node grants them, the fault is what keeps the pod from that node; only where no node does, the
//! wish itself is. What has kept everybody from a node for long is background, and is to blame only when nothing else is left.

use crate::cluster::fitness::{Misfit, Placement};
use std::collections::BTreeMap;

/// What a misfit is about, from the pod's firmest wishes to mere lack of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The labels or the name of the node.
    Wish,
    /// Where the pod's volumes are.
    Volume,
    /// Where the pods are that it wants to be near.
    Near,
    /// The node keeps pods out: cordon, taint.
    Guard,
    /// Where the pods are that it must be apart from, and the ports that they hold.
    Apart,
    /// CPU, memory, number of pods.
    Room,
}

pub(super) fn stage(misfit: &Misfit) -> Stage {
    match misfit {
        Misfit::NodeName { .. } | Misfit::NodeSelector(_) | Misfit::NodeAffinity { .. } => Stage::Wish,
        Misfit::VolumeNodeAffinity { .. } | Misfit::VolumeZone { .. } => Stage::Volume,
        Misfit::PodAffinity { .. } => Stage::Near,
        Misfit::Unschedulable | Misfit::Taint { .. } => Stage::Guard,
        Misfit::PodAntiAffinity { .. }
        | Misfit::ExistingPodAntiAffinity { .. }
        | Misfit::TopologySpread { .. }
        | Misfit::HostPort { .. } => Stage::Apart,
        Misfit::TooManyPods { .. } | Misfit::Insufficient { .. } => Stage::Room,
    }
}

/// The obstacle to mend.
#[derive(Clone, Debug)]
pub(super) struct Choice<'a> {
    /// It, on the node that comes nearest to taking the pod.
    pub misfit: Misfit,
    /// That node.
    pub nearest: &'a str,
    /// The nodes that would else take the pod.
    pub nodes: Vec<&'a str>,
}

/// Chooses what to mend; several when each alone would not help. Empty when some node takes the pod, or there are none.
/// `chronic` says of a cordon or taint that it has kept pods in general from a node for long.
pub(super) fn decide<'a>(placement: &Placement<'a>, chronic: &dyn Fn(&str, &Misfit) -> bool) -> Vec<Choice<'a>> {
    let mut left: Vec<&'a str> = placement.nodes.keys().copied().collect();
    if left.is_empty() || placement.fitting().next().is_some() {
        return Vec::new();
    }
    let misfits = |node: &str| placement.nodes.get(node).map_or(&[][..], Vec::as_slice);
    let without = |nodes: &[&'a str], unwanted: Stage| -> Vec<&'a str> {
        nodes.iter().copied().filter(|node| misfits(node).iter().all(|misfit| stage(misfit) != unwanted)).collect()
    };
    for unwanted in [Stage::Wish, Stage::Volume, Stage::Near] {
        let passing = without(&left, unwanted);
        let closed = |node: &&str| misfits(node).iter().any(|misfit| stage(misfit) == Stage::Guard && chronic(node, misfit));
        let refuses = unwanted == Stage::Wish && passing.len() < left.len();
        let by_chance = refuses && passing.iter().all(closed) && only_keeps_away(placement);
        if passing.is_empty() || by_chance {
            let refused: Vec<&str> = left.iter().copied().filter(|node| !passing.contains(node)).collect();
            return choices(placement, &refused, unwanted);
        }
        left = passing;
    }
    let open = without(&left, Stage::Guard);
    let fresh = |node: &&&str| {
        let is_guard = |misfit: &Misfit| stage(misfit) == Stage::Guard && !chronic(node, misfit);
        !misfits(node).is_empty() && misfits(node).iter().all(is_guard)
    };
    let fresh: Vec<&str> = left.iter().filter(fresh).copied().collect();
    if !fresh.is_empty() {
        let mut chosen = choices(placement, &fresh, Stage::Guard);
        for choice in &mut chosen {
            let kept_out = |node: &&&str| misfits(node).iter().all(|misfit| same_guard(misfit, &choice.misfit));
            let nodes: Vec<&str> = left.iter().filter(kept_out).copied().collect();
            choice.nodes = if nodes.is_empty() { std::mem::take(&mut choice.nodes) } else { nodes };
        }
        return chosen;
    }
    if open.is_empty() {
        return choices(placement, &left, Stage::Guard);
    }
    let apart = without(&open, Stage::Apart);
    if apart.is_empty() {
        return choices(placement, &open, Stage::Apart);
    }
    choices(placement, &apart, Stage::Room)
}

/// Whether a pod's wishes for nodes only say which nodes it must keep away from. A node that is closed to everybody grants such
/// a wish by chance; it isn't where the pod was meant to go.
fn only_keeps_away(placement: &Placement<'_>) -> bool {
    // The notation of `selector::Requirement`.
    let negative = |wanted: &str| wanted.starts_with('!') || wanted.contains("!=") || wanted.contains(" notin (");
    placement.nodes.values().flatten().all(|misfit| match misfit {
        Misfit::NodeSelector(_) | Misfit::NodeName { .. } => false,
        Misfit::NodeAffinity { terms } => terms.iter().flatten().all(|difference| negative(&difference.wanted)),
        _ => true,
    })
}

fn same_guard(a: &Misfit, b: &Misfit) -> bool {
    match (a, b) {
        (Misfit::Taint { key, value, .. }, Misfit::Taint { key: other, value: other_value, .. }) => {
            key == other && value == other_value
        }
        (a, b) => a == b,
    }
}

/// The obstacles of one stage on these nodes: the one whose removal opens most nodes, or all where none alone opens any.
/// Nodes that nothing of another stage keeps the pod from go before the others.
fn choices<'a>(placement: &Placement<'a>, nodes: &[&'a str], of: Stage) -> Vec<Choice<'a>> {
    let only_this = |node: &&&str| placement.nodes.get(**node).is_some_and(|misfits| misfits.iter().all(|m| stage(m) == of));
    let nearest: Vec<&str> = nodes.iter().filter(only_this).copied().collect();
    let nodes = if nearest.is_empty() { nodes.to_vec() } else { nearest };
    let of_stage = |node: &&'a str| {
        let misfits = placement.nodes.get(node)?.iter().filter(|misfit| stage(misfit) == of).cloned().collect();
        Some((*node, misfits))
    };
    let only: BTreeMap<&'a str, Vec<Misfit>> = nodes.iter().filter_map(of_stage).collect();
    if of == Stage::Wish {
        return wishes(&only);
    }
    let sub = Placement { nodes: only };
    let obstacles = sub.obstacles();
    // The obstacle's node names live as long as the sub-placement; the outer ones are the same.
    let outer = |name: &str| nodes.iter().copied().find(|node| *node == name);
    let choice = |(misfit, nearest, on): (&Misfit, &str, &[&str])| {
        let nodes = on.iter().filter_map(|node| outer(node)).collect();
        Some(Choice { misfit: misfit.clone(), nearest: outer(nearest)?, nodes })
    };
    match obstacles.first() {
        Some(first) if !first.only_on.is_empty() => choice((first.misfit, first.nearest, &first.only_on)).into_iter().collect(),
        _ => obstacles.iter().filter_map(|obstacle| choice((obstacle.misfit, obstacle.nearest, &obstacle.on))).collect(),
    }
}

/// A `nodeSelector` with several labels is one wish, and so is an affinity with several terms.
fn wishes<'a>(only: &BTreeMap<&'a str, Vec<Misfit>>) -> Vec<Choice<'a>> {
    let kind = |misfit: &Misfit| match misfit {
        Misfit::NodeName { .. } => 0,
        Misfit::NodeSelector(_) => 1,
        _ => 2,
    };
    let of_kind = |wanted: u8, alone: bool| -> Option<Choice<'a>> {
        let has = |misfits: &[Misfit]| misfits.iter().any(|m| kind(m) == wanted);
        let fits = |misfits: &[Misfit]| has(misfits) && (!alone || misfits.iter().all(|m| kind(m) == wanted));
        let nodes: Vec<(&'a str, &Vec<Misfit>)> =
            only.iter().filter(|(_, misfits)| fits(misfits)).map(|(n, m)| (*n, m)).collect();
        // The node that lacks least.
        let (nearest, misfits) = nodes.iter().min_by_key(|(_, misfits)| misfits.len())?;
        let misfit = misfits.iter().find(|misfit| kind(misfit) == wanted)?.clone();
        Some(Choice { misfit, nearest, nodes: nodes.iter().map(|(node, _)| *node).collect() })
    };
    let alone: Vec<Choice<'a>> = (0..3).filter_map(|wanted| of_kind(wanted, true)).collect();
    match alone.into_iter().max_by_key(|choice| (choice.nodes.len(), std::cmp::Reverse(kind(&choice.misfit)))) {
        Some(choice) => vec![choice],
        None => (0..3).filter_map(|wanted| of_kind(wanted, false)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::quantity::Quantity;
    use crate::cluster::selector::Difference;
    use rstest::rstest;

    fn label(wanted: &str) -> Difference {
        Difference { key: "k".into(), wanted: wanted.into(), got: None, alike: None }
    }

    /// `-` fits, `s` lacks the selector's label, `!` is kept off by a negative affinity, `t` is tainted, `T` for long, `c` is
    /// cordoned, `C` for long, `a` has a pod to be apart from, `r` lacks CPU, `m` memory.
    fn placement(nodes: &[&'static str]) -> Placement<'static> {
        let misfit = |letter| match letter {
            's' => Misfit::NodeSelector(label("k=v")),
            '!' => Misfit::NodeAffinity { terms: vec![vec![label("k!=v")]] },
            't' | 'T' => Misfit::Taint { key: letter.to_string(), value: String::new(), effect: "NoSchedule".into() },
            'a' => Misfit::PodAntiAffinity { topology_key: "host".into(), selector: "app=x".into(), against: Default::default() },
            'r' | 'm' => Misfit::Insufficient {
                resource: if letter == 'r' { "cpu" } else { "memory" }.into(),
                asked: Quantity::whole(2),
                used: Quantity::ZERO,
                allocatable: Quantity::whole(1),
            },
            _ => Misfit::Unschedulable,
        };
        let misfits = |text: &str| text.chars().filter(|c| *c != '-').map(misfit).collect();
        Placement { nodes: nodes.iter().map(|node| (*node, misfits(node.split(':').nth(1).unwrap_or_default()))).collect() }
    }

    /// What is chosen, and on which nodes.
    fn chosen(nodes: &[&'static str]) -> String {
        let placement = placement(nodes);
        let chronic = |node: &str, misfit: &Misfit| match misfit {
            Misfit::Taint { key, .. } => key == "T",
            _ => node.contains('C'),
        };
        let shown = |choice: &Choice<'_>| {
            let nodes: Vec<&str> = choice.nodes.iter().map(|node| node.split(':').next().unwrap_or_default()).collect();
            format!("{} on {}", choice.misfit.words(), nodes.join(" "))
        };
        decide(&placement, &chronic).iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    #[rstest]
    #[case::a_node_fits(&["a:-", "b:s"], "")]
    #[case::the_wish_is_granted_by_a_cordoned_node(&["a:C", "b:s", "c:s"], "node(s) were unschedulable on a")]
    #[case::only_the_wish(&["a:Cs", "b:s", "c:s"], "node(s) didn't match Pod's node affinity/selector on b c")]
    #[case::the_wish_is_granted_where_a_taint_stands(&["a:t", "b:s", "c:sC"], "node(s) had untolerated taint(s) on a")]
    #[case::a_negative_wish_is_granted_by_chance(&["a:C", "b:!", "c:!"], "node(s) didn't match Pod's node affinity/selector on b c")]
    #[case::a_negative_wish_with_an_open_node(&["a:r", "b:!"], "Insufficient cpu on a")]
    #[case::old_guards_are_background(&["a:T", "b:C", "c:r"], "Insufficient cpu on c")]
    #[case::a_fresh_cordon_is_not(&["a:c", "b:r", "c:r"], "node(s) were unschedulable on a")]
    #[case::old_guards_when_nothing_else_is_left(&["a:T", "b:T", "c:C"], "node(s) had untolerated taint(s) on a b")]
    #[case::replicas_apart_by_design(&["a:a", "b:a", "c:r"], "Insufficient cpu on c")]
    #[case::apart_everywhere(&["a:a", "b:ar", "c:T"], "node(s) didn't match pod anti-affinity rules on a")]
    #[case::what_is_short_on_most_nodes(&["a:r", "b:r", "c:m", "d:rm"], "Insufficient cpu on a b")]
    #[case::both_are_short(&["a:rm", "b:rm"], "Insufficient cpu on a b; Insufficient memory on a b")]
    fn cases(#[case] nodes: &[&'static str], #[case] expected: &str) {
        assert_eq!(chosen(nodes), expected);
    }
}
