//! How far an intent may go from what is now: replicas and resources only grow, and not by much.

use super::{Rejection, rejected};
use crate::cluster::json;
use crate::cluster::quantity::Quantity;
use crate::domain::{ExecutionIntent, Params, ResourceParams};
use crate::remedy::proposals::most_replicas;
use crate::remedy::request::container_list;
use serde_json::Value;

/// Holds an intent against the object as it is.
pub(super) fn check(intent: &ExecutionIntent, live: &Value, max_growth: f64) -> Result<(), Rejection> {
    match &intent.params {
        Params::Scale { replicas } => scale(i64::from(*replicas), json::int(live, "spec.replicas").unwrap_or(1)),
        Params::Resources(params) => resources(params, live, max_growth),
        _ => Ok(()),
    }
}

/// Whether nothing would change, or an amount isn't one: the API server says so itself, in its own words.
pub(super) fn says_nothing(intent: &ExecutionIntent, live: &Value) -> bool {
    let Params::Resources(params) = &intent.params else {
        return matches!(intent.params, Params::Scale { replicas } if json::int(live, "spec.replicas") == Some(i64::from(replicas)));
    };
    let now = container_list(live, &params.container)
        .map(|list| json::key(json::named(json::at(live, "spec.template.spec"), list, &params.container), "resources"));
    let fields = [
        ("limits", "memory", &params.memory_limit),
        ("requests", "memory", &params.memory_request),
        ("limits", "cpu", &params.cpu_limit),
        ("requests", "cpu", &params.cpu_request),
    ];
    let mut given = fields.into_iter().filter_map(|(list, resource, given)| Some((list, resource, given.as_deref()?)));
    given.clone().any(|(.., text)| Quantity::parse(text).is_none())
        || given.all(|(list, resource, text)| {
            now.and_then(|now| Quantity::read(json::key(json::key(now, list), resource))) == Quantity::parse(text)
        })
}

fn scale(wanted: i64, live: i64) -> Result<(), Rejection> {
    // From none the last known count is right, which the rules alone know.
    let (least, most) = (live + 1, if live == 0 { 100 } else { most_replicas(live) });
    if (least..=most).contains(&wanted) {
        return Ok(());
    }
    Err(rejected("out_of_range", format!("replicas is {wanted}, allowed are {least} to {most}")))
}

fn resources(params: &ResourceParams, live: &Value, max_growth: f64) -> Result<(), Rejection> {
    let container = &params.container;
    let Some(list) = container_list(live, container) else {
        return Err(rejected("object_missing", format!("no container {container}")));
    };
    let now = json::key(json::named(json::at(live, "spec.template.spec"), list, container), "resources");
    let old = |list: &str, resource: &str| Quantity::read(json::key(json::key(now, list), resource));
    let fields = [
        ("memory_limit", "limits", "memory", &params.memory_limit),
        ("memory_request", "requests", "memory", &params.memory_request),
        ("cpu_limit", "limits", "cpu", &params.cpu_limit),
        ("cpu_request", "requests", "cpu", &params.cpu_request),
    ];
    for (key, list, resource, given) in fields {
        let Some(text) = given else { continue };
        let (Some(new), Some(old)) = (Quantity::parse(text), old(list, resource).filter(|old| !old.is_zero())) else {
            return Err(rejected("out_of_range", format!("{key} is {text}, and none is set today")));
        };
        let growth = new.to_f64() / old.to_f64();
        if !(growth > 1.0 && growth <= max_growth) {
            return Err(rejected("growth_exceeded", format!("{text} is {growth:.2} × {old}, the bound is {max_growth}")));
        }
    }
    for (resource, limit, request) in
        [("memory", &params.memory_limit, &params.memory_request), ("cpu", &params.cpu_limit, &params.cpu_request)]
    {
        let then = |given: &Option<String>, list| given.as_deref().and_then(Quantity::parse).or_else(|| old(list, resource));
        if let (Some(limit), Some(request)) = (then(limit, "limits"), then(request, "requests"))
            && request > limit
        {
            return Err(rejected("out_of_range", format!("{resource}_request is {request}, allowed is up to the limit {limit}")));
        }
    }
    Ok(())
}
