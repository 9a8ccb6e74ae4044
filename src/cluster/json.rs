//! Reading fields of objects that came from outside. A field that is missing, or of another type than Kubernetes
//! gives it, reads as nothing: garbage in one field costs that field and never the object.

use jiff::Timestamp;
use serde_json::Value;

static NULL: Value = Value::Null;
/// The year 9000 in Unix seconds.
const NINE_THOUSAND: i64 = 221_845_392_000;

/// The value at a dotted path (`spec.template.metadata`), or null. Keys that hold dots need [`key`].
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').try_fold(value, |value, part| value.as_object()?.get(part)).unwrap_or(&NULL)
}

/// The value under one key, dots included, or null.
pub fn key<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&NULL)
}

/// The string at a path, or the empty string.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or("")
}

/// The whole number at a path.
pub fn int(value: &Value, path: &str) -> Option<i64> {
    at(value, path).as_i64()
}

/// The boolean at a path; false where there is none.
pub fn flag(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

/// The list at a path, empty where there is none.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The key and value pairs of the map at a path, sorted by key, empty where there is none.
pub fn entries<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    at(value, path).as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The RFC 3339 time at a path.
pub fn time(value: &Value, path: &str) -> Option<Timestamp> {
    moment(at(value, path).as_str()?)
}

/// An RFC 3339 time that something can have happened at. `0001-01-01T00:00:00Z` is what Go writes for a time that isn't
/// set, the kubelet writes `1970-01-01T00:00:00Z` for the start of a process that never started, and the ends of the
/// calendar leave no room to add or subtract.
pub fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(can_be)
}

/// Whether something can have happened at this time: after the start of 1970 and before 9000.
pub fn can_be(time: &Timestamp) -> bool {
    (1..NINE_THOUSAND).contains(&time.as_second())
}

/// The first element of the list at a path whose `name` is this.
pub fn named<'a>(value: &'a Value, path: &str, name: &str) -> &'a Value {
    list(value, path).iter().find(|element| text(element, "name") == name).unwrap_or(&NULL)
}

/// The first element of the list at a path whose `type` is this, such as a condition.
pub fn typed<'a>(value: &'a Value, path: &str, r#type: &str) -> &'a Value {
    list(value, path).iter().find(|element| text(element, "type") == r#type).unwrap_or(&NULL)
}

/// Lists whose order means something, by the key that holds them.
const ORDERED: &[&str] = &["args", "command", "env", "envFrom", "initContainers", "paths"];
/// Deeper values stay as they are.
const DEEPEST: usize = 32;

/// Sorts the lists in a value whose order says nothing (taints, tolerations, match expressions, access modes), so that the same
/// object always reads the same.
pub fn sort_lists(value: &mut Value) {
    sort_to(value, DEEPEST);
}

fn sort_to(value: &mut Value, depth: usize) {
    match value {
        Value::Object(map) if depth > 0 => {
            for (key, inner) in map.iter_mut() {
                if !ORDERED.contains(&key.as_str()) {
                    sort_to(inner, depth - 1);
                }
            }
        }
        Value::Array(items) if depth > 0 => {
            items.iter_mut().for_each(|item| sort_to(item, depth - 1));
            items.sort_by_cached_key(Value::to_string);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_lists_without_an_order_are_sorted() {
        let mut value =
            json!({"taints": [{"key": "b"}, {"key": "a"}], "command": ["sh", "-c"], "terms": [{"values": ["z", "y"]}]});
        sort_lists(&mut value);
        assert_eq!(
            value,
            json!({"taints": [{"key": "a"}, {"key": "b"}], "command": ["sh", "-c"], "terms": [{"values": ["y", "z"]}]})
        );
    }
}
