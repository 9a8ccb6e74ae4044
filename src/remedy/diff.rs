//! What a change changes: the leaves of two versions of one object, and whether we asked for each.

use crate::cluster::json;
use crate::cluster::quantity::Quantity;
use crate::domain::{CLAIM_TIME, DiffLine, PlanRequest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Deeper values are one leaf. A pod template has about a dozen levels.
const DEEPEST: usize = 24;

/// The fields that tell the elements of a list apart, of which the first that all elements have in their own value is taken:
/// the merge keys of `staging/src/k8s.io/api/core/v1/types.go`.
const NAMES: [&str; 6] = ["name", "containerPort", "key", "mountPath", "devicePath", "topologyKey"];

/// What of `spec` differs between the object before and after a dry run or a write, by path. Values are as they came; whoever
/// shows or stores them masks those of environment variables. Of an eviction the one line is the pod that goes.
pub fn diff(before: &Value, after: &Value, request: &PlanRequest) -> Vec<DiffLine> {
    if request.path.ends_with("/eviction") {
        let pod = json::at(before, "metadata.name").clone();
        return vec![DiffLine { path: "pod".to_owned(), before: pod, after: Value::Null, by: None }];
    }
    let (before, after, asked) = (leaves(json::key(before, "spec")), leaves(json::key(after, "spec")), Asked::of(request));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let leaf = |leaves: &BTreeMap<String, Value>, path| leaves.get(path).cloned().unwrap_or_default();
    let lines = paths.into_iter().filter_map(|path| {
        let (before, mut after) = (leaf(&before, path), leaf(&after, path));
        if before == after {
            return None;
        }
        let is_asked = asked.is(path, &after);
        if is_asked && asked.leaves.get(path).is_some_and(|value| value == CLAIM_TIME) {
            after = json!(CLAIM_TIME);
        }
        Some(DiffLine { path: path.clone(), before, after, by: (!is_asked).then(|| "admission".to_owned()) })
    });
    lines.collect()
}

/// What a request asks for.
struct Asked {
    leaves: BTreeMap<String, Value>,
    /// Below this path nothing stays that isn't asked for.
    replaced: Option<&'static str>,
}

impl Asked {
    fn of(request: &PlanRequest) -> Self {
        if let Value::Array(operations) = &request.body {
            let template = operations.iter().find(|operation| json::text(operation, "path") == "/spec/template");
            let template = template.map(|operation| json!({"template": json::key(operation, "value")}));
            return Self { leaves: leaves(&template.unwrap_or_default()), replaced: Some("spec.template.") };
        }
        Self { leaves: leaves(json::key(&request.body, "spec")), replaced: None }
    }

    fn is(&self, path: &str, after: &Value) -> bool {
        match self.leaves.get(path) {
            Some(asked) => asked == CLAIM_TIME || asked == after || are_same_amount(asked, after) || is_default(asked, after),
            None => after.is_null() && self.replaced.is_some_and(|below| path.starts_with(below)),
        }
    }
}

/// The API server writes amounts its own way: `1024Mi` comes back as `1Gi`.
fn are_same_amount(a: &Value, b: &Value) -> bool {
    Quantity::read(a).zip(Quantity::read(b)).is_some_and(|(a, b)| a == b)
}

/// A false that isn't shown, as of `paused`.
fn is_default(asked: &Value, after: &Value) -> bool {
    *asked == json!(false) && after.is_null()
}

fn leaves(spec: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("spec", spec, DEEPEST, &mut found);
    found
}

fn collect(path: &str, value: &Value, depth: usize, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(map) if depth > 0 && !map.is_empty() => {
            for (key, inner) in map {
                // Label keys and resource names hold dots and slashes, which would read as more levels.
                let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
                let inner_path = if plain { format!("{path}.{key}") } else { format!("{path}[{key}]") };
                collect(&inner_path, inner, depth - 1, found);
            }
        }
        Value::Array(items) if depth > 0 && items.iter().any(Value::is_object) => {
            let name = NAMES.into_iter().find(|name| are_told_apart(items, name));
            for (index, item) in items.iter().enumerate() {
                let name = name.map(|name| word(json::key(item, name))).unwrap_or_else(|| index.to_string());
                collect(&format!("{path}[{name}]"), item, depth - 1, found);
            }
        }
        leaf => {
            found.insert(path.to_owned(), leaf.clone());
        }
    }
}

fn are_told_apart(items: &[Value], name: &str) -> bool {
    let mut names: Vec<String> = items.iter().map(|item| word(json::key(item, name))).collect();
    names.sort();
    names.dedup();
    names.len() == items.len() && names.iter().all(|name| !name.is_empty())
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Params, ResourceParams};
    use crate::remedy::request;
    use crate::remedy::samples::{deployment, intent};

    fn lines(before: &Value, after: &Value, request: &PlanRequest) -> Vec<String> {
        let line = |line: &DiffLine| {
            let by = line.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{} {} -> {}{by}", line.path, line.before, line.after)
        };
        diff(before, after, request).iter().map(line).collect()
    }

    #[test]
    fn what_we_asked_for_and_what_admission_adds() {
        let params = ResourceParams { container: "app".into(), memory_limit: Some("1024Mi".into()), ..ResourceParams::default() };
        let set = request(&intent(Action::SetResources, Params::Resources(params)), &deployment(), None, "policy/v1").unwrap();
        let mut after = deployment();
        let containers = &mut after["spec"]["template"]["spec"]["containers"];
        containers[0]["resources"]["limits"]["memory"] = json!("1Gi");
        containers.as_array_mut().unwrap().push(json!({"name": "proxy", "image": "proxy:1"}));
        assert_eq!(
            lines(&deployment(), &after, &set),
            [
                r#"spec.template.spec.containers[app].resources.limits.memory "256Mi" -> "1Gi""#,
                r#"spec.template.spec.containers[proxy].image null -> "proxy:1" by admission"#,
                r#"spec.template.spec.containers[proxy].name null -> "proxy" by admission"#,
            ]
        );
        assert_eq!(lines(&deployment(), &deployment(), &set), Vec::<String>::new());
    }

    #[test]
    fn the_time_of_a_restart_is_the_claims() {
        let restart = request(&intent(Action::RestartDeployment, Params::None), &deployment(), None, "policy/v1").unwrap();
        let mut after = deployment();
        after["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "2026-03-10T09:41:27Z"});
        assert_eq!(
            lines(&deployment(), &after, &restart),
            [r#"spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt] null -> "<claim-time>""#]
        );
    }

    #[test]
    fn a_rollback_takes_away_what_the_old_template_lacks() {
        let old = json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "web:1"}]}}}});
        let rollback = intent(Action::RollbackDeployment, Params::Rollback { revision: 1 });
        let request = request(&rollback, &deployment(), Some(&old), "policy/v1").unwrap();
        let mut after = deployment();
        after["spec"]["template"] = old["spec"]["template"].clone();
        after["spec"]["template"]["spec"]["priority"] = json!(5);
        let lines = lines(&deployment(), &after, &request);
        assert!(lines.contains(&r#"spec.template.spec.containers[app].image "web:2" -> "web:1""#.to_owned()), "{lines:?}");
        assert!(lines.contains(&r#"spec.template.spec.containers[app].resources.limits.memory "256Mi" -> null"#.to_owned()));
        assert!(lines.contains(&"spec.template.spec.priority null -> 5 by admission".to_owned()));
    }
}
