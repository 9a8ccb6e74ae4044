//! Builds a JSON value of a Kubernetes object without the fields that no analysis reads and that make up half of what
//! the API server sends: `metadata.managedFields` and the annotation that `kubectl apply` keeps. They are skipped while
//! parsing, so they cost no memory.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The annotation in which `kubectl apply` keeps the whole manifest. It may hold a Secret's values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How deep an object may nest; real ones stay far below. It leaves room below serde_json's own limit of 128 for the
/// list around an object, so that whatever was read can be written and read again.
const MAX_DEPTH: u8 = 100;

/// Where in an object a value stands.
#[derive(Clone, Copy)]
enum Place {
    Object,
    Items,
    Metadata,
    Annotations,
    Elsewhere,
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    place: Place,
    depth: u8,
}

impl Fields {
    /// A Kubernetes object, or a list of them.
    pub(super) const OBJECT: Self = Self { place: Place::Object, depth: 0 };
    /// Any other JSON.
    pub(super) const ANY: Self = Self { place: Place::Elsewhere, depth: 0 };

    /// The value of a key at this place; `None` when it is skipped.
    pub(super) fn below(self, key: &str) -> Option<Self> {
        let place = match (self.place, key) {
            (Place::Object, "metadata") => Place::Metadata,
            (Place::Object, "items") => Place::Items,
            (Place::Metadata, "managedFields") | (Place::Annotations, LAST_APPLIED) => return None,
            (Place::Metadata, "annotations") => Place::Annotations,
            _ => Place::Elsewhere,
        };
        Some(Self { place, depth: self.depth + 1 })
    }

    fn element(self) -> Self {
        let place = if matches!(self.place, Place::Items) { Place::Object } else { Place::Elsewhere };
        Self { place, depth: self.depth + 1 }
    }

    fn check_depth<E: Error>(self) -> Result<(), E> {
        if self.depth < MAX_DEPTH { Ok(()) } else { Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels"))) }
    }
}

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self.element())? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match self.below(&key) {
                Some(place) => {
                    let value = map.next_value_seed(place)?;
                    fields.insert(key, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(text: &str) -> Result<Value, serde_json::Error> {
        Fields::OBJECT.deserialize(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn only_bookkeeping_is_skipped() {
        let text = r#"{"kind": "ConfigMap", "data": {"managedFields": "kept"}, "n": [1, -2, 0.5, null, true, "ä"],
            "metadata": {"name": "a", "managedFields": [{"f": [1, {"deep": 2}]}], "annotations": {"x": "y",
            "kubectl.kubernetes.io/last-applied-configuration": "{\"kind\": \"Secret\"}"}},
            "spec": {"template": {"metadata": {"annotations": {"managedFields": "kept"}}}}}"#;
        let expected = json!({"kind": "ConfigMap", "data": {"managedFields": "kept"}, "n": [1, -2, 0.5, null, true, "ä"],
            "metadata": {"name": "a", "annotations": {"x": "y"}},
            "spec": {"template": {"metadata": {"annotations": {"managedFields": "kept"}}}}});
        assert_eq!(object(text).unwrap(), expected);
        let list = format!(r#"{{"kind": "List", "items": [{text}]}}"#);
        assert_eq!(object(&list).unwrap()["items"], json!([expected]));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(&nested(100)).is_ok());
        assert!(object(&nested(101)).unwrap_err().to_string().contains("nested deeper than 100 levels"));
        assert!(object(&nested(100_000)).is_err());
        // What is skipped is skipped without recursion.
        assert!(object(&format!("{{\"metadata\": {{\"managedFields\": {}}}}}", nested(100_000))).is_ok());
    }
}
