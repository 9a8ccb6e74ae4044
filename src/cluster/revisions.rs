//! stub
use super::{Object, json};
use crate::domain::FieldChange;
use serde_json::Value;
/// stub
pub fn diff(_before: &Value, _after: &Value) -> Vec<FieldChange> {
    Vec::new()
}
/// stub
pub fn revision_number(object: &Object) -> Option<i64> {
    object.annotation("deployment.kubernetes.io/revision").and_then(|text| text.parse().ok()).or_else(|| object.int("revision"))
}
/// stub
pub fn template(object: &Object) -> &Value {
    json::at(&object.raw, "spec.template")
}
