//! The indexed snapshot: every object, found by name, owner, node, or event. The same objects give the same snapshot in
//! whatever order they came.

use super::{Dependency, Event, LogEvent, LogKey, Object, Recording, Signal, json};
use crate::domain::{Deploy, KUBERNETES, LOGS, ObjectRef, RememberedIncident, SourceState, Sources, Ticket};
use jiff::Timestamp;
use serde_json::Value;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

/// How far owner references are followed. Real chains have at most four links (Pod, ReplicaSet, Deployment, operator);
/// the bound is for cycles, which a hostile or broken input can hold.
const MAX_OWNERS: usize = 8;

/// The cluster's objects at one moment, with a status for each source.
#[derive(Debug)]
pub struct Snapshot {
    /// The moment that every age is relative to.
    pub now: Timestamp,
    /// How reading each source went.
    pub sources: Sources,
    /// Time series, sorted by name and labels.
    pub signals: Vec<Signal>,
    /// Declared or observed service dependencies, sorted.
    pub dependencies: Vec<Dependency>,
    /// What a CI server deployed, oldest first.
    pub deploys: Vec<Deploy>,
    /// What a ticket tracker knows: open tickets first, of them the newest.
    pub tickets: Vec<Ticket>,
    /// What a search in structured logs found, oldest first.
    pub log_events: Vec<LogEvent>,
    /// Earlier incidents of the cluster, and open ones, newest first.
    pub history: Vec<RememberedIncident>,
    /// The alert that led here, as it came.
    pub alert: Option<Value>,
    /// What the input says it is about.
    pub target: Option<ObjectRef>,
    /// What could not be understood while reading.
    pub warnings: Vec<String>,
    objects: Vec<Object>,
    /// What controls each object, by its index: who belongs to whom is asked all the time.
    controllers: Vec<Option<ObjectRef>>,
    children: BTreeMap<ObjectRef, Vec<usize>>,
    pods_on_node: BTreeMap<String, Vec<usize>>,
    events: Vec<Event>,
    logs: BTreeMap<LogKey, String>,
}

impl Snapshot {
    /// Indexes what was read. Of duplicates the whole one is kept before the partial one, then the one with the highest
    /// `resourceVersion`.
    pub fn new(recording: Recording) -> Self {
        let Recording { captured_at, target, sources, objects, logs, alert, warnings, .. } = recording;
        let Recording { signals, dependencies, deploys, tickets, log_events, history, .. } = recording;
        let now = captured_at.filter(json::can_be).unwrap_or_else(|| newest(&objects));
        let mut objects: Vec<Object> = objects.into_iter().filter_map(Object::new).collect();
        let is_event = |object: &Object| object.id.kind == "Event";
        let mut events: Vec<Event> = objects.iter().filter(|object| is_event(object)).filter_map(Event::of).collect();
        events.sort();
        events.dedup();
        objects.retain(|object| !is_event(object));
        objects.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| prefer(a, b)));
        objects.dedup_by(|later, first| later.id == first.id);
        let mut children: BTreeMap<ObjectRef, Vec<usize>> = BTreeMap::new();
        let mut pods_on_node: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let controllers: Vec<Option<ObjectRef>> = objects.iter().map(Object::controller).collect();
        for (index, (object, controller)) in objects.iter().zip(&controllers).enumerate() {
            if let Some(owner) = controller {
                let is_read = objects.binary_search_by(|other| other.id.cmp(owner)).is_ok();
                // A pod whose ReplicaSet was not read is still its Deployment's.
                let above = if is_read { None } else { deployment_by_hash(object, owner) };
                children.entry(above.unwrap_or_else(|| owner.clone())).or_default().push(index);
            }
            if object.id.kind == "Pod" && !object.text("spec.nodeName").is_empty() {
                pods_on_node.entry(object.text("spec.nodeName").to_owned()).or_default().push(index);
            }
        }
        let evidence =
            Recording { signals, dependencies, deploys, tickets, log_events, history, sources, warnings, ..Recording::default() };
        let mut snapshot = Self {
            now,
            sources: Sources::new(),
            signals: Vec::new(),
            dependencies: Vec::new(),
            deploys: Vec::new(),
            tickets: Vec::new(),
            log_events: Vec::new(),
            history: Vec::new(),
            alert,
            target,
            warnings: Vec::new(),
            objects,
            controllers,
            children,
            pods_on_node,
            events,
            logs,
        };
        snapshot.add(evidence);
        // An alert may know no more of a node than its address.
        if let Some(target) = snapshot.target.as_ref().filter(|target| target.kind == "Node")
            && let Some(node) = super::node(&snapshot, &target.name)
        {
            snapshot.target = Some(node.id.clone());
        }
        snapshot
    }

    /// Adds what other witnesses said of the same moment; nothing of the cluster is taken over.
    pub fn add(&mut self, evidence: Recording) {
        self.signals.extend(evidence.signals);
        self.signals.sort_by(|a, b| (&a.signal, &a.labels).cmp(&(&b.signal, &b.labels)));
        self.dependencies.extend(evidence.dependencies);
        self.dependencies.sort();
        self.dependencies.dedup();
        self.deploys.extend(evidence.deploys);
        self.deploys.sort_by_cached_key(|deploy| (deploy.finished_at.or(deploy.started_at), format!("{deploy:?}")));
        self.tickets.extend(evidence.tickets);
        self.tickets.sort_by_cached_key(|ticket| (ticket.resolved, Reverse(ticket.created_at), format!("{ticket:?}")));
        self.tickets.dedup();
        self.log_events.extend(evidence.log_events);
        self.log_events.sort_by(|a, b| a.order().cmp(&b.order()));
        self.history.extend(evidence.history);
        self.history.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
        self.history.dedup_by(|later, first| later.id == first.id);
        self.sources.extend(evidence.sources);
        self.warnings.extend(evidence.warnings);
    }

    /// Every object but Events, sorted by kind, namespace and name.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of one kind, sorted by namespace and name.
    pub fn of_kind<'a>(&'a self, kind: &str) -> &'a [Object] {
        let start = self.objects.partition_point(|object| object.id.kind.as_str() < kind);
        let end = self.objects.partition_point(|object| object.id.kind.as_str() <= kind);
        self.objects.get(start..end).unwrap_or(&[])
    }

    /// The objects of one kind in one namespace.
    pub fn in_namespace<'a>(&'a self, kind: &str, namespace: &str) -> &'a [Object] {
        let all = self.of_kind(kind);
        let start = all.partition_point(|object| object.id.ns() < namespace);
        let end = all.partition_point(|object| object.id.ns() <= namespace);
        all.get(start..end).unwrap_or(&[])
    }

    /// An object by kind, namespace (empty for cluster-scoped ones) and name.
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(self.index(kind, namespace, name)?)
    }

    fn index(&self, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        let key = (kind, namespace, name);
        self.objects.binary_search_by(|object| (object.id.kind.as_str(), object.id.ns(), object.id.name.as_str()).cmp(&key)).ok()
    }

    /// An object by its reference.
    pub fn get(&self, id: &ObjectRef) -> Option<&Object> {
        self.find(&id.kind, id.ns(), &id.name)
    }

    /// The objects that this one controls, sorted.
    pub fn children<'a>(&'a self, owner: &ObjectRef) -> impl Iterator<Item = &'a Object> + use<'a> {
        self.children.get(owner).into_iter().flatten().filter_map(|index| self.objects.get(*index))
    }

    /// The pods that are bound to a node, finished ones too.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
        self.pods_on_node.get(node).into_iter().flatten().filter_map(|index| self.objects.get(*index))
    }

    /// The controllers above an object, nearest first, without itself. A ReplicaSet that was not read still leads to its
    /// Deployment, since the Deployment controller names it `DEPLOYMENT-HASH` with the hash in the pod's label
    /// `pod-template-hash`.
    pub fn owners(&self, id: &ObjectRef) -> Vec<ObjectRef> {
        let mut chain: Vec<ObjectRef> = Vec::new();
        let mut current = id.clone();
        while chain.len() < MAX_OWNERS {
            let owner = match self.index(&current.kind, current.ns(), &current.name) {
                Some(index) => self.controllers.get(index).cloned().flatten(),
                None => self.get(id).and_then(|pod| deployment_by_hash(pod, &current)),
            };
            match owner {
                // A mirror pod is owned by its Node, which isn't a workload.
                Some(owner) if owner.kind != "Node" && owner != *id && !chain.contains(&owner) => {
                    chain.push(owner.clone());
                    current = owner;
                }
                _ => break,
            }
        }
        chain
    }

    /// The top controller: the object whose template is to be mended. The object itself when nothing controls it.
    pub fn workload(&self, id: &ObjectRef) -> ObjectRef {
        self.owners(id).pop().unwrap_or_else(|| id.clone())
    }

    /// All pods below an object: itself when it is a pod, else what it controls, down the chain. Of a Deployment whose
    /// ReplicaSets were not read the pods are told by their hash, as [`Self::owners`] does.
    pub fn pods_of<'a>(&'a self, id: &ObjectRef) -> Vec<&'a Object> {
        let mut pods = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut level: Vec<&Object> =
            if id.kind == "Pod" { self.get(id).into_iter().collect() } else { self.children(id).collect() };
        for _ in 0..MAX_OWNERS {
            let mut next = Vec::new();
            for object in level {
                if !seen.insert(&object.id) {
                    continue;
                }
                if object.id.kind == "Pod" {
                    pods.push(object);
                } else {
                    next.extend(self.children(&object.id));
                }
            }
            level = next;
        }
        if id.kind == "Deployment" && self.children(id).next().is_none() {
            pods.extend(self.in_namespace("Pod", id.ns()).iter().filter(|pod| self.workload(&pod.id) == *id));
        }
        pods.sort_by(|a, b| a.id.cmp(&b.id));
        pods
    }

    /// The events about an object, by time.
    pub fn events<'a>(&'a self, id: &ObjectRef) -> &'a [Event] {
        let start = self.events.partition_point(|event| event.object < *id);
        let end = self.events.partition_point(|event| event.object <= *id);
        self.events.get(start..end).unwrap_or(&[])
    }

    /// Every event, sorted by object and time.
    pub fn all_events(&self) -> &[Event] {
        &self.events
    }

    /// A container's log, current or previous.
    pub fn log(&self, pod: &ObjectRef, container: &str, previous: bool) -> Option<&str> {
        let key = LogKey { namespace: pod.ns().to_owned(), pod: pod.name.clone(), container: container.to_owned(), previous };
        self.logs.get(&key).map(String::as_str)
    }

    /// How long ago a time was, never negative: clocks of different machines disagree by seconds.
    pub fn age(&self, time: Timestamp) -> jiff::SignedDuration {
        self.now.duration_since(time).max(jiff::SignedDuration::ZERO)
    }

    /// Whether the absence of an object of this kind in this namespace (empty for cluster-scoped kinds) means anything:
    /// `Ok` when the kind was read there, else why not.
    pub fn looked_for(&self, kind: &str, namespace: &str) -> Result<(), String> {
        match self.sources.get(KUBERNETES) {
            None => return Err("the cluster was not read".to_owned()),
            Some(SourceState::Unavailable(why) | SourceState::Forbidden(why)) => return Err(why.clone()),
            Some(SourceState::Partial(why)) => {
                let kinds_listed = self.sources.keys().any(|source| source.starts_with("kubernetes/"));
                if !kinds_listed {
                    return Err(why.clone());
                }
            }
            Some(SourceState::Ok) => {}
        }
        let source = format!("{KUBERNETES}/{}", plural(kind));
        if let Some(state) = self.sources.get(&source).filter(|state| !matches!(state, SourceState::Ok)) {
            return Err(state.to_string());
        }
        let covered = namespace.is_empty()
            || self.target.as_ref().is_none_or(|target| target.ns() == namespace || target.name == namespace)
            || !self.in_namespace(kind, namespace).is_empty();
        if covered { Ok(()) } else { Err(format!("namespace {namespace} was not read")) }
    }

    /// Why a container's log is not here, if the source failed or was not asked.
    pub fn logs_missing(&self) -> Option<String> {
        match self.sources.get(LOGS) {
            None => Some("logs were not read".to_owned()),
            Some(SourceState::Ok) => None,
            Some(state) => Some(state.to_string()),
        }
    }
}

/// The Deployment of a pod, by the name of its ReplicaSet.
fn deployment_by_hash(pod: &Object, replica_set: &ObjectRef) -> Option<ObjectRef> {
    if replica_set.kind != "ReplicaSet" {
        return None;
    }
    let name = replica_set.name.strip_suffix(pod.label("pod-template-hash")?)?.strip_suffix('-')?;
    Some(ObjectRef { kind: "Deployment".to_owned(), namespace: replica_set.namespace.clone(), name: name.to_owned() })
}

/// The plural under which the API serves a kind, lower case (`networkpolicies`).
pub fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.as_str() {
        "endpoints" => kind,
        _ if kind.ends_with("class") || kind.ends_with("ingress") => format!("{kind}es"),
        _ => match kind.strip_suffix('y') {
            Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
            _ => format!("{kind}s"),
        },
    }
}

/// Which of two objects of one name is kept: the one that sorts first.
fn prefer(a: &Object, b: &Object) -> Ordering {
    let version = |object: &Object| object.text("metadata.resourceVersion").parse::<u64>().unwrap_or(0);
    let partial = |object: &Object| object.partial().is_some();
    // What is the same needs no comparing as text, which is slow.
    let text = || if a.raw == b.raw { Ordering::Equal } else { a.raw.to_string().cmp(&b.raw.to_string()) };
    partial(a).cmp(&partial(b)).then_with(|| version(b).cmp(&version(a))).then_with(text)
}

/// The newest time in the objects: "now" for input that doesn't say when it was taken. The epoch when there is none.
fn newest(objects: &[Value]) -> Timestamp {
    fn walk(value: &Value, newest: &mut Timestamp, depth: usize) {
        match value {
            Value::Object(map) if depth < 32 => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if key.ends_with("Time") || key.ends_with("Timestamp") || key.ends_with("At") => {
                            if let Some(time) = json::moment(text) {
                                *newest = (*newest).max(time);
                            }
                        }
                        _ => walk(value, newest, depth + 1),
                    }
                }
            }
            Value::Array(items) if depth < 32 => items.iter().for_each(|item| walk(item, newest, depth + 1)),
            _ => {}
        }
    }
    let mut found = Timestamp::UNIX_EPOCH;
    for object in objects {
        for part in ["metadata", "status", "lastTimestamp", "eventTime", "series", "firstTimestamp"] {
            if let Some(part_value) = object.get(part) {
                match part_value {
                    // A certificate's or a token's end lies in the future and is not part of any of these.
                    Value::String(text) => {
                        if let Some(time) = json::moment(text) {
                            found = found.max(time);
                        }
                    }
                    value => walk(value, &mut found, 0),
                }
            }
        }
    }
    found
}

/// The key and value pairs of labels, for matching.
pub fn labels_of(object: &Object) -> BTreeMap<&str, &str> {
    json::entries(&object.raw, "metadata.labels").filter_map(|(key, value)| Some((key, value.as_str()?))).collect()
}
