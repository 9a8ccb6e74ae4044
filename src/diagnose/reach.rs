//! What shows that a Service isn't reached: a probe from outside that fails, and callers whose logs say so; and who would notice.
//! Rules about routing need it, since a Service that can't work and that nobody uses is background. It names no cause.

use super::addresses::GivenAddress;
use super::calls::ROUTES;
use super::context::Context;
use super::failed_calls::{FailedCall, Failure};
use super::findings::Findings;
use crate::cluster::address;
use crate::cluster::service_dns::{self, Host};
use crate::cluster::{Object, Signal, json};
use crate::domain::{Evidence, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

/// What shows that a Service, or one port of it, isn't reached.
#[derive(Debug, Default)]
pub struct Trouble<'c, 'a> {
    /// Probes from outside that fail.
    pub probes: Vec<Evidence>,
    /// Calls that fail and go on failing.
    pub calls: Vec<&'c FailedCall<'a>>,
}

impl Trouble<'_, '_> {
    /// Whether anything shows it.
    pub fn is_seen(&self) -> bool {
        !self.probes.is_empty() || !self.calls.is_empty()
    }

    /// Whether a probe fails, or calls fail in one of these ways.
    pub fn is(&self, failures: &[Failure]) -> bool {
        !self.probes.is_empty() || self.calls.iter().any(|call| failures.contains(&call.failure))
    }

    /// What was seen, of callers first.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence> {
        self.calls.iter().map(|call| call.line.clone()).chain(self.probes.iter().cloned()).take(4)
    }

    /// `; the log of Deployment shop/web says connection refused`, or nothing.
    pub fn told(&self) -> String {
        match (self.calls.first(), self.probes.is_empty()) {
            (Some(call), _) => format!("; calls of {} to {} fail: {}", call.workload, call.shown(), call.failure),
            (None, false) => "; a probe of it fails".to_owned(),
            (None, true) => String::new(),
        }
    }
}

/// What shows that a Service isn't reached; on one port, where that is asked.
pub fn trouble<'c, 'a>(cx: &'c Context<'a>, service: &ObjectRef, port: Option<u16>) -> Trouble<'c, 'a> {
    let fits = |known: Option<u16>| port.is_none() || known.is_none() || known == port;
    let is_here = |host: &Host<'_>| matches!(host, Host::Service(found) if found.id == *service);
    let (mut probes, mut answered) = (Vec::new(), false);
    for signal in &cx.snap.signals {
        let Some((at, value)) = signal.values.last().copied() else { continue };
        if probed(cx, signal).is_some_and(|(probed, port)| probed.id == *service && fits(port)) {
            if value == 0.0 {
                probes.push(cx.sample(service, signal, at, value));
            } else {
                answered = true;
            }
        }
    }
    // Who reaches it from elsewhere shows that it isn't the Service.
    if answered {
        probes.clear();
    }
    let calls = cx.failed_calls.iter().filter(|call| call.is_current && is_here(&call.target) && fits(call.port));
    Trouble { probes, calls: calls.collect() }
}

/// The Service that a series of `probe_success` is about, and the port that is probed.
pub fn probed<'a>(cx: &Context<'a>, signal: &Signal) -> Option<(&'a Object, Option<u16>)> {
    if signal.signal != "probe_success" {
        return None;
    }
    let label = |name: &str| signal.labels.get(name).map_or("", String::as_str);
    let target = address::addresses(label("target"));
    let port = target.first().and_then(|address| address.port);
    let namespace = Some(label("namespace")).filter(|namespace| !namespace.is_empty()).or_else(|| cx.target_namespace())?;
    if let Some(service) = cx.snap.find("Service", namespace, label("service")) {
        return Some((service, port));
    }
    match service_dns::resolve(cx.snap, target.first()?.host, namespace, &Value::Null) {
        Host::Service(service) => Some((service, port)),
        _ => None,
    }
}

/// The Ingresses and routes that serve the host that a series of `probe_success` is about.
pub fn routes_of<'a>(cx: &Context<'a>, signal: &Signal) -> Vec<&'a Object> {
    let target = signal.labels.get("target").or_else(|| signal.labels.get("host")).map_or("", String::as_str);
    let Some(address) = address::addresses(target).into_iter().chain(address::bare(target)).next() else { return Vec::new() };
    let ingresses = cx
        .snap
        .of_kind("Ingress")
        .iter()
        .filter(|ingress| ingress.list("spec.rules").iter().any(|rule| json::text(rule, "host") == address.host));
    let routes = ROUTES
        .iter()
        .flat_map(|kind| cx.snap.of_kind(kind))
        .filter(|route| route.list("spec.hostnames").iter().any(|host| host.as_str() == Some(address.host)));
    ingresses.chain(routes).collect()
}

/// Whether something is known to use a Service: a caller, a route, a probe, or the world outside of the cluster.
pub fn is_used(cx: &Context<'_>, service: &Object) -> bool {
    matches!(service.text("spec.type"), "LoadBalancer" | "NodePort")
        || cx.calls.callers(&service.id).next().is_some()
        || cx.snap.signals.iter().any(|signal| probed(cx, signal).is_some_and(|(probed, _)| probed.id == service.id))
}

/// Whether a caller is given this port of a Service, or a route leads to it.
pub fn is_port_used(cx: &Context<'_>, service: &Object, number: u16, name: &str) -> bool {
    let given = cx
        .addresses
        .iter()
        .any(|given| given.address.port == Some(number) && matches!(&given.host, Host::Service(found) if found.id == service.id));
    let by_route = |port: &Value| port.as_u64() == Some(u64::from(number)) || port.as_str().is_some_and(|port| port == name);
    let ingresses = cx.snap.in_namespace("Ingress", service.id.ns()).iter();
    let mut paths = ingresses.flat_map(|ingress| ingress.list("spec.rules")).flat_map(|rule| json::list(rule, "http.paths"));
    given
        || paths.any(|path| {
            let backend = json::at(path, "backend.service");
            let port = json::key(backend, "port");
            json::text(backend, "name") == service.id.name
                && (by_route(json::key(port, "number")) || by_route(json::key(port, "name")))
        })
}

/// When somebody last changed the specification of an object, by its `managedFields`; `None` where they don't say.
pub fn edited(object: &Object) -> Option<Timestamp> {
    let fields = object.list("metadata.managedFields").iter().filter(|entry| json::text(entry, "subresource").is_empty());
    fields.filter_map(|entry| json::time(entry, "time")).max().filter(|edited| Some(*edited) > object.created())
}

/// Symptoms of a workload that calls something in vain.
const TROUBLE: &[&str] = &[
    "crash_loop",
    "container_failed",
    "not_ready",
    "error_rate",
    "high_latency",
    "replicas_missing",
    "probe_failed",
    "rollout_stuck",
];

/// Whether a workload, or a Service of it, has a symptom, and no cause that was proved so far is about it.
pub fn in_trouble(cx: &Context<'_>, workload: &ObjectRef, out: &Findings) -> bool {
    let is_its = |object: &ObjectRef| object == workload || cx.workload(object) == *workload;
    let explained = out.causes.iter().any(|finding| {
        finding.ended.is_none()
            && finding.proof.is_structural()
            && (finding.blames == *workload || is_its(&finding.subject.object))
    });
    !explained
        && out.symptoms.iter().any(|symptom| {
            let object = &symptom.subject.object;
            let behind = || object.kind == "Service" && cx.calls.callees(object).any(|behind| behind == workload);
            TROUBLE.contains(&symptom.symptom.id) && (is_its(object) || behind())
        })
}

/// Says of each caller of a Service whose log could not be read that it can't be told whether it reaches the Service.
pub fn blind_callers(cx: &Context<'_>, service: &ObjectRef, out: &mut Findings) {
    for given in cx.addresses.iter().filter(|given| matches!(&given.host, Host::Service(found) if found.id == *service)) {
        blind_caller(cx, given, out);
    }
}

/// Says of a caller whose log could not be read that it can't be told whether its calls to an address fail.
pub fn blind_caller(cx: &Context<'_>, given: &GivenAddress<'_>, out: &mut Findings) {
    blind_call(cx, (&given.pod.id, given.container), &given.shown(), out);
}

/// The same for a container of a pod.
pub fn blind_call(cx: &Context<'_>, (pod, container): (&ObjectRef, &str), called: &str, out: &mut Findings) {
    let Some(why) = cx.log_failed(pod, container) else { return };
    let workload = cx.workload(pod);
    let what = format!("the log of container {container} of {workload}");
    for object in [&workload, pod] {
        out.blind(object.clone(), &what, &why, format!("whether its calls to {called} fail"));
    }
}
