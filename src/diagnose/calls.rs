//! Who calls whom: what a mesh, tracing or a person knows, what addresses pods are given, and what routes lead to. Names of
//! Services stand for what they select. It says who depends on whom, never that a call fails.

use super::addresses::GivenAddress;
use crate::cluster::service_dns::Host;
use crate::cluster::{Object, ServiceName, Snapshot, json, pod, selector};
use crate::domain::ObjectRef;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The kinds that stand for a workload by their name alone.
const WORKLOADS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];
/// The kinds of routes of the Gateway API.
pub const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];

/// A graph of workloads, Services and routes.
#[derive(Debug, Default)]
pub struct CallGraph {
    edges: BTreeMap<ObjectRef, BTreeSet<ObjectRef>>,
    reach: RefCell<BTreeMap<ObjectRef, BTreeSet<ObjectRef>>>,
}

impl CallGraph {
    /// Builds it from the declared dependencies, the addresses that pods are given, and the routes.
    pub fn new(snap: &Snapshot, addresses: &[GivenAddress<'_>]) -> Self {
        let mut graph = Self::default();
        for edge in &snap.dependencies {
            for from in meant(snap, &edge.from).iter().filter(|from| from.kind != "Service") {
                for to in meant(snap, &edge.to) {
                    graph.add(from, to);
                }
            }
        }
        for given in addresses {
            match &given.host {
                Host::Service(service) => graph.add(&given.workload, service.id.clone()),
                Host::Pod(pod) => graph.add(&given.workload, snap.workload(&pod.id)),
                Host::Missing(_) | Host::Own | Host::Unread | Host::Elsewhere => {}
            }
        }
        for service in snap.of_kind("Service") {
            for workload in behind(snap, service) {
                graph.add(&service.id, workload);
            }
        }
        for ingress in snap.of_kind("Ingress") {
            for backend in ingress_backends(ingress) {
                graph.add(&ingress.id, ObjectRef::new("Service", ingress.id.ns(), backend));
            }
        }
        for route in ROUTES.iter().flat_map(|kind| snap.of_kind(kind)) {
            for service in route_backends(route) {
                graph.add(&route.id, service);
            }
            for parent in route.list("spec.parentRefs") {
                let namespace = Some(json::text(parent, "namespace")).filter(|text| !text.is_empty()).unwrap_or(route.id.ns());
                graph.add(&ObjectRef::new("Gateway", namespace, json::text(parent, "name")), route.id.clone());
            }
        }
        graph
    }

    fn add(&mut self, from: &ObjectRef, to: ObjectRef) {
        if *from != to {
            self.edges.entry(from.clone()).or_default().insert(to);
        }
    }

    /// Whether a workload, Service or route calls another object, directly or through others.
    pub fn calls(&self, from: &ObjectRef, to: &ObjectRef) -> bool {
        if let Some(reach) = self.reach.borrow().get(from) {
            return reach.contains(to);
        }
        let mut reach: BTreeSet<ObjectRef> = BTreeSet::new();
        let mut open: Vec<&ObjectRef> = vec![from];
        while let Some(next) = open.pop() {
            for to in self.callees(next) {
                if reach.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        let found = reach.contains(to);
        self.reach.borrow_mut().insert(from.clone(), reach);
        found
    }

    /// What an object calls itself.
    pub fn callees<'g>(&'g self, from: &ObjectRef) -> impl Iterator<Item = &'g ObjectRef> + use<'g> {
        self.edges.get(from).into_iter().flatten()
    }

    /// Who calls an object itself.
    pub fn callers<'g>(&'g self, to: &'g ObjectRef) -> impl Iterator<Item = &'g ObjectRef> {
        self.edges.iter().filter(move |(_, called)| called.contains(to)).map(|(from, _)| from)
    }
}

/// The objects that a service's name means: the Service, what it selects, and workloads that are called so.
fn meant(snap: &Snapshot, name: &ServiceName) -> BTreeSet<ObjectRef> {
    let kinds = WORKLOADS.iter().chain(&["Service"]);
    let here = |object: &&Object| name.namespace.is_empty() || object.id.ns() == name.namespace;
    let named: Vec<&Object> = kinds
        .flat_map(|kind| match name.namespace.as_str() {
            "" => snap.of_kind(kind),
            namespace => snap.in_namespace(kind, namespace),
        })
        .filter(|object| object.id.name == name.name)
        .filter(here)
        .collect();
    let mut objects: BTreeSet<ObjectRef> = BTreeSet::new();
    for object in named {
        if object.id.kind == "Service" {
            objects.extend(behind(snap, object));
        }
        objects.insert(object.id.clone());
    }
    objects
}

/// The workloads that a Service selects: those of its pods, and those whose template it would select.
fn behind(snap: &Snapshot, service: &Object) -> BTreeSet<ObjectRef> {
    let wanted = selector::map_requirements(service.at("spec.selector"));
    if wanted.is_empty() {
        return BTreeSet::new();
    }
    let pods = snap.in_namespace("Pod", service.id.ns()).iter();
    let pods = pods.filter(|pod| !pod::is_finished(pod) && selector::all_match(&wanted, pod.at("metadata.labels")));
    let mut workloads: BTreeSet<ObjectRef> = pods.map(|pod| snap.workload(&pod.id)).collect();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let made = snap.in_namespace(kind, service.id.ns()).iter();
        let made = made.filter(|workload| selector::all_match(&wanted, workload.at("spec.template.metadata.labels")));
        workloads.extend(made.map(|workload| workload.id.clone()));
    }
    workloads
}

/// The names of the Services that an Ingress leads to.
fn ingress_backends(ingress: &Object) -> impl Iterator<Item = &str> {
    let default = [ingress.at("spec.defaultBackend"), ingress.at("spec.backend")];
    let paths = ingress.list("spec.rules").iter().flat_map(|rule| json::list(rule, "http.paths"));
    // networking.k8s.io/v1 has backend.service.name, v1beta1 and extensions/v1beta1 backend.serviceName.
    let names = default
        .into_iter()
        .chain(paths.map(|path| json::key(path, "backend")))
        .flat_map(|backend| [json::text(backend, "service.name"), json::text(backend, "serviceName")]);
    names.filter(|name| !name.is_empty())
}

/// The Services that a route of the Gateway API leads to.
fn route_backends(route: &Object) -> impl Iterator<Item = ObjectRef> {
    let refs = route.list("spec.rules").iter().flat_map(|rule| json::list(rule, "backendRefs"));
    refs.filter(|reference| matches!(json::text(reference, "kind"), "" | "Service")).map(|reference| {
        let namespace = Some(json::text(reference, "namespace")).filter(|text| !text.is_empty()).unwrap_or(route.id.ns());
        ObjectRef::new("Service", namespace, json::text(reference, "name"))
    })
}
