//! Connections that are known to be made and that a NetworkPolicy drops. A policy in force that drops what nobody needs does its
//! work; and whether the cluster's network enforces policies, the objects don't say: something has to show that calls fail.

use super::explains::UNREACHED;
use crate::cluster::network_policy::{Blocked, Direction, End, Isolation, PodEnd, Traffic, blocked};
use crate::cluster::service_dns::Host;
use crate::cluster::{Object, json, pod, ports, selector};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::failed_calls::{FailedCall, Failure, name_services};
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::workload_symptoms::selected;
use crate::domain::{Evidence, ObjectRef, Subject};
use core::net::{IpAddr, Ipv4Addr};
use std::collections::{BTreeMap, BTreeSet};

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&NETWORK_POLICY_BLOCKS], check };

static NETWORK_POLICY_BLOCKS: Cause = Cause {
    id: "network_policy_blocks",
    title: "drops traffic that is needed",
    perspective: Perspective::Infra,
    explains: &[UNREACHED, &[(Link::Calls, "not_ready")]],
    reads: "network policies, pods, namespaces, services, dependencies, addresses in pod specs, logs, signal probe_success",
    source: "the network plugin, by the rules of networking.k8s.io/v1 NetworkPolicy; it writes no event",
    doc: "A NetworkPolicy selects a pod at one end of a connection that is needed, and no rule of any policy there allows it.",
    check: "kubectl -n NAMESPACE describe networkpolicies; kubectl -n NAMESPACE exec POD -- nc -vz SERVICE PORT",
    fix: "allow the connection in the policy",
    fields: &["metadata.labels"],
};

/// The port of the name service (RFC 1035 §4.2).
const DNS: u16 = 53;
/// An address for documentation (RFC 5737): it stands for a name service whose pods were not read.
const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));

fn check(cx: &Context<'_>, out: &mut Findings) {
    if cx.snap.of_kind("NetworkPolicy").is_empty() {
        return;
    }
    for ((workload, service), pair) in pairs(cx) {
        if let Some(service) = cx.snap.get(&service) {
            connection(cx, &workload, service, &pair, out);
        }
    }
    names(cx, out);
}

/// A workload that calls a Service: one of its pods, and the ports of the Service that it is given; none for all.
struct Pair<'a> {
    pod: &'a Object,
    container: &'a str,
    ports: BTreeSet<u16>,
}

fn pairs<'a>(cx: &Context<'a>) -> BTreeMap<(ObjectRef, ObjectRef), Pair<'a>> {
    let mut pairs: BTreeMap<(ObjectRef, ObjectRef), Pair<'a>> = BTreeMap::new();
    for given in &cx.addresses {
        if let Host::Service(service) = &given.host {
            let pair = pairs.entry((given.workload.clone(), service.id.clone()));
            let pair = pair.or_insert_with(|| Pair { pod: given.pod, container: given.container, ports: BTreeSet::new() });
            pair.ports.extend(given.address.port);
        }
    }
    let workloads: BTreeSet<ObjectRef> = cx.snap.dependencies.iter().flat_map(|edge| callers(cx, &edge.from)).collect();
    for workload in workloads {
        for service in cx.calls.callees(&workload).filter(|callee| callee.kind == "Service") {
            let pods = cx.snap.pods_of(&workload);
            let Some(pod) = pods.into_iter().find(|pod| !pod::is_finished(pod) && pod.deleted().is_none()) else { continue };
            let container = pod.list("spec.containers").first().map_or("", |container| json::text(container, "name"));
            let pair = pairs.entry((workload.clone(), service.clone()));
            pair.or_insert_with(|| Pair { pod, container, ports: BTreeSet::new() });
        }
    }
    pairs
}

/// The workloads that are called like a service of a dependency.
fn callers(cx: &Context<'_>, name: &crate::cluster::ServiceName) -> Vec<ObjectRef> {
    let namespace = if name.namespace.is_empty() { cx.target_namespace().unwrap_or("") } else { &name.namespace };
    let service = cx.snap.find("Service", namespace, &name.name);
    let behind = service.into_iter().flat_map(|service| cx.calls.callees(&service.id)).cloned();
    let named = ["Deployment", "StatefulSet", "DaemonSet"].iter().filter_map(|kind| cx.snap.find(kind, namespace, &name.name));
    behind.chain(named.map(|found| found.id.clone())).collect()
}

fn end<'a>(cx: &Context<'a>, pod: &'a Object) -> End<'a> {
    End::Pod(PodEnd::new(pod, cx.snap.find("Namespace", "", pod.id.ns())))
}

/// The policies that can be about a connection between two namespaces.
fn policies<'a>(cx: &Context<'a>, from: &str, to: &str) -> Vec<&'a Object> {
    let of =
        |namespace: &str| cx.snap.in_namespace("NetworkPolicy", namespace).iter().filter(|policy| policy.deleted().is_none());
    if from == to { of(from).collect() } else { of(from).chain(of(to)).collect() }
}

fn connection(cx: &Context<'_>, workload: &ObjectRef, service: &Object, pair: &Pair<'_>, out: &mut Findings) {
    let policies = policies(cx, pair.pod.id.ns(), service.id.ns());
    // Who isn't ready isn't reached for that reason.
    let Some(callee) = selected(cx, service).into_iter().find(|pod| pod::is_ready(pod)).filter(|_| !policies.is_empty()) else {
        return;
    };
    for port in ports::of_service(service).iter().filter(|port| pair.ports.is_empty() || pair.ports.contains(&port.number)) {
        let Some(target) = port.target_in(callee.at("spec")) else { continue };
        let traffic = Traffic { from: end(cx, pair.pod), to: end(cx, callee), port: target, protocol: port.protocol };
        let blocked = blocked(&traffic, policies.iter().copied());
        let Some((direction, isolation)) = culprit(cx, &blocked) else { continue };
        let trouble = reach::trouble(cx, &service.id, Some(port.number));
        let named = |call: &&&FailedCall<'_>| call.workload == *workload && call.failure > Failure::NameUnanswered;
        let own: Vec<&FailedCall<'_>> = trouble.calls.iter().filter(named).copied().collect();
        let proof = match () {
            () if !own.is_empty() => Proof::ComputedAndSaid,
            () if !trouble.probes.is_empty() && direction == Direction::Ingress => Proof::Computed,
            () if reach::in_trouble(cx, workload, out) => Proof::Timing,
            () => {
                reach::blind_call(cx, (&pair.pod.id, pair.container), &service.id.name, out);
                continue;
            }
        };
        let told = own.first().map_or_else(
            || if trouble.probes.is_empty() { String::new() } else { "; a probe of it fails".to_owned() },
            |call| format!("; calls to {} fail: {}", call.shown(), call.failure),
        );
        let says = format!(
            "doesn't let {workload} reach {} on port {target}/{}: {}{told}",
            service.id,
            port.protocol,
            lacks(direction, isolation)
        );
        let subject = Subject::container(pair.pod.id.clone(), own.first().map_or(pair.container, |call| call.container.name));
        let evidence = own.iter().map(|call| call.line.clone()).chain(trouble.probes.iter().cloned());
        state(cx, isolation, direction, (subject, proof, says), evidence.collect(), &service.id, out);
        return;
    }
}

/// The policy to mend: one that means to allow this and misses, else one that is about these pods alone, else the youngest.
fn culprit<'b>(cx: &Context<'_>, blocked: &'b [Blocked]) -> Option<(Direction, &'b Isolation)> {
    let all = blocked.iter().flat_map(|end| end.by.iter().map(|isolation| (end.direction, isolation)));
    all.max_by_key(|(_, isolation)| {
        let policy = cx.snap.get(&isolation.policy);
        let is_for_some = policy.is_some_and(|policy| !selector::requirements(policy.at("spec.podSelector")).is_empty());
        let created = policy.and_then(|policy| reach::edited(policy).or_else(|| policy.created()));
        (isolation.allows_peer, is_for_some, isolation.allows_port, created, std::cmp::Reverse(isolation.policy.clone()))
    })
}

fn lacks(direction: Direction, isolation: &Isolation) -> &'static str {
    match (direction, isolation.allows_peer, isolation.allows_port) {
        (Direction::Ingress, true, _) => "its ingress rules admit that caller, on other ports",
        (Direction::Ingress, _, true) => "its ingress rules admit that port, from other callers",
        (Direction::Ingress, ..) => "none of its ingress rules admits that caller or that port",
        (Direction::Egress, true, _) => "its egress rules lead there, on other ports",
        (Direction::Egress, _, true) => "its egress rules allow that port, towards others",
        (Direction::Egress, ..) => "none of its egress rules leads there",
    }
}

fn state(
    cx: &Context<'_>,
    isolation: &Isolation,
    direction: Direction,
    (subject, proof, says): (Subject, Proof, String),
    seen: Vec<Evidence>,
    towards: &ObjectRef,
    out: &mut Findings,
) {
    let Some(policy) = cx.snap.get(&isolation.policy) else { return };
    let rules = if direction == Direction::Ingress { "spec.ingress" } else { "spec.egress" };
    let others = cx.snap.pods_of(&cx.workload(&subject.object)).into_iter().filter(|pod| pod.id != subject.object);
    let container = subject.container.clone().unwrap_or_default();
    let also: Vec<Subject> = others.map(|pod| Subject::container(pod.id.clone(), &container)).collect();
    let labels = cx.snap.get(&subject.object).map(|pod| cx.field(pod, "metadata.labels"));
    out.found(&NETWORK_POLICY_BLOCKS, subject, proof)
        .blame(policy.id.clone())
        .since(reach::edited(policy).or_else(|| policy.created()))
        .also(also)
        .also([towards.clone().into()])
        .evidence([cx.field(policy, rules), cx.field(policy, "spec.podSelector")])
        .evidence(labels)
        .evidence(seen)
        .says(says)
        .fix(format!("allow it in {rules} of NetworkPolicy {}", policy.id.name))
        .next(format!("kubectl -n {} describe networkpolicy {}", policy.id.ns(), policy.id.name));
}

/// Pods that may not ask the name service: every call by name fails there.
fn names(cx: &Context<'_>, out: &mut Findings) {
    let services: Vec<&Object> = name_services(cx.snap).collect();
    let servers: Vec<&Object> = services.iter().flat_map(|service| selected(cx, service)).collect();
    let server = servers.first().copied();
    let asked = cx.failed_calls.iter().filter(|call| call.is_current && call.failure <= Failure::NameUnanswered);
    let asked: BTreeMap<(&ObjectRef, &str), &FailedCall<'_>> =
        asked.map(|call| ((&call.container.pod.id, call.container.name), call)).collect();
    for call in asked.into_values() {
        let Some((direction, isolation)) = unasked(cx, call.container.pod, server, &services) else { continue };
        let says = format!(
            "doesn't let {} ask the name service on port {DNS}/UDP: {}; its log says of {}: {}",
            call.workload,
            lacks(direction, &isolation),
            call.shown(),
            call.failure
        );
        let towards = call.towards(cx.snap).unwrap_or_else(|| call.workload.clone());
        let subject = Subject::container(call.container.pod.id.clone(), call.container.name);
        state(cx, &isolation, direction, (subject, Proof::ComputedAndSaid, says), vec![call.line.clone()], &towards, out);
    }
    let unheard = cx.addresses.iter().filter(|given| given.address.host.parse::<IpAddr>().is_err());
    for given in unheard.filter(|given| cx.log_failed(&given.pod.id, given.container).is_some()) {
        if unasked(cx, given.pod, server, &services).is_some() {
            reach::blind_caller(cx, given, out);
        }
    }
}

/// The policy that keeps a pod from asking the name service.
fn unasked(cx: &Context<'_>, pod: &Object, server: Option<&Object>, services: &[&Object]) -> Option<(Direction, Isolation)> {
    let to = server.map_or(End::Address(SOMEWHERE), |server| end(cx, server));
    let policies = policies(cx, pod.id.ns(), server.map_or(pod.id.ns(), |server| server.id.ns()));
    let port = server.and_then(|server| target(services, server)).unwrap_or(DNS);
    // Names go over UDP; TCP is for long answers alone.
    let blocked = blocked(&Traffic { from: end(cx, pod), to, port, protocol: "UDP" }, policies);
    let (direction, isolation) = culprit(cx, &blocked)?;
    // Where the name service was not read, a rule for its port may well be about it.
    (server.is_some() || !isolation.allows_port).then(|| (direction, isolation.clone()))
}

/// The port of a name server's pod.
fn target(services: &[&Object], server: &Object) -> Option<u16> {
    services.iter().flat_map(|service| ports::of_service(service)).find(|port| port.number == DNS)?.target_in(server.at("spec"))
}
