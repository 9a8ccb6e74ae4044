//! Taints of nodes and the tolerations of pods: `ToleratesTaint` in
//! `staging/src/k8s.io/api/core/v1/toleration.go`.

use crate::cluster::{Object, json};
use serde_json::Value;

/// The taint of a cordoned node (`TaintNodeUnschedulable` in `staging/src/k8s.io/api/core/v1/well_known_taints.go`).
pub(super) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The taints that Kubernetes itself puts on a node that is not well or not ready yet, in the same file. Who sees one of
/// these should look at the node, not at the pod's tolerations.
const NODE_CONDITIONS: &[&str] = &[
    "node.cloudprovider.kubernetes.io/shutdown",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/out-of-service",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unreachable",
];

/// The taints that keep a node for the control plane, by kubeadm's convention
/// (kubernetes.io/docs/reference/labels-annotations-taints). The second is the name before 1.24.
const CONTROL_PLANE: &[&str] = &["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Whether a taint says that the node is not well, rather than for whom it is reserved.
pub fn is_node_condition(key: &str) -> bool {
    NODE_CONDITIONS.contains(&key)
}

/// Whether a taint reserves the node for the control plane.
pub fn is_control_plane(key: &str) -> bool {
    CONTROL_PLANE.contains(&key)
}

/// A node's taints that keep out a pod with these tolerations (`NoSchedule` and `NoExecute`), as key, value and effect.
pub fn untolerated<'a>(tolerations: &Value, node: &'a Object) -> Vec<(&'a str, &'a str, &'a str)> {
    let taints = node.list("spec.taints").iter().map(|taint| {
        let field = |name| json::text(taint, name);
        (field("key"), field("value"), field("effect"))
    });
    let keeps_out = |(key, value, effect): &(&str, &str, &str)| {
        matches!(*effect, "NoSchedule" | "NoExecute") && !is_tolerated(tolerations, key, value, effect)
    };
    let mut found: Vec<(&str, &str, &str)> = taints.filter(keeps_out).collect();
    found.sort_unstable();
    found
}

/// Whether one of the tolerations (a list) tolerates a taint.
pub fn is_tolerated(tolerations: &Value, key: &str, value: &str, effect: &str) -> bool {
    tolerations.as_array().into_iter().flatten().any(|toleration| tolerates(toleration, key, value, effect))
}

fn tolerates(toleration: &Value, key: &str, value: &str, effect: &str) -> bool {
    let field = |name| json::text(toleration, name);
    let any_or = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
    // Gt and Lt are behind a feature gate since 1.35; a pod that has them is on a server that knows them.
    let compared = || Some((value.parse::<i64>().ok()?, field("value").parse::<i64>().ok()?));
    any_or(field("effect"), effect)
        && any_or(field("key"), key)
        && match field("operator") {
            "" | "Equal" => field("value") == value,
            "Exists" => true,
            "Gt" => compared().is_some_and(|(taint, tolerated)| taint > tolerated),
            "Lt" => compared().is_some_and(|(taint, tolerated)| taint < tolerated),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::equal(json!({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}), true)]
    #[case::every_effect(json!({"key": "dedicated", "operator": "Equal", "value": "gpu"}), true)]
    #[case::other_value(json!({"key": "dedicated", "value": "cpu"}), false)]
    #[case::other_effect(json!({"key": "dedicated", "value": "gpu", "effect": "NoExecute"}), false)]
    #[case::exists(json!({"key": "dedicated", "operator": "Exists"}), true)]
    #[case::exists_for_all(json!({"operator": "Exists"}), true)]
    #[case::other_key(json!({"key": "special", "operator": "Exists"}), false)]
    #[case::unknown_operator(json!({"key": "dedicated", "operator": "Like", "value": "gpu"}), false)]
    #[case::garbage(json!("Exists"), false)]
    fn tolerations(#[case] toleration: Value, #[case] expected: bool) {
        assert_eq!(is_tolerated(&json!([toleration]), "dedicated", "gpu", "NoSchedule"), expected);
    }

    #[test]
    fn numbers_are_compared_from_the_taints_side() {
        let tolerates = |operator: &str, taint: &str| {
            is_tolerated(&json!([{"key": "sla", "operator": operator, "value": "750"}]), "sla", taint, "NoSchedule")
        };
        assert!(tolerates("Gt", "950"));
        assert!(!tolerates("Lt", "950"));
        assert!(!tolerates("Gt", "750"));
        assert!(!tolerates("Gt", "high"));
    }

    #[test]
    fn only_what_keeps_pods_out_counts() {
        let node = Object::new(json!({"kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": [
            {"key": "soft", "effect": "PreferNoSchedule"},
            {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}}))
        .unwrap();
        assert_eq!(
            untolerated(&json!([{"key": "dedicated", "operator": "Exists"}]), &node),
            [("node.kubernetes.io/not-ready", "", "NoExecute")]
        );
        assert!(is_node_condition("node.kubernetes.io/not-ready") && !is_node_condition("dedicated"));
        assert_eq!(untolerated(&json!(null), &node).len(), 2);
    }
}
