//! ConfigMaps and Secrets that a pod names and that aren't there, or lack the key: computed from the objects, and checked
//! against what the kubelet says. A pod that runs needs none of them any more and is left alone.

mod missing;

use super::explains::{CONTAINER_DOWN, POD_DOWN};
use super::spelling::nearest;
use crate::cluster::{Object, json, pod};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::Subject;
use missing::{Missing, Need};
use std::collections::BTreeMap;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Startup,
    causes: &[&CONFIG_MAP_MISSING, &CONFIG_MAP_KEY_MISSING, &SECRET_MISSING, &SECRET_KEY_MISSING],
    check,
};

/// What the rows have in common.
const NAMED: Cause = Cause {
    id: "",
    title: "",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, POD_DOWN, &[(Link::Pod, "volume_mount_failed")]],
    reads: "pod spec, pod status, ConfigMaps, Secrets' keys, events",
    source: "",
    doc: "",
    check: "",
    fix: "",
    fields: &["envFrom", ".env[", "spec.volumes"],
};

static CONFIG_MAP_MISSING: Cause = Cause {
    id: "config_map_missing",
    title: "a ConfigMap that the pod names doesn't exist",
    source: "kubelet: CreateContainerConfigError or event FailedMount with `configmap \"NAME\" not found`",
    doc: "A variable or volume of the pod comes from a ConfigMap that isn't in its namespace.",
    check: "kubectl -n NAMESPACE get configmap NAME",
    fix: "create the ConfigMap in the pod's namespace, or correct its name in the pod template",
    ..NAMED
};

static CONFIG_MAP_KEY_MISSING: Cause = Cause {
    id: "config_map_key_missing",
    title: "a ConfigMap lacks a key that the pod names",
    source: "kubelet: CreateContainerConfigError with `couldn't find key`, event FailedMount with `non-existent config key`",
    doc: "The ConfigMap exists and has no such key.",
    check: "kubectl -n NAMESPACE get configmap NAME -o jsonpath='{.data}' | jq keys",
    fix: "add the key to the ConfigMap, or correct it in the pod template",
    ..NAMED
};

static SECRET_MISSING: Cause = Cause {
    id: "secret_missing",
    title: "a Secret that the pod names doesn't exist",
    source: "kubelet: CreateContainerConfigError or event FailedMount with `secret \"NAME\" not found`",
    doc: "A variable or volume of the pod comes from a Secret that isn't in its namespace.",
    check: "kubectl -n NAMESPACE get secret NAME",
    fix: "create the Secret in the pod's namespace, or correct its name in the pod template",
    ..NAMED
};

static SECRET_KEY_MISSING: Cause = Cause {
    id: "secret_key_missing",
    title: "a Secret lacks a key that the pod names",
    source: "kubelet: CreateContainerConfigError with `couldn't find key`, event FailedMount with `non-existent secret key`",
    doc: "The Secret exists and has no such key.",
    check: "kubectl -n NAMESPACE get secret NAME -o jsonpath='{.data}' | jq keys",
    fix: "add the key to the Secret, or correct it in the pod template",
    ..NAMED
};

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod)) {
        if !pod::containers(pod).iter().any(|container| container.waiting().is_some()) {
            continue;
        }
        let mut grouped: BTreeMap<(Need, Option<String>), Vec<Missing>> = BTreeMap::new();
        for missing in missing::of(cx, pod) {
            grouped.entry((missing.need(), missing.container.clone())).or_default().push(missing);
        }
        for ((need, container), group) in &grouped {
            state(cx, pod, need, container.as_deref(), group, out);
        }
        rule_out(cx, pod, grouped.keys().map(|(need, _)| need), out);
    }
}

fn state(cx: &Context<'_>, pod: &Object, need: &Need, container: Option<&str>, group: &[Missing], out: &mut Findings) {
    let Some(first) = group.first() else { return };
    let subject = container.map_or_else(|| pod.id.clone().into(), |name| Subject::container(pod.id.clone(), name));
    let ns = pod.id.ns();
    let (kind, name) = (need.kind, need.name.as_str());
    let cause = match (kind, need.keys) {
        ("ConfigMap", false) => &CONFIG_MAP_MISSING,
        ("ConfigMap", true) => &CONFIG_MAP_KEY_MISSING,
        (_, false) => &SECRET_MISSING,
        (_, true) => &SECRET_KEY_MISSING,
    };
    let who = container.map_or_else(|| "the pod".to_owned(), |container| format!("container {container}"));
    let object = cx.snap.find(kind, ns, name);
    let (says, fix) = if need.keys {
        let mut keys: Vec<&str> = group.iter().filter_map(|missing| missing.key.as_deref()).collect();
        keys.sort_unstable();
        keys.dedup();
        let has = object.map(keys_of).unwrap_or_default();
        let near = keys.first().and_then(|key| nearest(key, has.iter().copied()));
        let held = match (near, has.as_slice()) {
            (Some(near), _) => format!(" (it has {near})"),
            (None, []) => String::new(),
            (None, has) => format!(" (it has {})", has.iter().take(5).copied().collect::<Vec<_>>().join(", ")),
        };
        let word = if keys.len() == 1 { "key" } else { "keys" };
        let keys = keys.join(", ");
        let says = format!("{who} needs {word} {keys} of {kind} {name} in namespace {ns}, which lacks it{held}");
        (says, format!("add {word} {keys} to {kind} {name} in namespace {ns}, or correct it in the pod template"))
    } else {
        let others = cx.snap.in_namespace(kind, ns).iter().map(|object| object.id.name.as_str());
        let elsewhere = cx.snap.of_kind(kind).iter().find(|object| object.id.name == name && object.id.ns() != ns);
        let hint = match (nearest(name, others), elsewhere) {
            (Some(near), _) => format!("; {near} exists"),
            (None, Some(other)) => format!("; namespace {} has one of that name", other.id.ns()),
            (None, None) => String::new(),
        };
        let says = format!("{who} needs {kind} {name}, which doesn't exist in namespace {ns}{hint}");
        (says, format!("create {kind} {name} in namespace {ns}, or correct the name in the pod template"))
    };
    let said = group.iter().filter_map(|missing| missing.said.clone());
    let computed = group.iter().any(|missing| missing.computed);
    let proof = match (computed, first.said.is_some()) {
        (true, true) => Proof::ComputedAndSaid,
        (true, false) => Proof::Computed,
        (false, _) => first.proof,
    };
    out.found(cause, subject, proof)
        .blame(cx.workload(&pod.id))
        .since(pod.created())
        .evidence(said.take(2))
        .evidence(group.iter().take(4).map(|missing| missing.evidence.clone()))
        .says(says)
        .fix(fix)
        .next(format!("kubectl -n {ns} get {} {name}", kind.to_lowercase()));
}

/// The keys that a ConfigMap or Secret has.
fn keys_of(object: &Object) -> Vec<&str> {
    let keys = ["data", "binaryData", "stringData"].into_iter().flat_map(|field| json::entries(&object.raw, field));
    let mut keys: Vec<&str> = keys.map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

/// Says of a pod that waits which kinds of reference are not the reason.
fn rule_out<'n>(cx: &Context<'_>, pod: &Object, found: impl Iterator<Item = &'n Need> + Clone, out: &mut Findings) {
    for (kind, whole, key) in
        [("ConfigMap", "config_map_missing", "config_map_key_missing"), ("Secret", "secret_missing", "secret_key_missing")]
    {
        for (id, keys) in [(whole, false), (key, true)] {
            if found.clone().any(|need| need.kind == kind && need.keys == keys) {
                continue;
            }
            match cx.snap.looked_for(kind, pod.id.ns()) {
                Ok(()) => out.absent(id, pod.id.clone(), format!("every {kind} and key that the pod needs exists"), Vec::new()),
                Err(why) => out.unknown(id, pod.id.clone(), why),
            }
        }
    }
}
