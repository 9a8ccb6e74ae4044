//! Observed values on one line, for people: `reason: OOMKilled, exitCode: 137`. JSON and YAML keep them as they are.

use serde_json::Value;

/// How deep a value is shown; what lies deeper shows as `…`, so that garbage can't exhaust the stack.
const MAX_DEPTH: usize = 6;
/// How many characters of a value are looked at; more than any screen shows.
const MAX_CHARS: usize = 20_000;

/// The value as text: a string in quotes, nothing as `not set`. Not yet escaped.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => format!("\"{}\"", cut(text)),
        Value::Object(map) if !map.is_empty() => cut(&members(map, 0)).to_owned(),
        other => cut(&nested(other, 0)).to_owned(),
    }
}

/// The value of a field before or after a change: strings without quotes, since the field says what it is.
pub(super) fn show_field(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => cut(text).to_owned(),
        other => show(other),
    }
}

fn members(map: &serde_json::Map<String, Value>, depth: usize) -> String {
    let member = |(key, value): (&String, &Value)| format!("{key}: {}", nested(value, depth + 1));
    map.iter().map(member).collect::<Vec<_>>().join(", ")
}

fn nested(value: &Value, depth: usize) -> String {
    match value {
        Value::Array(items) if depth < MAX_DEPTH => {
            format!("[{}]", items.iter().map(|item| nested(item, depth + 1)).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) if depth < MAX_DEPTH => format!("{{{}}}", members(map, depth)),
        Value::Array(_) | Value::Object(_) => "…".to_owned(),
        Value::String(text) if text.is_empty() || text.contains(char::is_whitespace) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_string(),
    }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX_CHARS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{show, show_field};
    use serde_json::{Value, json};

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(show(&json!({"reason": "OOMKilled", "exitCode": 137})), "exitCode: 137, reason: OOMKilled");
        assert_eq!(show(&json!({"command": ["/bin/sh", "-c", "sleep 1"]})), "command: [/bin/sh, -c, \"sleep 1\"]");
        assert_eq!(show(&json!("connection refused")), "\"connection refused\"");
        assert_eq!(show(&Value::Null), "not set");
        assert_eq!(show_field(&json!("256Mi")), "256Mi");
        assert_eq!(show_field(&json!("")), "\"\"");
    }

    #[test]
    fn deep_and_huge_values_are_bounded() {
        let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(show(&deep), "[[[[[[…]]]]]]");
        assert!(show(&json!("ö".repeat(1_000_000))).chars().count() < 21_000);
    }
}
