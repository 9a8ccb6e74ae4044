//! Which ConfigMaps, Secrets and keys a waiting pod names that aren't there: the objects' answer and the kubelet's, joined.

use super::super::start_error::start_error;
use crate::cluster::references::{Reference, Via, references};
use crate::cluster::{Event, Object, json, pod};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::domain::Evidence;
use jiff::SignedDuration;

/// How long a pod may wait for its volumes before a reference that dangles counts without the kubelet's own word: the
/// kubelet gives up a first try after about two minutes (`podAttachAndMountTimeout` in pkg/kubelet/volumemanager).
const MOUNTING: SignedDuration = SignedDuration::from_secs(123);
/// The ConfigMap that the controller manager puts into every namespace (`RootCACertConfigMapName` in
/// pkg/controller/certificates/rootcacertpublisher); readers may leave it out.
const ROOT_CA: &str = "kube-root-ca.crt";

/// The kubelet's words while it waits for its watch of an object, which never comes for one that isn't there
/// (pkg/kubelet/util/manager/watch_based_manager.go).
const NOT_SYNCED: &str = "failed to sync";

/// What is needed: an object, or keys of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether the object exists and keys of it are missing.
    pub keys: bool,
}

/// One reference that leads nowhere.
#[derive(Debug)]
pub(super) struct Missing {
    kind: &'static str,
    name: String,
    /// The key, where the object is there and the key isn't.
    pub key: Option<String>,
    /// The container that needs it; `None` for the pod's volumes.
    pub container: Option<String>,
    /// Whether the objects show it.
    pub computed: bool,
    /// The kubelet's own word for it.
    pub said: Option<Evidence>,
    /// What kind of proof the kubelet's word is.
    pub proof: Proof,
    /// The field that names it.
    pub evidence: Evidence,
}

impl Missing {
    /// What it groups under.
    pub(super) fn need(&self) -> Need {
        Need { kind: self.kind, name: self.name.clone(), keys: self.key.is_some() }
    }
}

/// What the snapshot knows of a reference.
enum Lookup {
    Exists,
    ObjectMissing,
    KeyMissing,
    Unknown,
}

/// Every reference that keeps this pod from starting.
pub(super) fn of(cx: &Context<'_>, pod: &Object) -> Vec<Missing> {
    let containers = pod::containers(pod);
    let mut found = Vec::new();
    // Volumes come before the first container: once one has started, they were there.
    let mounting = !pod.text("spec.nodeName").is_empty() && containers.iter().all(|container| container.waiting().is_some());
    let failed = |event: &Event| event.warning && event.reason.starts_with("Failed") && event.reason != "FailedScheduling";
    let waited = pod.created().is_some_and(|created| cx.snap.age(created) >= MOUNTING);
    let silent = waited && !cx.snap.events(&pod.id).iter().any(failed);
    for reference in references(pod.at("spec"), &pod.id.name) {
        if !matches!(reference.kind, "ConfigMap" | "Secret") || reference.optional {
            continue;
        }
        let missing = match (reference.via, reference.container.as_deref()) {
            (Via::Env | Via::EnvFrom, Some(name)) => {
                let container = containers.iter().find(|container| container.name == name);
                let error = container.and_then(|container| start_error(cx, container));
                let Some(error) = error.filter(|error| error.reason == "CreateContainerConfigError") else { continue };
                let said = says(error.message, &reference).then(|| error.evidence.first().cloned()).flatten();
                let silent = error.message.is_empty() || error.message == error.reason || error.message.contains(NOT_SYNCED);
                missing(cx, pod, &reference, said, error.proof, silent)
            }
            (Via::Volume | Via::Projected | Via::VolumeSecret, _) if mounting => {
                let said = mount_event(cx, pod, &reference).map(Event::evidence);
                missing(cx, pod, &reference, said, Proof::Event, silent && reference.name != ROOT_CA)
            }
            _ => None,
        };
        found.extend(missing);
    }
    found
}

/// A reference that leads nowhere. `silent` says whether the objects alone may decide, since the kubelet said nothing.
fn missing(
    cx: &Context<'_>,
    pod: &Object,
    reference: &Reference,
    said: Option<Evidence>,
    proof: Proof,
    silent: bool,
) -> Option<Missing> {
    let lookup = look_up(cx, pod, reference);
    let key = match lookup {
        // It was created since, and the kubelet's next try will find it.
        Lookup::Exists => return None,
        Lookup::KeyMissing => reference.key.clone(),
        Lookup::ObjectMissing => None,
        Lookup::Unknown => said.as_ref().filter(|said| is_about_key(said)).and(reference.key.clone()),
    };
    let computed = matches!(lookup, Lookup::ObjectMissing | Lookup::KeyMissing);
    (said.is_some() || computed && silent).then(|| Missing {
        kind: reference.kind,
        name: reference.name.clone(),
        key,
        container: reference.container.clone(),
        computed,
        said,
        proof,
        evidence: cx.value(&pod.id, &reference.path, shown(reference), None),
    })
}

/// What the reference names, for evidence: `checkout/DB_URL`.
fn shown(reference: &Reference) -> serde_json::Value {
    match &reference.key {
        Some(key) => serde_json::json!({"name": reference.name, "key": key}),
        None => serde_json::json!({"name": reference.name}),
    }
}

fn look_up(cx: &Context<'_>, pod: &Object, reference: &Reference) -> Lookup {
    let Some(object) = cx.snap.find(reference.kind, pod.id.ns(), &reference.name) else {
        let looked = cx.snap.looked_for(reference.kind, pod.id.ns()).is_ok();
        return if looked { Lookup::ObjectMissing } else { Lookup::Unknown };
    };
    let Some(key) = &reference.key else { return Lookup::Exists };
    let has = |field: &str| object.at(field).get(key).is_some();
    if has("data") || has("binaryData") || has("stringData") {
        Lookup::Exists
    } else if object.partial().is_some() {
        Lookup::Unknown
    } else {
        Lookup::KeyMissing
    }
}

/// The newest FailedMount event about this reference.
fn mount_event<'a>(cx: &Context<'a>, pod: &Object, reference: &Reference) -> Option<&'a Event> {
    // `spec.volumes[NAME].…`
    let volume = reference.path.strip_prefix("spec.volumes[").and_then(|rest| rest.split(']').next()).unwrap_or("");
    let quoted = format!("volume \"{volume}\"");
    let events = cx.snap.events(&pod.id).iter().rev().filter(|event| event.reason == "FailedMount");
    events.filter(|event| event.message.contains(&quoted)).find(|event| says(&event.message, reference))
}

/// Whether the kubelet's message names this reference as missing. Messages (pkg/kubelet/kubelet_pods.go, pkg/volume/configmap,
/// pkg/volume/secret): `configmap "c" not found`, `couldn't find key k in ConfigMap ns/c`, `references non-existent config key: k`.
fn says(message: &str, reference: &Reference) -> bool {
    let (kind, resource, volume_word) = match reference.kind {
        "ConfigMap" => ("ConfigMap", "configmap", "config"),
        _ => ("Secret", "secret", "secret"),
    };
    let name = &reference.name;
    let object = [format!("{resource} \"{name}\" not found"), format!("{resource}s \"{name}\" not found")];
    if object.iter().any(|words| message.contains(words)) {
        return true;
    }
    let Some(key) = &reference.key else { return false };
    let by_variable = message
        .split_once(&format!("couldn't find key {key} in {kind} "))
        .is_some_and(|(_, rest)| rest.split([' ', ',', ':']).next().is_some_and(|id| id.ends_with(&format!("/{name}"))));
    let by_volume = message
        .split_once(&format!("references non-existent {volume_word} key: "))
        .is_some_and(|(_, rest)| rest.split([' ', ',', ']']).next() == Some(key));
    by_variable || by_volume
}

/// Whether the kubelet's word is about a key, not the whole object.
fn is_about_key(said: &Evidence) -> bool {
    let text = said.value.as_str().unwrap_or_else(|| json::text(&said.value, "message"));
    text.contains("couldn't find key") || text.contains("references non-existent")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(kind: &'static str, name: &str, key: Option<&str>) -> Reference {
        Reference {
            kind,
            name: name.to_owned(),
            key: key.map(str::to_owned),
            optional: false,
            container: None,
            path: String::new(),
            via: Via::Env,
        }
    }

    #[test]
    fn the_kubelets_words_are_about_one_object_and_key() {
        let map = reference("ConfigMap", "web", Some("level"));
        assert!(says("configmap \"web\" not found", &map));
        assert!(!says("configmap \"web-2\" not found", &map));
        assert!(!says("secret \"web\" not found", &map));
        assert!(says("couldn't find key level in ConfigMap shop/web", &map));
        assert!(!says("couldn't find key level in ConfigMap shop/other-web2", &map));
        assert!(!says("couldn't find key level in Secret shop/web", &map));
        assert!(!says("couldn't find key levels in ConfigMap shop/web", &map));
        assert!(says("MountVolume.SetUp failed for volume \"v\" : references non-existent config key: level", &map));
        let secret = reference("Secret", "db", None);
        assert!(says(
            "MountVolume.SetUp failed for volume \"v\" : [configmap \"a\" not found, secret \"db\" not found]",
            &secret
        ));
        assert!(!says("references non-existent secret key: url", &secret));
        assert!(says("references non-existent secret key: url", &reference("Secret", "db", Some("url"))));
    }
}
