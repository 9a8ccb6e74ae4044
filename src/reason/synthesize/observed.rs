//! One piece of evidence as a sentence.

use super::super::analyze::cut;
use super::super::prose::clean;
use crate::domain::{Evidence, EvidenceSource};
use serde_json::Value;

/// The longest value that a sentence quotes.
const QUOTED: usize = 110;

/// `Pod shop/a: status.phase is Failed.` At most 200 characters.
pub(super) fn sentence(evidence: &Evidence) -> String {
    let (object, path) = (&evidence.object, &evidence.path);
    let count = evidence.count.filter(|count| *count > 1).map_or(String::new(), |count| format!(", {count} times"));
    let container = evidence.container.as_ref().map_or(String::new(), |container| format!(" container {container}"));
    let value = value(&evidence.value);
    let text = match evidence.source {
        EvidenceSource::Event => format!("{object} has the event {path}{count}: \"{value}\"."),
        EvidenceSource::Log => {
            let which = if path == "previous" { " before its restart" } else { "" };
            format!("{object}{container} wrote{which}: \"{value}\".")
        }
        EvidenceSource::Kubernetes if evidence.value.is_null() => format!("{object}: {path} is not set."),
        EvidenceSource::Kubernetes => match told(&evidence.value) {
            Some(told) => format!("{object}{container} {told}."),
            None => format!("{object}: {path} is {value}."),
        },
        EvidenceSource::Signal => format!("{object}: {} shows {value}.", path.split('{').next().unwrap_or(path)),
        EvidenceSource::Alert => format!("The alert says of {object}: \"{value}\"."),
        EvidenceSource::Dependency => format!("{object} is known to call {value}."),
        EvidenceSource::Deploy => format!("Build {path} deployed {object}: {value}."),
    };
    cut(&text, 200)
}

/// The values of the API that people have words for: how a container ended, why one waits, a condition with its message.
fn told(value: &Value) -> Option<String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(clean).filter(|text| !text.is_empty());
    let reason = text("reason");
    if let Some(code) = value.get("exitCode").and_then(Value::as_i64) {
        let at = text("finishedAt").map_or(String::new(), |at| format!(" at {at}"));
        return Some(format!("ended with exit code {code}{}{at}", reason.map_or(String::new(), |reason| format!(" ({reason})"))));
    }
    let message = cut(text("message")?.trim_end_matches('.'), QUOTED);
    Some(format!("reports{}: \"{message}\"", reason.map_or(String::new(), |reason| format!(" {reason}"))))
}

/// Whether a value reads well in a sentence: lists of objects don't.
pub(super) fn reads_well(evidence: &Evidence) -> bool {
    let nested = |value: &Value| value.is_object() || value.is_array();
    match &evidence.value {
        Value::Object(fields) => told(&evidence.value).is_some() || !fields.values().any(nested),
        Value::Array(items) => !items.iter().any(nested),
        _ => true,
    }
}

/// `baseline 514, peak 2410` for what has fields; text as it is.
fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.values().all(|field| !field.is_object() && !field.is_array()) => {
            let fields = fields.iter().filter(|(_, field)| !field.is_null() && !field.as_str().is_some_and(str::is_empty));
            fields.map(|(name, field)| format!("{name} {}", scalar(field))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    cut(clean(&text).trim_end_matches('.'), QUOTED)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .filter(|it| it.fract() == 0.0 && it.abs() < 1e15)
            .map_or_else(|| number.to_string(), |it| format!("{it:.0}")),
        other => other.to_string(),
    }
}
