//! Whether a value is as a schema says. Only for the few keywords that the schemas of this program use, so that an error names
//! its place (`hypotheses[1].confidence`) and what is wanted there, which a line and a column don't tell a model.

use super::bounds::TOLD;
use serde_json::Value;

/// The first few places where a value is not as its schema says.
pub(super) fn errors(value: &Value, schema: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check(value, schema, "", &mut errors);
    errors.truncate(TOLD);
    errors
}

/// Depth is bounded by the schema's own; breadth stops at the errors that are told.
fn check(value: &Value, schema: &Value, path: &str, errors: &mut Vec<String>) {
    if errors.len() >= TOLD {
        return;
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        // Of an object or null, a value that isn't null is meant to be the object.
        let meant = options.iter().find(|option| is_of_type(value, option)).or_else(|| options.first());
        return meant.map_or((), |meant| check(value, meant, path, errors));
    }
    let place = if path.is_empty() { "the answer" } else { path };
    if !is_of_type(value, schema) {
        errors.push(format!("{place} is {}, wanted is {}", kind(value), wanted(schema)));
        return;
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array).filter(|words| !words.contains(value)) {
        let few = words.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        let allowed = if few.len() > 15 { "the ids of the schema".to_owned() } else { few.join(", ") };
        errors.push(format!("{place} is {}, allowed are {allowed}", short(value)));
    }
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for required in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(required) {
                    errors.push(format!("{} is missing", inside(path, required)));
                }
            }
            for (key, value) in fields {
                match properties.and_then(|properties| properties.get(key)) {
                    Some(schema) => check(value, schema, &inside(path, key), errors),
                    None => errors.push(format!("{place} has the unknown field {}", short(&Value::from(key.as_str())))),
                }
                if errors.len() >= TOLD {
                    return;
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                check(item, schema, &format!("{path}[{index}]"), errors);
                if errors.len() >= TOLD {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn inside(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of_type(value: &Value, schema: &Value) -> bool {
    let is = |wanted: &str| match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    types(schema).into_iter().any(is)
}

fn wanted(schema: &Value) -> String {
    types(schema).iter().map(|kind| article(kind)).collect::<Vec<_>>().join(" or ")
}

fn article(kind: &str) -> String {
    match kind {
        "null" => kind.to_owned(),
        "object" | "array" | "integer" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value as it is quoted in an error: escaped, and not all of a long one.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
