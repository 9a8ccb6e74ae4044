//! From what a person asked for to objects of the snapshot; and when there is no such object, to what was probably meant.

use super::selector::Selector;
use crate::cluster::{Object, Snapshot, is_cluster_scoped, node};
use crate::domain::ObjectRef;
use std::collections::BTreeSet;
use thiserror::Error;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One object.
    Named {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// All objects of a kind.
    All {
        /// The kind.
        kind: &'static str,
    },
}

/// Where to look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The namespace; `None` looks everywhere, as a recording that says no namespace is looked through.
    pub namespace: Option<String>,
    /// Every namespace is meant (`-A`), so that a name that is there twice means both.
    pub all_namespaces: bool,
    /// Only objects with these labels; for [`Wanted::All`].
    pub selector: Option<Selector>,
}

impl Scope {
    fn covers(&self, object: &ObjectRef) -> bool {
        object.namespace.is_none() || self.namespace.as_deref().is_none_or(|namespace| namespace == object.ns())
    }
}

/// Why there is nothing to analyse.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoTarget {
    /// There is no such object, as far as could be seen.
    #[error("no such {what}")]
    NotFound {
        /// The kind and name, and where it was looked for.
        what: String,
        /// Objects that were probably meant, best first; at most [`SUGGESTIONS`].
        near: Vec<ObjectRef>,
    },
    /// The kind could not be read, so nobody knows.
    #[error("cannot tell whether {what} exists: {why}")]
    NotSeen {
        /// The kind and name.
        what: String,
        /// Why it could not be read.
        why: String,
        /// Objects that were seen and were probably meant, best first; at most [`SUGGESTIONS`].
        near: Vec<ObjectRef>,
    },
    /// Several namespaces hold an object of that name.
    #[error("{what} exists in several namespaces: {}", namespaces.join(", "))]
    Ambiguous {
        /// The kind and name.
        what: String,
        /// The namespaces.
        namespaces: Vec<String>,
    },
    /// No object of the kind is there, or none has the labels.
    #[error("no {what}")]
    Nothing {
        /// The kind, and where it was looked for.
        what: String,
    },
    /// The input doesn't say what it is about.
    #[error("the input does not say what it is about")]
    NotSaid,
}

/// How many objects are offered instead of one that isn't there.
pub const SUGGESTIONS: usize = 3;

/// The objects that are meant, in the order asked for, each once. `wanted` empty means: what the input is about, else
/// the namespace, else every namespace that the input holds.
///
/// # Errors
/// When one of them isn't there.
pub fn resolve(snapshot: &Snapshot, wanted: &[Wanted], scope: &Scope) -> Result<Vec<ObjectRef>, NoTarget> {
    if wanted.is_empty() {
        return unnamed(snapshot, scope);
    }
    let mut targets = Vec::new();
    for wanted in wanted {
        targets.extend(match wanted {
            Wanted::Named { kind, name } => named(snapshot, kind, name, scope)?,
            Wanted::All { kind } => all(snapshot, kind, scope)?,
        });
    }
    let mut seen = BTreeSet::new();
    targets.retain(|target| seen.insert(target.clone()));
    Ok(targets)
}

fn unnamed(snapshot: &Snapshot, scope: &Scope) -> Result<Vec<ObjectRef>, NoTarget> {
    if let Some(namespace) = &scope.namespace {
        return named(snapshot, "Namespace", namespace, scope);
    }
    match &snapshot.target {
        Some(target) if !scope.all_namespaces => Ok(vec![target.clone()]),
        _ => {
            let namespaces = namespaces(snapshot).into_iter().map(|name| ObjectRef::cluster("Namespace", name));
            let namespaces = namespaces.collect::<Vec<_>>();
            if namespaces.is_empty() { Err(NoTarget::NotSaid) } else { Ok(namespaces) }
        }
    }
}

fn named(snapshot: &Snapshot, kind: &str, name: &str, scope: &Scope) -> Result<Vec<ObjectRef>, NoTarget> {
    let what = described(kind, Some(name), scope);
    let mut found: Vec<ObjectRef> = if kind == "Namespace" {
        let found = namespaces(snapshot).contains(name);
        found.then(|| ObjectRef::cluster(kind, name)).into_iter().collect()
    } else {
        let objects = snapshot.of_kind(kind).iter().map(|object| &object.id);
        // An object that is gone is still spoken of by its events.
        let gone = snapshot.all_events().iter().map(|event| &event.object);
        let same = |id: &&ObjectRef| id.kind == kind && id.name == name && scope.covers(id);
        objects.chain(gone).filter(same).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    if let Some(own) = snapshot.target.as_ref().filter(|own| own.kind == kind && own.name == name && scope.covers(own)) {
        // The recording's own target counts although nothing of it may be there, and before namesakes elsewhere.
        found = vec![own.clone()];
    }
    if kind == "Node" && found.is_empty() {
        // By its address, as monitoring names it.
        found.extend(node(snapshot, name).map(|node| node.id.clone()));
    }
    match found.as_slice() {
        [] => Err(missing(snapshot, kind, name, scope, what)),
        [_, _, ..] if !scope.all_namespaces => {
            let namespaces = found.iter().map(|id| id.ns().to_owned()).collect();
            Err(NoTarget::Ambiguous { what: format!("{} {name}", kind.to_lowercase()), namespaces })
        }
        _ => Ok(found),
    }
}

/// The namespace that was named, where all of them were seen and it isn't among them.
fn no_namespace(snapshot: &Snapshot, kind: &str, scope: &Scope) -> Option<NoTarget> {
    let name = scope.namespace.as_deref().filter(|_| !is_cluster_scoped(kind))?;
    let is_there = namespaces(snapshot).contains(name) || snapshot.looked_for("Namespace", "").is_err();
    let near = || mistyped(snapshot, "Namespace", name, scope).into_iter().take(SUGGESTIONS).collect();
    (!is_there).then(|| NoTarget::NotFound { what: described("Namespace", Some(name), scope), near: near() })
}

fn missing(snapshot: &Snapshot, kind: &str, name: &str, scope: &Scope, what: String) -> NoTarget {
    let namespace = if is_cluster_scoped(kind) { "" } else { scope.namespace.as_deref().unwrap_or("") };
    let near = near(snapshot, kind, name, scope);
    if near.is_empty()
        && let Some(no_namespace) = no_namespace(snapshot, kind, scope)
    {
        return no_namespace;
    }
    match snapshot.looked_for(kind, namespace) {
        Err(why) => NoTarget::NotSeen { what, why, near },
        Ok(()) => NoTarget::NotFound { what, near },
    }
}

fn all(snapshot: &Snapshot, kind: &str, scope: &Scope) -> Result<Vec<ObjectRef>, NoTarget> {
    let selected = |object: &&Object| {
        scope.covers(&object.id) && scope.selector.as_ref().is_none_or(|selector| selector.matches(object.at("metadata.labels")))
    };
    let mut found: Vec<_> = snapshot.of_kind(kind).iter().filter(selected).map(|object| object.id.clone()).collect();
    if kind == "Namespace" && scope.selector.is_none() {
        found = namespaces(snapshot).into_iter().map(|name| ObjectRef::cluster(kind, name)).collect();
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(no_namespace) = no_namespace(snapshot, kind, scope) {
        return Err(no_namespace);
    }
    let what = described(kind, None, scope);
    let namespace = if is_cluster_scoped(kind) { "" } else { scope.namespace.as_deref().unwrap_or("") };
    match snapshot.looked_for(kind, namespace) {
        Err(why) => Err(NoTarget::NotSeen { what: format!("any {what}"), why, near: Vec::new() }),
        Ok(()) => Err(NoTarget::Nothing { what }),
    }
}

/// `pod checkout in namespace shop`.
fn described(kind: &str, name: Option<&str>, scope: &Scope) -> String {
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let labels = if scope.selector.is_some() && name.is_empty() { " with these labels" } else { "" };
    let place = match &scope.namespace {
        Some(namespace) if !is_cluster_scoped(kind) => format!(" in namespace {namespace}"),
        _ => String::new(),
    };
    format!("{}{name}{labels}{place}", kind.to_lowercase())
}

/// Every namespace that is seen, itself or by what lies in it.
fn namespaces(snapshot: &Snapshot) -> BTreeSet<&str> {
    let own = snapshot.of_kind("Namespace").iter().map(|object| object.id.name.as_str());
    let held = snapshot.objects().iter().filter_map(|object| object.id.namespace.as_deref());
    own.chain(held).collect()
}

/// Workloads, and what else people mistake for one another's names.
const MISTAKEN: &[&str] =
    &["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod", "Service", "Ingress", "Node", "Namespace"];

/// What was probably meant, best first: the same name in another namespace; another kind of the same name; the workload
/// of a pod that is gone; a pod of a workload's name; a name with a typing error.
fn near(snapshot: &Snapshot, kind: &str, name: &str, scope: &Scope) -> Vec<ObjectRef> {
    let here = |kind: &str| snapshot.of_kind(kind).iter().map(|object| object.id.clone()).filter(|id| scope.covers(id));
    let elsewhere = snapshot.of_kind(kind).iter().map(|object| object.id.clone()).filter(|id| id.name == name);
    let other_kind = MISTAKEN.iter().flat_map(|kind| here(kind)).filter(|id| id.name == name);
    let owner = MISTAKEN.iter().take(5).flat_map(|kind| here(kind)).filter(|id| is_prefix(&id.name, name));
    // Of nested names (`cart`, `cart-db`) the longest is the owner.
    let owner = owner.max_by_key(|id| id.name.len());
    let begun = here(kind).chain(here("Pod")).filter(|id| id.name.starts_with(name));
    let mut found = Vec::new();
    for id in elsewhere.chain(other_kind).chain(owner).chain(begun).chain(mistyped(snapshot, kind, name, scope)) {
        if found.len() < SUGGESTIONS && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// Whether `name` is that of something that the workload `owner` made: `checkout-7c9f5d-x2x1z` of `checkout`.
fn is_prefix(owner: &str, name: &str) -> bool {
    name.strip_prefix(owner).is_some_and(|rest| rest.starts_with('-'))
}

/// Objects of the kind whose names differ by a typing error or two, nearest first; so do namespaces.
fn mistyped(snapshot: &Snapshot, kind: &str, name: &str, scope: &Scope) -> Vec<ObjectRef> {
    // Kubernetes' names have at most 253 characters (RFC 1123 subdomain).
    if name.len() > 253 {
        return Vec::new();
    }
    let allowed = 1 + name.len() / 8;
    let candidates: Vec<ObjectRef> = if kind == "Namespace" {
        namespaces(snapshot).into_iter().map(|name| ObjectRef::cluster(kind, name)).collect()
    } else {
        snapshot.of_kind(kind).iter().map(|object| object.id.clone()).filter(|id| scope.covers(id)).collect()
    };
    let similar = candidates.into_iter().filter(|id| id.name.len().abs_diff(name.len()) <= allowed);
    let mut near: Vec<_> =
        similar.map(|id| (strsim::osa_distance(&id.name, name), id)).filter(|near| near.0 <= allowed).collect();
    near.sort();
    near.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::{NoTarget, Scope, Wanted, resolve};
    use crate::cluster::{Recording, Snapshot};
    use crate::domain::{KUBERNETES, ObjectRef, SourceState};
    use serde_json::{Value, json};

    fn object(kind: &str, namespace: &str, name: &str) -> Value {
        let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
        json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"namespace": namespace, "name": name, "labels": {"app": name.split('-').next()}}})
    }

    fn snapshot() -> Snapshot {
        let objects = vec![
            object("Deployment", "shop", "checkout"),
            object("Deployment", "shop", "checkout-db"),
            object("Pod", "shop", "checkout-7c9f5d-x2x1z"),
            object("Pod", "shop", "cart-6b7d9c-qqqqq"),
            object("Pod", "bank", "ledger-0"),
            object("Pod", "lab", "ledger-0"),
        ];
        let sources = [(KUBERNETES.to_owned(), SourceState::Ok)].into();
        Snapshot::new(Recording { objects, sources, ..Recording::default() })
    }

    fn find(kind: &'static str, name: &str, namespace: Option<&str>) -> Result<Vec<ObjectRef>, NoTarget> {
        let scope = Scope { namespace: namespace.map(str::to_owned), ..Scope::default() };
        resolve(&snapshot(), &[Wanted::Named { kind, name: name.into() }], &scope)
    }

    fn near(kind: &'static str, name: &str, namespace: Option<&str>) -> Vec<String> {
        match find(kind, name, namespace) {
            Err(NoTarget::NotFound { near, .. }) => near.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn finds_by_name_in_a_namespace_or_in_the_only_one_that_has_it() {
        let pod = ObjectRef::new("Pod", "shop", "cart-6b7d9c-qqqqq");
        assert_eq!(find("Pod", "cart-6b7d9c-qqqqq", Some("shop")), Ok(vec![pod.clone()]));
        assert_eq!(find("Pod", "cart-6b7d9c-qqqqq", None), Ok(vec![pod]));
        assert_eq!(find("Namespace", "shop", None), Ok(vec![ObjectRef::cluster("Namespace", "shop")]));
        assert!(
            matches!(find("Pod", "ledger-0", None), Err(NoTarget::Ambiguous { namespaces, .. }) if namespaces == ["bank", "lab"])
        );
    }

    #[test]
    fn offers_what_was_probably_meant() {
        assert_eq!(near("Pod", "ledger-0", Some("shop")), ["Pod bank/ledger-0", "Pod lab/ledger-0"]);
        assert_eq!(near("Pod", "checkout", Some("shop")), ["Deployment shop/checkout", "Pod shop/checkout-7c9f5d-x2x1z"]);
        assert_eq!(near("Pod", "checkout-5f6f7f-aaaaa", Some("shop")), ["Deployment shop/checkout"]);
        assert_eq!(near("Pod", "checkout-db-5f6f7f-aaaaa", Some("shop")), ["Deployment shop/checkout-db"]);
        assert_eq!(near("Deployment", "chekcout", Some("shop")), ["Deployment shop/checkout"]);
        assert_eq!(near("Deployment", "cart", Some("shop")), ["Pod shop/cart-6b7d9c-qqqqq"]);
        assert_eq!(near("Namespace", "shpo", None), ["Namespace shop"]);
        assert!(near("Deployment", "unheard-of", Some("shop")).is_empty());
    }

    #[test]
    fn all_of_a_kind_by_label() {
        let scope = Scope { namespace: Some("shop".into()), selector: Some("app=cart".parse().unwrap()), ..Scope::default() };
        let pods = resolve(&snapshot(), &[Wanted::All { kind: "Pod" }], &scope);
        assert_eq!(pods, Ok(vec![ObjectRef::new("Pod", "shop", "cart-6b7d9c-qqqqq")]));
        let services = resolve(&snapshot(), &[Wanted::All { kind: "Service" }], &scope);
        assert_eq!(services.unwrap_err().to_string(), "no service with these labels in namespace shop");
    }

    #[test]
    fn without_a_target_the_namespace_or_what_the_input_is_about() {
        let names = |scope: Scope| {
            let targets = resolve(&snapshot(), &[], &scope).unwrap();
            targets.into_iter().map(|target| target.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Scope { namespace: Some("bank".into()), ..Scope::default() }), ["bank"]);
        assert_eq!(names(Scope::default()), ["bank", "lab", "shop"]);
        assert_eq!(resolve(&Snapshot::new(Recording::default()), &[], &Scope::default()), Err(NoTarget::NotSaid));
    }

    #[test]
    fn a_namespace_that_is_not_there_is_what_is_said() {
        let scope = Scope { namespace: Some("shpo".into()), ..Scope::default() };
        for wanted in [Wanted::Named { kind: "Pod", name: "nowhere".into() }, Wanted::All { kind: "Pod" }] {
            let error = resolve(&snapshot(), &[wanted], &scope).unwrap_err();
            assert_eq!(error.to_string(), "no such namespace shpo");
            assert!(matches!(error, NoTarget::NotFound { near, .. } if near == [ObjectRef::cluster("Namespace", "shop")]));
        }
    }

    #[test]
    fn an_object_that_could_not_be_seen_is_not_called_missing() {
        let sources = [(KUBERNETES.to_owned(), SourceState::Forbidden("pods is forbidden".into()))].into();
        let snapshot = Snapshot::new(Recording { sources, ..Recording::default() });
        let result = resolve(&snapshot, &[Wanted::Named { kind: "Pod", name: "x".into() }], &Scope::default());
        assert!(matches!(result, Err(NoTarget::NotSeen { why, .. }) if why == "pods is forbidden"));
    }
}
