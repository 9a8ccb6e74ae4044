//! Which cause explains what: findings of one cause about one object are merged, placed in the object graph, and linked to
//! the symptoms and causes that their rows say they explain.

use super::catalogue::Link;
use super::confidence::LIKELY;
use super::context::Context;
use super::findings::{Finding, Findings, SymptomFinding};
use super::rules;
use super::workload_symptoms::selected;
use crate::cluster::{Object, json, pod};
use crate::domain::{ObjectRef, Subject};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// At most this many observations are kept of one cause; more of the same prove nothing further.
const MOST_EVIDENCE: usize = 8;

/// What has been so for longer than this when something else begins has nothing to do with it.
const CHRONIC: SignedDuration = SignedDuration::from_hours(24);

/// Causes that stand only where nothing more exact explains what they explain: they say when or how often something failed,
/// and not why.
const LAST_RESORTS: &[&str] =
    &["bad_rollout", "stateful_set_service_missing", "job_backoff_exceeded", "job_deadline_exceeded", "cron_job_missed"];

/// Where something is in the object graph.
#[derive(Debug, Clone)]
pub struct Place {
    /// The object, and the container where it is about one.
    pub subject: Subject,
    /// Its top controller, or itself.
    pub workload: ObjectRef,
    /// The nodes that it rests on: a pod's own, those of a workload's or a Service's pods that aren't ready.
    pub nodes: BTreeSet<String>,
    /// The object that the trouble lies with, where a symptom names it.
    pub towards: Option<ObjectRef>,
}

impl Place {
    /// Finds the place of a subject.
    pub fn of(cx: &Context<'_>, subject: &Subject) -> Self {
        let (workload, nodes) = (cx.workload(&subject.object), nodes_of(cx, &subject.object));
        Self { workload, nodes, subject: subject.clone(), towards: None }
    }

    /// The same place, with the object that its trouble lies with: what goes wrong on that one's nodes matters here too.
    fn towards(mut self, cx: &Context<'_>, towards: Option<ObjectRef>) -> Self {
        self.nodes.extend(towards.iter().flat_map(|towards| nodes_of(cx, towards)));
        self.towards = towards;
        self
    }

    fn is_pod(&self) -> bool {
        self.subject.object.kind == "Pod"
    }
}

fn nodes_of(cx: &Context<'_>, object: &ObjectRef) -> BTreeSet<String> {
    let bound = |pod: &Object| pod.text("spec.nodeName").to_owned();
    let mut nodes: BTreeSet<String> = match object.kind.as_str() {
        "Node" => [object.name.clone()].into(),
        "Pod" => cx.snap.get(object).map(bound).into_iter().collect(),
        "Service" => {
            let pods = cx.snap.get(object).map(|service| selected(cx, service)).unwrap_or_default();
            pods.into_iter().filter(|pod| !pod::is_ready(pod)).map(bound).collect()
        }
        _ => {
            // Where all are ready, as with a slow workload, all count.
            let pods = cx.snap.pods_of(object);
            let all = pods.iter().all(|pod| pod::is_ready(pod));
            pods.into_iter().filter(|pod| all || !pod::is_ready(pod)).map(bound).collect()
        }
    };
    nodes.remove("");
    nodes
}

/// A cause that was found, with everywhere it shows and everything it explains.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The strongest of the findings that were merged.
    pub finding: Finding,
    /// Everywhere it shows.
    pub places: Vec<Place>,
    /// The symptoms it explains, itself or through its consequences, by their index in the findings.
    pub symptoms: BTreeSet<usize>,
    /// The causes that are consequences of this one, by index.
    pub consequences: BTreeSet<usize>,
    /// Whether another cause explains this one.
    pub is_consequence: bool,
}

/// Merges the causes that were found and links each to what it explains.
pub fn candidates(cx: &Context<'_>, findings: &Findings) -> Vec<Candidate> {
    let mut candidates = merge(cx, findings);
    let place = |symptom: &SymptomFinding| Place::of(cx, &symptom.subject).towards(cx, symptom.towards.clone());
    let symptoms: Vec<Place> = findings.symptoms.iter().map(place).collect();
    for candidate in &mut candidates {
        for (index, place) in symptoms.iter().enumerate() {
            let id = findings.symptoms[index].symptom.id;
            if explains(cx, candidate, id, place) {
                candidate.symptoms.insert(index);
            }
        }
    }
    consequences(cx, &mut candidates);
    last_resorts(cx, &mut candidates, &symptoms, findings);
    candidates
}

/// One candidate for each cause, object and container, in the order of the findings' cause id and object.
fn merge(cx: &Context<'_>, findings: &Findings) -> Vec<Candidate> {
    let mut merged: BTreeMap<(ObjectRef, &str, Option<&str>), Vec<&Finding>> = BTreeMap::new();
    for finding in findings.causes.iter().filter(|finding| finding.ended.is_none()) {
        let key = (finding.blames.clone(), finding.cause.id, finding.subject.container.as_deref());
        merged.entry(key).or_default().push(finding);
    }
    let mut candidates = Vec::with_capacity(merged.len());
    for mut group in merged.into_values() {
        // The strongest proof speaks for all; among equals the subject's name decides, so that order doesn't matter.
        group.sort_by(|a, b| {
            b.proof
                .base()
                .total_cmp(&a.proof.base())
                .then_with(|| a.subject.cmp(&b.subject))
                .then_with(|| a.summary.cmp(&b.summary))
        });
        let Some((first, rest)) = group.split_first() else { continue };
        let mut finding = (*first).clone();
        for other in rest {
            finding.also.push(other.subject.clone());
            finding.also.extend(other.also.iter().cloned());
            finding.since = finding.since.into_iter().chain(other.since).min();
            for evidence in &other.evidence {
                if finding.evidence.len() < MOST_EVIDENCE && !finding.evidence.contains(evidence) {
                    finding.evidence.push(evidence.clone());
                }
            }
        }
        let own = finding.subject.clone();
        finding.also.sort();
        finding.also.dedup();
        finding.also.retain(|subject| *subject != own);
        let place = |subject| Place::of(cx, subject).towards(cx, finding.towards.clone());
        let places = finding.subjects().map(place).collect();
        candidates.push(Candidate {
            finding,
            places,
            symptoms: BTreeSet::new(),
            consequences: BTreeSet::new(),
            is_consequence: false,
        });
    }
    candidates
}

/// Marks the causes that another found cause explains, and gives their symptoms to that one. Of two that explain each other
/// the one that comes first stays.
fn consequences(cx: &Context<'_>, candidates: &mut [Candidate]) {
    let count = candidates.len();
    let mut edges = vec![BTreeSet::new(); count];
    for (from, edge) in edges.iter_mut().enumerate() {
        for to in 0..count {
            if from != to && explains_cause(cx, &candidates[from], &candidates[to]) {
                edge.insert(to);
            }
        }
    }
    for (from, reach) in (0..count).map(|from| (from, reachable(&edges, from))).collect::<Vec<_>>() {
        for to in reach {
            let mutual = reachable(&edges, to).contains(&from);
            if mutual && to < from {
                continue;
            }
            let symptoms = candidates[to].symptoms.clone();
            candidates[to].is_consequence = true;
            candidates[from].symptoms.extend(symptoms);
            candidates[from].consequences.insert(to);
        }
    }
}

/// Lets each last resort step down before a cause that explains all that is wrong with the workload which it is about, unless
/// what else that cause explains is far older: chronic background doesn't begin with a revision.
fn last_resorts(cx: &Context<'_>, candidates: &mut [Candidate], symptoms: &[Place], findings: &Findings) {
    let began =
        |indexes: &mut dyn Iterator<Item = &usize>| indexes.filter_map(|index| findings.symptoms.get(*index)?.since).min();
    let is_last_resort = |candidate: &Candidate| LAST_RESORTS.contains(&candidate.finding.cause.id);
    let count = candidates.len();
    for to in (0..count).filter(|to| is_last_resort(&candidates[*to]) && !candidates[*to].is_consequence).collect::<Vec<_>>() {
        let resort = &candidates[to];
        let own = |index: &&usize| resort.places.iter().any(|place| symptoms[**index].workload == place.workload);
        let own: BTreeSet<usize> = resort.symptoms.iter().filter(own).copied().collect();
        let onset = began(&mut own.iter());
        let better = (0..count).filter(|from| {
            let other = &candidates[*from];
            let before = began(&mut other.symptoms.difference(&own)).zip(onset);
            own.is_subset(&other.symptoms)
                && before.is_none_or(|(before, onset)| onset.duration_since(before) <= CHRONIC)
                && !is_last_resort(other)
                && !other.is_consequence
                && other.finding.proof.base() >= LIKELY
                && !rules::is_no_fault(other.finding.cause)
                && !explains_cause(cx, resort, other)
        });
        let better: Vec<usize> = if own.is_empty() { Vec::new() } else { better.collect() };
        for from in better {
            let symptoms = candidates[to].symptoms.clone();
            candidates[to].is_consequence = true;
            candidates[from].symptoms.extend(symptoms);
            candidates[from].consequences.insert(to);
        }
    }
}

fn reachable(edges: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = edges[from].iter().copied().collect();
    while let Some(next) = open.pop() {
        if next != from && seen.insert(next) {
            open.extend(edges[next].iter().copied());
        }
    }
    seen
}

/// Whether a cause explains another. A guess never takes the place of something that is proved, nor mere words that of a
/// guess.
fn explains_cause(cx: &Context<'_>, candidate: &Candidate, other: &Candidate) -> bool {
    let (proof, others) = (candidate.finding.proof, other.finding.proof);
    let weaker = !proof.is_structural() && others.is_structural() || proof.base() < LIKELY && others.base() >= LIKELY;
    let (places, id) = (&other.places, other.finding.cause.id);
    // A pod that has no node yet is no place on the node that is to blame for it.
    let blames = &candidate.finding.blames;
    let same_node = blames.kind == "Node"
        && *blames == other.finding.blames
        && candidate.finding.cause.links_to(id).any(|link| link == Link::Node);
    !weaker && !places.is_empty() && (same_node || places.iter().all(|place| explains(cx, candidate, id, place)))
}

/// Whether a candidate explains the id at this place.
fn explains(cx: &Context<'_>, candidate: &Candidate, id: &str, place: &Place) -> bool {
    candidate.finding.cause.links_to(id).any(|link| holds(cx, link, candidate, place))
}

/// Whether a link of the object graph leads from a cause to a place.
fn holds(cx: &Context<'_>, link: Link, candidate: &Candidate, to: &Place) -> bool {
    let blames = &candidate.finding.blames;
    let mut places = candidate.places.iter();
    // Not to reach one says nothing of calls to another.
    let about_another = matches!((&candidate.finding.towards, &to.towards), (Some(one), Some(other)) if one != other);
    if about_another && matches!(link, Link::Container | Link::Pod | Link::Workload) {
        return false;
    }
    match link {
        Link::Container => places.any(|from| {
            from.subject.container == to.subject.container
                && (from.subject.object == to.subject.object || !from.is_pod() && from.workload == to.workload)
        }),
        Link::Pod => places.any(|from| {
            from.subject.object == to.subject.object
                || !from.is_pod() && from.workload == to.workload
                || *blames == to.subject.object
        }),
        Link::Workload => *blames == to.workload || places.any(|from| from.workload == to.workload),
        Link::Node => {
            blames.kind == "Node" && to.nodes.contains(&blames.name)
                || places.any(|from| from.subject.object.kind == "Node" && to.nodes.contains(&from.subject.object.name))
        }
        Link::Selects => to.subject.object.kind == "Service" && places.any(|from| is_selected(cx, from, &to.subject.object)),
        Link::Mounts => {
            let mounted = |object: &ObjectRef| uses(cx, &to.subject.object, object);
            mounted(blames) || places.any(|from| mounted(&from.subject.object))
        }
        Link::Calls => {
            let called = places.flat_map(|from| [&from.subject.object, &from.workload]).chain([blames]);
            called.into_iter().any(|called| calls(cx, to, called))
        }
        Link::CalledBy => places.any(|from| cx.calls.calls(&from.workload, &to.workload)),
        Link::Namespace => {
            let namespace = if blames.kind == "Namespace" { blames.name.as_str() } else { blames.ns() };
            let object = &to.subject.object;
            object.ns() == namespace || object == blames || object.kind == "Namespace" && object.name == namespace
        }
        Link::Cluster => true,
    }
}

/// Whether a Service selects the pod, or the pods that the workload's template would make.
fn is_selected(cx: &Context<'_>, from: &Place, service: &ObjectRef) -> bool {
    let object = &from.subject.object;
    if object == service {
        return true;
    }
    let (Some(service), Some(object)) = (cx.snap.get(service), cx.snap.get(object)) else { return false };
    if service.id.namespace != object.id.namespace {
        return false;
    }
    let selects = |labels: &Value| {
        let mut selector = json::entries(&service.raw, "spec.selector").peekable();
        selector.peek().is_some() && selector.all(|(key, value)| json::key(labels, key) == value)
    };
    selects(object.at("metadata.labels")) && object.id.kind == "Pod" || selects(object.at("spec.template.metadata.labels"))
}

/// Whether a pod, or the pods of a workload, use an object as a volume, variable, account or pull secret.
fn uses(cx: &Context<'_>, user: &ObjectRef, used: &ObjectRef) -> bool {
    if user == used {
        return true;
    }
    let Some(object) = cx.snap.get(user) else { return false };
    let spec = if object.id.kind == "Pod" { object.at("spec") } else { object.at("spec.template.spec") };
    references(spec, used, user.ns())
}

fn references(spec: &Value, used: &ObjectRef, namespace: &str) -> bool {
    if used.ns() != namespace {
        return false;
    }
    match used.kind.as_str() {
        "PersistentVolumeClaim" => {
            json::list(spec, "volumes").iter().any(|volume| json::text(volume, "persistentVolumeClaim.claimName") == used.name)
        }
        "ServiceAccount" => json::text(spec, "serviceAccountName") == used.name,
        _ => false,
    }
}

/// Whether what a place calls is this object, or depends on it. A symptom that names whom it doesn't reach is only about that
/// one's trouble.
fn calls(cx: &Context<'_>, caller: &Place, called: &ObjectRef) -> bool {
    match &caller.towards {
        Some(towards) => towards == called || cx.calls.calls(towards, called),
        None => cx.calls.calls(&caller.workload, called),
    }
}
