//! The top level of a webhook payload, read so that what nobody asks for takes no room, however long it is.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// The most alerts that a delivery may have. Alertmanager's own are about half a kilobyte each, of which a body of the size that is
/// allowed holds a third of this.
pub(super) const MAX_ALERTS: usize = 100_000;

/// What is read of a payload.
#[derive(Debug, Default)]
pub(super) struct Payload {
    pub(super) receiver: String,
    pub(super) group_key: String,
    pub(super) is_resolved: bool,
    pub(super) truncated: u64,
    pub(super) alerts: Alerts,
}

/// What is called `alerts`.
#[derive(Debug, Default)]
pub(super) enum Alerts {
    List(Vec<Value>),
    TooMany,
    #[default]
    Missing,
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Payload;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let mut payload = Payload::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "receiver" => payload.receiver = text(map.next_value()?),
                "groupKey" => payload.group_key = text(map.next_value()?),
                "status" => payload.is_resolved = text(map.next_value()?) == "resolved",
                "truncatedAlerts" => payload.truncated = number(&map.next_value()?),
                "alerts" => {
                    payload.alerts = match map.next_value()? {
                        Part::List(list) => Alerts::List(list),
                        Part::TooMany => Alerts::TooMany,
                        Part::Text(_) | Part::Number(_) | Part::Other => Alerts::Missing,
                    };
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(payload)
    }
}

fn text(part: Part) -> String {
    if let Part::Text(text) = part { text } else { String::new() }
}

fn number(part: &Part) -> u64 {
    if let Part::Number(number) = part { *number } else { 0 }
}

/// A value as far as it matters.
enum Part {
    Text(String),
    Number(u64),
    List(Vec<Value>),
    TooMany,
    Other,
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyPart)
    }
}

struct AnyPart;

impl<'de> Visitor<'de> for AnyPart {
    type Value = Part;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Part, E> {
        Ok(Part::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Part, E> {
        Ok(Part::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            if values.len() == MAX_ALERTS {
                drop(values);
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Part::TooMany);
            }
            values.push(value);
        }
        Ok(Part::List(values))
    }
}
