//! What a pod names and needs: every ConfigMap, Secret, claim, ServiceAccount and class that its specification refers to,
//! with the field that does. Says only what is named; whether it exists is the snapshot's to say.

use super::json;
use serde_json::Value;

/// One reference from a pod to another object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// `ConfigMap`, `Secret`, `PersistentVolumeClaim`, `ServiceAccount`, `PriorityClass` or `RuntimeClass`.
    pub kind: &'static str,
    /// The object's name; it is in the pod's own namespace, or cluster-scoped for the two classes.
    pub name: String,
    /// The key that has to be in the object; `None` where the whole object is used.
    pub key: Option<String>,
    /// Whether the pod starts without it.
    pub optional: bool,
    /// The container that needs it; `None` where the whole pod does.
    pub container: Option<String>,
    /// The field that names it, with list elements by name: `spec.containers[app].env[DB_URL].valueFrom.secretKeyRef`.
    pub path: String,
    /// By which way the pod gets it.
    pub via: Via,
}

/// By which way a pod gets what it refers to. It decides when a missing object shows: an environment keeps a container from
/// being created, a volume keeps the whole pod in ContainerCreating, a claim keeps it Pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// One environment variable: `env[].valueFrom`.
    Env,
    /// All keys as environment variables: `envFrom[]`.
    EnvFrom,
    /// A volume.
    Volume,
    /// A source of a projected volume.
    Projected,
    /// A claim that Kubernetes makes for an `ephemeral` volume, named `POD-VOLUME`.
    Ephemeral,
    /// The credentials that a storage driver mounts with.
    VolumeSecret,
    /// `imagePullSecrets`.
    PullSecret,
    /// `serviceAccountName`.
    ServiceAccount,
    /// `priorityClassName` or `runtimeClassName`.
    Class,
}

/// The volume sources that name a Secret under `secretRef`, all in the pod's namespace:
/// `staging/src/k8s.io/api/core/v1/types.go`.
const SECRET_REF_VOLUMES: &[&str] = &["cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"];

/// Everything that a pod specification refers to, in the order of its fields. `pod_name` is needed to name the claims of
/// `ephemeral` volumes; empty (as for a template) leaves those out.
pub fn references(spec: &Value, pod_name: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in json::list(spec, list) {
            environment(container, &format!("spec.{list}[{}]", json::text(container, "name")), &mut found);
        }
    }
    for volume in json::list(spec, "volumes") {
        volume_references(volume, pod_name, &mut found);
    }
    for secret in json::list(spec, "imagePullSecrets") {
        let name = json::text(secret, "name");
        push(&mut found, "Secret", name, format!("spec.imagePullSecrets[{name}]"), Via::PullSecret);
    }
    // `serviceAccount` is the older name of the same field.
    for field in ["serviceAccountName", "serviceAccount"] {
        let name = json::text(spec, field);
        if !name.is_empty() {
            push(&mut found, "ServiceAccount", name, format!("spec.{field}"), Via::ServiceAccount);
            break;
        }
    }
    for (field, kind) in [("priorityClassName", "PriorityClass"), ("runtimeClassName", "RuntimeClass")] {
        push(&mut found, kind, json::text(spec, field), format!("spec.{field}"), Via::Class);
    }
    found
}

/// Adds a reference to a whole object that the pod can't do without; nothing when no object is named.
fn push(found: &mut Vec<Reference>, kind: &'static str, name: &str, path: String, via: Via) {
    if !name.is_empty() {
        let name = name.to_owned();
        found.push(Reference { kind, name, key: None, optional: false, container: None, path, via });
    }
}

fn environment(container: &Value, at: &str, found: &mut Vec<Reference>) {
    let owner = Some(json::text(container, "name").to_owned());
    for variable in json::list(container, "env") {
        for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            let source = json::key(json::key(variable, "valueFrom"), field);
            let name = json::text(source, "name");
            if name.is_empty() {
                continue;
            }
            found.push(Reference {
                kind,
                name: name.to_owned(),
                key: Some(json::text(source, "key").to_owned()),
                optional: json::flag(source, "optional"),
                container: owner.clone(),
                path: format!("{at}.env[{}].valueFrom.{field}", json::text(variable, "name")),
                via: Via::Env,
            });
        }
    }
    for source in json::list(container, "envFrom") {
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            let reference = json::key(source, field);
            let name = json::text(reference, "name");
            if name.is_empty() {
                continue;
            }
            found.push(Reference {
                kind,
                name: name.to_owned(),
                key: None,
                optional: json::flag(reference, "optional"),
                container: owner.clone(),
                path: format!("{at}.envFrom[{name}].{field}"),
                via: Via::EnvFrom,
            });
        }
    }
}

fn volume_references(volume: &Value, pod_name: &str, found: &mut Vec<Reference>) {
    let volume_name = json::text(volume, "name");
    let at = format!("spec.volumes[{volume_name}]");
    keyed(json::key(volume, "configMap"), "ConfigMap", "name", &format!("{at}.configMap"), Via::Volume, found);
    keyed(json::key(volume, "secret"), "Secret", "secretName", &format!("{at}.secret"), Via::Volume, found);
    for source in json::list(volume, "projected.sources") {
        for (field, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
            let (source, name) = (json::key(source, field), json::text(json::key(source, field), "name"));
            keyed(source, kind, "name", &format!("{at}.projected.sources[{name}].{field}"), Via::Projected, found);
        }
    }
    let claim = json::text(volume, "persistentVolumeClaim.claimName");
    push(found, "PersistentVolumeClaim", claim, format!("{at}.persistentVolumeClaim"), Via::Volume);
    if json::key(volume, "ephemeral").is_object() && !pod_name.is_empty() {
        // VolumeClaimName in staging/src/k8s.io/component-helpers/storage/ephemeral/ephemeral.go.
        let claim = format!("{pod_name}-{volume_name}");
        push(found, "PersistentVolumeClaim", &claim, format!("{at}.ephemeral"), Via::Ephemeral);
    }
    let secret = json::text(volume, "csi.nodePublishSecretRef.name");
    push(found, "Secret", secret, format!("{at}.csi.nodePublishSecretRef"), Via::VolumeSecret);
    push(found, "Secret", json::text(volume, "azureFile.secretName"), format!("{at}.azureFile"), Via::VolumeSecret);
    for source in SECRET_REF_VOLUMES {
        let secret = json::text(json::key(json::key(volume, source), "secretRef"), "name");
        push(found, "Secret", secret, format!("{at}.{source}.secretRef"), Via::VolumeSecret);
    }
}

/// A ConfigMap or Secret as files: one reference a listed key, or one to the whole object when no keys are listed.
fn keyed(source: &Value, kind: &'static str, name_field: &str, at: &str, via: Via, found: &mut Vec<Reference>) {
    let name = json::text(source, name_field);
    if name.is_empty() {
        return;
    }
    let reference = |key: Option<&str>, path: String| Reference {
        kind,
        name: name.to_owned(),
        key: key.map(str::to_owned),
        optional: json::flag(source, "optional"),
        container: None,
        path,
        via,
    };
    let items = json::list(source, "items");
    if items.is_empty() {
        found.push(reference(None, at.to_owned()));
    }
    for item in items {
        let key = json::text(item, "key");
        found.push(reference(Some(key), format!("{at}.items[{key}]")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lines(spec: &Value) -> Vec<String> {
        let line = |reference: &Reference| {
            let key = reference.key.as_deref().map(|key| format!("/{key}")).unwrap_or_default();
            let optional = if reference.optional { " optional" } else { "" };
            format!("{} {}{key}{optional} <- {}", reference.kind, reference.name, reference.path)
        };
        references(spec, "web-0").iter().map(line).collect()
    }

    #[test]
    fn finds_every_reference() {
        let spec = json!({
            "serviceAccountName": "web", "serviceAccount": "web",
            "priorityClassName": "high", "runtimeClassName": "gvisor",
            "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [{"name": "migrate", "env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]}],
            "containers": [{"name": "app",
                "env": [
                    {"name": "PLAIN", "value": "x"},
                    {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level", "optional": true}}},
                    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "S_", "secretRef": {"name": "tokens", "optional": true}}]}],
            "ephemeralContainers": [{"name": "debug", "envFrom": [{"secretRef": {"name": "debug"}}]}],
            "volumes": [
                {"name": "conf", "configMap": {"name": "settings", "items": [{"key": "a.yaml", "path": "a"}, {"key": "b.yaml", "path": "b"}]}},
                {"name": "tls", "secret": {"secretName": "web-tls", "optional": false}},
                {"name": "all", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    {"secret": {"name": "extra"}}]}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                {"name": "vault", "csi": {"driver": "secrets-store.csi.k8s.io", "nodePublishSecretRef": {"name": "vault-creds"}}},
                {"name": "share", "azureFile": {"secretName": "azure", "shareName": "s"}},
                {"name": "ceph", "cephfs": {"secretRef": {"name": "ceph"}}},
                {"name": "tmp", "emptyDir": {}}]
        });
        assert_eq!(
            lines(&spec),
            [
                "Secret db/url <- spec.initContainers[migrate].env[DB].valueFrom.secretKeyRef",
                "ConfigMap settings/level optional <- spec.containers[app].env[LEVEL].valueFrom.configMapKeyRef",
                "ConfigMap settings <- spec.containers[app].envFrom[settings].configMapRef",
                "Secret tokens optional <- spec.containers[app].envFrom[tokens].secretRef",
                "Secret debug <- spec.ephemeralContainers[debug].envFrom[debug].secretRef",
                "ConfigMap settings/a.yaml <- spec.volumes[conf].configMap.items[a.yaml]",
                "ConfigMap settings/b.yaml <- spec.volumes[conf].configMap.items[b.yaml]",
                "Secret web-tls <- spec.volumes[tls].secret",
                "ConfigMap kube-root-ca.crt/ca.crt <- spec.volumes[all].projected.sources[kube-root-ca.crt].configMap.items[ca.crt]",
                "Secret extra <- spec.volumes[all].projected.sources[extra].secret",
                "PersistentVolumeClaim data-web-0 <- spec.volumes[data].persistentVolumeClaim",
                "PersistentVolumeClaim web-0-scratch <- spec.volumes[scratch].ephemeral",
                "Secret vault-creds <- spec.volumes[vault].csi.nodePublishSecretRef",
                "Secret azure <- spec.volumes[share].azureFile",
                "Secret ceph <- spec.volumes[ceph].cephfs.secretRef",
                "Secret registry <- spec.imagePullSecrets[registry]",
                "ServiceAccount web <- spec.serviceAccountName",
                "PriorityClass high <- spec.priorityClassName",
                "RuntimeClass gvisor <- spec.runtimeClassName",
            ]
        );
    }

    #[test]
    fn says_by_which_way_and_for_whom() {
        let spec = json!({"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "s"}}]}],
            "volumes": [{"name": "v", "secret": {"secretName": "s"}}]});
        let found = references(&spec, "");
        assert_eq!((found[0].via, found[0].container.as_deref()), (Via::EnvFrom, Some("app")));
        assert_eq!((found[1].via, found[1].container.as_deref()), (Via::Volume, None));
    }

    #[test]
    fn a_template_has_no_ephemeral_claim_yet() {
        assert!(references(&json!({"volumes": [{"name": "scratch", "ephemeral": {}}]}), "").is_empty());
    }

    proptest! {
        #[test]
        fn garbage_is_no_reference(name in "\\PC{0,20}", number in any::<i64>()) {
            let odd = [json!(null), json!(number), json!(name), json!([number]), json!({name.clone(): number})];
            for value in &odd {
                let spec = json!({"containers": value, "volumes": [value, {"name": value, "secret": value, "configMap": value}],
                    "imagePullSecrets": [value], "serviceAccountName": [], "initContainers": [{"env": [value], "envFrom": value}]});
                prop_assert!(references(&spec, &name).iter().all(|reference| !reference.name.is_empty()));
            }
        }
    }
}
