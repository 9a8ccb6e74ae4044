//! Pods whose DNS settings keep them from resolving the cluster's names, although they are given such names.

use super::explains::UNREACHED;
use super::previous::previous_spec;
use crate::cluster::service_dns::Host;
use crate::cluster::{Object, json};
use crate::diagnose::addresses::GivenAddress;
use crate::diagnose::catalogue::{Cause, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::failed_calls::{FailedCall, Failure, name_services};
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::domain::{ObjectRef, Subject};
use core::net::IpAddr;
use serde_json::Value;
use std::collections::BTreeSet;

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&DNS_POLICY_MISCONFIGURED], check };

static DNS_POLICY_MISCONFIGURED: Cause = Cause {
    id: "dns_policy_misconfigured",
    title: "its DNS settings don't know the cluster's names",
    perspective: Perspective::Infra,
    explains: &[UNREACHED],
    reads: "pod specs (dnsPolicy, dnsConfig, hostNetwork), services, logs, revisions",
    source: "kubelet: writes the pod's resolv.conf from dnsPolicy and dnsConfig",
    doc: "dnsPolicy or dnsConfig give the pod a resolver or a search list with which the names of Services can't be resolved.",
    check: "kubectl -n NAMESPACE exec POD -- cat /etc/resolv.conf",
    fix: "use dnsPolicy ClusterFirst, or ClusterFirstWithHostNet on the host's network",
    fields: &["dnsPolicy", "dnsConfig", "hostNetwork"],
};

/// The address of the node-local cache (kubernetes.io/docs/tasks/administer-cluster/nodelocaldns).
const NODE_LOCAL: &str = "169.254.20.10";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut seen: BTreeSet<(&ObjectRef, &str)> = BTreeSet::new();
    for given in &cx.addresses {
        let Host::Service(service) = &given.host else { continue };
        if given.address.host.parse::<IpAddr>().is_ok() || !seen.insert((&given.pod.id, given.address.host)) {
            continue;
        }
        if let Some(why) = unresolvable(cx, given.pod, given.address.host) {
            by_name(cx, given, service, &why, out);
        }
    }
}

/// Why a pod's settings keep a name of the cluster from being resolved.
fn unresolvable(cx: &Context<'_>, pod: &Object, host: &str) -> Option<String> {
    let policy = pod.text("spec.dnsPolicy");
    let config = pod.at("spec.dnsConfig");
    let searches: Vec<&str> = json::list(config, "searches").iter().filter_map(Value::as_str).collect();
    match policy {
        "Default" => Some("dnsPolicy Default is the node's resolver, which doesn't know the cluster's names".to_owned()),
        "ClusterFirst" | "" if pod.flag("spec.hostNetwork") => Some(
            "dnsPolicy ClusterFirst on the host's network is the node's resolver, which doesn't know the cluster's names"
                .to_owned(),
        ),
        "None" => {
            let servers: Vec<&str> = json::list(config, "nameservers").iter().filter_map(Value::as_str).collect();
            if !servers.iter().any(|server| knows_cluster(cx, server)) {
                return Some(format!("dnsPolicy None with nameserver {}, which is not the cluster's", servers.join(", ")));
            }
            // `cart` needs the search entry NAMESPACE.svc.DOMAIN, `cart.shop` needs svc.DOMAIN.
            let wanted = match host.split('.').count() {
                1 => format!("{}.svc.", pod.id.ns()),
                2 => "svc.".to_owned(),
                _ => return None,
            };
            let missing = !searches.iter().any(|search| search.starts_with(&wanted));
            missing.then(|| format!("dnsPolicy None without a search entry {wanted}DOMAIN, which the name {host} needs"))
        }
        _ => {
            let mut options = json::list(config, "options").iter();
            let ndots =
                options.rfind(|option| json::text(option, "name") == "ndots").map(|option| json::text(option, "value"))?;
            let dots = host.matches('.').count();
            // From so many dots on a name is looked up as it is first, and by some resolvers (musl) not otherwise.
            let is_whole = ndots.parse::<usize>().is_ok_and(|ndots| dots >= ndots) && !host.ends_with('.');
            is_whole.then(|| {
                format!("dnsConfig option ndots {ndots} makes {host} a whole name, which is not looked for in the cluster")
            })
        }
    }
}

/// Whether a name server is the cluster's, or can't be told from it.
fn knows_cluster(cx: &Context<'_>, server: &str) -> bool {
    let is = |text: &str| text == server;
    if server == NODE_LOCAL || name_services(cx.snap).any(|service| is(service.text("spec.clusterIP"))) {
        return true;
    }
    let is_pod = cx.pods().iter().any(|pod| is(pod.text("status.podIP")) && pod.id.ns() == "kube-system");
    // Where the name service was not read, an address that isn't public may be its.
    let is_public = match server.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => !ip.is_private() && !ip.is_loopback() && !ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => !ip.is_unique_local() && !ip.is_loopback(),
        Err(_) => true,
    };
    is_pod || !is_public && name_services(cx.snap).next().is_none()
}

fn by_name(cx: &Context<'_>, given: &GivenAddress<'_>, service: &Object, why: &str, out: &mut Findings) {
    let host = given.address.host;
    let is_it = |call: &&FailedCall<'_>| {
        call.workload == given.workload && call.failure <= Failure::NameUnanswered && call.host.eq_ignore_ascii_case(host)
    };
    let call = cx.failed_calls.iter().find(is_it);
    let changed = previous_spec(cx, given.pod).is_some_and(|before| {
        ["dnsPolicy", "dnsConfig", "hostNetwork"]
            .iter()
            .any(|field| json::key(before, field) != json::key(given.pod.at("spec"), field))
    });
    let in_trouble = reach::in_trouble(cx, &given.workload, out);
    // Programs that resolve names otherwise look there as well: that ndots is low proves nothing by itself.
    let is_weak = why.contains("ndots");
    let proof = match (call, in_trouble) {
        (Some(_), _) => Proof::ComputedAndSaid,
        (None, true) if changed && !is_weak => Proof::Computed,
        (None, true) if !is_weak => Proof::Timing,
        _ => return reach::blind_caller(cx, given, out),
    };
    let said = call.map_or(String::new(), |call| format!("; its log says of {}: {}", call.shown(), call.failure));
    let others = cx.snap.pods_of(&given.workload).into_iter().filter(|pod| pod.controller() == given.pod.controller());
    let also: Vec<Subject> = others.map(|pod| Subject::container(pod.id.clone(), given.container)).collect();
    out.found(&DNS_POLICY_MISCONFIGURED, Subject::container(given.pod.id.clone(), given.container), proof)
        .blame(given.workload.clone())
        .since(call.and_then(|call| call.since))
        .also(also)
        .evidence([cx.field(given.pod, "spec.dnsPolicy"), cx.field(given.pod, "spec.dnsConfig"), given.evidence()])
        .evidence(call.map(|call| call.line.clone()))
        .says(format!("can't resolve {host}, the name of {}: {why}{said}", service.id))
        .next(format!("kubectl -n {} exec {} -- cat /etc/resolv.conf", given.pod.id.ns(), given.pod.id.name));
}
