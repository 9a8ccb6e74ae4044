//! The intent's JSON schema, as it is published and given to models.

use super::fields::{LONGEST_REASON, LONGEST_SELECTOR, REPLICAS, TAIL};
use crate::domain::{Action, ResourceType};
use serde_json::{Value, json};

const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// 16Mi to 256Gi.
const MEMORY: &str = "^((1[6-9]|[2-9][0-9]|[1-9][0-9]{2,4}|1[0-9]{5}|2[0-5][0-9]{4}|26[01][0-9]{3}|2620[0-9]{2}|2621[0-3][0-9]|26214[0-4])Mi|([1-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-6])Gi)$";
/// 10m to 64.
const CPU: &str = "^(([1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-3][0-9]{3}|64000)m|[1-9]|[1-5][0-9]|6[0-4])$";

/// The schema (JSON Schema 2020-12).
pub fn schema() -> Value {
    let rules: Vec<Value> = Action::ALL.iter().map(|action| rule(*action)).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ExecutionIntent",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"const": "sre-copilot/v1"},
            "kind": {"const": "ExecutionIntent"},
            "action": {"enum": Action::ALL.map(Action::as_str)},
            "resource_type": {"enum": ResourceType::ALL.map(ResourceType::as_str)},
            "resource_name": {"type": "string", "maxLength": 253, "pattern": SUBDOMAIN},
            "namespace": {"type": "string", "maxLength": 63, "pattern": LABEL},
            "params": {"type": "object", "default": {}},
            "risk": {"enum": ["low", "medium", "high"]},
            "reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON},
        },
        "required": ["apiVersion", "action", "resource_type", "resource_name", "namespace", "risk", "reason"],
        "allOf": rules,
    })
}

/// What an action works on, and its params.
fn rule(action: Action) -> Value {
    let types: Vec<&str> = action.works_on().iter().map(|resource_type| resource_type.as_str()).collect();
    let params = params(action);
    let needs_params = params.get("required").is_some();
    let mut then = json!({"properties": {"resource_type": {"enum": types}, "params": params}});
    if needs_params {
        then["required"] = json!(["params"]);
    }
    json!({"if": {"properties": {"action": {"const": action}}, "required": ["action"]}, "then": then})
}

fn params(action: Action) -> Value {
    let object = |properties: Value| json!({"additionalProperties": false, "properties": properties});
    let integer = |least: i64, most: Option<i64>| {
        let mut integer = json!({"type": "integer", "minimum": least});
        if let Some(most) = most {
            integer["maximum"] = json!(most);
        }
        integer
    };
    let container = json!({"type": "string", "maxLength": 63, "pattern": LABEL});
    let amount = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let mut params = match action {
        Action::ScaleDeployment => object(json!({"replicas": integer(REPLICAS.0, Some(REPLICAS.1))})),
        Action::RollbackDeployment => object(json!({"revision": integer(1, None)})),
        Action::SetResources => {
            object(json!({"container": container, "memory_limit": amount(MEMORY), "memory_request": amount(MEMORY),
            "cpu_limit": amount(CPU), "cpu_request": amount(CPU)}))
        }
        Action::GetLogs => {
            object(json!({"container": container, "previous": {"type": "boolean"}, "tail": integer(TAIL.0, Some(TAIL.1))}))
        }
        Action::GetPods => object(
            json!({"label_selector": {"type": "string", "minLength": 1, "maxLength": LONGEST_SELECTOR, "pattern": "^[A-Za-z0-9._/=,-]*$"}}),
        ),
        _ => object(json!({})),
    };
    match action {
        Action::ScaleDeployment => params["required"] = json!(["replicas"]),
        Action::RollbackDeployment => params["required"] = json!(["revision"]),
        Action::SetResources => {
            params["required"] = json!(["container"]);
            params["anyOf"] =
                json!(["memory_limit", "memory_request", "cpu_limit", "cpu_request"].map(|amount| json!({"required": [amount]})));
        }
        _ => {}
    }
    params
}
