//! Who sets an object back to what a repository says. A change to such an object holds until the next synchronisation.

use crate::cluster::json;
use serde_json::Value;

/// The labels and annotations that mark an object as theirs: Argo CD's tracking methods, and the labels that Flux's
/// kustomize-controller and helm-controller set.
const MARKS: &[(&str, &str)] = &[
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// The field managers under which they apply.
const MANAGERS: &[(&str, &str)] = &[
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
];

/// `Argo CD` or `Flux`, if one of them owns the object.
pub fn gitops_owner(object: &Value) -> Option<&'static str> {
    let metadata = json::key(object, "metadata");
    let marked = MARKS
        .iter()
        .find(|(mark, _)| ["annotations", "labels"].iter().any(|map| !json::key(json::key(metadata, map), mark).is_null()));
    let manages = |name: &str| json::list(metadata, "managedFields").iter().any(|entry| json::text(entry, "manager") == name);
    marked.or_else(|| MANAGERS.iter().find(|(manager, _)| manages(manager))).map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn by_mark_or_by_manager() {
        for (metadata, owner) in [
            (json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}), Some("Argo CD")),
            (json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}), Some("Flux")),
            (json!({"managedFields": [{"manager": "kube-controller-manager"}, {"manager": "helm-controller"}]}), Some("Flux")),
            (json!({"labels": {"app.kubernetes.io/instance": "shop"}}), None),
            (json!("garbage"), None),
        ] {
            assert_eq!(gitops_owner(&json!({"metadata": metadata})), owner, "{metadata}");
        }
    }
}
