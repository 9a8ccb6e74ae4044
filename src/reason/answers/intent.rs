//! An action that a model fills in. Its shape is closed here because strict servers take no open objects; what it may hold is
//! decided by the one parser of intents, in `remedy`.

use super::present;
use crate::domain::{Action, ResourceType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An `ExecutionIntent` as a model writes it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntentAnswer {
    /// Always sre-copilot/v1.
    #[serde(rename = "apiVersion")]
    #[schemars(schema_with = "api_version")]
    pub api_version: String,
    /// Always ExecutionIntent.
    #[schemars(schema_with = "kind")]
    pub kind: String,
    /// What to do.
    #[schemars(schema_with = "action")]
    pub action: String,
    /// The type of the object.
    #[schemars(schema_with = "resource_type")]
    pub resource_type: String,
    /// Its name.
    pub resource_name: String,
    /// Its namespace.
    pub namespace: String,
    /// What the action needs beside its object; null for the rest.
    pub params: ParamsAnswer,
    /// Never used.
    #[schemars(schema_with = "risk")]
    pub risk: String,
    /// One sentence.
    pub reason: String,
}

/// The params of all actions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParamsAnswer {
    /// Of scale_deployment.
    #[serde(deserialize_with = "present")]
    pub replicas: Option<i64>,
    /// Of rollback_deployment.
    #[serde(deserialize_with = "present")]
    pub revision: Option<i64>,
    /// Of set_resources and get_logs.
    #[serde(deserialize_with = "present")]
    pub container: Option<String>,
    /// Of set_resources, such as 512Mi.
    #[serde(deserialize_with = "present")]
    pub memory_limit: Option<String>,
    /// Of set_resources.
    #[serde(deserialize_with = "present")]
    pub memory_request: Option<String>,
    /// Of set_resources, such as 500m.
    #[serde(deserialize_with = "present")]
    pub cpu_limit: Option<String>,
    /// Of set_resources.
    #[serde(deserialize_with = "present")]
    pub cpu_request: Option<String>,
    /// Of get_logs.
    #[serde(deserialize_with = "present")]
    pub previous: Option<bool>,
    /// Of get_logs.
    #[serde(deserialize_with = "present")]
    pub tail: Option<i64>,
    /// Of get_pods.
    #[serde(deserialize_with = "present")]
    pub label_selector: Option<String>,
}

impl IntentAnswer {
    /// The text that the parser of intents reads: without the params that are null.
    pub fn text(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(params) = value.get_mut("params").and_then(Value::as_object_mut) {
            params.retain(|_, value| !value.is_null());
        }
        value.to_string()
    }
}

fn words(words: &[&str]) -> Schema {
    json_schema!({"type": "string", "enum": words})
}

fn api_version(_: &mut SchemaGenerator) -> Schema {
    words(&["sre-copilot/v1"])
}

fn kind(_: &mut SchemaGenerator) -> Schema {
    words(&["ExecutionIntent"])
}

fn action(_: &mut SchemaGenerator) -> Schema {
    words(&Action::ALL.map(Action::as_str))
}

fn resource_type(_: &mut SchemaGenerator) -> Schema {
    words(&ResourceType::ALL.map(ResourceType::as_str))
}

fn risk(_: &mut SchemaGenerator) -> Schema {
    words(&["low", "medium", "high"])
}
