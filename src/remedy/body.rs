//! What a request may look like: one of the eight writes, on the intent's own object, without a field that gives a pod more
//! rights than pods should have.

use super::Refusal;
use super::request::object_path;
use crate::cluster::json;
use crate::domain::{Action, ExecutionIntent, PlanRequest};
use serde_json::Value;

/// Deeper bodies are refused; a pod template has about a dozen levels.
const DEEPEST: usize = 32;

/// Whether an intent, or the request for it, is none that there is: another verb, another resource, another object.
pub(super) fn outside_the_table(intent: &ExecutionIntent, request: Option<&PlanRequest>) -> Option<Refusal> {
    if !intent.action.works_on().contains(&intent.resource_type) {
        let why = format!("{} doesn't work on a {}", intent.action, intent.resource_type);
        return Some(Refusal::new("resource_not_allowed", why));
    }
    let request = request?;
    let (method, subresource) = match intent.action {
        Action::EvictPod => ("POST", "/eviction"),
        Action::ScaleDeployment => ("PATCH", "/scale"),
        action if action.is_write() => ("PATCH", ""),
        _ => ("GET", ""),
    };
    if request.method != method {
        return Some(Refusal::new("verb_not_allowed", format!("{} is no way to {}", request.method, intent.action)));
    }
    let path = format!("{}{subresource}", object_path(intent));
    let why = || format!("{} of {} is {path}, not {}", intent.action, intent.object(), request.path);
    (intent.action.is_write() && request.path != path).then(|| Refusal::new("resource_not_allowed", why()))
}

/// The first field of a body that is never sent, whatever the cluster's own admission says.
pub(super) fn forbidden_field(body: &Value) -> Option<&'static str> {
    search(body, DEEPEST)
}

fn search(value: &Value, depth: usize) -> Option<&'static str> {
    match value {
        Value::Object(map) => {
            let own = map.iter().find_map(|(key, value)| {
                let is_on = value.as_bool() == Some(true) || value.is_string();
                match key.as_str() {
                    "privileged" if is_on => Some("privileged"),
                    "allowPrivilegeEscalation" if is_on => Some("allowPrivilegeEscalation"),
                    "hostNetwork" if is_on => Some("hostNetwork"),
                    "hostPID" if is_on => Some("hostPID"),
                    "hostIPC" if is_on => Some("hostIPC"),
                    "hostPath" if !value.is_null() => Some("hostPath"),
                    "capabilities" if !json::list(value, "add").is_empty() => Some("capabilities.add"),
                    _ => None,
                }
            });
            own.or_else(|| inner(map.values(), depth))
        }
        Value::Array(items) => inner(items.iter(), depth),
        _ => None,
    }
}

fn inner<'a>(mut values: impl Iterator<Item = &'a Value>, depth: usize) -> Option<&'static str> {
    if depth == 0 {
        return Some("depth");
    }
    values.find_map(|value| search(value, depth - 1))
}
