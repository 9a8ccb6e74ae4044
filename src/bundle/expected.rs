//! What a golden case asserts (`expected.json`). It is no part of a recording: an analysis must never see it.

use super::error::BundleError;
use super::folder::Folder;
use super::incident;
use crate::domain::{ObjectRef, State, Verdict};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const EXPECTED: &str = "expected.json";

/// The assertions of a case; what is `None` or empty is not asserted. An unknown key is an error, since a misspelled
/// assertion would otherwise hold for ever.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// The id of the first ranked cause.
    pub cause: Option<String>,
    /// The object which that cause blames.
    pub object: Option<ExpectedObject>,
    /// The state of facts, by id.
    pub facts: BTreeMap<String, State>,
    /// What the text report contains, case ignored.
    pub mentions: Vec<String>,
    /// Causes that are not ranked.
    pub not_causes: Vec<String>,
    /// Fields of the proposed intent; `Some(Value::Null)` asserts that nothing is proposed.
    #[serde(deserialize_with = "null_is_a_value")]
    pub intent: Option<Value>,
    /// What the policy decides.
    pub gate: Option<Gate>,
}

/// An object by some of its parts; a part that is `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedObject {
    /// The kind.
    pub kind: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The name.
    pub name: Option<String>,
}

impl ExpectedObject {
    /// Whether an object is the expected one; a key that is left out is not compared.
    pub fn matches(&self, object: &ObjectRef) -> bool {
        let same = |wanted: &Option<String>, got: Option<&str>| wanted.as_deref().is_none_or(|wanted| got == Some(wanted));
        same(&self.kind, Some(&object.kind))
            && same(&self.namespace, object.namespace.as_deref())
            && same(&self.name, Some(&object.name))
    }
}

/// A decision of the policy about the proposed intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Refused.
    Block,
    /// A human has to approve.
    Approve,
    /// Done without a human.
    Auto,
    /// Nothing but reading is proposed.
    None,
}

/// serde reads null for an option as `None`; here it says something.
fn null_is_a_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads what a case asserts; `None` when the folder has no `expected.json`.
///
/// # Errors
///
/// When the file isn't JSON, has an unknown key or value, or asserts nothing.
pub fn expected(path: &Path) -> Result<Option<Expected>, BundleError> {
    let folder = Folder::open(path)?;
    let Some(text) = folder.text(EXPECTED)? else { return Ok(None) };
    let name = folder.name(EXPECTED);
    let expected: Expected = incident::parse(&name, &text)?;
    let asserts_nothing = expected == Expected::default()
        || expected == Expected { object: Some(ExpectedObject::default()), ..Expected::default() };
    if asserts_nothing { Err(BundleError::AssertsNothing { name }) } else { Ok(Some(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Option<Expected>, BundleError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(EXPECTED), text).unwrap();
        expected(folder.path())
    }

    #[test]
    fn every_key() {
        let read = read(
            r#"{"verdict": "confirmed", "cause": "oom_killed", "object": {"kind": "Deployment", "name": "checkout"},
                "facts": {"oom_killed": "found", "process_crashed": "absent", "recent_deploy": "unknown"},
                "mentions": ["256Mi"], "notCauses": ["image_not_found"], "intent": {"action": "rollback_deployment"},
                "gate": "approve"}"#,
        );
        let read = read.unwrap().unwrap();
        assert_eq!(read.verdict, Some(Verdict::Confirmed));
        assert_eq!(read.facts["recent_deploy"], State::Unknown);
        assert_eq!(read.object.unwrap().namespace, None);
        assert_eq!(read.intent, Some(json!({"action": "rollback_deployment"})));
        assert_eq!(read.gate, Some(Gate::Approve));
    }

    #[test]
    fn an_intent_of_null_asserts_something() {
        assert_eq!(read(r#"{"intent": null}"#).unwrap().unwrap().intent, Some(Value::Null));
        assert_eq!(read(r#"{"gate": "none"}"#).unwrap().unwrap().intent, None);
    }

    #[test]
    fn what_asserts_nothing_or_something_unknown_is_an_error() {
        for text in ["{}", r#"{"object": {}}"#, r#"{"mentions": [], "facts": {}, "verdict": null}"#] {
            assert!(matches!(read(text), Err(BundleError::AssertsNothing { .. })), "{text}");
        }
        let error = read("{\n  \"couse\": \"oom_killed\"\n}").unwrap_err();
        assert!(matches!(&error, BundleError::Syntax { line: 2, why, .. } if why.contains("couse")), "{error}");
        for text in
            [r#"{"verdict": "sure"}"#, r#"{"facts": {"a": "maybe"}}"#, r#"{"object": {"nam": "x"}}"#, r#"{"gate": "open"}"#]
        {
            assert!(matches!(read(text), Err(BundleError::Syntax { .. })), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(expected(folder.path()).unwrap(), None);
    }
}
