//! Which objects a target is about, and how far from it they are. Symptoms outside are somebody else's.

use super::context::Context;
use super::workload_symptoms::selected;
use crate::cluster::json;
use crate::domain::ObjectRef;
use std::collections::BTreeMap;

/// The objects whose symptoms are the target's own.
#[derive(Debug)]
pub struct Scope {
    target: ObjectRef,
    distance: BTreeMap<ObjectRef, u8>,
}

impl Scope {
    /// Finds what belongs to a target.
    pub fn of(cx: &Context<'_>, target: &ObjectRef) -> Self {
        let mut scope = Self { target: target.clone(), distance: BTreeMap::new() };
        scope.add(target.clone(), 0);
        match target.kind.as_str() {
            "Pod" => scope.claims(cx, target, 1),
            "Service" => scope.service(cx, target, 1),
            "Ingress" => scope.ingress(cx, target),
            "Node" | "Namespace" => {}
            "PersistentVolumeClaim" => scope.users(cx, target),
            "HorizontalPodAutoscaler" => scope.scaled(cx, target),
            "Gateway" | "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" => scope.routed(cx, target, 1),
            _ => {
                scope.workload(cx, target, 0);
                scope.autoscalers(cx, target);
            }
        }
        scope
    }

    /// How far an object is from the target, in links; `None` when it isn't part of what the target is about.
    pub fn distance(&self, object: &ObjectRef) -> Option<u8> {
        if self.target.kind == "Namespace" {
            let inside = object.namespace.as_deref() == Some(self.target.name.as_str()) || *object == self.target;
            // Of what has no namespace only nodes concern it: every namespace's pods run on them.
            return if inside { Some(0) } else { (object.kind == "Node").then_some(1) };
        }
        self.distance.get(object).copied()
    }

    /// Whether an object is the target itself. A Namespace as a target stands for what is in it.
    pub fn is_target(&self, object: &ObjectRef) -> bool {
        self.target.kind != "Namespace" && self.target == *object
    }

    fn add(&mut self, object: ObjectRef, distance: u8) {
        self.distance.entry(object).or_insert(distance);
    }

    /// A workload, what it controls, down to the pods and their claims.
    fn workload(&mut self, cx: &Context<'_>, workload: &ObjectRef, distance: u8) {
        self.add(workload.clone(), distance);
        for child in cx.snap.children(workload) {
            self.add(child.id.clone(), distance + 1);
        }
        for pod in cx.snap.pods_of(workload) {
            self.add(pod.id.clone(), distance + 1);
            self.claims(cx, &pod.id, distance + 2);
        }
    }

    fn claims(&mut self, cx: &Context<'_>, pod: &ObjectRef, distance: u8) {
        let Some(object) = cx.snap.get(pod) else { return };
        for volume in object.list("spec.volumes") {
            let claim = json::text(volume, "persistentVolumeClaim.claimName");
            if !claim.is_empty() {
                self.add(ObjectRef::new("PersistentVolumeClaim", pod.ns(), claim), distance);
            }
        }
    }

    fn service(&mut self, cx: &Context<'_>, service: &ObjectRef, distance: u8) {
        let Some(object) = cx.snap.get(service) else { return };
        self.add(service.clone(), distance);
        for pod in selected(cx, object) {
            self.workload(cx, &cx.workload(&pod.id), distance);
        }
    }

    fn ingress(&mut self, cx: &Context<'_>, ingress: &ObjectRef) {
        let Some(object) = cx.snap.get(ingress) else { return };
        let default = [object.at("spec.defaultBackend"), object.at("spec.backend")];
        let paths = object.list("spec.rules").iter().flat_map(|rule| json::list(rule, "http.paths"));
        for backend in default.into_iter().chain(paths.map(|path| json::key(path, "backend"))) {
            // networking.k8s.io/v1 has backend.service.name, v1beta1 and extensions/v1beta1 backend.serviceName.
            for name in [json::text(backend, "service.name"), json::text(backend, "serviceName")] {
                if !name.is_empty() {
                    self.service(cx, &ObjectRef::new("Service", ingress.ns(), name), 1);
                }
            }
        }
    }

    /// What a Gateway or a route leads to: routes, Services and what is behind them.
    fn routed(&mut self, cx: &Context<'_>, from: &ObjectRef, distance: u8) {
        for next in cx.calls.callees(from) {
            match next.kind.as_str() {
                "Service" => self.service(cx, next, distance),
                _ => {
                    self.add(next.clone(), distance);
                    cx.calls
                        .callees(next)
                        .filter(|service| service.kind == "Service")
                        .for_each(|service| self.service(cx, service, distance + 1));
                }
            }
        }
    }

    fn users(&mut self, cx: &Context<'_>, claim: &ObjectRef) {
        for pod in cx.snap.in_namespace("Pod", claim.ns()) {
            let mut volumes = pod.list("spec.volumes").iter();
            if volumes.any(|volume| json::text(volume, "persistentVolumeClaim.claimName") == claim.name) {
                self.add(pod.id.clone(), 1);
            }
        }
    }

    /// The autoscalers of a workload.
    fn autoscalers(&mut self, cx: &Context<'_>, workload: &ObjectRef) {
        for autoscaler in cx.snap.in_namespace("HorizontalPodAutoscaler", workload.ns()) {
            let (kind, name) = (autoscaler.text("spec.scaleTargetRef.kind"), autoscaler.text("spec.scaleTargetRef.name"));
            if (kind, name) == (workload.kind.as_str(), workload.name.as_str()) {
                self.add(autoscaler.id.clone(), 1);
            }
        }
    }

    fn scaled(&mut self, cx: &Context<'_>, autoscaler: &ObjectRef) {
        let Some(object) = cx.snap.get(autoscaler) else { return };
        let (kind, name) = (object.text("spec.scaleTargetRef.kind"), object.text("spec.scaleTargetRef.name"));
        if !kind.is_empty() && !name.is_empty() {
            self.workload(cx, &ObjectRef::new(kind, autoscaler.ns(), name), 1);
        }
    }
}
