//! Whether a probe that fails asks the wrong port, or speaks the wrong protocol: what the container declares, what its other
//! probes and Services use, what its log says, and what the revision before asked.

use super::super::last_lines;
use super::failure::{Failure, Speaks};
use super::{Probed, asks, declared, listening, services, works};
use crate::cluster::json;
use crate::cluster::ports::{self, Application};
use crate::cluster::probe::{Probe, ProbeKind, ProbeRole, probe};
use crate::diagnose::confidence::Proof;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What is wrong, how to mend it, and how sure that is.
pub(super) type Wrong = (String, String, Proof);

const ROLES: [ProbeRole; 3] = [ProbeRole::Liveness, ProbeRole::Readiness, ProbeRole::Startup];

/// The container's other probes that succeed.
fn working<'a>(probed: &Probed<'_, 'a>) -> Vec<(ProbeRole, Probe<'a>)> {
    let others = ROLES.into_iter().filter(|role| *role != probed.role);
    let others = others.filter_map(|role| Some((role, probe(probed.container.spec, role)?)));
    others.filter(|(role, _)| works(probed.cx, probed.container, *role)).collect()
}

/// The word for a probe of this role.
fn word(role: ProbeRole) -> &'static str {
    match role {
        ProbeRole::Liveness => "liveness",
        ProbeRole::Readiness => "readiness",
        ProbeRole::Startup => "startup",
    }
}

/// Whether the probe asks a port on which this container doesn't listen.
pub(super) fn wrong_port(probed: &Probed<'_, '_>) -> Option<Wrong> {
    if !probed.failure.is_not_connected() && !is_dropped(probed) {
        return None;
    }
    let field = probed.role.field();
    let Some(number) = probed.probe.number else {
        let name = probed.probe.port.as_str()?;
        let names: Vec<&str> = declared(probed).iter().map(|port| port.name).filter(|name| !name.is_empty()).collect();
        let has = if names.is_empty() { "names no port".to_owned() } else { format!("has {}", names.join(", ")) };
        let says = format!("the container declares no port named {name} ({has})");
        return Some((says, format!("set the port of {field} to one that the container declares"), Proof::ComputedAndSaid));
    };
    let declared: BTreeSet<u16> = declared(probed).iter().filter(|port| port.protocol == "TCP").map(|port| port.number).collect();
    let better = |port: u16| Some(port).filter(|port| *port != number);
    let works = working(probed).into_iter().find_map(|(role, other)| Some((role, better(other.number?)?)));
    let before = probed.probe_before().and_then(|before| better(before.number?));
    let says_listening = listens(probed);
    // Where the process itself says that it listens here, the port is right.
    if says_listening.contains(&number) {
        return None;
    }
    let served = service_targets(probed);
    // Where the Service sends to the same port as the probe, it isn't the probe alone that is wrong.
    let fits = |port: &&u16| declared.contains(port) || declared.is_empty() || !served.contains(&number);
    let logged = says_listening.iter().find(fits).copied();
    let told = probed.failure.told();
    let fix = |port: u16| format!("set the port of {field} to {port}");
    if let Some(before) = before.filter(|before| declared.contains(before) || declared.is_empty() || !declared.contains(&number))
    {
        let says = format!("{told}; the revision before asked port {before}");
        return Some((says, fix(before), Proof::ComputedAndSaid));
    }
    if let Some((role, port)) = works.filter(|_| !declared.contains(&number)) {
        let says = format!("{told}: the container doesn't declare that port, and the {} probe works on {port}", word(role));
        return Some((says, fix(port), Proof::ComputedAndSaid));
    }
    if let Some(port) = logged {
        let says = format!("{told}: by its log or environment the process listens on {port}");
        return Some((says, fix(port), Proof::ComputedAndSaid));
    }
    // A probe that asked this port before too has not become wrong by itself.
    let unchanged = probed.probe_before().is_some_and(|before| before.number == Some(number));
    if declared.contains(&number) || served.contains(&number) || unchanged {
        return None;
    }
    let by_service = served.iter().copied().find(|port| declared.is_empty() || declared.contains(port));
    let (says, port) = match (by_service, declared.first()) {
        (Some(port), _) => (format!("{told}: the container doesn't declare that port, and its Service sends to {port}"), port),
        (None, Some(port)) => (format!("{told}: the container doesn't declare that port, it declares {port}"), *port),
        (None, None) => return None,
    };
    Some((says, fix(port), Proof::Event))
}

/// Whether a connection is dropped on its way rather than answered late: a port that nothing declares, behind a policy that
/// drops what it doesn't know.
fn is_dropped(probed: &Probed<'_, '_>) -> bool {
    let undeclared = probed.probe.number.is_some_and(|number| declared(probed).iter().all(|port| port.number != number));
    probed.failure == Failure::Timeout && undeclared && !matches!(probed.probe.kind, ProbeKind::Exec { .. })
}

/// What the container's log adds to a failure that isn't the probe's: the process listens elsewhere, or for itself alone.
pub(super) fn remark(probed: &Probed<'_, '_>) -> String {
    let Some(number) = probed.probe.number.filter(|_| probed.failure.is_not_connected()) else { return String::new() };
    let ports = listens(probed);
    let loopback = |line: &last_lines::LastLine| {
        let local = [format!("127.0.0.1:{number}"), format!("localhost:{number}")];
        local.iter().any(|address| line.text.contains(address)) && !listening::ports(&line.text).is_empty()
    };
    let other = ports.first().filter(|_| !ports.contains(&number));
    match other {
        Some(port) => format!("; by its log or environment the process listens on {port}"),
        None if last_lines::of_running(probed.cx, probed.container).iter().any(loopback) => {
            "; by its log the process listens on the loopback address only".to_owned()
        }
        None => String::new(),
    }
}

/// The variables by which frameworks and platforms tell a process its own port: PORT (Node, buildpacks), SERVER_PORT (Spring),
/// HTTP_PORT and GRPC_PORT by custom.
const OWN_PORT: &[&str] = &["PORT", "SERVER_PORT", "HTTP_PORT", "GRPC_PORT", "LISTEN_PORT"];

/// The ports that the container's log says it listens on, or that its environment tells it to.
fn listens(probed: &Probed<'_, '_>) -> BTreeSet<u16> {
    let container = probed.container;
    let log = |previous| probed.cx.snap.log(&container.pod.id, container.name, previous);
    let logged: BTreeSet<u16> = [false, true].into_iter().filter_map(log).flat_map(listening::ports).collect();
    if !logged.is_empty() {
        return logged;
    }
    let own = json::list(container.spec, "env").iter().filter(|variable| OWN_PORT.contains(&json::text(variable, "name")));
    own.filter_map(|variable| json::text(variable, "value").parse().ok()).collect()
}

/// The ports of the pod that its Services send to.
fn service_targets(probed: &Probed<'_, '_>) -> BTreeSet<u16> {
    let services = services(probed.cx, probed.container.pod);
    services.into_iter().flat_map(ports::of_service).filter_map(|port| port.target_in(probed.pod_spec)).collect()
}

/// Whether the probe speaks another protocol than the port.
pub(super) fn wrong_protocol(probed: &Probed<'_, '_>) -> Option<Wrong> {
    let field = probed.role.field();
    let told = probed.failure.told();
    let same_port = |other: &Probe<'_>| other.number.is_some() && other.number == probed.probe.number;
    let other_kind = |other: &Probe<'_>| same_port(other) && !same_protocol(&other.kind, &probed.probe.kind);
    let other = working(probed).into_iter().find(|(_, other)| other_kind(other));
    let before = probed.probe_before().filter(other_kind);
    // Without a connection the process may only not be up yet, unless it has run long enough, or says that it listens.
    let silent = matches!(probed.failure, Failure::GrpcNotConnected | Failure::Timeout);
    let up = !silent || ran(probed).is_some_and(|ran| ran >= super::STARTING);
    let declared = speaks(probed).filter(|speaks| up && contradicts(*speaks, &probed.probe.kind));
    let grpc = matches!(probed.probe.kind, ProbeKind::Grpc { .. });
    let listening = probed.probe.number.filter(|number| silent && grpc && listens(probed).contains(number));
    let said = match (&probed.failure, &probed.probe.kind) {
        (Failure::NotHttp(Speaks::Http2), _) => Some("gRPC (or HTTP/2)"),
        (Failure::NotHttp(Speaks::Tls), _) => Some("TLS"),
        (Failure::NotHttp(Speaks::Unknown), _) => Some("something that isn't HTTP"),
        (Failure::NotTls, ProbeKind::Http { tls: true, .. }) => Some("plain HTTP"),
        (Failure::NotGrpc, _) => Some("HTTP"),
        _ => None,
    };
    let fix = match (other.as_ref().map(|(_, other)| other).or(before.as_ref()), said) {
        (Some(other), _) => format!("let {field} ask {}, as it answers", asks(other)),
        (None, Some("gRPC (or HTTP/2)")) => format!("make {field} a grpc probe (or tcpSocket) on that port"),
        (None, Some("TLS")) => format!("set scheme: HTTPS in {field}"),
        (None, Some("plain HTTP")) => format!("set scheme: HTTP in {field}"),
        (None, Some("HTTP")) => format!("make {field} an httpGet probe on that port"),
        (None, _) => format!("give {field} the protocol of the port, or make it tcpSocket"),
    };
    let also = match (&other, &before, declared) {
        (Some((role, other)), ..) => Some(format!("the {} probe works with {}", word(*role), asks(other))),
        (None, Some(before), _) => Some(format!("the revision before asked {}", asks(before))),
        (None, None, Some(speaks)) => Some(format!("the port is declared to speak {}", name(speaks))),
        (None, None, None) => listening.map(|number| format!("by its log or environment the process listens on {number}")),
    };
    if let Some(said) = said {
        let (also, proof) = match also {
            Some(also) => (format!("; {also}"), Proof::ComputedAndSaid),
            None => (String::new(), Proof::Event),
        };
        return Some((format!("the port speaks {said}: {told}{also}"), fix, proof));
    }
    // What a server of another protocol does when it can't read a request: it closes, answers 400, or never answers.
    let unclear = matches!(
        (&probed.failure, &probed.probe.kind),
        (Failure::Closed | Failure::Status(400 | 426), ProbeKind::Http { .. })
            | (Failure::GrpcNotConnected | Failure::Closed | Failure::Timeout, ProbeKind::Grpc { .. })
            | (Failure::Timeout, ProbeKind::Http { tls: true, .. })
    );
    let proof = if other.is_some() || before.is_some() { Proof::ComputedAndSaid } else { Proof::Event };
    also.filter(|_| unclear).map(|also| (format!("{told}; {also}"), fix, proof))
}

/// How long the container has run, now or before its last end, whichever is longer.
fn ran(probed: &Probed<'_, '_>) -> Option<SignedDuration> {
    let now = probed.container.running_since().map(|since| probed.cx.snap.age(since));
    let before = probed.container.last_terminated().and_then(|end| end.ran());
    now.max(before)
}

fn same_protocol(a: &ProbeKind<'_>, b: &ProbeKind<'_>) -> bool {
    match (a, b) {
        (ProbeKind::Http { tls: a, .. }, ProbeKind::Http { tls: b, .. }) => a == b,
        (ProbeKind::Grpc { .. }, ProbeKind::Grpc { .. }) | (ProbeKind::Exec { .. }, ProbeKind::Exec { .. }) => true,
        // A TCP connection opens whatever the port speaks: its success says nothing against another protocol.
        (ProbeKind::Tcp { .. }, _) | (_, ProbeKind::Tcp { .. }) => true,
        _ => false,
    }
}

/// What the probe's port is declared to speak, by the name of the container's port, or by a Service's port that leads there.
fn speaks(probed: &Probed<'_, '_>) -> Option<Application> {
    let number = probed.probe.number?;
    let own = declared(probed).into_iter().find(|port| port.number == number);
    let by_name = own.and_then(|port| Application::of_port_name(port.name));
    let by_service = || {
        let services = services(probed.cx, probed.container.pod);
        let ports = services.into_iter().flat_map(ports::of_service);
        ports.filter(|port| port.target_in(probed.pod_spec) == Some(number)).find_map(|port| port.application())
    };
    by_name.or_else(by_service)
}

/// Whether a probe of this kind can't succeed on a port that speaks this.
fn contradicts(speaks: Application, kind: &ProbeKind<'_>) -> bool {
    match kind {
        ProbeKind::Http { tls: false, .. } => !matches!(speaks, Application::Http | Application::Http2 | Application::Tcp),
        ProbeKind::Http { tls: true, .. } => matches!(speaks, Application::Http | Application::Grpc | Application::Database),
        ProbeKind::Grpc { .. } => matches!(speaks, Application::Http | Application::Https | Application::Database),
        ProbeKind::Tcp { .. } | ProbeKind::Exec { .. } => false,
    }
}

fn name(speaks: Application) -> &'static str {
    match speaks {
        Application::Http => "HTTP",
        Application::Http2 => "HTTP/2",
        Application::Https => "HTTPS",
        Application::Grpc => "gRPC",
        Application::Tls => "TLS",
        Application::Tcp => "TCP",
        Application::Database => "a database's protocol",
    }
}
