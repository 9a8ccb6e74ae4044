//! Addresses that lead nowhere: a container is told to call a Service that doesn't exist, or a port that the Service doesn't
//! offer. Such addresses stand unused in many clusters, so that something has to show that this one matters.

mod signs;

use super::explains::UNREACHED;
use super::gateway::GATEWAY_MISROUTE;
use crate::cluster::Object;
use crate::cluster::ports;
use crate::cluster::service_dns::{Host, Missing};
use crate::diagnose::addresses::{Given, GivenAddress};
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::diagnose::reach;
use crate::diagnose::symptoms::BROKEN_REFERENCE;
use crate::domain::{ObjectRef, Subject};
use signs::Signs;
use std::collections::{BTreeMap, BTreeSet};

/// The family.
pub static FAMILY: Family =
    Family { section: Section::Routing, causes: &[&SERVICE_MISSING, &ENVIRONMENT_ADDRESS_MISMATCH], check };

static SERVICE_MISSING: Cause = Cause {
    id: "service_missing",
    title: "names a Service that doesn't exist",
    perspective: Perspective::Deps,
    explains: &[UNREACHED],
    reads: "pod specs, config maps, services, logs",
    source: "the cluster's name service: no such name, since no Service has it",
    doc: "The workload is told to call a Service that doesn't exist, and nothing that exists is likely to be meant.",
    check: "kubectl -n NAMESPACE get services; kubectl -n NAMESPACE get pod POD -o jsonpath='{..env}'",
    fix: "create the Service, or take the address out",
    fields: &[".env[", ".args", ".command"],
};

static ENVIRONMENT_ADDRESS_MISMATCH: Cause = Cause {
    id: "environment_address_mismatch",
    title: "is told to call an address that no Service has",
    perspective: Perspective::App,
    explains: &[UNREACHED],
    reads: "pod specs, config maps, services, revisions, dependencies, logs",
    source: "the workload's own variables, arguments and configuration, held against the Services and their ports",
    doc: "A variable, an argument or a configuration file of the workload names a host or a port that no Service has, where another \
          was meant.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{..env}'; kubectl -n NAMESPACE get services",
    fix: "correct the address",
    fields: &[".env[", ".args", ".command"],
};

fn check(cx: &Context<'_>, out: &mut Findings) {
    let moved = moved_ports(cx);
    for given in &cx.addresses {
        match &given.host {
            Host::Missing(missing) => no_service(cx, given, missing, out),
            Host::Service(service) if lacks_port(given, service) => {
                if moved.contains(&(service.id.clone(), given.address.port.unwrap_or(0))) {
                    continue;
                }
                no_port(cx, given, service, out);
            }
            _ => {}
        }
    }
    for (service, port) in &moved {
        moved_port(cx, service, *port, out);
    }
}

/// Whether a Service doesn't offer the port that it is to be called on. Names of headless and external Services lead straight to
/// the other end, whatever ports the Service lists.
fn lacks_port(given: &GivenAddress<'_>, service: &Object) -> bool {
    let offered = ports::of_service(service);
    let direct =
        service.text("spec.clusterIP") == "None" || service.text("spec.type") == "ExternalName" || service.partial().is_some();
    !direct && !offered.is_empty() && given.address.port.is_some_and(|port| offered.iter().all(|offered| offered.number != port))
}

fn no_service(cx: &Context<'_>, given: &GivenAddress<'_>, missing: &Missing<'_>, out: &mut Findings) {
    let wanted = ObjectRef::new("Service", &missing.namespace, &missing.name);
    let signs = Signs::of(cx, given, &wanted, out);
    let Some(proof) = signs.proof(missing.nearest.is_some()) else { return reach::blind_caller(cx, given, out) };
    // Several who want the same, or a workload of that very name: the Service is gone, and the address is right.
    let users: BTreeSet<&ObjectRef> =
        cx.addresses.iter().filter(|other| leads_to(other, missing)).map(|other| &other.workload).collect();
    let namesake = ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .find_map(|kind| cx.snap.find(kind, &missing.namespace, &missing.name))
        .filter(|found| found.id != given.workload);
    let is_gone = signs.changed.is_none() && signs.sibling.is_none() && (users.len() > 1 || namesake.is_some());
    let meant = signs.meant(cx).or_else(|| missing.nearest.map(|near| near.id.clone())).filter(|_| !is_gone);
    let (cause, hint) = match (&meant, namesake) {
        (Some(meant), _) => (mismatch(given), format!("; {meant} exists")),
        (None, Some(namesake)) => (&SERVICE_MISSING, format!("; {} runs, and has no Service of its name", namesake.id)),
        (None, None) => (&SERVICE_MISSING, String::new()),
    };
    let says = format!(
        "is told by {} to call {}, and there is no Service {} in namespace {}{hint}{}",
        given.by(),
        given.shown(),
        missing.name,
        missing.namespace,
        signs.told()
    );
    let finding = state(cx, cause, given, proof, &signs, out).says(says).towards(Some(wanted));
    match meant {
        Some(meant) => {
            finding.fix(format!(
                "correct {} of {}: {} instead of {}",
                given.by(),
                given.workload,
                signs.instead(&meant, given),
                given.shown()
            ));
        }
        None => {
            finding.fix(format!("create Service {} in namespace {}, or correct {}", missing.name, missing.namespace, given.by()));
        }
    }
    finding.next(format!("kubectl -n {} get services", missing.namespace));
}

/// Directives of proxies that route to an address: those of nginx, Apache and Caddy, and the routes of Spring Cloud Gateway.
const DIRECTIVES: &[&str] =
    &["proxy_pass ", "grpc_pass ", "fastcgi_pass ", "uwsgi_pass ", "ProxyPass ", "reverse_proxy ", "uri: "];

/// Which cause an address is that should be another: a route, where it stands in a proxy's configuration.
fn mismatch(given: &GivenAddress<'_>) -> &'static Cause {
    let line = given.text.trim_start();
    // `server NAME:PORT;` stands in nginx's upstream blocks, `server {` and `server_name` don't hold an address.
    let routes = DIRECTIVES.iter().any(|directive| line.contains(directive)) || line.starts_with("server ");
    match given.given {
        Given::File { .. } if routes => &GATEWAY_MISROUTE,
        _ => &ENVIRONMENT_ADDRESS_MISMATCH,
    }
}

fn leads_to(given: &GivenAddress<'_>, missing: &Missing<'_>) -> bool {
    matches!(&given.host, Host::Missing(other) if other.name == missing.name && other.namespace == missing.namespace)
}

fn no_port(cx: &Context<'_>, given: &GivenAddress<'_>, service: &Object, out: &mut Findings) {
    // What the application's rules made of its log says the same, more exactly.
    if out.causes.iter().any(|finding| finding.cause.id == "database_port_wrong" && finding.blames == given.workload) {
        return;
    }
    let signs = Signs::of(cx, given, &service.id, out);
    // A port that only the scheme implies is too little to go by without the log.
    let Some(proof) = signs.proof(!given.address.default_port) else { return reach::blind_caller(cx, given, out) };
    let offered: Vec<String> = ports::of_service(service).iter().map(|port| port.number.to_string()).collect();
    let evidence = cx.field(service, "spec.ports");
    let says = format!(
        "is told by {} to call {}, and {} has no port {}: it has {}{}",
        given.by(),
        given.shown(),
        service.id,
        given.address.port.unwrap_or(0),
        offered.join(", "),
        signs.told()
    );
    state(cx, mismatch(given), given, proof, &signs, out)
        .evidence([evidence])
        .says(says)
        .towards(Some(service.id.clone()))
        .fix(format!(
            "correct {} of {}: {}:{} instead of {}",
            given.by(),
            given.workload,
            given.address.host,
            offered.join(" or "),
            given.shown()
        ))
        .next(format!("kubectl -n {} get service {}", service.id.ns(), service.id.name));
}

/// States a cause about an address, and a symptom where only the configuration shows it.
fn state<'o>(
    cx: &Context<'_>,
    cause: &'static Cause,
    given: &GivenAddress<'_>,
    proof: Proof,
    signs: &Signs<'_, '_>,
    out: &'o mut Findings,
) -> &'o mut Finding {
    if signs.calls.is_empty() && !signs.in_trouble {
        let summary = format!("is told to call {}, which leads nowhere", given.shown());
        out.symptom(&BROKEN_REFERENCE, given.workload.clone(), summary, signs.since(), vec![given.evidence()]);
    }
    let others = cx.snap.pods_of(&given.workload).into_iter().filter(|pod| pod.id != given.pod.id);
    let same = |pod: &&Object| pod.controller() == given.pod.controller();
    let also: Vec<Subject> = others.filter(same).map(|pod| Subject::container(pod.id.clone(), given.container)).collect();
    out.found(cause, Subject::container(given.pod.id.clone(), given.container), proof)
        .blame(given.workload.clone())
        .since(signs.since())
        .field(given.field())
        .also(also)
        .evidence([given.evidence()])
        .evidence(signs.evidence())
}

/// Ports on which two workloads or more are told to call a Service that doesn't offer them, while nobody is told of one that it
/// does: then it is the Service that changed.
fn moved_ports(cx: &Context<'_>) -> BTreeSet<(ObjectRef, u16)> {
    let mut users: BTreeMap<&ObjectRef, BTreeMap<(u16, bool), BTreeSet<&ObjectRef>>> = BTreeMap::new();
    for given in &cx.addresses {
        if let (Host::Service(service), Some(port)) = (&given.host, given.address.port)
            && !given.address.default_port
        {
            users.entry(&service.id).or_default().entry((port, lacks_port(given, service))).or_default().insert(&given.workload);
        }
    }
    let mut moved = BTreeSet::new();
    for (service, ports) in users {
        if let (1, Some(((port, true), workloads))) = (ports.len(), ports.first_key_value())
            && workloads.len() >= 2
        {
            moved.insert((service.clone(), *port));
        }
    }
    moved
}

fn moved_port(cx: &Context<'_>, service: &ObjectRef, port: u16, out: &mut Findings) {
    let Some(object) = cx.snap.get(service) else { return };
    let is_here = |given: &&GivenAddress<'_>| {
        given.address.port == Some(port) && matches!(&given.host, Host::Service(found) if found.id == *service)
    };
    let users: Vec<&GivenAddress<'_>> = cx.addresses.iter().filter(is_here).collect();
    let workloads: BTreeSet<&ObjectRef> = users.iter().map(|given| &given.workload).collect();
    let offered: Vec<String> = ports::of_service(object).iter().map(|port| port.number.to_string()).collect();
    let trouble = reach::trouble(cx, service, Some(port));
    let proof = if trouble.is_seen() { Proof::ComputedAndSaid } else { Proof::Computed };
    let since = reach::edited(object);
    let says =
        format!("offers port {}, and its {} callers all use port {port}{}", offered.join(", "), workloads.len(), trouble.told());
    if !trouble.is_seen() {
        out.symptom(
            &BROKEN_REFERENCE,
            service.clone(),
            format!("has no port {port}"),
            since,
            vec![cx.field(object, "spec.ports")],
        );
    }
    out.found(&super::services::SERVICE_TARGET_PORT_MISMATCH, service.clone(), proof)
        .since(since)
        .evidence([cx.field(object, "spec.ports")])
        .evidence(users.iter().take(3).map(|given| given.evidence()))
        .evidence(trouble.evidence())
        .says(says)
        .fix(format!("let Service {} offer port {port} again, or correct its callers", service.name))
        .next(format!("kubectl -n {} get service {} -o yaml", service.ns(), service.name));
}
