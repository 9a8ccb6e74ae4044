//! Can this pod run on this node? The scheduler's filters, computed from the objects, so that a report can name the node, the
//! label, the taint and the number where the scheduler only counts nodes. It never says where a pod *will* run: scoring,
//! preemption, unbound volumes, volume limits and claimed devices are left out.

mod misfit;
mod node_affinity;
mod placement;
mod pod_affinity;
mod requests;
mod spread;
mod taints;
mod volumes;

pub use misfit::Misfit;
pub use placement::{Obstacle, Placement};
pub use requests::{Resources, pod_requests};
pub use taints::{is_control_plane, is_node_condition, is_tolerated, untolerated};

use super::quantity::Quantity;
use super::{Object, json, pod, ports, selector};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

static NULL: Value = Value::Null;

/// A pod that is to be placed: one that exists, or one that a template would give.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name; empty for a template.
    pub name: &'a str,
    /// `metadata.labels`.
    pub labels: &'a Value,
    /// `spec`.
    pub spec: &'a Value,
}

impl<'a> Candidate<'a> {
    /// A pod that exists. Where it runs already, it doesn't count against itself.
    pub fn of(pod: &'a Object) -> Self {
        Self { namespace: pod.id.ns(), name: &pod.id.name, labels: pod.at("metadata.labels"), spec: pod.at("spec") }
    }

    /// A pod that a template (the object with `metadata` and `spec`) would give in a namespace.
    pub fn of_template(namespace: &'a str, template: &'a Value) -> Self {
        Self { namespace, name: "", labels: json::at(template, "metadata.labels"), spec: json::key(template, "spec") }
    }

    fn is(&self, pod: &Object) -> bool {
        !self.name.is_empty() && pod.id.name == self.name && pod.id.ns() == self.namespace
    }
}

/// A node, the pods on it that have not ended, and what they ask for together.
#[derive(Clone, Debug)]
pub struct NodeUsage<'a> {
    /// The node.
    pub node: &'a Object,
    /// The pods that are bound to it and have not ended, sorted by namespace and name.
    pub pods: Vec<&'a Object>,
    /// What they ask for together.
    pub requested: Resources,
    /// What the node has for pods: `status.allocatable`, or its capacity where that isn't given. Empty when neither is known.
    pub allocatable: Resources,
}

impl<'a> NodeUsage<'a> {
    /// Counts the pods that are bound to this node. Those that have ended hold nothing and are left out.
    pub fn of(node: &'a Object, pods: impl IntoIterator<Item = &'a Object>) -> Self {
        let bound = |pod: &&Object| pod.text("spec.nodeName") == node.id.name && !pod::is_finished(pod);
        let mut pods: Vec<&Object> = pods.into_iter().filter(bound).collect();
        pods.sort_by(|a, b| a.id.cmp(&b.id));
        let mut requested = Resources::new();
        for pod in &pods {
            requests::add(&mut requested, &pod_requests(pod.at("spec")));
        }
        // The pods that were read may not be all that run here: the total that was observed counts where it is higher.
        requests::raise(&mut requested, &observed_total(node));
        let status = node.at("status");
        let allocatable = requests::read(status, "allocatable");
        let allocatable = if allocatable.is_empty() { requests::read(status, "capacity") } else { allocatable };
        Self { node, pods, requested, allocatable }
    }

    /// What is left of a resource. `None` when the node's size is not known.
    pub fn free(&self, resource: &str) -> Option<Quantity> {
        let used = self.requested.get(resource).copied().unwrap_or_default();
        (!self.allocatable.is_empty()).then(|| self.allocatable.get(resource).copied().unwrap_or_default().minus(used))
    }
}

/// The annotation of a node with what all its pods ask for together, for input in which other namespaces' pods are missing:
/// JSON `{"cpu": {"requests": "1125m"}}` by resource, as `kubectl describe node` shows it.
pub const ALLOCATED: &str = "sre-copilot/allocated";

fn observed_total(node: &Object) -> Resources {
    let text = node.annotation(ALLOCATED).unwrap_or_default();
    let by_resource: Value = serde_json::from_str(text).unwrap_or_default();
    let amounts = by_resource.as_object().into_iter().flatten();
    amounts.filter_map(|(resource, amount)| Some((resource.clone(), Quantity::read(json::key(amount, "requests"))?))).collect()
}

/// Everything around a pod that the scheduler looks at.
#[derive(Debug, Default)]
pub struct Surroundings<'a> {
    nodes: Vec<NodeUsage<'a>>,
    namespaces: BTreeMap<&'a str, &'a Value>,
    claims: BTreeMap<(&'a str, &'a str), &'a Object>,
    volumes: BTreeMap<&'a str, &'a Object>,
}

impl<'a> Surroundings<'a> {
    /// Takes the nodes, pods, namespaces, claims and volumes out of a cluster's objects; the others are passed over.
    pub fn of(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut found = Self::default();
        let mut nodes: BTreeMap<&str, &Object> = BTreeMap::new();
        let mut pods: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in objects {
            let name = object.id.name.as_str();
            match object.id.kind.as_str() {
                "Node" => drop(nodes.insert(name, object)),
                "Pod" => pods.entry(object.text("spec.nodeName")).or_default().push(object),
                "Namespace" => drop(found.namespaces.insert(name, object.at("metadata.labels"))),
                "PersistentVolumeClaim" => drop(found.claims.insert((object.id.ns(), name), object)),
                "PersistentVolume" => drop(found.volumes.insert(name, object)),
                _ => {}
            }
        }
        found.nodes = nodes.into_iter().map(|(name, node)| NodeUsage::of(node, pods.remove(name).unwrap_or_default())).collect();
        found
    }

    /// The nodes, sorted by name.
    pub fn nodes(&self) -> &[NodeUsage<'a>] {
        &self.nodes
    }

    /// The values that nodes have for a label, each with the number of nodes.
    pub fn label_values(&self, key: &str) -> BTreeMap<&'a str, usize> {
        let mut values = BTreeMap::new();
        for value in self.nodes.iter().filter_map(|usage| usage.node.label(key)) {
            *values.entry(value).or_default() += 1;
        }
        values
    }

    /// The label of some node that looks most like `key=value`: a similar value under the key, else the same value under a
    /// similar key. `None` when nothing is alike.
    pub fn similar_label(&self, key: &str, value: &str) -> Option<(&'a str, &'a str)> {
        let labels = || self.nodes.iter().filter_map(|usage| usage.node.at("metadata.labels").as_object()).flatten();
        let labels = || labels().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        let under_key = selector::nearest(value, self.label_values(key).into_keys());
        if let Some(found) = under_key {
            return labels().find(|label| *label == (key, found));
        }
        let keys: BTreeSet<&str> = labels().filter(|(_, found)| *found == value).map(|(key, _)| key).collect();
        let similar = selector::nearest(key, keys)?;
        labels().find(|label| *label == (similar, value))
    }

    fn namespace_labels(&self, name: &str) -> &'a Value {
        self.namespaces.get(name).copied().unwrap_or(&NULL)
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&'a Object> {
        self.claims.get(&(namespace, name)).copied()
    }

    fn volume(&self, name: &str) -> Option<&'a Object> {
        self.volumes.get(name).copied()
    }
}

/// Holds a pod against every node.
pub fn place<'a>(candidate: &Candidate<'a>, surroundings: &'a Surroundings<'a>) -> Placement<'a> {
    let requests = pod_requests(candidate.spec);
    let host_ports = ports::declared(candidate.spec);
    let claims = volumes::bound_claims(candidate, surroundings);
    let spread = spread::Spread::new(candidate, surroundings);
    let affinity = pod_affinity::PodAffinity::new(candidate, surroundings);
    let nodes = surroundings.nodes().iter().map(|usage| {
        let mut found = Vec::new();
        node_itself(candidate, usage.node, &mut found);
        node_affinity::misfits(candidate.spec, usage.node, &mut found);
        free_ports(candidate, &host_ports, usage, &mut found);
        room(candidate, &requests, usage, &mut found);
        for claim in &claims {
            claim.misfits(usage.node, &mut found);
        }
        spread.misfits(usage.node, &mut found);
        affinity.misfits(usage.node, &mut found);
        (usage.node.id.name.as_str(), found)
    });
    Placement { nodes: nodes.collect() }
}

/// NodeUnschedulable, NodeName and TaintToleration.
fn node_itself(candidate: &Candidate<'_>, node: &Object, found: &mut Vec<Misfit>) {
    let tolerations = json::key(candidate.spec, "tolerations");
    let cordoned = node.flag("spec.unschedulable") && !is_tolerated(tolerations, taints::UNSCHEDULABLE, "", "NoSchedule");
    if cordoned {
        found.push(Misfit::Unschedulable);
    }
    let wanted = json::text(candidate.spec, "nodeName");
    if !wanted.is_empty() && wanted != node.id.name && candidate.name.is_empty() {
        found.push(Misfit::NodeName { wanted: wanted.to_owned() });
    }
    // Cordoning sets this taint too; one misfit says it.
    let taints = untolerated(tolerations, node).into_iter().filter(|(key, ..)| !(cordoned && *key == taints::UNSCHEDULABLE));
    found.extend(taints.map(|(key, value, effect)| Misfit::Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    }));
}

/// NodePorts: `HostPortInfo` in `staging/src/k8s.io/kube-scheduler/framework/types.go`. An address of all zeros conflicts with
/// every other.
fn free_ports(candidate: &Candidate<'_>, asked: &[ports::ContainerPort<'_>], usage: &NodeUsage<'_>, found: &mut Vec<Misfit>) {
    let is_any = |address: &str| matches!(address, "" | "0.0.0.0");
    for wanted in asked {
        let Some(port) = wanted.host_port else { continue };
        let conflicts = |taken: &ports::ContainerPort<'_>| {
            let same_address = is_any(wanted.host_ip) || is_any(taken.host_ip) || wanted.host_ip == taken.host_ip;
            taken.host_port == Some(port) && taken.protocol == wanted.protocol && same_address
        };
        let others = usage.pods.iter().filter(|pod| !candidate.is(pod));
        if let Some(pod) = others.into_iter().find(|pod| ports::declared(pod.at("spec")).iter().any(conflicts)) {
            found.push(Misfit::HostPort { port, protocol: wanted.protocol.to_owned(), taken_by: pod.id.clone() });
        }
    }
}

/// NodeResourcesFit: `fitsRequest` in `pkg/scheduler/framework/plugins/noderesources/fit.go`.
fn room(candidate: &Candidate<'_>, asked: &Resources, usage: &NodeUsage<'_>, found: &mut Vec<Misfit>) {
    let allocatable = &usage.allocatable;
    let runs_here = usage.pods.iter().any(|pod| candidate.is(pod));
    let running = usage.pods.len() - usize::from(runs_here);
    if let Some(allowed) = allocatable.get("pods").copied()
        && Quantity::whole(i64::try_from(running).unwrap_or(i64::MAX)) >= allowed
    {
        found.push(Misfit::TooManyPods { running, allowed });
    }
    if allocatable.is_empty() {
        return;
    }
    for (resource, asked) in asked.iter().filter(|(_, asked)| **asked > Quantity::ZERO) {
        let requested = usage.requested.get(resource).copied().unwrap_or_default();
        let used = if runs_here { requested.minus(*asked) } else { requested };
        let allocatable = allocatable.get(resource).copied().unwrap_or_default();
        if used.plus(*asked) > allocatable {
            found.push(Misfit::Insufficient { resource: resource.clone(), asked: *asked, used, allocatable });
        }
    }
}

#[cfg(test)]
mod tests;
