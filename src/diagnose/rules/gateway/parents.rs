//! Whether a route finds a Gateway and a listener, where no controller has said so: a controller that doesn't know a route's
//! Gateway writes no condition.

use super::{SETTLING, state};
use crate::cluster::{Object, json, selector};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::symptoms::BROKEN_REFERENCE;
use serde_json::Value;

/// States what keeps a route from all of its Gateways. A parent that a controller has accepted is none of it.
pub(super) fn check(cx: &Context<'_>, route: &Object, out: &mut Findings) {
    for parent in route.list("spec.parentRefs") {
        if !matches!(json::text(parent, "kind"), "" | "Gateway") || is_accepted(route, parent) {
            continue;
        }
        let name = json::text(parent, "name");
        let Some(why) = refuses(cx, route, parent) else {
            not_taken(cx, route, name, out);
            continue;
        };
        let evidence = cx.value(&route.id, &format!("spec.parentRefs[{name}]"), parent.clone(), None);
        let since = reach::edited(route).or_else(|| route.created());
        state(cx, route, Proof::Computed, format!("is attached to no listener: {why}"), evidence, since, out);
    }
}

/// A route that no controller has taken, although nothing that was read stands in its way.
fn not_taken(cx: &Context<'_>, route: &Object, gateway: &str, out: &mut Findings) {
    if route.created().is_some_and(|created| cx.snap.age(created) >= SETTLING) {
        let summary = format!("has not been taken by Gateway {gateway}");
        out.symptom(&BROKEN_REFERENCE, route.id.clone(), summary, reach::edited(route), vec![cx.field(route, "status.parents")]);
    }
}

fn is_accepted(route: &Object, parent: &Value) -> bool {
    route.list("status.parents").iter().any(|status| {
        json::text(status, "parentRef.name") == json::text(parent, "name")
            && json::text(json::typed(status, "conditions", "Accepted"), "status") == "True"
    })
}

fn refuses(cx: &Context<'_>, route: &Object, parent: &Value) -> Option<String> {
    let own = |text: &'static str| Some(json::text(parent, text)).filter(|text| !text.is_empty());
    let (name, namespace) = (json::text(parent, "name"), own("namespace").unwrap_or(route.id.ns()));
    let Some(gateway) = cx.snap.find("Gateway", namespace, name) else {
        cx.snap.looked_for("Gateway", namespace).ok()?;
        // Where no Gateway was read at all, the kind itself may not have been.
        let any = !cx.snap.of_kind("Gateway").is_empty();
        return any.then(|| format!("there is no Gateway {name} in namespace {namespace}"));
    };
    let listeners = gateway.list("spec.listeners");
    let names: Vec<&str> = listeners.iter().map(|listener| json::text(listener, "name")).collect();
    let port = json::int(parent, "port");
    let meant: Vec<&Value> = listeners
        .iter()
        .filter(|listener| own("sectionName").is_none_or(|section| json::text(listener, "name") == section))
        .filter(|listener| port.is_none() || json::int(listener, "port") == port)
        .collect();
    if meant.is_empty() {
        let wanted =
            own("sectionName").map_or_else(|| format!("on port {}", port.unwrap_or(0)), |section| format!("called {section}"));
        return Some(format!("Gateway {name} has no listener {wanted}; it has {}", names.join(", ")));
    }
    let open: Vec<&&Value> = meant.iter().filter(|listener| admits(cx, gateway, listener, route.id.ns())).collect();
    if open.is_empty() {
        return Some(format!("the listeners of Gateway {name} don't admit routes of namespace {}", route.id.ns()));
    }
    let hosts: Vec<&str> = route.list("spec.hostnames").iter().filter_map(Value::as_str).collect();
    let fits = |listener: &Value| {
        let listens = json::text(listener, "hostname");
        listens.is_empty() || hosts.is_empty() || hosts.iter().any(|host| meet(host, listens))
    };
    if open.iter().any(|listener| fits(listener)) {
        return None;
    }
    let listens: Vec<&str> = open.iter().map(|listener| json::text(listener, "hostname")).collect();
    Some(format!("its host {} is none of Gateway {name}'s: {}", hosts.join(", "), listens.join(", ")))
}

/// Whether a listener admits routes of a namespace: by default those of the Gateway's own.
fn admits(cx: &Context<'_>, gateway: &Object, listener: &Value, namespace: &str) -> bool {
    let allowed = json::at(listener, "allowedRoutes.namespaces");
    match json::text(allowed, "from") {
        "All" => true,
        "Selector" => match cx.snap.find("Namespace", "", namespace) {
            Some(found) => selector::matches_namespace(json::key(allowed, "selector"), namespace, found.at("metadata.labels")),
            None => true,
        },
        _ => gateway.id.ns() == namespace,
    }
}

/// Whether two host names of which each may begin with `*.` have a host in common.
fn meet(a: &str, b: &str) -> bool {
    let covers = |wide: &str, narrow: &str| {
        wide.strip_prefix('*').is_some_and(|end| narrow.trim_start_matches('*').ends_with(end) && narrow.len() > end.len())
    };
    a == b || covers(a, b) || covers(b, a)
}

#[cfg(test)]
mod tests {
    use super::meet;

    #[test]
    fn host_names_meet_under_a_wildcard() {
        assert!(meet("shop.example.com", "shop.example.com"));
        assert!(meet("shop.example.com", "*.example.com"));
        assert!(meet("*.example.com", "a.b.example.com"));
        assert!(meet("*.eu.example.com", "*.example.com"));
        assert!(!meet("shop.example.com", "*.example.org"));
        assert!(!meet("example.com", "*.example.com"));
        assert!(!meet("shop.example.com", "pay.example.com"));
    }
}
