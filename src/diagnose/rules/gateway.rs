//! Gateways and their routes (Gateway API): routes that lead to what isn't there or that no Gateway takes, and Gateways that
//! can't serve. The controller's conditions decide; where it has not spoken, the objects do.

mod misroute;
mod parents;

use crate::cluster::ports;
use crate::cluster::{Object, json};
use crate::diagnose::calls::ROUTES;
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::symptoms::{BROKEN_REFERENCE, condition_value};
use crate::domain::Evidence;
use jiff::SignedDuration;
use serde_json::Value;

/// The family.
pub static FAMILY: Family = Family { section: Section::Routing, causes: &[&GATEWAY_MISROUTE, &GATEWAY_NOT_PROGRAMMED], check };

/// What is seen where a route leads nowhere.
const NOT_ROUTED: Explains = &[
    (Link::Pod, "broken_reference"),
    (Link::Pod, "no_address"),
    (Link::Pod, "probe_failed"),
    (Link::Pod, "error_rate"),
    (Link::Calls, "probe_failed"),
    (Link::Calls, "broken_reference"),
];

pub(super) static GATEWAY_MISROUTE: Cause = Cause {
    id: "gateway_misroute",
    title: "a route leads to the wrong backend or port, or to none",
    perspective: Perspective::Infra,
    explains: &[NOT_ROUTED, super::explains::UNREACHED],
    reads: "HTTPRoutes, GRPCRoutes, ingresses, gateways, services, reference grants, signal probe_success",
    source: "gateway controller: the route's conditions Accepted and ResolvedRefs, with reasons such as BackendNotFound and RefNotPermitted",
    doc: "A route of a Gateway, an Ingress or a proxy's configuration leads to a backend or port that isn't the one that serves it.",
    check: "kubectl -n NAMESPACE get httproute NAME -o jsonpath='{.status.parents[*].conditions}'",
    fix: "point the route to the Service and port that serve it",
    fields: &[],
};

static GATEWAY_NOT_PROGRAMMED: Cause = Cause {
    id: "gateway_not_programmed",
    title: "the Gateway, or a listener of it, can't serve",
    perspective: Perspective::Infra,
    explains: &[NOT_ROUTED],
    reads: "gateways, gateway classes",
    source: "gateway controller: the Gateway's and its listeners' conditions Accepted, Programmed, ResolvedRefs and Conflicted",
    doc: "The Gateway's class isn't there, or a listener has no certificate, an unsupported protocol, or is in conflict with another.",
    check: "kubectl -n NAMESPACE get gateway NAME -o jsonpath='{.status}'",
    fix: "mend what the condition says: the class, the certificate, the listener",
    fields: &[],
};

/// Controllers write conditions within seconds; one that says Pending for longer is stuck.
const SETTLING: SignedDuration = SignedDuration::from_mins(2);

fn check(cx: &Context<'_>, out: &mut Findings) {
    for kind in ROUTES {
        for route in cx.snap.of_kind(kind).iter().filter(|route| is_whole(route)) {
            if !rejected(cx, route, out) {
                backends(cx, route, out);
                parents::check(cx, route, out);
            }
        }
    }
    for gateway in cx.snap.of_kind("Gateway").iter().filter(|gateway| is_whole(gateway)) {
        gateway_conditions(cx, gateway, out);
    }
    misroute::check(cx, out);
}

fn is_whole(object: &Object) -> bool {
    object.partial().is_none() && object.deleted().is_none()
}

/// Whether a condition is about the object as it is now.
fn is_of_now(object: &Object, condition: &Value) -> bool {
    let seen = json::int(condition, "observedGeneration");
    seen.is_none() || object.int("metadata.generation").is_none_or(|generation| seen >= Some(generation))
}

/// What the controller says against a route; says whether it does.
fn rejected(cx: &Context<'_>, route: &Object, out: &mut Findings) -> bool {
    let mut found = false;
    for parent in route.list("status.parents") {
        let gateway = json::text(parent, "parentRef.name");
        for r#type in ["Accepted", "ResolvedRefs"] {
            let condition = json::typed(parent, "conditions", r#type);
            let reason = json::text(condition, "reason");
            let since = json::time(condition, "lastTransitionTime");
            let waits = reason == "Pending" && since.is_none_or(|since| cx.snap.age(since) < SETTLING);
            if json::text(condition, "status") != "False" || !is_of_now(route, condition) || waits {
                continue;
            }
            // The controller may not have seen yet what was created since.
            if reason == "BackendNotFound" && broken_backends(cx, route).is_empty() {
                continue;
            }
            found = true;
            let evidence =
                cx.value(&route.id, &format!("status.parents[{gateway}].conditions[{type}]"), condition_value(condition), since);
            let (what, proof) = match broken_backends(cx, route).into_iter().next() {
                Some((what, _)) if r#type == "ResolvedRefs" => (format!(": {what}"), Proof::ComputedAndSaid),
                _ => (String::new(), Proof::Structure),
            };
            let says = format!(
                "isn't served by Gateway {gateway}: {} {reason}, \"{}\"{what}",
                if r#type == "Accepted" { "not accepted," } else { "a reference doesn't resolve," },
                json::text(condition, "message")
            );
            state(cx, route, proof, says, evidence, since, out);
        }
    }
    found
}

/// States a broken route and its symptom.
fn state(
    cx: &Context<'_>,
    route: &Object,
    proof: Proof,
    says: String,
    evidence: Evidence,
    since: Option<jiff::Timestamp>,
    out: &mut Findings,
) {
    let hosts: Vec<&str> = route.list("spec.hostnames").iter().filter_map(Value::as_str).collect();
    let of = if hosts.is_empty() { String::new() } else { format!(" of {}", hosts.join(", ")) };
    let refs: Vec<Evidence> = broken_backends(cx, route).into_iter().map(|(_, evidence)| evidence).collect();
    out.symptom(&BROKEN_REFERENCE, route.id.clone(), format!("doesn't route requests{of}"), since, vec![evidence.clone()]);
    out.found(&GATEWAY_MISROUTE, route.id.clone(), proof)
        .since(since)
        .evidence([evidence])
        .evidence(refs)
        .says(says)
        .next(format!("kubectl -n {} describe {}", route.id.ns(), route.id.kubectl()));
}

/// Backends that can't work as they stand, where no controller has said so.
fn backends(cx: &Context<'_>, route: &Object, out: &mut Findings) {
    for (what, evidence) in broken_backends(cx, route) {
        let since = reach::edited(route).or_else(|| route.created());
        state(cx, route, Proof::Computed, format!("can't route: {what}"), evidence, since, out);
    }
}

/// Each backend of a route that isn't there, with the field that names it.
fn broken_backends(cx: &Context<'_>, route: &Object) -> Vec<(String, Evidence)> {
    let mut found = Vec::new();
    for (index, rule) in route.list("spec.rules").iter().enumerate() {
        for backend in json::list(rule, "backendRefs") {
            if matches!(json::text(backend, "kind"), "" | "Service")
                && let Some(what) = broken(cx, route, backend)
            {
                found.push((what, cx.value(&route.id, &format!("spec.rules[{index}].backendRefs"), backend.clone(), None)));
            }
        }
    }
    found
}

fn broken(cx: &Context<'_>, route: &Object, backend: &Value) -> Option<String> {
    let namespace = Some(json::text(backend, "namespace")).filter(|text| !text.is_empty()).unwrap_or(route.id.ns());
    let name = json::text(backend, "name");
    let Some(service) = cx.snap.find("Service", namespace, name) else {
        cx.snap.looked_for("Service", namespace).ok()?;
        return Some(format!("there is no Service {name} in namespace {namespace}"));
    };
    let offered = ports::of_service(service);
    let port = json::key(backend, "port");
    let listed: Vec<String> = offered.iter().map(|port| port.number.to_string()).collect();
    match ports::number(port) {
        None => Some(format!("the reference to Service {name} names no port; it has {}", listed.join(", "))),
        Some(number) if offered.iter().all(|port| port.number != number) && service.partial().is_none() => {
            Some(format!("Service {name} has no port {number}; it has {}", listed.join(", ")))
        }
        Some(_) => None,
    }
}

fn gateway_conditions(cx: &Context<'_>, gateway: &Object, out: &mut Findings) {
    let class = gateway.text("spec.gatewayClassName");
    let mut found: Vec<(String, Evidence, Option<jiff::Timestamp>)> = Vec::new();
    let mut read = |holder: &Value, path: &str, whose: &str| {
        for (r#type, bad) in [("Conflicted", "True"), ("ResolvedRefs", "False"), ("Accepted", "False"), ("Programmed", "False")] {
            let condition = json::typed(holder, "conditions", r#type);
            let since = json::time(condition, "lastTransitionTime");
            let is_new = since.or_else(|| gateway.created()).is_none_or(|since| cx.snap.age(since) < SETTLING);
            if json::text(condition, "status") != bad || !is_of_now(gateway, condition) || is_new {
                continue;
            }
            let says = format!(
                "{whose}: {} {}, \"{}\"",
                word(r#type),
                json::text(condition, "reason"),
                json::text(condition, "message")
            );
            let evidence = cx.value(&gateway.id, &format!("{path}.conditions[{type}]"), condition_value(condition), since);
            found.push((says, evidence, since));
            // What follows says the same with less.
            break;
        }
    };
    for listener in gateway.list("status.listeners") {
        let name = json::text(listener, "name");
        read(listener, &format!("status.listeners[{name}]"), &format!("listener {name} can't serve"));
    }
    read(gateway.at("status"), "status", "isn't served");
    let Some((says, evidence, since)) = found.into_iter().next() else { return };
    let known = cx.snap.of_kind("GatewayClass").is_empty() || cx.snap.find("GatewayClass", "", class).is_some();
    let says = if known { says } else { format!("{says}; there is no GatewayClass {class}") };
    out.symptom(&BROKEN_REFERENCE, gateway.id.clone(), "can't serve as it stands", since, vec![evidence.clone()]);
    out.found(&GATEWAY_NOT_PROGRAMMED, gateway.id.clone(), Proof::Structure)
        .since(since)
        .evidence([evidence])
        .says(says)
        .next(format!("kubectl -n {} describe gateway {}", gateway.id.ns(), gateway.id.name));
}

fn word(r#type: &str) -> &'static str {
    match r#type {
        "Conflicted" => "in conflict,",
        "ResolvedRefs" => "a reference doesn't resolve,",
        "Accepted" => "not accepted,",
        _ => "not programmed,",
    }
}
