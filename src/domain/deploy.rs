//! What a CI server deployed.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One build that deployed something. Whatever the CI server didn't say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deploy {
    /// The service that was deployed.
    pub service: String,
    /// The namespace that it was deployed to.
    pub namespace: String,
    /// The build configuration's id.
    pub build_type: String,
    /// The build's number as people see it; not always a number.
    #[serde(deserialize_with = "text_or_number")]
    pub number: String,
    /// How it ended, in the CI server's own word.
    pub status: String,
    /// The commit that was built.
    pub sha: String,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Who or what started it.
    pub triggered_by: String,
    /// The build's page.
    pub url: String,
    /// The commits in it, as the CI server gives them; null when it didn't say.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub changes: Value,
}

/// CI servers number builds with text; people write a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        other => Err(serde::de::Error::custom(format_args!("a build's number is a text or a number, not {other}"))),
    }
}
