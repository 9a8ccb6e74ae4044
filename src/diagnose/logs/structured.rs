//! The message and level of a line that is JSON or logfmt, by the names that loggers give them. Other fields are left alone: a
//! request's path isn't what went wrong.

use super::line::{Level, level_of_word};
use serde_json::Value;

/// The message and level of a JSON or logfmt line.
pub(super) fn structured(text: &str) -> Option<(String, Level)> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        return json(trimmed);
    }
    logfmt(trimmed)
}

const MESSAGE: &[&str] = &["message", "msg", "@m", "@mt", "Message", "RenderedMessage", "log", "event", "short_message"];
const CAUSE: &[&str] = &[
    "error",
    "err",
    "exception",
    "@x",
    "Exception",
    "exc_info",
    "thrown",
    "error.message",
    "stack_trace",
    "error.stack_trace",
    "stack",
    "stacktrace",
    "full_message",
    "cause",
    "detail",
    "reason",
];
const LEVEL: &[&str] = &["level", "severity", "lvl", "@l", "Level", "loglevel", "levelname", "log.level", "severityText"];

fn json(text: &str) -> Option<(String, Level)> {
    let value: Value = serde_json::from_str(text).ok()?;
    // Rust's tracing puts all but the level into `fields`.
    let within = value.get("fields").filter(|fields| fields.is_object());
    let get = |name: &&str| value.get(*name).or_else(|| within?.get(*name));
    let field = |names: &[&str], read: fn(&str) -> String| {
        names.iter().filter_map(get).map(flat).map(|text| read(&text)).find(|text| !text.is_empty())
    };
    let message = field(MESSAGE, joined);
    let cause = field(CAUSE, deciding);
    let text = match (message, cause) {
        (Some(message), Some(cause)) if !message.contains(&cause) => format!("{message}: {cause}"),
        (Some(message), _) => message,
        (None, Some(cause)) => cause,
        (None, None) => return None,
    };
    // Bunyan and pino count levels: 50 is an error, 60 is fatal. GELF takes those of syslog (RFC 5424): 3 is an error.
    let level = LEVEL.iter().find_map(|name| value.get(*name)).map_or(Level::Unsaid, |level| match level.as_i64() {
        Some(0..=2) => Level::Fatal,
        Some(3) => Level::Error,
        Some(4) => Level::Warning,
        Some(60..) => Level::Fatal,
        Some(50..) => Level::Error,
        Some(40..) => Level::Warning,
        Some(_) => Level::Calm,
        None => level_of_word(level.as_str().unwrap_or("")),
    });
    Some((text, level))
}

/// The first lines of a message that has several, as one, unless a stack trace is among them.
fn joined(text: &str) -> String {
    let is_trace = |line: &str| line.starts_with("\tat ") || line.starts_with("    at ") || line.starts_with("Caused by:");
    if text.starts_with("Traceback (most recent") || text.lines().any(is_trace) {
        return deciding(text);
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect::<Vec<_>>().join(" ")
}

/// The line of a text of several that decides: of a chain of exceptions the innermost, of a traceback the last, else the first.
fn deciding(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else { return String::new() };
    let inner = |line: &&str| line.starts_with("Caused by:") || line.starts_with("---> ");
    let deciding = if first.starts_with("Traceback (most recent") { lines.next_back() } else { lines.rfind(inner) };
    deciding.unwrap_or(first).to_owned()
}

/// A field of a structured line as text; of an object its message and what it wraps.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let parts: Vec<String> =
                ["name", "type", "class", "code", "message", "msg", "reason", "cause", "stack", "extendedStackTrace"]
                    .iter()
                    .filter_map(|name| map.get(*name))
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), deciding))
                    .collect();
            parts.join(": ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn logfmt(text: &str) -> Option<(String, Level)> {
    let level = pair(text, "level").or_else(|| pair(text, "lvl")).or_else(|| pair(text, "severity"))?;
    let message = pair(text, "msg").or_else(|| pair(text, "message"));
    let error = pair(text, "err").or_else(|| pair(text, "error"));
    let text = match (message, error) {
        (Some(message), Some(error)) => format!("{message}: {error}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => return None,
    };
    Some((text.replace("\\\"", "\""), level_of_word(level)))
}

/// The value of `key=value` or `key="value"` in a line.
fn pair<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let at = text.match_indices(key).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back().is_none_or(char::is_whitespace);
        before && text[at + key.len()..].starts_with('=')
    })?;
    let rest = &text[at + key.len() + 1..];
    match rest.strip_prefix('"') {
        Some(quoted) => {
            let mut escaped = false;
            let end = quoted.char_indices().find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            Some(end.map_or(quoted, |(end, _)| &quoted[..end]))
        }
        None => rest.split_whitespace().next(),
    }
}
