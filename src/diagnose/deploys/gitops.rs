//! What Argo CD and Flux remember of their deploys: the histories in the status of the objects that manage a workload.

use crate::cluster::{Object, json};
use crate::diagnose::context::Context;
use crate::domain::Evidence;
use jiff::Timestamp;
use serde_json::Value;

/// The most entries of a history that are read; Argo CD keeps ten by default (`spec.revisionHistoryLimit`).
const MOST: usize = 100;
/// How much of a revision's name is told: that of a commit.
const TOLD: usize = 12;

/// One deploy by a GitOps controller.
#[derive(Debug)]
pub(super) struct Sync {
    /// `argocd` or `flux`.
    pub source: &'static str,
    pub at: Timestamp,
    /// In words: `Argo CD synced shop to 3f2a9c`.
    pub what: String,
    pub evidence: Evidence,
}

/// The deploys of a workload that GitOps controllers remember; `None` where none of their objects that was read manages it.
pub(super) fn syncs(cx: &Context<'_>, workload: &Object) -> Option<Vec<Sync>> {
    let mut out: Option<Vec<Sync>> = None;
    let mut read = |manager: &Object, one: &dyn Fn(&Value) -> Option<(Timestamp, String)>, source: &'static str| {
        let known = out.get_or_insert_default();
        for (index, entry) in manager.list("status.history").iter().take(MOST).enumerate() {
            let Some((at, what)) = one(entry) else { continue };
            let evidence = cx.value(&manager.id, &format!("status.history[{index}]"), told(entry), Some(at));
            known.push(Sync { source, at, what, evidence });
        }
    };
    for application in cx.snap.of_kind("Application.argoproj.io").iter().filter(|application| has(application, workload)) {
        let entry = |entry: &Value| {
            let at = json::time(entry, "deployStartedAt").or_else(|| json::time(entry, "deployedAt"))?;
            Some((at, format!("Argo CD synced {} to {}", application.id.name, short(json::text(entry, "revision")))))
        };
        read(application, &entry, "argocd");
    }
    let labelled = |group: &str, kind: &str| {
        let label = |part: &str| workload.label(&format!("{group}/{part}")).unwrap_or_default();
        cx.snap.find(&format!("{kind}.{group}"), label("namespace"), label("name"))
    };
    if let Some(kustomization) = labelled("kustomize.toolkit.fluxcd.io", "Kustomization") {
        let entry = |entry: &Value| {
            let revision = match json::text(json::key(entry, "metadata"), "revision") {
                "" => json::text(entry, "digest"),
                revision => revision,
            };
            let at = json::time(entry, "firstReconciled")?;
            Some((at, format!("Flux applied {} at {}", kustomization.id.name, short(revision))))
        };
        read(kustomization, &entry, "flux");
    }
    if let Some(release) = labelled("helm.toolkit.fluxcd.io", "HelmRelease") {
        let entry = |entry: &Value| {
            let at = json::time(entry, "lastDeployed")?;
            Some((at, format!("Flux deployed {} with chart {}", release.id.name, short(json::text(entry, "chartVersion")))))
        };
        read(release, &entry, "flux");
    }
    if let Some(known) = &mut out {
        known.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
    }
    out
}

/// Whether an Application manages a workload: the workload says so, or it is among the Application's resources and those are in
/// this cluster (`spec.destination`).
fn has(application: &Object, workload: &Object) -> bool {
    let name = application.id.name.as_str();
    let tracking = workload.annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    let instance = workload.label("argocd.argoproj.io/instance").or_else(|| workload.label("app.kubernetes.io/instance"));
    let is_listed = || {
        application.list("status.resources").iter().any(|resource| {
            let field = |field| json::text(resource, field);
            field("kind") == workload.id.kind && field("name") == workload.id.name && field("namespace") == workload.id.ns()
        })
    };
    let here = application.text("spec.destination.server").contains("kubernetes.default.svc")
        || application.text("spec.destination.name") == "in-cluster";
    match tracking {
        // An Application of another namespace than Argo CD's own is named NAMESPACE_NAME.
        Some(id) => id == name || id.strip_suffix(name).is_some_and(|rest| rest.ends_with('_')),
        None => (here || instance == Some(name)) && is_listed(),
    }
}

/// What of an entry is evidence: no parameters of a chart.
fn told(entry: &Value) -> Value {
    let kept = ["id", "revision", "digest", "chartVersion", "version", "status", "lastReconciledStatus"];
    let fields = kept.iter().filter_map(|field| Some(((*field).to_owned(), entry.get(*field)?.clone())));
    Value::Object(fields.filter(|(_, value)| !value.is_object() && !value.is_array()).collect())
}

/// `main@sha1:3f2a…` and a commit as people say it.
fn short(revision: &str) -> String {
    let commit = revision.rsplit(':').next().unwrap_or(revision);
    commit.chars().take(TOLD).collect()
}
