//! One line of a log: its message and level, out of plain text, JSON, logfmt or klog.

use crate::cluster::json;
use jiff::Timestamp;
use serde_json::Value;
use std::borrow::Cow;

/// A longer line is read up to here: stack traces on one line and dumped payloads are cut, their beginning says what it is.
const LONGEST: usize = 8 * 1024;
/// How much of a folded line tells it from another.
const FOLDED: usize = 160;

/// How bad a line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Debug, info or trace.
    Calm,
    /// It doesn't say.
    Unsaid,
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// Fatal, panic, critical, emergency.
    Fatal,
}

/// A line, taken apart.
#[derive(Debug)]
pub struct Line<'a> {
    /// The message, with the error that a structured line carries beside it.
    pub text: Cow<'a, str>,
    /// The message in lower case.
    pub lower: String,
    /// How bad it says it is.
    pub level: Level,
    /// The time that it begins with.
    pub at: Option<Timestamp>,
}

impl<'a> Line<'a> {
    /// Takes a line apart; `None` for an empty one.
    pub fn of(raw: &'a str) -> Option<Self> {
        let raw = clip(raw.trim_end());
        let (at, rest) = timestamp(raw.trim_start());
        let rest = container_runtime_prefix(rest);
        let plain = without_colour(rest);
        if plain.trim().is_empty() {
            return None;
        }
        let (text, level) = match structured(&plain) {
            Some((text, level)) => (Cow::Owned(text), level),
            None => (plain, Level::Unsaid),
        };
        let lower = text.to_lowercase();
        let level = if level == Level::Unsaid { level_of_text(&text, &lower) } else { level };
        Some(Self { text, lower, level, at })
    }

    /// Whether a usage text begins here.
    pub fn begins_usage(&self) -> bool {
        let start = self.lower.trim_start();
        start.starts_with("usage:")
            || start.starts_with("usage of ")
            || start.starts_with("options:")
            || start.starts_with("flags:")
    }

    /// Whether the line belongs to a usage text: indented, or a flag.
    pub fn is_usage(&self) -> bool {
        let start = self.text.trim_start();
        start.starts_with('-') || self.text.starts_with("  ") || self.text.starts_with('\t')
    }

    /// Whether the line says that something works: after a failed try that is the end of the failure.
    pub fn is_success(&self) -> bool {
        const WORDS: &[&str] = &[
            "connected to",
            "connection established",
            "successfully connected",
            "connection restored",
            "reconnected",
            "is ready",
            "ready to accept",
            "server started",
            "listening on",
            "accepting connections",
            "started application",
            "recovered",
            "serving on",
        ];
        const NOT: &[&str] = &["not connected", "not ready", "failed", "unable", "error", "cannot", "refused", "isn't", "n't be"];
        self.level < Level::Warning
            && WORDS.iter().any(|word| self.lower.contains(word))
            && !NOT.iter().any(|word| self.lower.contains(word))
    }

    /// The line with its numbers and hashes folded, so that repeats are the same.
    pub fn folded(&self) -> String {
        let mut folded = String::new();
        let mut digits = false;
        for c in self.lower.chars().take(FOLDED) {
            let is_digit = c.is_ascii_digit();
            if !is_digit || !digits {
                folded.push(if is_digit { '0' } else { c });
            }
            digits = is_digit;
        }
        folded
    }
}

fn clip(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A leading RFC 3339 time, as `kubectl logs --timestamps` and many programs write it.
fn timestamp(text: &str) -> (Option<Timestamp>, &str) {
    let word = text.split_whitespace().next().unwrap_or("");
    if word.len() < 20 || !word.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, text);
    }
    match json::moment(word) {
        Some(at) => (Some(at), text[word.len()..].trim_start()),
        None => (None, text),
    }
}

/// The containers' runtime writes `stdout F ` before each line on the node (kubelet, CRI log format).
fn container_runtime_prefix(text: &str) -> &str {
    ["stdout F ", "stderr F ", "stdout P ", "stderr P "].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// A line without the escape sequences that colour it (ECMA-48, CSI … final byte).
fn without_colour(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            clean.push(c);
        } else if chars.as_str().starts_with('[') {
            chars.next();
            chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    Cow::Owned(clean)
}

/// The message and level of a JSON or logfmt line.
fn structured(text: &str) -> Option<(String, Level)> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        return json(trimmed);
    }
    logfmt(trimmed)
}

const MESSAGE: &[&str] = &["message", "msg", "@m", "@mt", "Message", "RenderedMessage", "log", "event", "short_message"];
const CAUSE: &[&str] = &["error", "err", "exception", "@x", "Exception", "stack_trace", "stack", "stacktrace", "cause", "detail"];
const LEVEL: &[&str] = &["level", "severity", "lvl", "@l", "Level", "loglevel", "levelname", "log.level", "severityText"];

fn json(text: &str) -> Option<(String, Level)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(*name)).map(flat).filter(|text| !text.is_empty());
    let message = field(MESSAGE);
    let cause = field(CAUSE);
    let text = match (message, cause) {
        (Some(message), Some(cause)) if !message.contains(&cause) => format!("{message}: {cause}"),
        (Some(message), _) => message,
        (None, Some(cause)) => cause,
        (None, None) => return None,
    };
    // Bunyan and pino count levels: 50 is an error, 60 is fatal.
    let level = LEVEL.iter().find_map(|name| value.get(*name)).map_or(Level::Unsaid, |level| match level.as_i64() {
        Some(60..) => Level::Fatal,
        Some(50..) => Level::Error,
        Some(40..) => Level::Warning,
        Some(_) => Level::Calm,
        None => level_of_word(level.as_str().unwrap_or("")),
    });
    Some((text, level))
}

/// A field of a structured line as text; of an object its message and what it wraps.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let parts: Vec<String> = ["name", "type", "class", "code", "message", "msg", "cause", "stack"]
                .iter()
                .filter_map(|name| map.get(*name))
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
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
    Some((text, level_of_word(level)))
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

fn level_of_word(word: &str) -> Level {
    match word.to_ascii_lowercase().as_str() {
        "fatal" | "panic" | "critical" | "crit" | "emerg" | "emergency" | "alert" | "dpanic" | "f" => Level::Fatal,
        "error" | "err" | "severe" | "e" | "fail" => Level::Error,
        "warn" | "warning" | "w" => Level::Warning,
        "info" | "information" | "informational" | "debug" | "trace" | "notice" | "verbose" | "i" | "d" => Level::Calm,
        _ => Level::Unsaid,
    }
}

/// The level that plain text names among its first words, or by klog's letter (`E1122 10:01:02.000003`).
fn level_of_text(text: &str, lower: &str) -> Level {
    let bytes = text.as_bytes();
    if bytes.len() > 5 && bytes[1..5].iter().all(u8::is_ascii_digit) && bytes[5] == b' ' {
        match bytes[0] {
            b'F' => return Level::Fatal,
            b'E' => return Level::Error,
            b'W' => return Level::Warning,
            b'I' => return Level::Calm,
            _ => {}
        }
    }
    let head: String = lower.chars().take(80).collect();
    let words = head.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() >= 4);
    words.map(level_of_word).find(|level| *level != Level::Unsaid).unwrap_or(Level::Unsaid)
}
