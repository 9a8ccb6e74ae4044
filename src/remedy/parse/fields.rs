//! The fields of an intent, one by one, as the schema has them. What passes here passes the schema, and the reverse.

use super::{Rejection, rejected};
use crate::cluster::quantity::Quantity;
use crate::domain::{Action, ExecutionIntent, Params, ResourceParams, ResourceType, Risk};
use serde_json::{Map, Value};

/// The longest reason.
pub(in crate::remedy) const LONGEST_REASON: usize = 500;
/// How many replicas may be asked for.
pub(in crate::remedy) const REPLICAS: (i64, i64) = (1, 100);
/// How many lines of a log may be asked for, and how many are where nobody says.
pub(in crate::remedy) const TAIL: (i64, i64) = (1, 1000);
const DEFAULT_TAIL: u32 = 200;
/// The longest label selector.
pub(in crate::remedy) const LONGEST_SELECTOR: usize = 253;

const KEYS: [&str; 9] =
    ["apiVersion", "kind", "action", "resource_type", "resource_name", "namespace", "params", "risk", "reason"];
const REQUIRED: [&str; 7] = ["apiVersion", "action", "resource_type", "resource_name", "namespace", "risk", "reason"];

/// Reads an intent.
pub(super) fn intent(fields: &Map<String, Value>) -> Result<ExecutionIntent, Rejection> {
    known(fields, &KEYS)?;
    if let Some(missing) = REQUIRED.iter().find(|key| !fields.contains_key(**key)) {
        return Err(rejected("missing_field", format!("{missing} is required")));
    }
    constant(fields, "apiVersion", "sre-copilot/v1")?;
    if fields.contains_key("kind") {
        constant(fields, "kind", "ExecutionIntent")?;
    }
    let action = action(text(fields, "action")?)?;
    let resource_type = resource_type(action, text(fields, "resource_type")?)?;
    let name = text(fields, "resource_name")?;
    if !is_subdomain(name) {
        return Err(rejected("name_invalid", format!("{name:?} isn't a Kubernetes name")));
    }
    let namespace = text(fields, "namespace")?;
    if !is_label(namespace) {
        return Err(rejected("namespace_invalid", format!("{namespace:?} isn't a Kubernetes name")));
    }
    // Read, so that it is one of the three, and never used.
    risk(text(fields, "risk")?)?;
    let reason = text(fields, "reason")?;
    within("reason", reason.chars().count(), LONGEST_REASON)?;
    let none = Map::new();
    let params = match fields.get("params") {
        None => &none,
        Some(Value::Object(params)) => params,
        Some(_) => return Err(wrong_type("params", "an object")),
    };
    Ok(ExecutionIntent {
        action,
        resource_type,
        resource_name: name.to_owned(),
        namespace: namespace.to_owned(),
        params: self::params(action, params)?,
        risk: Risk::High,
        reason: reason.to_owned(),
    })
}

fn action(word: &str) -> Result<Action, Rejection> {
    Action::ALL
        .into_iter()
        .find(|action| action.as_str() == word)
        .ok_or_else(|| rejected("action_unknown", format!("{word:?} isn't one of the eleven")))
}

fn resource_type(action: Action, word: &str) -> Result<ResourceType, Rejection> {
    let known = action.works_on().iter().copied().find(|known| known.as_str() == word);
    known.ok_or_else(|| {
        let works_on: Vec<&str> = action.works_on().iter().map(|known| known.as_str()).collect();
        rejected("type_mismatch", format!("{action} works on a {}, not on {word:?}", works_on.join(", ")))
    })
}

fn risk(word: &str) -> Result<(), Rejection> {
    let known = [Risk::Low, Risk::Medium, Risk::High].iter().any(|risk| risk.as_str() == word);
    if known { Ok(()) } else { Err(wrong_type("risk", "low, medium or high")) }
}

fn params(action: Action, given: &Map<String, Value>) -> Result<Params, Rejection> {
    match action {
        Action::ScaleDeployment => {
            known(given, &["replicas"])?;
            let replicas = match integer(given, "replicas")?.ok_or_else(|| missing("replicas"))? {
                0 => {
                    let why = "replicas 0 stops the service, allowed are 1 to 100".to_owned();
                    return Err(rejected("scale_to_zero", why));
                }
                replicas => range("replicas", replicas, REPLICAS)?,
            };
            Ok(Params::Scale { replicas: i32::try_from(replicas).unwrap_or(0) })
        }
        Action::RollbackDeployment => {
            known(given, &["revision"])?;
            let revision = integer(given, "revision")?.ok_or_else(|| missing("revision"))?;
            Ok(Params::Rollback { revision: range("revision", revision, (1, i64::MAX))? })
        }
        Action::SetResources => resources(given),
        Action::GetLogs => {
            known(given, &["container", "previous", "tail"])?;
            let container = given.get("container").map(|_| container(given)).transpose()?;
            let previous = match given.get("previous") {
                None => false,
                Some(value) => value.as_bool().ok_or_else(|| wrong_type("previous", "true or false"))?,
            };
            let tail = integer(given, "tail")?.map(|tail| range("tail", tail, TAIL)).transpose()?;
            let tail = tail.and_then(|tail| u32::try_from(tail).ok()).unwrap_or(DEFAULT_TAIL);
            Ok(Params::Logs { container, previous, tail })
        }
        Action::GetPods => {
            known(given, &["label_selector"])?;
            let Some(_) = given.get("label_selector") else { return Ok(Params::Pods { label_selector: None }) };
            let selector = text(given, "label_selector")?;
            within("label_selector", selector.len(), LONGEST_SELECTOR)?;
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._/=,-".contains(&byte);
            if !selector.bytes().all(allowed) {
                return Err(wrong_type("label_selector", "letters, digits and ._/=,-"));
            }
            Ok(Params::Pods { label_selector: Some(selector.to_owned()) })
        }
        _ => known(given, &[]).map(|()| Params::None),
    }
}

fn resources(given: &Map<String, Value>) -> Result<Params, Rejection> {
    known(given, &["container", "memory_limit", "memory_request", "cpu_limit", "cpu_request"])?;
    let container = container(given)?;
    let memory = |key| amount(given, key, memory_range, "16Mi", "256Gi");
    let cpu = |key| amount(given, key, cpu_range, "10m", "64");
    let params = ResourceParams {
        container,
        memory_limit: memory("memory_limit")?,
        memory_request: memory("memory_request")?,
        cpu_limit: cpu("cpu_limit")?,
        cpu_request: cpu("cpu_request")?,
    };
    let ResourceParams { memory_limit, memory_request, cpu_limit, cpu_request, .. } = &params;
    if [memory_limit, memory_request, cpu_limit, cpu_request].iter().all(|amount| amount.is_none()) {
        return Err(rejected(
            "missing_field",
            "one of memory_limit, memory_request, cpu_limit, cpu_request is required".to_owned(),
        ));
    }
    Ok(Params::Resources(params))
}

fn container(given: &Map<String, Value>) -> Result<String, Rejection> {
    let name = given.get("container").ok_or_else(|| missing("container"))?;
    let name = name.as_str().ok_or_else(|| wrong_type("container", "a string"))?;
    if is_label(name) { Ok(name.to_owned()) } else { Err(rejected("name_invalid", format!("{name:?} isn't a container's name"))) }
}

/// A quantity of the form that a field takes, within its bounds.
fn amount(
    given: &Map<String, Value>,
    key: &str,
    has_form: fn(&str) -> bool,
    least: &str,
    most: &str,
) -> Result<Option<String>, Rejection> {
    let Some(value) = given.get(key) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| wrong_type(key, "a string"))?;
    let quantity = Quantity::parse(text).filter(|_| has_form(text));
    let quantity = quantity.ok_or_else(|| rejected("quantity_invalid", format!("{text:?} isn't like 512Mi or 500m")))?;
    let within = Quantity::parse(least).is_some_and(|least| quantity >= least)
        && Quantity::parse(most).is_some_and(|most| quantity <= most);
    if within {
        Ok(Some(text.to_owned()))
    } else {
        Err(rejected("out_of_range", format!("{key} is {text}, allowed are {least} to {most}")))
    }
}

/// `^[1-9][0-9]{0,6}(Mi|Gi)$`
fn memory_range(text: &str) -> bool {
    text.strip_suffix("Mi").or_else(|| text.strip_suffix("Gi")).is_some_and(|digits| is_count(digits, 7))
}

/// `^[1-9][0-9]{0,5}m?$`
fn cpu_range(text: &str) -> bool {
    is_count(text.strip_suffix('m').unwrap_or(text), 6)
}

fn is_count(digits: &str, most: usize) -> bool {
    digits.len() <= most && !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Only these keys.
fn known(given: &Map<String, Value>, keys: &[&str]) -> Result<(), Rejection> {
    let Some(unknown) = given.keys().find(|key| !keys.contains(&key.as_str())) else { return Ok(()) };
    // A key of any length may come from outside; no key that is meant is longer.
    let near = if unknown.len() > 40 { None } else { keys.iter().min_by_key(|key| strsim::osa_distance(key, unknown)) };
    let nearest = near.map(|near| format!(" (nearest is {near})")).unwrap_or_default();
    let unknown: String = unknown.chars().take(40).collect();
    Err(rejected("unknown_field", format!("{unknown:?}{nearest}")))
}

fn constant(fields: &Map<String, Value>, key: &str, wanted: &str) -> Result<(), Rejection> {
    if text(fields, key)? == wanted { Ok(()) } else { Err(wrong_type(key, &format!("{wanted:?}"))) }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<&'a str, Rejection> {
    fields.get(key).and_then(Value::as_str).ok_or_else(|| wrong_type(key, "a string"))
}

fn integer(given: &Map<String, Value>, key: &str) -> Result<Option<i64>, Rejection> {
    let Some(value) = given.get(key) else { return Ok(None) };
    // JSON Schema counts 3.0 as an integer, and so do we.
    let whole =
        value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= i64::MAX as f64).map(|number| number as i64);
    value.as_i64().or(whole).map(Some).ok_or_else(|| wrong_type(key, "an integer"))
}

fn range(key: &str, value: i64, (least, most): (i64, i64)) -> Result<i64, Rejection> {
    let within = (least..=most).contains(&value);
    if within { Ok(value) } else { Err(rejected("out_of_range", format!("{key} is {value}, allowed are {least} to {most}"))) }
}

fn within(key: &str, length: usize, most: usize) -> Result<(), Rejection> {
    let fits = (1..=most).contains(&length);
    if fits { Ok(()) } else { Err(rejected("out_of_range", format!("{key} has {length} characters, allowed are 1 to {most}"))) }
}

fn missing(key: &str) -> Rejection {
    rejected("missing_field", format!("{key} is required"))
}

fn wrong_type(key: &str, want: &str) -> Rejection {
    rejected("wrong_type", format!("{key}, want {want}"))
}

/// RFC 1123: labels joined by dots, 253 characters at most.
pub(super) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_word)
}

/// RFC 1123: 63 characters at most.
pub(super) fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_word(name)
}

fn is_word(word: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !word.is_empty() && word.bytes().all(is_inner) && !word.starts_with('-') && !word.ends_with('-')
}
