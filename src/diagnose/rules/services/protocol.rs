//! Whether a Service's port and the pods behind it speak the same: TCP or UDP, and what is said above TCP.

use super::{Looked, SERVICE_PROTOCOL_MISMATCH, list, next};
use crate::cluster::ports::{self, Application, ContainerPort};
use crate::cluster::probe::{self, ProbeKind, ProbeRole};
use crate::cluster::{json, pod};
use crate::diagnose::confidence::Proof;
use crate::diagnose::failed_calls::Failure;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::symptoms::{BROKEN_REFERENCE, ERROR_RATE};
use crate::domain::Evidence;
use serde_json::Value;

/// States a mismatch; says whether there is one that makes the target port's own rules pointless.
pub(super) fn check(at: &Looked<'_, '_>, out: &mut Findings) -> bool {
    if transport(at, out) {
        return true;
    }
    application(at, out);
    false
}

/// The container declares the target with another transport only.
fn transport(at: &Looked<'_, '_>, out: &mut Findings) -> bool {
    let spec = at.newest.at("spec");
    let declared = ports::declared(spec);
    let is_target = |port: &&ContainerPort<'_>| match at.port.target {
        Value::String(name) if !name.is_empty() => port.name == name,
        _ => Some(port.number) == at.port.target_in(spec),
    };
    let targets: Vec<ContainerPort<'_>> = declared.iter().filter(is_target).copied().collect();
    let Some(other) = targets.first() else { return false };
    if targets.iter().any(|port| port.protocol == at.port.protocol) {
        return false;
    }
    // DNS and HTTP/3 are served over both, each by a port of the Service of its own.
    let sibling = at.ports.iter().any(|port| port.protocol == other.protocol && port.target_in(spec) == Some(other.number));
    if sibling {
        return true;
    }
    let probe = probe_of(at, other.number).filter(|_| at.pods.iter().any(|pod| pod::is_ready(pod)));
    let is_tcp = probe.as_ref().is_some_and(|_| other.protocol == "TCP");
    let trouble = at.trouble();
    let proof = match (is_tcp, trouble.is_seen()) {
        (_, true) => Proof::ComputedAndSaid,
        (true, false) => Proof::Computed,
        // A declared protocol is documentation.
        (false, false) => Proof::Timing,
    };
    if !trouble.is_seen() {
        reach::blind_callers(at.cx, &at.service.id, out);
    }
    let since = reach::edited(at.service);
    let evidence = [at.port_evidence(), at.declared_evidence(&targets)];
    if trouble.is_seen() || is_tcp && at.is_noticed() {
        let summary = format!("forwards {} on port {} and nothing else", at.port.protocol, at.port.number);
        out.symptom(&BROKEN_REFERENCE, at.service.id.clone(), summary, since, evidence.to_vec());
    }
    let answers = if is_tcp { format!(", and the kubelet probes it over {}", other.protocol) } else { String::new() };
    out.found(&SERVICE_PROTOCOL_MISMATCH, at.service.id.clone(), proof)
        .since(since)
        .evidence(evidence)
        .evidence(probe.map(|(_, evidence)| evidence))
        .evidence(trouble.evidence())
        .says(format!(
            "forwards {} on port {} to port {}, which its containers declare as {}{answers}{}",
            at.port.protocol,
            at.port.number,
            other.number,
            other.protocol,
            trouble.told()
        ))
        .fix(format!("set the protocol of port {} of Service {} to {}", at.port.number, at.service.id.name, other.protocol))
        .next(next(at.service));
    true
}

/// The Service's port says one protocol above TCP, and the container's probe or its port's name another. Only what reads such
/// names (meshes, gateways, Ingress controllers) minds, so that something has to show it.
fn application(at: &Looked<'_, '_>, out: &mut Findings) {
    let spec = at.newest.at("spec");
    let (Some(says), Some(number)) = (at.port.application(), at.port.target_in(spec)) else { return };
    // A probe that fails shows nothing of what is spoken.
    if !at.pods.iter().any(|pod| pod::is_ready(pod)) {
        return;
    }
    let declared: Vec<ContainerPort<'_>> = ports::declared(spec).into_iter().filter(|port| port.number == number).collect();
    let by_name = declared.iter().find_map(|port| Application::of_port_name(port.name));
    let probe = probe_of(at, number);
    let Some(speaks) = probe.as_ref().and_then(|(kind, _)| *kind).or(by_name).filter(|speaks| differ(says, *speaks)) else {
        return;
    };
    let trouble = at.trouble();
    let garbled = trouble.calls.iter().any(|call| call.failure == Failure::Protocol);
    let workload = at.cx.workload(&at.newest.id);
    let fails =
        out.symptoms.iter().any(|symptom| std::ptr::eq(symptom.symptom, &ERROR_RATE) && symptom.subject.object == workload);
    let proof = match (garbled, trouble.is(&[Failure::Reset, Failure::Unavailable]) || fails) {
        (true, _) => Proof::ComputedAndSaid,
        (false, true) => Proof::Timing,
        (false, false) => return reach::blind_callers(at.cx, &at.service.id, out),
    };
    let field = if at.port.app_protocol.is_empty() { "by its name" } else { "by its appProtocol" };
    let how = if probe.as_ref().is_some_and(|(kind, _)| kind.is_some()) {
        "as the kubelet's probe shows"
    } else {
        "as their port's name says"
    };
    out.found(&SERVICE_PROTOCOL_MISMATCH, at.service.id.clone(), proof)
        .since(reach::edited(at.service))
        .also([workload.into()])
        .evidence([at.port_evidence(), at.declared_evidence(&declared)])
        .evidence(probe.map(|(_, evidence)| evidence))
        .evidence(trouble.evidence())
        .says(format!(
            "says {} of its port {} {field}, and its pods speak {} on {}, {how}{}",
            word(says),
            at.port.number,
            word(speaks),
            list(&declared),
            trouble.told()
        ))
        .fix(format!(
            "rename port {} of Service {}, or set its appProtocol, to {}",
            at.port.number,
            at.service.id.name,
            word(speaks)
        ))
        .next(next(at.service));
}

/// What the kubelet speaks to a port when it probes it, `None` for plain TCP, and the probe as evidence.
fn probe_of(at: &Looked<'_, '_>, number: u16) -> Option<(Option<Application>, Evidence)> {
    json::list(at.newest.at("spec"), "containers").iter().find_map(|container| {
        [ProbeRole::Readiness, ProbeRole::Liveness].into_iter().find_map(|role| {
            let probe = probe::probe(container, role).filter(|probe| probe.number == Some(number))?;
            let kind = match probe.kind {
                ProbeKind::Http { tls: true, .. } => Some(Application::Https),
                ProbeKind::Http { tls: false, .. } => Some(Application::Http),
                ProbeKind::Grpc { .. } => Some(Application::Grpc),
                ProbeKind::Tcp { .. } | ProbeKind::Exec { .. } => None,
            };
            let path = format!("spec.containers[{}].{}", json::text(container, "name"), role.field());
            Some((kind, at.cx.value(&at.newest.id, &path, json::key(container, role.field()).clone(), None)))
        })
    })
}

/// Whether who speaks one can't be understood by who speaks the other. HTTP/2 servers mostly speak HTTP/1 too, gRPC is HTTP/2,
/// and `tcp` says nothing that could be wrong.
fn differ(says: Application, speaks: Application) -> bool {
    use Application::{Database, Grpc, Http, Http2, Https, Tcp, Tls};
    match (says, speaks) {
        (Tcp, _) | (Http | Grpc, Http2) | (Http2, Http | Grpc) | (Https, Tls) | (Tls, Https) | (Database, Tcp) => false,
        (a, b) => a != b,
    }
}

fn word(application: Application) -> &'static str {
    match application {
        Application::Http => "http",
        Application::Http2 => "http2",
        Application::Https => "https",
        Application::Grpc => "grpc",
        Application::Tls => "tls",
        Application::Tcp => "tcp",
        Application::Database => "a database's protocol",
    }
}
