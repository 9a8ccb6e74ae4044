//! The files of a bundle beside objects and logs, as they are spelled on disk.

use super::error::{BundleError, escaped};
use super::fields::Fields;
use super::folder::Folder;
use crate::domain::{ModelName, ObjectRef, Sources};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format that this build reads and writes.
pub const API_VERSION: &str = "sre-copilot/v1";
/// What a bundle's `incident.json` calls itself.
pub(super) const KIND: &str = "IncidentBundle";

pub(super) const INCIDENT: &str = "incident.json";
pub(super) const OBJECTS: &str = "objects.json";
pub(super) const OBJECTS_FOLDER: &str = "objects";
pub(super) const LOGS_FOLDER: &str = "logs";
pub(super) const ALERT: &str = "alert.json";

/// A file that holds one list under one key, and the source that it stands for.
pub(super) struct ListFile {
    pub file: &'static str,
    pub key: &'static str,
}

pub(super) const SIGNALS: ListFile = ListFile { file: "signals.json", key: "signals" };
pub(super) const DEPENDENCIES: ListFile = ListFile { file: "dependencies.json", key: "edges" };
pub(super) const DEPLOYS: ListFile = ListFile { file: "deploys.json", key: "deploys" };
pub(super) const TICKETS: ListFile = ListFile { file: "tickets.json", key: "tickets" };
pub(super) const LOG_EVENTS: ListFile = ListFile { file: "log_events.json", key: "events" };
pub(super) const HISTORY: ListFile = ListFile { file: "history.json", key: "incidents" };

/// `incident.json`. Keys that a later build adds are left alone.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incident {
    #[serde(default)]
    pub api_version: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ObjectRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `None` when the file doesn't say: then what is there counts as read.
    #[serde(default)]
    pub sources: Option<Sources>,
    /// The model that was asked, so that a replay notices when its answers are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// What could not be understood while it was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Only what tells whether the rest can be understood.
#[derive(Deserialize)]
struct Version {
    #[serde(default, rename = "apiVersion")]
    api_version: Value,
}

impl Incident {
    /// Reads `incident.json`; `None` when there is none.
    pub fn read(folder: &Folder) -> Result<Option<Self>, BundleError> {
        let Some(text) = folder.text(INCIDENT)? else { return Ok(None) };
        let name = folder.name(INCIDENT);
        let version: Version = parse(&name, &text)?;
        if version.api_version != API_VERSION {
            let found = version.api_version.as_str().map_or_else(|| version.api_version.to_string(), str::to_owned);
            return Err(BundleError::Version { name, found: escaped(&found, 60) });
        }
        parse(&name, &text).map(Some)
    }
}

/// Parses a whole file of JSON.
pub(super) fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, BundleError> {
    serde_json::from_str(text).map_err(|error| BundleError::json(name, 1, &error))
}

/// Parses a whole file of JSON whose shape isn't known.
pub(super) fn parse_value(name: &str, text: &str) -> Result<Value, BundleError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Fields::ANY.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| BundleError::json(name, 1, &error))
}

impl ListFile {
    /// Reads the entries of the list; `None` when there is no such file. An entry that can't be understood costs
    /// itself and a warning.
    pub fn read<T: DeserializeOwned>(&self, folder: &Folder, warnings: &mut Vec<String>) -> Result<Option<Vec<T>>, BundleError> {
        let Some(text) = folder.text(self.file)? else { return Ok(None) };
        let mut value = parse_value(&folder.name(self.file), &text)?;
        let Some(Value::Array(entries)) = value.get_mut(self.key).map(Value::take) else {
            warnings.push(format!("{} has no list {:?} and was not used", self.file, self.key));
            return Ok(Some(Vec::new()));
        };
        let mut read = Vec::with_capacity(entries.len());
        let mut bad: Option<(usize, String)> = None;
        for (index, entry) in entries.into_iter().enumerate() {
            match serde_json::from_value(entry) {
                Ok(entry) => read.push(entry),
                Err(error) => bad.get_or_insert_with(|| (0, format!("entry {}, {error}", index + 1))).0 += 1,
            }
        }
        if let Some((count, first)) = bad {
            let first = escaped(&first, 200);
            warnings.push(format!("entries of {} that can't be understood: {count} (first: {first})", self.file));
        }
        Ok(Some(read))
    }
}
