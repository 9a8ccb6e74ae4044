//! A webhook payload, read so that what nobody asks for takes no room, however long it is, and so that what can't be read of one
//! alert costs no other: a part is kept as it came until somebody wants it.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The most alerts that a delivery may have. Alertmanager's own are about half a kilobyte each, of which a body of the size that is
/// allowed holds a third of this.
pub(super) const MAX_ALERTS: usize = 100_000;

/// A value as it came; `None` where there is none, or null.
pub(super) type Part<'a> = Option<&'a RawValue>;

/// What is read of a payload.
#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) receiver: String,
    pub(super) group_key: String,
    pub(super) is_resolved: bool,
    pub(super) truncated: u64,
    pub(super) alerts: Option<Alerts<'a>>,
}

/// The list of that name. An error of its kind means that it isn't one.
#[derive(Debug)]
pub(super) enum Alerts<'a> {
    List(Vec<&'a RawValue>),
    TooMany,
}

/// What is read of an alert.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Parts<'a> {
    #[serde(borrow)]
    pub(super) labels: Part<'a>,
    #[serde(borrow)]
    pub(super) annotations: Part<'a>,
    #[serde(borrow)]
    pub(super) status: Part<'a>,
    #[serde(borrow)]
    pub(super) starts_at: Part<'a>,
    #[serde(borrow)]
    pub(super) ends_at: Part<'a>,
    #[serde(borrow)]
    pub(super) fingerprint: Part<'a>,
    #[serde(borrow, rename = "generatorURL")]
    pub(super) generator_url: Part<'a>,
}

/// A status that says more than a word: what `GET /api/v2/alerts` gives.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct StatusParts<'a> {
    #[serde(borrow)]
    pub(super) state: Part<'a>,
    #[serde(borrow)]
    pub(super) silenced_by: Part<'a>,
    #[serde(borrow)]
    pub(super) inhibited_by: Part<'a>,
}

/// An object, the first `MOST` of it that are texts.
#[derive(Debug, Default)]
pub(super) struct Texts<const MOST: usize> {
    pub(super) texts: BTreeMap<String, String>,
    /// There are more than so many.
    pub(super) has_more: bool,
    /// A value isn't text.
    pub(super) has_others: bool,
}

/// A part that is an object, as this type; `None` of any other, and of one that can't be read as that.
pub(super) fn object<'a, T: Deserialize<'a>>(part: &'a RawValue) -> Option<T> {
    // Left to itself, serde would read a list as an object's values.
    part.get().starts_with('{').then(|| serde_json::from_str(part.get()).ok()).flatten()
}

/// A part that is text.
pub(super) fn text(part: &RawValue) -> Option<String> {
    serde_json::from_str(part.get()).ok()
}

/// Whether it is a list with anything in it.
pub(super) fn is_filled_list(part: Part<'_>) -> bool {
    part.and_then(|part| serde_json::from_str::<Vec<IgnoredAny>>(part.get()).ok()).is_some_and(|list| !list.is_empty())
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Payload<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload<'de>, A::Error> {
        let mut payload = Payload::default();
        let word = |part: &RawValue| text(part).unwrap_or_default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "receiver" => payload.receiver = word(map.next_value()?),
                "groupKey" => payload.group_key = word(map.next_value()?),
                "status" => payload.is_resolved = word(map.next_value()?) == "resolved",
                "truncatedAlerts" => {
                    payload.truncated = serde_json::from_str(map.next_value::<&RawValue>()?.get()).unwrap_or_default();
                }
                "alerts" => payload.alerts = map.next_value()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(payload)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Alerts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Each)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Alerts<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of alerts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Alerts<'de>, A::Error> {
        let mut alerts = Vec::new();
        while let Some(alert) = list.next_element()? {
            if alerts.len() == MAX_ALERTS {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Alerts::TooMany);
            }
            alerts.push(alert);
        }
        Ok(Alerts::List(alerts))
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Texts<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named::<MOST>)
    }
}

struct Named<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for Named<MOST> {
    type Value = Texts<MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts<MOST>, A::Error> {
        let mut read = Texts::default();
        while let Some(name) = map.next_key::<String>()? {
            if read.texts.len() == MOST && !read.texts.contains_key(&name) {
                read.has_more = true;
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
            match text(map.next_value()?) {
                Some(value) => _ = read.texts.insert(name, value),
                None => read.has_others = true,
            }
        }
        Ok(read)
    }
}
