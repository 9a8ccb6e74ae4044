//! One line of a log: its message and level, out of plain text, JSON, logfmt or klog.

use super::structured::structured;
use crate::cluster::json;
use jiff::Timestamp;
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
        let (at, rest) = timestamp(clip(raw.trim_end()));
        let rest = container_runtime_prefix(rest);
        let plain = without_colour(rest);
        if plain.trim().is_empty() {
            return None;
        }
        let (text, level) = match structured(&plain) {
            Some((text, level)) => (Cow::Owned(text), level),
            None => (plain, Level::Unsaid),
        };
        let lower = text.to_ascii_lowercase();
        let level = if level == Level::Unsaid { level_of_text(&text) } else { level };
        Some(Self { text, lower, level, at })
    }

    /// Whether it belongs to the line before: a frame of a stack trace, a detail.
    pub fn is_indented(&self) -> bool {
        self.text.starts_with('\t') || self.text.starts_with("  ")
    }

    /// Whether it is a frame of a stack trace, or the source that Node and Python quote: where, not what.
    pub fn is_frame(&self) -> bool {
        let start = self.text.trim_start();
        let indented = start.len() < self.text.len();
        indented && ["at ", "from ", "File \"", "throw ", "raise ", "... "].iter().any(|word| start.starts_with(word))
            || start.starts_with("throw ")
            || start.starts_with("#0 ")
            || start.starts_with("created by ")
    }

    /// Whether it only goes on with a chain of exceptions: what wraps it stands above.
    pub fn is_inner_cause(&self) -> bool {
        let start = self.lower.trim_start();
        ["caused by:", "---> ", "root cause:", "nested exception is"].iter().any(|word| start.starts_with(word))
    }

    /// Whether it begins with the name of an exception: `Error: …`, `com.example.StoreException: …`, `Uncaught TypeError: …`.
    pub fn names_an_exception(&self) -> bool {
        const AHEAD: &[&str] =
            &["Uncaught ", "[Error: ", "Unhandled exception. ", "Unhandled Exception: ", "Caused by: ", "---> "];
        let mut start = self.text.trim_start();
        for ahead in AHEAD {
            start = start.strip_prefix(ahead).unwrap_or(start);
        }
        let name = start.split([':', ' ', '(']).next().unwrap_or("");
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$' | '\\'));
        let says_more = start[name.len()..].starts_with([':', ' ', '(']);
        is_name && says_more && ["Error", "Exception", "Failure"].iter().any(|end| name.ends_with(end)) && !self.is_indented()
    }

    /// Whether it says that somebody told the process to stop: what it says after that is about stopping.
    pub fn is_told_to_stop(&self) -> bool {
        let names =
            ["sigterm", "signal 15", "signal: terminated", "signal=terminated"].iter().any(|word| self.lower.contains(word));
        let came = ["receiv", "caught", "got ", "signal sigterm", "terminated by"].iter().any(|word| self.lower.contains(word));
        names && came || self.lower.contains("shutdown signal received")
    }

    /// The level that the head of a two-line record of .NET's console logger gives to the line below:
    /// `fail: Shop.Worker[0]` (Microsoft.Extensions.Logging.Console, SimpleConsoleFormatter).
    pub fn level_of_next(&self) -> Option<Level> {
        let (level, category) = self.text.split_once(": ")?;
        let is_head = category.ends_with(']') && category.contains('[') && !category.contains(' ');
        let level = match level {
            "trce" | "dbug" | "info" => Level::Calm,
            "warn" => Level::Warning,
            "fail" => Level::Error,
            "crit" => Level::Fatal,
            _ => return None,
        };
        is_head.then_some(level)
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
        start.starts_with('-') || self.is_indented()
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
            "connected successfully",
            "start completed",
            "established connection",
            "succeeded after",
            "succeeded on attempt",
            "connection ok",
            "is up",
            "is available",
            "is reachable",
            "is healthy",
        ];
        const NOT: &[&str] = &["not connected", "not ready", "failed", "unable", "error", "cannot", "refused", "isn't", "n't be"];
        self.level < Level::Warning
            && (WORDS.iter().any(|word| self.lower.contains(word))
                || self.lower.trim_end_matches(['.', '!']).ends_with(" connected"))
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
    let start = text.trim_start();
    let word = start.split_whitespace().next().unwrap_or("");
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

/// The level that a word names.
pub(super) fn level_of_word(word: &str) -> Level {
    match word.to_ascii_lowercase().as_str() {
        "fatal" | "panic" | "critical" | "crit" | "emerg" | "emergency" | "alert" | "dpanic" | "f" => Level::Fatal,
        "error" | "err" | "severe" | "e" | "fail" => Level::Error,
        "warn" | "warning" | "w" => Level::Warning,
        "info" | "information" | "informational" | "debug" | "trace" | "notice" | "verbose" | "i" | "d" => Level::Calm,
        _ => Level::Unsaid,
    }
}

/// The level that plain text names among its first words, or by klog's letter (`E1122 10:01:02.000003`).
fn level_of_text(text: &str) -> Level {
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
    let head = &text[..text.char_indices().nth(80).map_or(text.len(), |(at, _)| at)];
    let mut start = 0;
    for word in head.split(|c: char| !c.is_ascii_alphanumeric()) {
        let (before, after) = (head[..start].chars().next_back(), head[start + word.len()..].chars().next());
        start += word.len() + after.map_or(0, char::len_utf8);
        // "loaded 3 error pages" names no level: a level stands in capitals, in brackets, before a colon, or first.
        let capitals = word.len() >= 3 && word.chars().all(|c| c.is_ascii_uppercase());
        let marked = matches!(before, Some('[' | '<' | '|' | '=' | '(')) || matches!(after, Some(']' | ':' | '>' | '|'));
        let level = match word {
            "ERR" => Level::Error,
            "WRN" => Level::Warning,
            "INF" | "DBG" | "TRC" => Level::Calm,
            "FTL" | "PNC" => Level::Fatal,
            _ if word.len() >= 4 && (capitals || marked || before.is_none()) => level_of_word(word),
            _ => Level::Unsaid,
        };
        if level != Level::Unsaid {
            return level;
        }
    }
    Level::Unsaid
}
