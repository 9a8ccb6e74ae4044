//! Services that are to be reached through a load balancer and have been given none.

use crate::cluster::Object;
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::NO_ADDRESS;
use jiff::SignedDuration;

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&LOAD_BALANCER_PENDING], check };

static LOAD_BALANCER_PENDING: Cause = Cause {
    id: "load_balancer_pending",
    title: "has been given no load balancer",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "no_address"), (Link::Pod, "probe_failed")]],
    reads: "services, events",
    source: "service controller: status.loadBalancer stays empty; events EnsuringLoadBalancer and SyncLoadBalancerFailed",
    doc: "The Service is of type LoadBalancer, and no controller has given it an address.",
    check: "kubectl -n NAMESPACE describe service NAME",
    fix: "mend what the cloud's answer says; on clusters without a cloud install a load balancer such as MetalLB, or use NodePort",
    fields: &[],
};

/// Clouds take up to some minutes.
const SETTLING: SignedDuration = SignedDuration::from_mins(5);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for service in cx.snap.of_kind("Service").iter().filter(|service| service.text("spec.type") == "LoadBalancer") {
        let is_pending = service.list("status.loadBalancer.ingress").is_empty() && service.at("status").is_object();
        if service.partial().is_none() && service.deleted().is_none() && is_pending {
            pending(cx, service, out);
        }
    }
}

fn pending(cx: &Context<'_>, service: &Object, out: &mut Findings) {
    let events = cx.snap.events(&service.id);
    // The reason of a failure: k8s.io/cloud-provider/controllers/service/controller.go, and the older name of it.
    let failed =
        events.iter().rfind(|event| matches!(event.reason.as_str(), "SyncLoadBalancerFailed" | "CreatingLoadBalancerFailed"));
    let tried = events.iter().any(|event| event.reason == "EnsuringLoadBalancer");
    let age = service.created().map(|created| cx.snap.age(created));
    if failed.is_none() && age.is_none_or(|age| age < SETTLING) {
        return;
    }
    let since = failed.and_then(|event| event.first).or_else(|| service.created());
    let why = match failed {
        Some(event) => format!(": {}", event.message),
        None if tried => ": its controller has begun and not finished".to_owned(),
        None => ": no controller has taken it up".to_owned(),
    };
    let minutes = age.map_or(0, |age| age.as_mins());
    let evidence = cx.field(service, "status.loadBalancer");
    out.symptom(&NO_ADDRESS, service.id.clone(), "has no external address", since, vec![evidence.clone()]);
    out.found(&LOAD_BALANCER_PENDING, service.id.clone(), if failed.is_some() { Proof::Event } else { Proof::Computed })
        .since(since)
        .evidence(failed.map(|event| event.evidence()))
        .evidence([evidence, cx.field(service, "spec.type")])
        .says(format!("has waited {minutes} minutes for a load balancer{why}"))
        .next(format!("kubectl -n {} describe service {}", service.id.ns(), service.id.name));
}
