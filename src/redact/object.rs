//! Masking a Kubernetes object. What joins objects to each other (names, labels, selectors, UIDs, images) stays as it
//! is, or no diagnosis could be made of what is left; values of Secrets go whatever they look like.

use super::Redactor;
use super::name;
use super::placeholder::Kind;
use super::value::secret_part;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Fields that hold structure wherever they stand. Text in them is only searched for people's addresses, since a
/// subject of a role binding can be one.
const STRUCTURE: &[&str] = &[
    "apiVersion",
    "containerID",
    "generateName",
    "image",
    "imageID",
    "key",
    "kind",
    "name",
    "namespace",
    "nodeName",
    "resourceVersion",
    "uid",
];

/// Maps whose keys are labels: a key such as `token-type` says nothing about its value.
const LABELS: &[&str] = &["labels", "matchLabels", "nodeSelector", "selector"];

/// Maps whose keys are the user's own words and no fields.
const OWN_KEYS: &[&str] = &["annotations", "binaryData", "data", "parameters", "stringData"];

/// Where `kubectl apply` keeps the object as it was given, a Secret's values among it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Deeper than any object that an API server takes; what lies deeper is dropped.
const DEEPEST: usize = 128;

impl Redactor {
    /// Masks a Kubernetes object, a list of them, or any JSON like it: environment values and fields under secret names
    /// as a whole, every other string as text. Secrets keep their keys and lose their values.
    pub fn object(&self, raw: &mut Value) {
        self.walk(raw, "", 0);
    }

    /// Masks a value that stands under `key`.
    fn walk(&self, value: &mut Value, key: &str, depth: usize) {
        if depth > DEEPEST {
            *value = Value::Null;
            return;
        }
        match value {
            Value::String(text) if STRUCTURE.contains(&key) && !text.contains('@') => {}
            Value::String(text) => {
                self.mask_text(text);
            }
            Value::Array(list) => {
                self.mask_flags(list);
                list.iter_mut().for_each(|element| self.walk(element, key, depth + 1));
            }
            Value::Object(map) => self.walk_map(map, key, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn walk_map(&self, map: &mut Map<String, Value>, key: &str, depth: usize) {
        let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
        let (is_secret, is_config_map) = (kind == "Secret", kind == "ConfigMap");
        if is_secret {
            for field in ["data", "stringData"] {
                map.get_mut(field).into_iter().for_each(empty_values);
            }
            if let Some(annotations) = map.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations")) {
                annotations.as_object_mut().into_iter().for_each(|annotations| {
                    annotations.remove(LAST_APPLIED);
                });
            }
        }
        if is_config_map {
            map.get_mut("binaryData").into_iter().for_each(empty_values);
        }
        // An environment variable, a header of a probe, a parameter: its name says what its value is.
        let names_value = map.get("name").and_then(Value::as_str).and_then(name::read);
        let (are_labels, own_keys) = (LABELS.contains(&key), OWN_KEYS.contains(&key));
        for (field, value) in map {
            let Value::String(text) = value else {
                if field != "managedFields" {
                    self.walk(value, field, depth + 1);
                }
                continue;
            };
            let said = match field.as_str() {
                "value" if names_value.is_some() => names_value,
                // A file of a ConfigMap is text with names of its own, whatever the file is called.
                field if are_labels || (own_keys && name::is_file(field)) => None,
                field => name::read(field),
            };
            match said {
                Some(said) => self.mask_value(text, said),
                None if own_keys => {
                    self.mask_text(text);
                }
                None => self.walk(value, field, depth + 1),
            }
        }
    }

    /// Masks a value whose name says that it is secret.
    fn mask_value(&self, text: &mut String, said: name::SecretName) {
        for _ in 0..super::PASSES {
            let part = secret_part(said, text).and_then(|part| Some((part.clone(), text.get(part)?)));
            let named = part.is_some();
            if let Some((part, secret)) = part {
                let masked = self.placeholder(Kind::Secret, secret);
                text.replace_range(part, &masked);
            }
            if !self.mask_text(text) && !named {
                break;
            }
        }
    }

    /// Masks a text; false when there was nothing to mask.
    fn mask_text(&self, text: &mut String) -> bool {
        let Cow::Owned(masked) = self.text(text) else { return false };
        *text = masked;
        true
    }

    /// `["--password", "hunter2"]`: a flag and its value as two elements, as in `args`.
    fn mask_flags(&self, list: &mut [Value]) {
        for at in 1..list.len() {
            let (before, rest) = list.split_at_mut(at);
            let flag = before.last().and_then(Value::as_str).filter(|flag| is_flag(flag));
            if let (Some(said), Some(Value::String(value))) = (flag.and_then(name::read), rest.first_mut())
                && !is_flag(value)
            {
                self.mask_value(value, said);
            }
        }
    }
}

/// `-p`, `--password`; not a value that begins with a dash.
fn is_flag(text: &str) -> bool {
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or_default();
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && !name.contains(['=', ' ', ':'])
}

/// Keeps the keys: that a key is missing is a cause, what stands under it isn't anybody's business.
fn empty_values(data: &mut Value) {
    match data {
        Value::Object(data) => data.values_mut().for_each(|value| *value = Value::String(String::new())),
        other => *other = Value::Null,
    }
}
