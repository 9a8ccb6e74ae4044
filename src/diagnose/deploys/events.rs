//! Every deploy of a workload, by whomever it was seen; one that several saw is one.

use super::gitops;
use super::{build_evidence, builds, ended};
use crate::cluster::{Object, json, revisions};
use crate::diagnose::change;
use crate::diagnose::context::Context;
use crate::domain::{Deploy, ObjectRef};
use jiff::{SignedDuration, Timestamp};

/// A sync and the rollout that it brought are at most so far apart.
const OF_A_SYNC: SignedDuration = SignedDuration::from_mins(10);
/// A rollout begins so long after its build ended at most.
const OF_A_BUILD: SignedDuration = SignedDuration::from_mins(15);
/// The fewest digits that tell a commit.
const SHORT_COMMIT: usize = 7;
/// The same rolled out in another namespace at most so long before or after is one event.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(15);

/// One deploy.
#[derive(Debug)]
pub(super) struct DeployEvent<'a> {
    pub at: Timestamp,
    /// The revision that it brought, where the cluster shows one.
    pub revision: Option<(i64, &'a Object)>,
    /// The build that it came from, where one is known.
    pub build: Option<&'a Deploy>,
    /// What a GitOps controller did, in words.
    pub sync: Option<String>,
    /// Who saw it, nearest first.
    pub sources: Vec<String>,
}

impl DeployEvent<'_> {
    /// In words: `revision 15 of deployment/checkout, build 1481`.
    pub fn what(&self, workload: &ObjectRef) -> String {
        let revision = self.revision.map(|(number, _)| format!("revision {number} of {}", workload.kubectl()));
        let build = self.build.map(|build| format!("build {}", build.number));
        [revision, build, self.sync.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn saw(&mut self, source: &str) {
        if !self.sources.iter().any(|known| known == source) {
            self.sources.push(source.to_owned());
        }
    }
}

/// The deploys of a workload, oldest first: its rollouts, then what GitOps controllers and a CI server know beside these.
pub(super) fn events<'a>(cx: &Context<'a>, workload: &ObjectRef) -> Vec<DeployEvent<'a>> {
    let rollouts = change::rollouts(cx, workload).into_iter();
    let mut events: Vec<DeployEvent<'a>> = rollouts
        .map(|(number, revision, at)| DeployEvent {
            at,
            revision: Some((number, revision)),
            build: None,
            sync: None,
            sources: vec!["revisions".to_owned()],
        })
        .collect();
    let syncs = cx.snap.get(workload).and_then(|workload| gitops::syncs(cx, workload)).unwrap_or_default();
    for sync in syncs {
        let near = events.iter_mut().filter(|event| event.at.duration_since(sync.at).abs() <= OF_A_SYNC);
        if let Some(event) = near.min_by_key(|event| event.at.duration_since(sync.at).abs()) {
            event.saw(sync.source);
            event.sync.get_or_insert(sync.what);
        } else {
            let sources = vec![sync.source.to_owned()];
            events.push(DeployEvent { at: sync.at, revision: None, build: None, sync: Some(sync.what), sources });
        }
    }
    for build in builds(cx, workload) {
        let Some(end) = ended(build) else { continue };
        let began = build.started_at.unwrap_or(end);
        let free = |event: &&mut DeployEvent<'_>| event.build.is_none();
        let named = events.iter().position(|event| event.build.is_none() && is_of(build, event));
        let near =
            |event: &DeployEvent<'_>| event.at.duration_since(began) >= -OF_A_BUILD && event.at.duration_since(end) <= OF_A_BUILD;
        let joined = match named {
            Some(index) => events.get_mut(index),
            None => {
                events.iter_mut().filter(free).filter(|event| near(event)).min_by_key(|event| event.at.duration_since(end).abs())
            }
        };
        if let Some(event) = joined {
            event.saw("deploys");
            event.build = Some(build);
        } else {
            let sources = vec!["deploys".to_owned()];
            events.push(DeployEvent { at: end, revision: None, build: Some(build), sync: None, sources });
        }
    }
    events.sort_by(|a, b| (a.at, a.revision.map(|(number, _)| number)).cmp(&(b.at, b.revision.map(|(number, _)| number))));
    events
}

/// Whether a revision's images carry a build's commit or its number.
fn is_of(build: &Deploy, event: &DeployEvent<'_>) -> bool {
    let Some((_, revision)) = event.revision else { return false };
    images(revision).iter().any(|image| {
        let tag = image.rsplit('/').next().and_then(|last| last.split_once([':', '@'])).map_or("", |(_, tag)| tag);
        let words = || tag.split(|character: char| !character.is_ascii_alphanumeric());
        let commit = |word: &str| word.len() >= SHORT_COMMIT && build.sha.starts_with(word);
        words().any(commit) || (!build.number.is_empty() && tag == build.number)
    })
}

/// The images of a revision, sorted.
fn images(revision: &Object) -> Vec<&str> {
    let template = revisions::template(revision);
    let containers = template.map(|template| json::list(json::key(template, "spec"), "containers")).unwrap_or_default();
    let mut images: Vec<&str> = containers.iter().map(|container| json::text(container, "image")).collect();
    images.sort_unstable();
    images
}

/// The namespaces in which the same was rolled out at once, sorted; empty where it is this one alone.
pub(super) fn at_once(cx: &Context<'_>, workload: &ObjectRef, event: &DeployEvent<'_>) -> Vec<String> {
    let Some((_, revision)) = event.revision else { return Vec::new() };
    let brought = images(revision);
    let same = |other: &&Object| {
        other.id.name == workload.name
            && change::rollouts(cx, &other.id)
                .iter()
                .any(|(_, revision, at)| at.duration_since(event.at).abs() <= AT_ONCE && images(revision) == brought)
    };
    let namespaces: Vec<String> =
        cx.snap.of_kind(&workload.kind).iter().filter(same).map(|other| other.id.ns().to_owned()).collect();
    if namespaces.len() > 1 { namespaces } else { Vec::new() }
}

/// What a deploy rests on.
pub(super) fn evidence(cx: &Context<'_>, workload: &ObjectRef, event: &DeployEvent<'_>) -> Option<crate::domain::Evidence> {
    let revision = event.revision.map(|(_, revision)| {
        let created = revision.at("metadata.creationTimestamp").clone();
        cx.value(&revision.id, "metadata.creationTimestamp", created, Some(event.at))
    });
    let build = || event.build.map(|build| build_evidence(workload, build));
    let sync = || {
        let object = cx.snap.get(workload)?;
        gitops::syncs(cx, object)?.into_iter().find(|sync| sync.at == event.at).map(|sync| sync.evidence)
    };
    revision.or_else(build).or_else(sync)
}
