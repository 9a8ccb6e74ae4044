//! One JSON or YAML document that holds an object or a list of objects, read item by item, so that the complete items
//! of a document that is cut off are not lost.

use super::fields::Fields;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// What has been read of one document so far.
#[derive(Default)]
pub(super) struct Document {
    /// The fields of an object, or those of a list beside its items.
    pub fields: Map<String, Value>,
    /// The complete items of a list.
    pub items: Option<Vec<Value>>,
    /// Whether an object or a list was begun; a document of comments has none.
    pub begun: bool,
}

impl Document {
    /// Reads one document into this. After an error, what was complete by then is still here.
    pub fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    /// The string in one of the fields, or the empty string.
    pub fn text(&self, key: &str) -> &str {
        self.fields.get(key).and_then(Value::as_str).unwrap_or("")
    }
}

impl<'de> Visitor<'de> for &mut Document {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.begun = true;
        while let Some(key) = map.next_key::<String>()? {
            match Fields::OBJECT.below(&key) {
                _ if key == "items" => map.next_value_seed(Items(&mut self.items))?,
                Some(place) => {
                    let value = map.next_value_seed(place)?;
                    self.fields.insert(key, value);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.begun = true;
        Items(&mut self.items).visit_seq(seq)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Collects the items of a list.
struct Items<'a>(&'a mut Option<Vec<Value>>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Kubernetes objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let items = self.0.insert(Vec::new());
        while let Some(item) = seq.next_element_seed(Fields::OBJECT)? {
            items.push(item);
        }
        Ok(())
    }

    /// Kubernetes prints a typed list without items as `"items": null`.
    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Some(Vec::new());
        Ok(())
    }
}
