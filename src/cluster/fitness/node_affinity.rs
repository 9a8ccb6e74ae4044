//! A pod's `nodeSelector` and required node affinity: `GetRequiredNodeAffinity` in
//! `staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`.

use super::Misfit;
use crate::cluster::selector::Difference;
use crate::cluster::{Object, json, selector};
use serde_json::Value;

/// Whether a node satisfies both.
pub(super) fn is_satisfied(spec: &Value, node: &Object) -> bool {
    let labels = selector::map_requirements(json::key(spec, "nodeSelector"));
    let required = required(spec);
    selector::all_match(&labels, node.at("metadata.labels")) && (required.is_null() || selector::matches_node(required, node))
}

pub(super) fn misfits(spec: &Value, node: &Object, found: &mut Vec<Misfit>) {
    let labels = selector::map_requirements(json::key(spec, "nodeSelector"));
    found.extend(selector::near_miss_of_node(&labels, node).into_iter().map(Misfit::NodeSelector));
    let required = required(spec);
    if !required.is_null() && !selector::matches_node(required, node) {
        found.push(Misfit::NodeAffinity { terms: unmet_terms(required, node) });
    }
}

/// For each term of a node selector what it asks for and the node lacks.
pub(super) fn unmet_terms(node_selector: &Value, node: &Object) -> Vec<Vec<Difference>> {
    let terms = json::list(node_selector, "nodeSelectorTerms").iter();
    terms.map(|term| selector::near_miss_of_node(&selector::term_requirements(term), node)).collect()
}

fn required(spec: &Value) -> &Value {
    json::at(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution")
}
