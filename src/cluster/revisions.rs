//! What a revision of a workload changed: two pod templates compared field by field. Only what makes a difference is told: not
//! the order of named lists, not another spelling of the same amount, not a default that one side writes out.

mod defaults;

/// The pod template of a revision, a ReplicaSet or a ControllerRevision.
pub use super::workload::pod_template as template;

use super::quantity::Quantity;
use super::{Object, json};
use crate::domain::FieldChange;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How deep two values are compared field by field; below they are compared as a whole. Pod templates have at most about a
/// dozen levels.
const MAX_DEPTH: usize = 24;

/// The annotation that `kubectl rollout restart` sets: `staging/src/k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go`.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Labels that controllers add to the templates and pods of a revision (`DefaultDeploymentUniqueLabelKey` and its like in
/// `staging/src/k8s.io/api/apps/v1/types.go`).
const REVISION_LABELS: &[&str] = &["pod-template-hash", "controller-revision-hash", "pod-template-generation"];

/// The lists whose elements are told apart by a field, with the field: the `patchMergeKey` tags in
/// `staging/src/k8s.io/api/core/v1/types.go`. Other lists are compared as a whole.
const NAMED_LISTS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("env", "name"),
    ("ephemeralContainers", "name"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("items", "key"),
    ("resourceClaims", "name"),
    ("schedulingGates", "name"),
    ("volumeDevices", "devicePath"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// Maps of amounts: their values are compared as quantities.
const AMOUNT_MAPS: &[&str] = &["limits", "requests", "overhead"];

/// Single fields that hold an amount.
const AMOUNTS: &[&str] = &["divisor", "sizeLimit"];

/// What differs between two pod templates (objects with `metadata` and `spec`), sorted by path. Paths are those of the
/// template with list elements by name: `spec.containers[app].resources.limits.memory`, `metadata.labels[app]`.
pub fn diff(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for field in ["labels", "annotations"] {
        let (before, after) = (json::key(json::key(before, "metadata"), field), json::key(json::key(after, "metadata"), field));
        compare(&Path::root("metadata").field(field), before, after, &mut changes);
    }
    compare(&Path::root("spec"), json::key(before, "spec"), json::key(after, "spec"), &mut changes);
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// When `kubectl rollout restart` asked for this revision, if it did.
pub fn restarted_at(template: &Value) -> Option<Timestamp> {
    json::moment(json::key(json::at(template, "metadata.annotations"), RESTARTED_AT).as_str()?)
}

/// The number of a revision: of a ReplicaSet the annotation that the Deployment controller writes (`RevisionAnnotation` in
/// `pkg/controller/deployment/util/deployment_util.go`), of a ControllerRevision its `revision`.
pub fn revision_number(object: &Object) -> Option<i64> {
    match object.id.kind.as_str() {
        "ControllerRevision" => object.int("revision"),
        _ => object.annotation("deployment.kubernetes.io/revision")?.parse().ok(),
    }
}

/// Where in the template a value is: shown, and for the table of defaults.
struct Path {
    shown: String,
    /// The fields alone, without the names of list elements.
    fields: String,
    depth: usize,
}

impl Path {
    fn root(name: &str) -> Self {
        Self { shown: name.to_owned(), fields: name.to_owned(), depth: 0 }
    }

    fn field(&self, name: &str) -> Self {
        // Label keys and resource names hold dots and slashes, which would read as more levels.
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let shown = if plain { format!("{}.{name}", self.shown) } else { format!("{}[{name}]", self.shown) };
        Self { shown, fields: format!("{}.{name}", self.fields), depth: self.depth + 1 }
    }

    fn element(&self, name: &str) -> Self {
        Self { shown: format!("{}[{name}]", self.shown), fields: self.fields.clone(), depth: self.depth + 1 }
    }

    fn last(&self) -> &str {
        self.fields.rsplit('.').next().unwrap_or("")
    }

    fn is_below(&self, map: &str) -> bool {
        self.fields.rsplit_once('.').is_some_and(|(parent, _)| parent == map || parent.ends_with(&format!(".{map}")))
    }
}

fn compare(path: &Path, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    if before == after || are_equal(path, before, after) {
        return;
    }
    let is_map_or_absent = |value: &Value| value.is_object() || value.is_null();
    let is_list_or_absent = |value: &Value| value.is_array() || value.is_null();
    if path.depth < MAX_DEPTH {
        if before.is_object() && after.is_object() || is_map(path) && is_map_or_absent(before) && is_map_or_absent(after) {
            return compare_fields(path, before, after, changes);
        }
        if let Some(name) = element_name(path)
            && is_list_or_absent(before)
            && is_list_or_absent(after)
            && let (Some(before), Some(after)) = (by_name(before, name), by_name(after, name))
        {
            return compare_elements(path, &before, &after, changes);
        }
    }
    changes.push(FieldChange { path: path.shown.clone(), before: before.clone(), after: after.clone() });
}

/// Maps that are compared entry by entry even when one side has none: `metadata.labels[app]` says more than the whole map.
fn is_map(path: &Path) -> bool {
    matches!(path.last(), "labels" | "annotations" | "nodeSelector" | "resources") || AMOUNT_MAPS.contains(&path.last())
}

fn compare_fields(path: &Path, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    let fields = [before, after].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys());
    let fields: BTreeSet<&String> = fields.collect();
    for field in fields {
        let ignored = match path.fields.as_str() {
            "metadata.labels" => REVISION_LABELS.contains(&field.as_str()),
            "metadata.annotations" => field == RESTARTED_AT,
            // The older name of serviceAccountName, which the API server keeps equal; and the marker in the patch that a
            // DaemonSet's ControllerRevision holds.
            "spec" => field == "serviceAccount" || field == "$patch",
            _ => field == "$patch",
        };
        if !ignored {
            compare(&path.field(field), json::key(before, field), json::key(after, field), changes);
        }
    }
}

/// The field that tells the elements of a list apart.
fn element_name(path: &Path) -> Option<&'static str> {
    if path.last() == "ports" {
        return Some("containerPort");
    }
    NAMED_LISTS.iter().find(|(list, _)| *list == path.last()).map(|(_, name)| *name)
}

/// The elements of a list by name. `None` when two share a name or one has none: then the list is compared as a whole.
fn by_name<'a>(list: &'a Value, name: &str) -> Option<BTreeMap<String, &'a Value>> {
    let mut elements = BTreeMap::new();
    for element in list.as_array().into_iter().flatten() {
        let name = match (json::key(element, name), name) {
            // A port is known by its name; its number and protocol stand in where it has none.
            (Value::Number(number), "containerPort") => match json::text(element, "name") {
                "" if json::text(element, "protocol") == "UDP" => format!("{number}/UDP"),
                "" => number.to_string(),
                name => name.to_owned(),
            },
            (Value::String(name), _) => name.clone(),
            _ => return None,
        };
        if elements.insert(name, element).is_some() {
            return None;
        }
    }
    Some(elements)
}

fn compare_elements(
    path: &Path,
    before: &BTreeMap<String, &Value>,
    after: &BTreeMap<String, &Value>,
    changes: &mut Vec<FieldChange>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (before, after) =
            (before.get(name).copied().unwrap_or(&Value::Null), after.get(name).copied().unwrap_or(&Value::Null));
        let path = path.element(name);
        if path.last() == "env" {
            // A variable is one thing: its value, or where it comes from.
            let (before, after) = (variable(before), variable(after));
            if before != after && !are_equal(&path, before, after) {
                changes.push(FieldChange { path: path.shown, before: before.clone(), after: after.clone() });
            }
        } else {
            compare(&path, before, after, changes);
        }
    }
}

/// What an environment variable is set to: text, or the object that names its source. A variable that is there without a
/// value is empty.
fn variable(element: &Value) -> &Value {
    static EMPTY: Value = Value::String(String::new());
    match (json::key(element, "value"), json::key(element, "valueFrom")) {
        (Value::Null, Value::Null) if element.is_object() => &EMPTY,
        (Value::Null, source) => source,
        (value, _) => value,
    }
}

/// Whether two different values say the same to Kubernetes.
fn are_equal(path: &Path, before: &Value, after: &Value) -> bool {
    let is_amount = AMOUNTS.contains(&path.last()) || AMOUNT_MAPS.iter().any(|map| path.is_below(map));
    if is_amount && let (Some(before), Some(after)) = (Quantity::read(before), Quantity::read(after)) {
        return before == after;
    }
    match (before, after) {
        (Value::Null, given) | (given, Value::Null) => !is_entry(path) && defaults::says_nothing(&path.fields, given),
        _ => false,
    }
}

/// Whether the value is an element of a named list or an entry of a map of labels or amounts: these are there or they
/// aren't, whatever they hold.
fn is_entry(path: &Path) -> bool {
    path.shown.ends_with(']')
        || path.fields.starts_with("metadata.")
        || path.is_below("nodeSelector")
        || AMOUNT_MAPS.iter().any(|map| path.is_below(map))
}

#[cfg(test)]
mod tests;
