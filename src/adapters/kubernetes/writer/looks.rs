//! The three actions that only look, as a short text: the end of a log, one object, a list of pods. Environment values and
//! `last-applied-configuration` show as sizes; the rest is masked before it is cut.

use super::call::Call;
use super::{KubernetesWriter, encode, known};
use crate::domain::{Action, ExecutionIntent, Params, ResourceType};
use crate::ports::{ApiReason, ApiRefusal, ClusterWriter, WriteError};
use serde_json::{Map, Value, json};

/// The most text that is kept.
const KEPT: usize = 4 << 10;
/// The lines of a log that are read where the intent doesn't say.
const LINES: u32 = 200;
/// The kubelet stops after this many bytes (`limitBytes`).
const LOG_BYTES: usize = 1 << 20;
/// Where `kubectl apply` keeps the whole object as it was given.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Deeper than any object that the API server takes.
const DEEPEST: usize = 64;

pub(super) async fn read(writer: &KubernetesWriter, intent: &ExecutionIntent) -> Result<String, WriteError> {
    match intent.action {
        Action::GetLogs => log(writer, intent).await,
        Action::DescribeResource => describe(writer, intent).await,
        Action::GetPods => pods(writer, intent).await,
        write => Err(ApiRefusal::own(ApiReason::SafeMode, format!("{write} does not only look")).into()),
    }
}

async fn log(writer: &KubernetesWriter, intent: &ExecutionIntent) -> Result<String, WriteError> {
    let (container, previous, tail) = match &intent.params {
        Params::Logs { container, previous, tail } => (container.as_deref(), *previous, *tail),
        _ => (None, false, LINES),
    };
    let (namespace, pod) = (encode(&intent.namespace), encode(&intent.resource_name));
    let mut path =
        format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?tailLines={tail}&previous={previous}&limitBytes={LOG_BYTES}");
    if let Some(container) = container {
        path += &format!("&container={}", encode(container));
    }
    let bytes = Call::get(path, writer.ask).send(&writer.connection.client, &writer.redactor).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(last(&plain(&writer.redactor.text(&text))))
}

async fn describe(writer: &KubernetesWriter, intent: &ExecutionIntent) -> Result<String, WriteError> {
    let mut object = writer.get(&intent.object()).await?;
    // Before the redactor, which would put its own place-holders in place of the sizes.
    sizes(&mut object, "", 0);
    writer.redactor.object(&mut object);
    // What is wrong stands in the status; the specification is the longer one and may be cut.
    let mut text = String::new();
    for key in ["kind", "metadata", "status", "spec"] {
        if let Some(part) = object.get(key) {
            let part = serde_json::to_string_pretty(part).unwrap_or_default();
            text += &format!("{key}: {part}\n");
        }
    }
    Ok(first(&plain(&text)))
}

/// Puts sizes in place of what may be secret and is no evidence: `env[].value`, `data`, and what `kubectl apply` keeps.
fn sizes(value: &mut Value, key: &str, depth: usize) {
    if depth > DEEPEST {
        *value = Value::Null;
        return;
    }
    match value {
        Value::Array(list) => {
            for element in list.iter_mut() {
                if let (true, Some(text)) = (key == "env", element.get_mut("value")) {
                    *text = size(text);
                }
                sizes(element, key, depth + 1);
            }
        }
        Value::Object(map) => {
            map.remove("managedFields");
            if key == "annotations"
                && let Some(applied) = map.get_mut(LAST_APPLIED)
            {
                *applied = size(applied);
            }
            if depth == 1 && ["data", "binaryData", "stringData"].contains(&key) {
                map.values_mut().for_each(|value| *value = size(value));
                return;
            }
            map.iter_mut().for_each(|(key, value)| sizes(value, key, depth + 1));
        }
        _ => {}
    }
}

fn size(value: &Value) -> Value {
    json!(format!("({} bytes)", value.as_str().map_or(0, str::len)))
}

async fn pods(writer: &KubernetesWriter, intent: &ExecutionIntent) -> Result<String, WriteError> {
    let selector = match &intent.params {
        Params::Pods { label_selector: Some(selector) } => selector.clone(),
        _ => {
            let owner = writer.get(&intent.object()).await?;
            let path =
                if intent.resource_type == ResourceType::Service { "/spec/selector" } else { "/spec/selector/matchLabels" };
            let labels = owner.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default();
            selector_of(&labels).ok_or_else(|| {
                let why = format!("{} {} selects no pods by labels", intent.resource_type, intent.resource_name);
                ApiRefusal::own(ApiReason::Invalid, why)
            })?
        }
    };
    let kind = known("Pod")?;
    let pods = writer.list(kind.kind, &intent.namespace, &selector).await?;
    let mut text = String::from("NAME READY STATUS RESTARTS NODE CREATED\n");
    for pod in &pods {
        text += &row(pod);
    }
    if pods.is_empty() {
        text += &format!("no pod has {selector}\n");
    }
    Ok(first(&plain(&writer.redactor.text(&text))))
}

fn selector_of(labels: &Map<String, Value>) -> Option<String> {
    let pairs: Vec<_> = labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

fn row(pod: &Value) -> String {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or("-");
    let containers = pod.pointer("/status/containerStatuses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ready = containers.iter().filter(|status| status.get("ready") == Some(&json!(true))).count();
    let all = pod.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    let restarts: u64 = containers.iter().filter_map(|status| status.get("restartCount")?.as_u64()).sum();
    let waiting = containers.iter().find_map(|status| status.pointer("/state/waiting/reason")?.as_str());
    let status =
        if text("/metadata/deletionTimestamp") == "-" { waiting.unwrap_or(text("/status/phase")) } else { "Terminating" };
    let (name, node, created) = (text("/metadata/name"), text("/spec/nodeName"), text("/metadata/creationTimestamp"));
    format!("{name} {ready}/{all} {status} {restarts} {node} {created}\n")
}

/// Without control characters but line breaks and tabs.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The first lines that fit.
fn first(text: &str) -> String {
    if text.len() <= KEPT {
        return text.to_owned();
    }
    let note = format!("… {} bytes in all\n", text.len());
    let end = text.floor_char_boundary(KEPT - note.len());
    let head = text.get(..end).unwrap_or_default();
    let head = head.rfind('\n').and_then(|at| head.get(..=at)).unwrap_or(head);
    format!("{head}{note}")
}

/// The last lines that fit.
fn last(text: &str) -> String {
    if text.len() <= KEPT {
        return text.to_owned();
    }
    let note = format!("… the end of {} bytes\n", text.len());
    let start = text.ceil_char_boundary(text.len() - (KEPT - note.len()));
    let tail = text.get(start..).unwrap_or_default();
    let tail = tail.find('\n').and_then(|at| tail.get(at + 1..)).filter(|tail| !tail.is_empty()).unwrap_or(tail);
    format!("{note}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_the_environment_show_as_sizes() {
        let mut object = json!({
            "kind": "Deployment",
            "metadata": {"annotations": {LAST_APPLIED: "{\"env\": \"hunter2\"}", "b": "c"}, "managedFields": [{}]},
            "spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "hunter2"}, {"name": "Y"}]}]}}},
        });
        sizes(&mut object, "", 0);
        let text = object.to_string();
        assert!(!text.contains("hunter2") && text.contains("(7 bytes)") && text.contains(r#""b":"c""#), "{text}");
    }

    #[test]
    fn a_pod_is_one_line() {
        let pod = json!({
            "metadata": {"name": "web-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [{}, {}]},
            "status": {"phase": "Running", "containerStatuses": [
                {"ready": true, "restartCount": 2}, {"ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ]},
        });
        assert_eq!(row(&pod), "web-1 1/2 CrashLoopBackOff 5 n1 2026-01-01T00:00:00Z\n");
        assert_eq!(row(&json!({})), "- 0/0 - 0 - -\n");
    }

    proptest! {
        #[test]
        fn whatever_is_read_little_is_kept(text in "(\\PC|\n){0,6000}") {
            prop_assert!(first(&text).len() <= KEPT && last(&text).len() <= KEPT);
        }
    }
}
