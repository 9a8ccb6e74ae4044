//! Does a NetworkPolicy drop this connection? The rules of `networking.k8s.io/v1` as its API documents them
//! (`staging/src/k8s.io/api/networking/v1/types.go`), as if the cluster's network enforced them. Policies of other APIs
//! (Cilium, Calico, AdminNetworkPolicy) are not known here.

use super::{Object, json, ports, selector};
use crate::domain::ObjectRef;
use core::net::IpAddr;
use serde_json::Value;
use std::collections::BTreeSet;

static NULL: Value = Value::Null;

/// One end of a connection.
#[derive(Clone, Debug)]
pub enum End<'a> {
    /// A pod.
    Pod(PodEnd<'a>),
    /// Anything else, by its address: a node, something outside of the cluster.
    Address(IpAddr),
}

/// A pod as an end of a connection.
#[derive(Clone, Debug)]
pub struct PodEnd<'a> {
    /// The pod.
    pub pod: &'a Object,
    /// The labels of its namespace; null where the namespace was not read.
    pub namespace_labels: &'a Value,
    ips: Vec<IpAddr>,
}

impl<'a> PodEnd<'a> {
    /// A pod, with its Namespace object where that was read.
    pub fn new(pod: &'a Object, namespace: Option<&'a Object>) -> Self {
        let listed = pod.list("status.podIPs").iter().map(|ip| json::text(ip, "ip"));
        let ips: BTreeSet<IpAddr> = listed.chain([pod.text("status.podIP")]).filter_map(|ip| ip.parse().ok()).collect();
        let namespace_labels = namespace.map_or(&NULL, |namespace| namespace.at("metadata.labels"));
        Self { pod, namespace_labels, ips: ips.into_iter().collect() }
    }

    /// Pods on the node's own network are the node, as far as policies go: none selects them.
    fn is_on_host_network(&self) -> bool {
        self.pod.flag("spec.hostNetwork")
    }
}

/// A connection that somebody tries.
#[derive(Clone, Debug)]
pub struct Traffic<'a> {
    /// Who connects.
    pub from: End<'a>,
    /// To whom.
    pub to: End<'a>,
    /// The port that the receiver listens on: a Service's target port, not the Service's own.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'a str,
}

/// At which end a connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Policies of the sender don't let it out.
    Egress,
    /// Policies of the receiver don't let it in.
    Ingress,
}

/// One end drops the connection: policies select the pod there, and no rule of any of them allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// At which end.
    pub direction: Direction,
    /// The policies that select the pod there, sorted by name.
    pub by: Vec<Isolation>,
}

/// A policy that selects a pod and doesn't allow the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// The policy.
    pub policy: ObjectRef,
    /// Whether one of its rules allows the other end, on other ports.
    pub allows_peer: bool,
    /// Whether one of its rules allows the port, for others.
    pub allows_port: bool,
}

/// Where policies drop a connection; empty when they let it pass. Both ends may drop it.
pub fn blocked<'a>(traffic: &Traffic<'_>, policies: impl IntoIterator<Item = &'a Object>) -> Vec<Blocked> {
    // A pod always reaches itself.
    if let (End::Pod(from), End::Pod(to)) = (&traffic.from, &traffic.to)
        && from.pod.id == to.pod.id
    {
        return Vec::new();
    }
    let policies: Vec<&Object> = policies.into_iter().filter(|policy| policy.id.kind == "NetworkPolicy").collect();
    let ends = [(Direction::Egress, &traffic.from), (Direction::Ingress, &traffic.to)];
    ends.into_iter().filter_map(|(direction, end)| blocked_at(direction, end, traffic, &policies)).collect()
}

fn blocked_at(direction: Direction, end: &End<'_>, traffic: &Traffic<'_>, policies: &[&Object]) -> Option<Blocked> {
    let End::Pod(pod) = end else { return None };
    let mut by = Vec::new();
    for policy in policies.iter().filter(|policy| isolates(policy, direction, pod)) {
        let (mut allows_peer, mut allows_port) = (false, false);
        for rule in rules(policy, direction) {
            let (peer, port) = (peers_match(rule, direction, policy, traffic), ports_match(rule, traffic));
            if peer && port {
                return None;
            }
            allows_peer |= peer;
            allows_port |= port;
        }
        by.push(Isolation { policy: policy.id.clone(), allows_peer, allows_port });
    }
    by.sort_by(|a, b| a.policy.cmp(&b.policy));
    (!by.is_empty()).then_some(Blocked { direction, by })
}

/// Whether a policy selects a pod, and for this direction. Without `policyTypes` it is about ingress, and about egress too when
/// it has egress rules (`SetDefaults_NetworkPolicy` in `pkg/apis/networking/v1/defaults.go`).
pub fn isolates(policy: &Object, direction: Direction, pod: &PodEnd<'_>) -> bool {
    let types = policy.list("spec.policyTypes");
    let in_direction = match direction {
        _ if !types.is_empty() => types.iter().any(|listed| listed.as_str() == Some(name(direction))),
        Direction::Ingress => true,
        Direction::Egress => !policy.list("spec.egress").is_empty(),
    };
    let pods = policy.at("spec.podSelector");
    let selects = pods.is_null() || selector::matches(pods, pod.pod.at("metadata.labels"));
    in_direction && policy.id.namespace == pod.pod.id.namespace && selects && !pod.is_on_host_network()
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}

fn rules(policy: &Object, direction: Direction) -> &[Value] {
    match direction {
        Direction::Ingress => policy.list("spec.ingress"),
        Direction::Egress => policy.list("spec.egress"),
    }
}

/// Whether a rule is about the other end. A rule that names none is about everyone.
fn peers_match(rule: &Value, direction: Direction, policy: &Object, traffic: &Traffic<'_>) -> bool {
    let (field, other) = match direction {
        Direction::Ingress => ("from", &traffic.from),
        Direction::Egress => ("to", &traffic.to),
    };
    let peers = json::list(rule, field);
    peers.is_empty() || peers.iter().any(|peer| peer_matches(peer, other, policy))
}

fn peer_matches(peer: &Value, other: &End<'_>, policy: &Object) -> bool {
    let block = json::key(peer, "ipBlock");
    if block.is_object() {
        // The API leaves open whether a block is held against a pod's address; most networks do so.
        return match other {
            End::Address(ip) => in_block(block, *ip),
            End::Pod(pod) => pod.ips.iter().any(|ip| in_block(block, *ip)),
        };
    }
    let End::Pod(pod) = other else { return false };
    let (pods, namespaces) = (json::key(peer, "podSelector"), json::key(peer, "namespaceSelector"));
    if pod.is_on_host_network() || pods.is_null() && namespaces.is_null() {
        return false;
    }
    let in_namespace = match namespaces {
        Value::Null => policy.id.namespace == pod.pod.id.namespace,
        namespaces => selector::matches_namespace(namespaces, pod.pod.id.ns(), pod.namespace_labels),
    };
    in_namespace && (pods.is_null() || selector::matches(pods, pod.pod.at("metadata.labels")))
}

/// Whether a rule is about the port. A rule that names none is about all. A name is looked up in the receiver.
fn ports_match(rule: &Value, traffic: &Traffic<'_>) -> bool {
    let listed = json::list(rule, "ports");
    listed.is_empty() || listed.iter().any(|port| port_matches(port, traffic))
}

fn port_matches(port: &Value, traffic: &Traffic<'_>) -> bool {
    if ports::protocol(port) != traffic.protocol {
        return false;
    }
    match json::key(port, "port") {
        Value::Null => true,
        named @ Value::String(_) => match &traffic.to {
            End::Pod(to) => ports::resolve(named, traffic.protocol, to.pod.at("spec")) == Some(traffic.port),
            End::Address(_) => false,
        },
        first => {
            let Some(first) = ports::number(first) else { return false };
            let last = ports::number(json::key(port, "endPort")).unwrap_or(first);
            (first..=last).contains(&traffic.port)
        }
    }
}

/// Whether an address is in an `ipBlock` and in none of its exceptions.
fn in_block(block: &Value, ip: IpAddr) -> bool {
    let excepted = json::list(block, "except").iter().filter_map(Value::as_str).any(|cidr| contains(cidr, ip));
    contains(json::text(block, "cidr"), ip) && !excepted
}

/// Whether a CIDR (`10.0.0.0/8`, `fd00::/8`) holds an address of the same family.
fn contains(cidr: &str, ip: IpAddr) -> bool {
    let Some((network, length)) = cidr.split_once('/') else { return false };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (network, ip, width) = match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => (u128::from(network.to_bits()), u128::from(ip.to_bits()), 32_u32),
        (IpAddr::V6(network), IpAddr::V6(ip)) => (network.to_bits(), ip.to_bits(), 128),
        _ => return false,
    };
    // A shift by all 128 bits of `::/0` leaves nothing, and checked_shr says None.
    width.checked_sub(length).is_some_and(|host_bits| (network ^ ip).checked_shr(host_bits).unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests;
