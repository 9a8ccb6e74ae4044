//! Routes that lead to a Service that exists and is another than the one that was meant. Nothing in the objects alone says which
//! is meant, so that something has to show that the route fails, and a Service of the route's own name has to stand unused.

use super::GATEWAY_MISROUTE;
use crate::cluster::{Object, json};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::rules::ingress;
use crate::diagnose::symptoms::{ERROR_RATE, PROBE_FAILED};
use crate::domain::Evidence;
use serde_json::Value;
use std::collections::BTreeSet;

/// One way of a route: a host and a path that lead to a Service.
struct Way<'a> {
    object: &'a Object,
    host: &'a str,
    path: &'a str,
    service: &'a str,
    evidence: Evidence,
}

/// States the routes that fail and lead to another Service than the one they are named for.
pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let is_failing = |object: &Object| {
        out.symptoms.iter().any(|symptom| {
            let fails = [&ERROR_RATE, &PROBE_FAILED].iter().any(|known| std::ptr::eq(symptom.symptom, *known));
            fails && symptom.subject.object == object.id
        })
    };
    let ways: Vec<Way<'_>> = ways(cx);
    let failing: Vec<(&Way<'_>, &Object)> =
        ways.iter().filter(|way| is_failing(way.object)).filter_map(|way| Some((way, namesake(cx, way, &ways)?))).collect();
    for (way, namesake) in failing {
        out.found(&GATEWAY_MISROUTE, way.object.id.clone(), Proof::Timing)
            .since(reach::edited(way.object))
            .evidence([way.evidence.clone()])
            .says(format!(
                "leads {}{} to Service {}, while nothing leads to Service {}",
                way.host, way.path, way.service, namesake.id.name
            ))
            .fix(format!("lead {}{} to Service {}", way.host, way.path, namesake.id.name))
            .next(format!("kubectl -n {} get {} -o yaml", way.object.id.ns(), way.object.id.kubectl()));
    }
}

fn ways<'a>(cx: &Context<'a>) -> Vec<Way<'a>> {
    let mut found = Vec::new();
    for object in cx.snap.of_kind("Ingress") {
        for backend in ingress::backends(object) {
            let evidence = cx.value(&object.id, &backend.field, Value::String(backend.service.to_owned()), None);
            found.push(Way { object, host: backend.host, path: backend.path, service: backend.service, evidence });
        }
    }
    for object in cx.snap.of_kind("HTTPRoute") {
        let host = object.list("spec.hostnames").first().and_then(Value::as_str).unwrap_or("");
        for (index, rule) in object.list("spec.rules").iter().enumerate() {
            let path = json::list(rule, "matches").first().map_or("/", |matched| json::text(matched, "path.value"));
            if let [backend] = json::list(rule, "backendRefs") {
                let evidence = cx.value(&object.id, &format!("spec.rules[{index}].backendRefs"), backend.clone(), None);
                found.push(Way { object, host, path, service: json::text(backend, "name"), evidence });
            }
        }
    }
    found
}

/// The Service that carries the name of a way, its first path segment or the first label of its host, where the way leads to
/// another and no way leads to it.
fn namesake<'a>(cx: &Context<'a>, way: &Way<'_>, ways: &[Way<'_>]) -> Option<&'a Object> {
    let segment = way.path.trim_matches('/').split('/').next();
    let names: Vec<&str> = segment.into_iter().chain(way.host.split('.').next()).filter(|name| !name.is_empty()).collect();
    let namespace = way.object.id.ns();
    let routed: BTreeSet<&str> =
        ways.iter().filter(|other| other.object.id.ns() == namespace).map(|other| other.service).collect();
    if names.contains(&way.service) {
        return None;
    }
    names.into_iter().filter(|name| !routed.contains(name)).find_map(|name| cx.snap.find("Service", namespace, name))
}
