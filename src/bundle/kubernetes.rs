//! Kubernetes objects as kubectl prints them, JSON or YAML: a single object, a v1 `List`, a typed list such as
//! `PodList`, a bare array, or several of these after one another. Never keeps a Secret's values.

use super::document::Document;
use super::error::{BundleError, escaped};
use super::incident::API_VERSION;
use crate::cluster::json;
use serde_json::{Map, Value};

/// The objects that were read out of one or several texts.
#[derive(Default)]
pub(super) struct Objects {
    /// The objects, in the order in which they came.
    pub objects: Vec<Value>,
    /// Whether one of the texts ended in the middle of a list; the objects before that point are kept.
    pub cut: bool,
    /// Whether a list was read, however short.
    pub list: bool,
    /// How many entries were no objects, and what the first one was.
    skipped: Option<(usize, String)>,
}

impl Objects {
    /// Reads a whole text. `first_line` is the line of the file on which it begins, from 1.
    pub fn read(&mut self, name: &str, text: &str, first_line: usize) -> Result<(), BundleError> {
        let mut read = Self::default();
        let result = match text.trim_start().as_bytes().first() {
            None => Err(BundleError::Empty { name: name.to_owned() }),
            Some(b'{' | b'[') => read.read_json(name, text, first_line),
            Some(_) => super::yaml::read(&mut read, name, text, first_line),
        };
        match result {
            Err(BundleError::CutOff { .. }) if !self.objects.is_empty() => read.cut = true,
            result => result?,
        }
        if read.objects.is_empty() && !read.list && !read.cut {
            let why = read.skipped.map_or("nothing in it".to_owned(), |(_, why)| why);
            return Err(BundleError::NotKubernetes { name: name.to_owned(), why });
        }
        self.objects.append(&mut read.objects);
        self.cut |= read.cut;
        self.list |= read.list;
        if let Some((count, why)) = read.skipped {
            self.skipped.get_or_insert((0, why)).0 += count;
        }
        Ok(())
    }

    /// What is to be said about entries that were left out.
    pub fn warning(&self, name: &str) -> Option<String> {
        let (count, why) = self.skipped.as_ref()?;
        Some(format!("entries of {name} that are no Kubernetes objects: {count} (first: {why})"))
    }

    fn read_json(&mut self, name: &str, text: &str, first_line: usize) -> Result<(), BundleError> {
        let text = text.trim_end();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // Asking the deserializer whether this is the end would count the lines of all that it has read, each time.
        loop {
            let mut document = Document::default();
            match document.read(&mut deserializer) {
                Ok(()) => self.take(name, document)?,
                Err(error) if error.is_eof() && !document.begun && text.ends_with(['}', ']']) => return Ok(()),
                Err(error) if error.is_eof() => return self.take_cut(name, document, first_line + error.line().max(1) - 1),
                Err(error) => return Err(BundleError::json(name, first_line, &error)),
            }
        }
    }

    /// Takes a complete document.
    pub(super) fn take(&mut self, name: &str, document: Document) -> Result<(), BundleError> {
        let (kind, api_version) = (document.text("kind").to_owned(), document.text("apiVersion").to_owned());
        if !document.begun {
            return Ok(());
        }
        if api_version == API_VERSION {
            let why = format!("it is a {} of this program", escaped(&kind, 60));
            return Err(BundleError::NotKubernetes { name: name.to_owned(), why });
        }
        let Document { mut fields, items, .. } = document;
        match items {
            Some(items) if kind.is_empty() || kind.ends_with("List") => self.take_items(&kind, &api_version, items),
            Some(items) => {
                fields.insert("items".to_owned(), Value::Array(items));
                self.take_object(Value::Object(fields));
            }
            None if kind == "Status" => {
                let message = escaped(fields.get("message").and_then(Value::as_str).unwrap_or("no message"), 300);
                return Err(BundleError::Status { name: name.to_owned(), message });
            }
            None if kind.ends_with("List") && !is_named(&fields) => self.list = true,
            None => self.take_object(Value::Object(fields)),
        }
        Ok(())
    }

    /// Takes the whole objects of a document that ends too early.
    pub(super) fn take_cut(&mut self, name: &str, document: Document, line: usize) -> Result<(), BundleError> {
        let (kind, api_version) = (document.text("kind").to_owned(), document.text("apiVersion").to_owned());
        let items = document.items.unwrap_or_default();
        if items.is_empty() && self.objects.is_empty() {
            return Err(BundleError::CutOff { name: name.to_owned(), line });
        }
        if kind.is_empty() || kind.ends_with("List") {
            self.take_items(&kind, &api_version, items);
        }
        self.cut = true;
        Ok(())
    }

    /// Takes the items of a list. Those of a typed list name neither their kind nor their version: the list's own
    /// kind says it (`PodList` holds `Pod`).
    fn take_items(&mut self, list_kind: &str, api_version: &str, items: Vec<Value>) {
        self.list = true;
        let kind = list_kind.strip_suffix("List").unwrap_or("");
        for mut item in items {
            if let (Value::Object(fields), false) = (&mut item, kind.is_empty()) {
                fields.entry("kind").or_insert_with(|| Value::String(kind.to_owned()));
                fields.entry("apiVersion").or_insert_with(|| Value::String(api_version.to_owned()));
            }
            match item {
                // `jq --slurp` and hand-made files put lists into lists. Parsing bounds how deep that goes.
                Value::Object(mut fields) if fields.get("items").is_some_and(Value::is_array) && !is_named(&fields) => {
                    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
                    let (kind, api_version) = (text("kind"), text("apiVersion"));
                    if let Some(Value::Array(inner)) = fields.remove("items") {
                        self.take_items(&kind, &api_version, inner);
                    }
                }
                item => self.take_object(item),
            }
        }
    }

    fn take_object(&mut self, mut object: Value) {
        let kind = json::text(&object, "kind");
        // What has no name can't be pointed at; it may be a kubeconfig, with its keys.
        if kind.is_empty() || json::text(&object, "metadata.name").is_empty() {
            self.skipped.get_or_insert_with(|| (0, describe(&object))).0 += 1;
            return;
        }
        if kind == "Secret" {
            blank_secret(&mut object);
        }
        self.objects.push(object);
    }
}

/// What an entry is that is no Kubernetes object.
fn describe(entry: &Value) -> String {
    match entry {
        Value::Object(fields) if !fields.contains_key("kind") => {
            let keys: Vec<&str> = fields.keys().take(3).map(String::as_str).collect();
            format!("it has no kind; its keys are {}", escaped(&keys.join(", "), 60))
        }
        Value::Object(_) => format!("kind {}, without a name", escaped(json::text(entry, "kind"), 60)),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => format!("the text {:?}", escaped(text, 40)),
        other => other.to_string(),
    }
}

/// `1 object`, `2 objects`.
pub(super) fn counted(objects: usize) -> String {
    format!("{objects} object{}", if objects == 1 { "" } else { "s" })
}

/// Empties the values of a Secret; which keys it has stays visible.
pub(super) fn blank_secret(secret: &mut Value) {
    for field in ["data", "stringData"] {
        match secret.get_mut(field) {
            Some(Value::Object(values)) => values.values_mut().for_each(|value| *value = Value::String(String::new())),
            Some(other) => *other = Value::Null,
            None => {}
        }
    }
}

fn is_named(fields: &Map<String, Value>) -> bool {
    fields.get("metadata").and_then(|metadata| metadata.get("name")).is_some()
}
