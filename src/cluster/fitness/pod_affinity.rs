//! Required pod affinity and anti-affinity, in both directions: `pkg/scheduler/framework/plugins/interpodaffinity/filtering.go`.

use super::{Candidate, Misfit, Surroundings};
use crate::cluster::{Object, json, selector};
use crate::domain::ObjectRef;
use serde_json::Value;
use std::collections::BTreeMap;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A node label and its value: where a pod is, as far as a term cares.
type Place<'a> = (&'a str, &'a str);

/// One required term: which pods, and what counts as the same place.
struct Term<'a> {
    topology_key: &'a str,
    selector: &'a Value,
    namespaces: &'a [Value],
    namespace_selector: &'a Value,
    /// The namespace of the pod that has the term; meant when the term names none.
    own_namespace: &'a str,
}

impl<'a> Term<'a> {
    fn all(spec: &'a Value, affinity: &str, own_namespace: &'a str) -> Vec<Self> {
        let terms = json::list(json::key(json::key(spec, "affinity"), affinity), REQUIRED);
        let read = |term| Self {
            topology_key: json::text(term, "topologyKey"),
            selector: json::key(term, "labelSelector"),
            namespaces: json::list(term, "namespaces"),
            namespace_selector: json::key(term, "namespaceSelector"),
            own_namespace,
        };
        terms.iter().map(read).collect()
    }

    fn is_about(&self, namespace: &str, labels: &Value, surroundings: &Surroundings<'_>) -> bool {
        let in_namespace = match (self.namespaces.is_empty(), self.namespace_selector.is_object()) {
            (true, false) => namespace == self.own_namespace,
            _ => {
                self.namespaces.iter().any(|name| name.as_str() == Some(namespace))
                    || selector::matches_namespace(self.namespace_selector, namespace, surroundings.namespace_labels(namespace))
            }
        };
        in_namespace && selector::matches(self.selector, labels)
    }
}

/// The affinity of a pod towards the pods that run, and of those towards it, counted once for all nodes.
pub(super) struct PodAffinity<'a> {
    affinity: Vec<Term<'a>>,
    anti_affinity: Vec<Term<'a>>,
    /// For each place a pod that the affinity is about.
    wanted: BTreeMap<Place<'a>, &'a Object>,
    /// For each anti-affinity term, by its index, and place a pod that is in the way.
    unwanted: BTreeMap<(usize, Place<'a>), &'a Object>,
    /// For each place a pod there that keeps this one away.
    kept_away: BTreeMap<Place<'a>, &'a Object>,
    /// Whether the pod is the first of a group that wants to be together.
    is_first: bool,
}

impl<'a> PodAffinity<'a> {
    pub(super) fn new(candidate: &Candidate<'a>, surroundings: &'a Surroundings<'a>) -> Self {
        let affinity = Term::all(candidate.spec, "podAffinity", candidate.namespace);
        let anti_affinity = Term::all(candidate.spec, "podAntiAffinity", candidate.namespace);
        let matches_all = |namespace: &str, labels: &Value| {
            !affinity.is_empty() && affinity.iter().all(|term| term.is_about(namespace, labels, surroundings))
        };
        let (mut wanted, mut unwanted, mut kept_away) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for usage in surroundings.nodes() {
            let place = |key: &'a str| usage.node.label(key).map(|value| (key, value));
            for pod in usage.pods.iter().copied().filter(|pod| !candidate.is(pod)) {
                let (namespace, labels) = (pod.id.ns(), pod.at("metadata.labels"));
                if matches_all(namespace, labels) {
                    for here in affinity.iter().filter_map(|term| place(term.topology_key)) {
                        wanted.entry(here).or_insert(pod);
                    }
                }
                for (index, term) in anti_affinity.iter().enumerate() {
                    if let Some(here) = place(term.topology_key).filter(|_| term.is_about(namespace, labels, surroundings)) {
                        unwanted.entry((index, here)).or_insert(pod);
                    }
                }
                for term in Term::all(pod.at("spec"), "podAntiAffinity", namespace) {
                    let about_it = term.is_about(candidate.namespace, candidate.labels, surroundings);
                    if let Some(here) = place(term.topology_key).filter(|_| about_it) {
                        kept_away.entry(here).or_insert(pod);
                    }
                }
            }
        }
        let is_first = wanted.is_empty() && matches_all(candidate.namespace, candidate.labels);
        Self { affinity, anti_affinity, wanted, unwanted, kept_away, is_first }
    }

    pub(super) fn misfits(&self, node: &Object, found: &mut Vec<Misfit>) {
        for term in &self.affinity {
            let here = node.label(term.topology_key).map(|value| (term.topology_key, value));
            if here.is_none_or(|here| !self.is_first && !self.wanted.contains_key(&here)) {
                found.push(Misfit::PodAffinity {
                    topology_key: term.topology_key.to_owned(),
                    selector: selector::describe(term.selector),
                    missing_label: here.is_none(),
                });
            }
        }
        for (index, term) in self.anti_affinity.iter().enumerate() {
            let here = node.label(term.topology_key).map(|value| (term.topology_key, value));
            if let Some(pod) = here.and_then(|here| self.unwanted.get(&(index, here))) {
                found.push(Misfit::PodAntiAffinity {
                    topology_key: term.topology_key.to_owned(),
                    selector: selector::describe(term.selector),
                    against: pod.id.clone(),
                });
            }
        }
        // The scheduler looks at these last, and says nothing of them when the pod's own rule refuses the node already: among
        // replicas that keep away from each other both would always be true.
        if found.iter().any(|misfit| matches!(misfit, Misfit::PodAntiAffinity { .. })) {
            return;
        }
        let mut keepers: BTreeMap<&ObjectRef, &str> = BTreeMap::new();
        for ((key, value), pod) in &self.kept_away {
            if node.label(key) == Some(value) {
                keepers.entry(&pod.id).or_insert(key);
            }
        }
        for (of, topology_key) in keepers {
            found.push(Misfit::ExistingPodAntiAffinity { topology_key: topology_key.to_owned(), of: of.clone() });
        }
    }
}
