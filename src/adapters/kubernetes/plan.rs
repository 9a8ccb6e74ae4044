//! Which LISTs a request needs. One a kind and place, all of them known before the first is sent; only the pods of
//! other namespaces depend on what came, and are a second round.

use super::kinds::{CLUSTER, EVENTS, LEASES, NAMESPACED, NAMESPACES, NODE_EVENTS, NODE_LEASES, NODES, PODS};
use super::list::{List, Place};
use crate::cluster::Object;
use crate::domain::ObjectRef;
use crate::ports::ReadRequest;
use std::collections::BTreeSet;

/// What a request reaches for.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    everything: bool,
    /// The namespaces of the request, all whole.
    pub namespaces: BTreeSet<&'a str>,
    nodes: BTreeSet<&'a str>,
}

impl<'a> Plan<'a> {
    pub fn of(request: &'a ReadRequest) -> Self {
        let namespace = |target: &'a ObjectRef| match target.kind.as_str() {
            "Namespace" => Some(target.name.as_str()),
            _ => target.namespace.as_deref(),
        };
        let namespaces = request.targets.iter().filter_map(namespace).filter(|name| !name.is_empty());
        let nodes = request.targets.iter().filter(|target| target.kind == "Node").map(|target| target.name.as_str());
        Self { everything: request.all_namespaces, namespaces: namespaces.collect(), nodes: nodes.collect() }
    }

    /// The LISTs to begin with.
    pub fn lists(&self) -> Vec<List> {
        let places: Vec<_> = if self.everything {
            vec![Place::Cluster]
        } else {
            self.namespaces.iter().map(|name| Place::Namespace((*name).to_owned())).collect()
        };
        let mut lists = Vec::new();
        for kind in [&PODS, &EVENTS].into_iter().chain(NAMESPACED) {
            lists.extend(places.iter().map(|place| List::new(kind, place.clone())));
        }
        if !self.everything {
            for node in &self.nodes {
                lists.push(List::new(&PODS, Place::Cluster).selecting(format!("spec.nodeName={node}"), format!("node {node}")));
            }
            if !self.namespaces.contains(NODE_EVENTS) {
                let of_nodes = List::new(&EVENTS, Place::Namespace(NODE_EVENTS.to_owned()));
                lists.push(of_nodes.selecting("involvedObject.kind=Node", "nodes"));
            }
        }
        lists.push(List::new(&LEASES, Place::Namespace(NODE_LEASES.to_owned())));
        for kind in [&NODES, &NAMESPACES].into_iter().chain(CLUSTER) {
            lists.push(List::new(kind, Place::Cluster));
        }
        lists
    }

    /// The LIST of the pods that take up room on the nodes from other namespaces, when a pod waits for a node: the
    /// room that is left can be known only with them.
    pub fn pods_elsewhere(&self, pods: &[&Object]) -> Option<List> {
        let waits = |pod: &&Object| pod.text("spec.nodeName").is_empty() && pod.text("status.phase") == "Pending";
        if self.everything || !pods.iter().any(waits) {
            return None;
        }
        // As `kubectl describe node` counts: pods that have ended take no room.
        let mut selector = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed".to_owned();
        for namespace in &self.namespaces {
            selector += &format!(",metadata.namespace!={namespace}");
        }
        let adds = "pods of other namespaces, without which the room on nodes is unknown";
        Some(List::new(&PODS, Place::Cluster).selecting(selector, adds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lists(targets: Vec<ObjectRef>, all_namespaces: bool) -> Vec<String> {
        let request = ReadRequest { targets, all_namespaces };
        let names = Plan::of(&request).lists().into_iter().map(|list| {
            let place = match list.place {
                Place::Namespace(name) => name,
                Place::Cluster => "*".to_owned(),
            };
            format!("{place}/{}?{}", list.kind.plural, list.selector)
        });
        names.collect()
    }

    #[test]
    fn a_pods_namespace_is_listed_once_a_kind() {
        let lists = lists(vec![ObjectRef::new("Pod", "shop", "a"), ObjectRef::cluster("Namespace", "shop")], false);
        assert_eq!(lists.iter().filter(|list| *list == "shop/pods?").count(), 1);
        assert!(lists.contains(&"default/events?involvedObject.kind=Node".to_owned()));
        assert!(lists.contains(&"kube-node-lease/leases?".to_owned()));
        assert!(lists.contains(&"*/nodes?".to_owned()));
        assert_eq!(lists.iter().collect::<BTreeSet<_>>().len(), lists.len());
    }

    #[test]
    fn all_namespaces_are_one_list_a_kind() {
        let lists = lists(vec![ObjectRef::new("Pod", "shop", "a")], true);
        assert!(lists.contains(&"*/pods?".to_owned()));
        assert!(lists.iter().all(|list| list.starts_with("*/") || list == "kube-node-lease/leases?"), "{lists:?}");
    }

    #[test]
    fn a_node_is_read_with_its_pods_and_no_namespace() {
        let lists = lists(vec![ObjectRef::cluster("Node", "n1")], false);
        assert!(lists.contains(&"*/pods?spec.nodeName=n1".to_owned()));
        assert!(!lists.iter().any(|list| list.contains("deployments")));
    }

    #[test]
    fn pods_elsewhere_are_read_only_when_a_pod_waits_for_a_node() {
        let request = ReadRequest { targets: vec![ObjectRef::cluster("Namespace", "shop")], all_namespaces: false };
        let plan = Plan::of(&request);
        let pod = |spec| json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Pending"}});
        let waiting = Object::new(pod(json!({}))).unwrap();
        let bound = Object::new(pod(json!({"nodeName": "n1"}))).unwrap();
        assert!(plan.pods_elsewhere(&[&bound]).is_none());
        let list = plan.pods_elsewhere(&[&bound, &waiting]).unwrap();
        assert!(list.selector.ends_with(",metadata.namespace!=shop"), "{}", list.selector);
    }
}
