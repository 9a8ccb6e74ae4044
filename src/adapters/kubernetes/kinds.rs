//! The kinds that are read, and the API versions that serve them. Newer versions come first: a server that lacks one
//! (404) is asked for the next, so that old servers are read as they are. The ranges are those of the Kubernetes
//! deprecation guide; a kind without a note has been served under its one version since Kubernetes 1.14 or longer.

/// A kind of object, and where the server keeps it.
#[derive(Debug)]
pub(super) struct Kind {
    /// The plural in paths, which also names the source `kubernetes/PLURAL`.
    pub plural: &'static str,
    /// The kind as the API server spells it. The items of a list don't carry it.
    pub kind: &'static str,
    /// The API versions that serve it, newest first.
    pub versions: &'static [&'static str],
    /// Comes with an add-on: a server without it is no gap in what was seen.
    pub addon: bool,
    /// The field selector of every LIST of this kind, or empty.
    pub selector: &'static str,
    /// The kind that tells the same and is read where the server lacks or refuses this one.
    pub instead: Option<&'static Kind>,
}

const fn kind(plural: &'static str, kind: &'static str, versions: &'static [&'static str]) -> Kind {
    Kind { plural, kind, versions, addon: false, selector: "", instead: None }
}

const fn addon(plural: &'static str, kind: &'static str, versions: &'static [&'static str]) -> Kind {
    Kind { plural, kind, versions, addon: true, selector: "", instead: None }
}

/// The namespace in which the kubelets renew the leases of their nodes.
pub(super) const NODE_LEASES: &str = "kube-node-lease";

/// The namespace that holds the events about nodes, as about everything that has no namespace.
pub(super) const NODE_EVENTS: &str = "default";

pub(super) static PODS: Kind = kind("pods", "Pod", &["v1"]);
pub(super) static EVENTS: Kind = kind("events", "Event", &["v1"]);
pub(super) static NODES: Kind = kind("nodes", "Node", &["v1"]);
pub(super) static NAMESPACES: Kind = kind("namespaces", "Namespace", &["v1"]);
/// One lease a node, all in [`NODE_LEASES`].
pub(super) static LEASES: Kind = kind("leases", "Lease", &["coordination.k8s.io/v1"]);

static ENDPOINTS: Kind = kind("endpoints", "Endpoints", &["v1"]);

/// Read in each namespace of the request, besides [`PODS`] and [`EVENTS`].
pub(super) static NAMESPACED: &[Kind] = &[
    kind("services", "Service", &["v1"]),
    // v1 from 1.21; v1beta1 from 1.17 to 1.24. Endpoints serve before that, and for roles written before that.
    Kind {
        instead: Some(&ENDPOINTS),
        ..kind("endpointslices", "EndpointSlice", &["discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"])
    },
    kind("configmaps", "ConfigMap", &["v1"]),
    // Helm keeps each release's manifests in a Secret of this type, up to 1 MiB each, which no pod ever names.
    Kind { selector: "type!=helm.sh/release.v1", ..kind("secrets", "Secret", &["v1"]) },
    kind("serviceaccounts", "ServiceAccount", &["v1"]),
    kind("persistentvolumeclaims", "PersistentVolumeClaim", &["v1"]),
    kind("resourcequotas", "ResourceQuota", &["v1"]),
    kind("limitranges", "LimitRange", &["v1"]),
    kind("replicasets", "ReplicaSet", &["apps/v1"]),
    kind("deployments", "Deployment", &["apps/v1"]),
    kind("statefulsets", "StatefulSet", &["apps/v1"]),
    kind("daemonsets", "DaemonSet", &["apps/v1"]),
    kind("controllerrevisions", "ControllerRevision", &["apps/v1"]),
    kind("jobs", "Job", &["batch/v1"]),
    // v1 from 1.21; v1beta1 from 1.8 to 1.24.
    kind("cronjobs", "CronJob", &["batch/v1", "batch/v1beta1"]),
    // v2 from 1.23; v2beta2 from 1.12 to 1.25.
    kind("horizontalpodautoscalers", "HorizontalPodAutoscaler", &["autoscaling/v2", "autoscaling/v2beta2"]),
    // v1 from 1.21; v1beta1 to 1.24.
    kind("poddisruptionbudgets", "PodDisruptionBudget", &["policy/v1", "policy/v1beta1"]),
    // v1 from 1.19; v1beta1 from 1.14 to 1.21.
    kind("ingresses", "Ingress", &["networking.k8s.io/v1", "networking.k8s.io/v1beta1"]),
    kind("networkpolicies", "NetworkPolicy", &["networking.k8s.io/v1"]),
    // Gateway API: v1 from its release 1.0 (routes for gRPC: 1.1), the older versions before that.
    addon("gateways", "Gateway", &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"]),
    addon("httproutes", "HTTPRoute", &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"]),
    addon("grpcroutes", "GRPCRoute", &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"]),
];

/// Read once, besides [`NODES`] and [`NAMESPACES`]: kinds that have no namespace.
pub(super) static CLUSTER: &[Kind] = &[
    kind("persistentvolumes", "PersistentVolume", &["v1"]),
    kind("storageclasses", "StorageClass", &["storage.k8s.io/v1"]),
    kind("volumeattachments", "VolumeAttachment", &["storage.k8s.io/v1"]),
    // v1 from 1.19; v1beta1 in 1.18.
    kind("ingressclasses", "IngressClass", &["networking.k8s.io/v1", "networking.k8s.io/v1beta1"]),
    kind("priorityclasses", "PriorityClass", &["scheduling.k8s.io/v1"]),
    // v1 from 1.16; v1beta1 from 1.9 to 1.21.
    kind(
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        &["admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1"],
    ),
    kind(
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        &["admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1"],
    ),
];

/// A namespaced kind by its name.
pub(super) fn of(kind: &str) -> Option<&'static Kind> {
    [&PODS, &EVENTS].into_iter().chain(NAMESPACED).find(|known| known.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{canonical_kind, is_cluster_scoped};
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_is_one_that_the_snapshot_knows_under_each_of_its_versions() {
        let alone = [&PODS, &EVENTS, &NODES, &NAMESPACES, &LEASES, &ENDPOINTS];
        for kind in NAMESPACED.iter().chain(CLUSTER).chain(alone) {
            for version in kind.versions {
                assert_eq!(canonical_kind(kind.kind, version), kind.kind, "{version}");
            }
        }
    }

    #[test]
    fn the_shipped_roles_allow_what_is_read_and_nothing_else() {
        let text = include_str!("../../../deploy/manifests/read-only.yaml");
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
        let mut allowed = BTreeSet::new();
        for role in documents.iter().filter(|document| document["kind"].as_str().unwrap().ends_with("Role")) {
            for rule in role["rules"].as_array().unwrap() {
                for resource in rule["resources"].as_array().unwrap() {
                    allowed.insert((rule["apiGroups"][0].as_str().unwrap(), resource.as_str().unwrap()));
                }
            }
        }
        let alone = [&PODS, &EVENTS, &NODES, &NAMESPACES, &LEASES, &ENDPOINTS];
        let mut read = BTreeSet::from([("", "pods/log")]);
        for kind in NAMESPACED.iter().chain(CLUSTER).chain(alone).filter(|kind| kind.kind != "Secret") {
            read.extend(
                kind.versions.iter().map(|version| (version.rsplit_once('/').map_or("", |(group, _)| group), kind.plural)),
            );
        }
        assert_eq!(allowed, read);
    }

    #[test]
    fn kinds_stand_in_the_table_of_their_scope() {
        assert!(NAMESPACED.iter().all(|kind| !is_cluster_scoped(kind.kind)));
        assert!(CLUSTER.iter().all(|kind| is_cluster_scoped(kind.kind)));
    }
}
