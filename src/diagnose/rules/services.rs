//! Services that have pods behind them and lead to the wrong port of them, or speak another protocol than they do. A declared
//! port is documentation, so that a number that nobody declares counts only with something that shows it.

mod protocol;

use super::explains::UNREACHABLE;
use crate::cluster::ports::{self, ContainerPort, ServicePort};
use crate::cluster::probe::{self, ProbeRole};
use crate::cluster::{Object, json, pod};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::failed_calls::Failure;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach::{self, Trouble};
use crate::diagnose::symptoms::BROKEN_REFERENCE;
use crate::diagnose::workload_symptoms::selected;
use crate::domain::{Evidence, ObjectRef};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The family.
pub static FAMILY: Family =
    Family { section: Section::Routing, causes: &[&SERVICE_TARGET_PORT_MISMATCH, &SERVICE_PROTOCOL_MISMATCH], check };

pub(super) static SERVICE_TARGET_PORT_MISMATCH: Cause = Cause {
    id: "service_target_port_mismatch",
    title: "the Service leads to a port that no container listens on",
    perspective: Perspective::Infra,
    explains: &[UNREACHABLE, BROKEN],
    reads: "services, pods, endpoint slices, logs of callers, signal probe_success",
    source: "endpoint slice controller: a targetPort by name is looked up in the pod's containerPorts, a number is taken as it is",
    doc: "The pods behind the Service are well, but the Service sends to a port of them that nobody listens on.",
    check: "kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME; kubectl -n NAMESPACE get pods -o jsonpath='{..containers[*].ports}'",
    fix: "set the Service's targetPort to the port that the container listens on",
    fields: &[".ports"],
};

pub(super) static SERVICE_PROTOCOL_MISMATCH: Cause = Cause {
    id: "service_protocol_mismatch",
    title: "the Service speaks another protocol than its pods",
    perspective: Perspective::Infra,
    explains: &[UNREACHABLE, BROKEN],
    reads: "services, pods, logs of callers, signal probe_success",
    source: "kube-proxy forwards only the protocol of the Service's port; meshes and gateways speak what appProtocol or the port's name says",
    doc: "The Service's port is UDP where the pods listen on TCP or the other way round, or says http, grpc or tls where they speak something else.",
    check: "kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.ports}'; kubectl -n NAMESPACE get pods -o jsonpath='{..containers[*].ports}'",
    fix: "give the Service's port the protocol, the appProtocol and the name that fit what the container speaks",
    fields: &[".ports"],
};

/// Such a Service shows at itself, too.
const BROKEN: crate::diagnose::catalogue::Explains =
    &[(crate::diagnose::catalogue::Link::Pod, "broken_reference"), (crate::diagnose::catalogue::Link::Workload, "error_rate")];

fn check(cx: &Context<'_>, out: &mut Findings) {
    for service in cx.snap.of_kind("Service") {
        if service.text("spec.type") == "ExternalName" || service.partial().is_some() {
            continue;
        }
        let pods: Vec<&Object> = selected(cx, service).into_iter().filter(|pod| pod.partial().is_none()).collect();
        let ports = ports::of_service(service);
        let Some(newest) = pods.iter().max_by_key(|pod| (pod.created(), &pod.id)).copied() else { continue };
        for port in &ports {
            let looked_at = Looked { cx, service, port, ports: &ports, pods: &pods, newest };
            if !protocol::check(&looked_at, out) {
                target_port(&looked_at, out);
            }
        }
    }
}

/// One port of a Service, with the pods behind it.
struct Looked<'c, 'a> {
    cx: &'c Context<'a>,
    service: &'a Object,
    port: &'c ServicePort<'a>,
    ports: &'c [ServicePort<'a>],
    pods: &'c [&'a Object],
    newest: &'a Object,
}

impl<'c, 'a> Looked<'c, 'a> {
    fn trouble(&self) -> Trouble<'c, 'a> {
        reach::trouble(self.cx, &self.service.id, Some(self.port.number))
    }

    /// Whether anybody would notice: it is the only port, or one that callers or routes use.
    fn is_noticed(&self) -> bool {
        (self.ports.len() == 1 && reach::is_used(self.cx, self.service))
            || reach::is_port_used(self.cx, self.service, self.port.number, self.port.name)
    }

    fn port_evidence(&self) -> Evidence {
        let name = if self.port.name.is_empty() { self.port.number.to_string() } else { self.port.name.to_owned() };
        let raw = self.service.list("spec.ports").iter().find(|port| {
            ports::number(json::key(port, "port")) == Some(self.port.number) && ports::protocol(port) == self.port.protocol
        });
        let value = raw.cloned().unwrap_or(Value::Null);
        self.cx.value(&self.service.id, &format!("spec.ports[{name}]"), value, reach::edited(self.service))
    }

    fn declared_evidence(&self, declared: &[ContainerPort<'_>]) -> Evidence {
        let mut declared: Vec<&ContainerPort<'_>> = declared.iter().collect();
        declared.sort_by_key(|port| (port.number, port.name));
        let shown: Vec<Value> = declared
            .into_iter()
            .map(|port| json!({"name": port.name, "containerPort": port.number, "protocol": port.protocol}))
            .collect();
        self.cx.value(&self.newest.id, "spec.containers[*].ports", json!(shown), None)
    }
}

/// `http (8080), metrics (9090)`, for a sentence.
fn list(declared: &[ContainerPort<'_>]) -> String {
    let one = |port: &ContainerPort<'_>| {
        if port.name.is_empty() { port.number.to_string() } else { format!("{} ({})", port.name, port.number) }
    };
    // In whatever order the containers stand.
    let mut declared: Vec<&ContainerPort<'_>> = declared.iter().collect();
    declared.sort_by_key(|port| (port.number, port.name));
    let shown: Vec<String> = declared.into_iter().take(6).map(one).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

fn target_port(at: &Looked<'_, '_>, out: &mut Findings) {
    match at.port.target {
        Value::String(name) if !name.is_empty() => by_name(at, name, out),
        _ => by_number(at, out),
    }
}

/// A target by name: where no container declares it, the port has no endpoint at all.
fn by_name(at: &Looked<'_, '_>, name: &str, out: &mut Findings) {
    let lacks = |pod: &&&Object| at.port.target_in(pod.at("spec")).is_none();
    let lacking = at.pods.iter().filter(lacks).count();
    // While a rollout renames the port, what counts is where it leads to.
    if lacking == 0 || at.port.target_in(at.newest.at("spec")).is_some() {
        return;
    }
    let declared = ports::declared(at.newest.at("spec"));
    let trouble = at.trouble();
    let slices = slices(at.cx, at.service);
    let is_said = slices.as_ref().is_some_and(|(_, offered)| !offered.contains(at.port.name)) && lacking == at.pods.len();
    let says = format!(
        "sends its port {} to the container port named {name}, which {} of its {} pods declare{}; they declare {}{}",
        at.port.number,
        if lacking == at.pods.len() { "none".to_owned() } else { format!("only {}", at.pods.len() - lacking) },
        at.pods.len(),
        if lacking == at.pods.len() { "s" } else { "" },
        list(&declared),
        trouble.told(),
    );
    let proof = if is_said || trouble.is_seen() { Proof::ComputedAndSaid } else { Proof::Computed };
    let evidence = [at.port_evidence(), at.declared_evidence(&declared)];
    if at.is_noticed() || trouble.is_seen() {
        let since = reach::edited(at.service).or_else(|| at.newest.created());
        out.symptom(
            &BROKEN_REFERENCE,
            at.service.id.clone(),
            format!("has no endpoint for port {}", at.port.number),
            since,
            evidence.to_vec(),
        );
    }
    out.found(&SERVICE_TARGET_PORT_MISMATCH, at.service.id.clone(), proof)
        .since(reach::edited(at.service))
        .evidence(evidence)
        .evidence(slices.map(|(evidence, _)| evidence))
        .evidence(trouble.evidence())
        .says(says)
        .fix(fix(at, &declared))
        .next(next(at.service));
}

/// A target by number: endpoints are made for it whether somebody listens there or not.
fn by_number(at: &Looked<'_, '_>, out: &mut Findings) {
    let spec = at.newest.at("spec");
    let Some(number) = at.port.target_in(spec) else { return };
    let declared: Vec<ContainerPort<'_>> =
        ports::declared(spec).into_iter().filter(|port| port.protocol == at.port.protocol).collect();
    let listens: BTreeSet<u16> = declared.iter().map(|port| port.number).chain(probed_numbers(spec)).collect();
    if listens.is_empty() || listens.contains(&number) || mentions(spec, number) {
        return;
    }
    // Where no pod is ready, nobody is reached for that reason alone.
    let trouble = if at.pods.iter().any(|pod| pod::is_ready(pod)) { at.trouble() } else { Trouble::default() };
    let refuses = trouble.is(&[Failure::Refused, Failure::Reset, Failure::Unavailable]);
    let is_only = at.ports.len() == 1 && listens.len() == 1;
    let proof = match (refuses, trouble.is_seen()) {
        (true, _) => Proof::ComputedAndSaid,
        (false, true) => Proof::Timing,
        // Nothing shows it: a thing to know, and no more.
        (false, false) if is_only && reach::is_used(at.cx, at.service) => Proof::Timing,
        (false, false) => return,
    };
    let probe = listens.iter().find(|port| !declared.iter().any(|declared| declared.number == **port));
    let probe = probe.map_or(String::new(), |port| format!(", and are probed on {port}"));
    out.found(&SERVICE_TARGET_PORT_MISMATCH, at.service.id.clone(), proof)
        .since(reach::edited(at.service))
        .evidence([at.port_evidence(), at.declared_evidence(&declared)])
        .evidence(trouble.evidence())
        .says(format!(
            "sends its port {} to port {number} of its pods, where nobody listens: their containers declare {}{probe}{}",
            at.port.number,
            list(&declared),
            trouble.told()
        ))
        .fix(fix(at, &declared))
        .next(next(at.service));
}

/// The ports on which the kubelet probes the main containers: somebody listens there while the pod is ready.
fn probed_numbers(spec: &Value) -> impl Iterator<Item = u16> {
    let containers = json::list(spec, "containers").iter();
    containers.flat_map(|container| {
        [ProbeRole::Readiness, ProbeRole::Liveness].into_iter().filter_map(|role| probe::probe(container, role)?.number)
    })
}

/// Whether the pod is told to listen on this number although no port of it is declared: in a variable such as PORT or
/// LISTEN_ADDR, or in its command line.
fn mentions(spec: &Value, number: u16) -> bool {
    let number = number.to_string();
    let is_number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits == number);
    json::list(spec, "containers").iter().any(|container| {
        let words = ["command", "args"].into_iter().flat_map(|field| json::list(container, field));
        let mut variables =
            json::list(container, "env").iter().map(|variable| (json::text(variable, "name"), json::text(variable, "value")));
        words.filter_map(Value::as_str).any(is_number)
            || variables.any(|(name, value)| {
                let name = name.to_ascii_uppercase();
                // `:8080` and `0.0.0.0:8080` are where it listens, `cart:8080` is whom it calls.
                let (host, port) = value.rsplit_once(':').unwrap_or(("", value));
                let listens = host.is_empty() || crate::cluster::address::is_own(host);
                let is_port = ["PORT", "LISTEN", "ADDR", "BIND"].iter().any(|word| name.contains(word));
                is_port && listens && port == number
            })
    })
}

fn fix(at: &Looked<'_, '_>, declared: &[ContainerPort<'_>]) -> String {
    match declared {
        [only] => {
            let target = if only.name.is_empty() { only.number.to_string() } else { format!("{} ({})", only.name, only.number) };
            format!("set targetPort of port {} of Service {} to {target}", at.port.number, at.service.id.name)
        }
        _ => SERVICE_TARGET_PORT_MISMATCH.fix.to_owned(),
    }
}

fn next(service: &Object) -> String {
    format!("kubectl -n {} get endpointslices -l kubernetes.io/service-name={}", service.id.ns(), service.id.name)
}

/// The names of the ports that the Service has endpoints for, from its slices or its Endpoints; `None` where neither was read.
fn slices<'a>(cx: &Context<'a>, service: &Object) -> Option<(Evidence, BTreeSet<&'a str>)> {
    let slices = cx.snap.in_namespace("EndpointSlice", service.id.ns()).iter();
    let own: Vec<&Object> =
        slices.filter(|slice| slice.label("kubernetes.io/service-name") == Some(service.id.name.as_str())).collect();
    let evidence = |object: &ObjectRef, path: &str, value: &Value| cx.value(object, path, value.clone(), None);
    if let Some(first) = own.first() {
        let ports = own.iter().flat_map(|slice| slice.list("ports")).map(|port| json::text(port, "name"));
        return Some((evidence(&first.id, "ports", first.at("ports")), ports.collect()));
    }
    let endpoints = cx.snap.find("Endpoints", service.id.ns(), &service.id.name)?;
    let ports =
        endpoints.list("subsets").iter().flat_map(|subset| json::list(subset, "ports")).map(|port| json::text(port, "name"));
    Some((evidence(&endpoints.id, "subsets", endpoints.at("subsets")), ports.collect()))
}
