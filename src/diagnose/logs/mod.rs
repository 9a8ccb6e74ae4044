//! Reading a container's log for the deciding line. A log line is untrusted text: it is quoted, escaped and folded, and
//! never does more than state a fact.

mod captures;
mod line;
mod signatures;
mod table;

pub use captures::Captures;
pub use signatures::{Kind, Signature};

use jiff::Timestamp;
use line::{Level, Line};
use std::collections::BTreeMap;

/// How much of a line is quoted.
const QUOTED: usize = 400;
/// So many lines before the end of a log count as the last words of the process.
const LAST_WORDS: usize = 12;

/// What a log says.
#[derive(Debug, Default)]
pub struct LogReading {
    /// What was found, the most decisive first.
    pub findings: Vec<LogFinding>,
    /// How many lines there are.
    pub lines: usize,
}

/// One line, or one line and those that repeat it, that says what is wrong.
#[derive(Debug, Clone)]
pub struct LogFinding {
    /// Which wording it is.
    pub signature: &'static Signature,
    /// The number of its last occurrence, from 1.
    pub line: usize,
    /// The line, shortened, control characters escaped.
    pub text: String,
    /// How often it stands there.
    pub count: u64,
    /// Hosts, ports, users, files and other names that it holds.
    pub captures: Captures,
    /// The time that the line begins with, if it is RFC 3339.
    pub at: Option<Timestamp>,
    /// Whether it is among the last words of the process, or the line itself says that it is fatal.
    pub last_words: bool,
    /// Whether a later line says that it went well after all.
    pub recovered: bool,
}

impl LogReading {
    /// The line that decides, if there is one.
    pub fn decisive(&self) -> Option<&LogFinding> {
        self.findings.iter().find(|finding| !finding.recovered)
    }
}

/// Reads a log. Line numbers are those of the text as given; CRLF is the same as LF.
pub fn read(log: &str) -> LogReading {
    let mut found: BTreeMap<(&'static str, String), LogFinding> = BTreeMap::new();
    let mut last_success = 0;
    let mut total = 0;
    let mut help = 0_usize;
    for (index, raw) in log.lines().enumerate() {
        total = index + 1;
        let Some(line) = Line::of(raw) else { continue };
        // A usage text lists flags and quotes messages; it follows the error and isn't one.
        help = if line.begins_usage() { index + 1 } else { help };
        if help > 0 && index + 1 > help && line.is_usage() {
            continue;
        }
        if line.is_success() {
            last_success = index + 1;
        }
        let Some(signature) = signatures::of(&line) else { continue };
        let captures = captures::of(signature, &line.text);
        let key = (signature.cause, line.folded());
        let at = line.at;
        let fatal = line.level == Level::Fatal || signature.fatal;
        let finding = found.entry(key).or_insert_with(|| LogFinding {
            signature,
            line: index + 1,
            text: String::new(),
            count: 0,
            captures: Captures::default(),
            at,
            last_words: fatal,
            recovered: false,
        });
        finding.count += 1;
        finding.line = index + 1;
        finding.at = at;
        finding.text = quoted(&line.text);
        finding.captures = captures;
    }
    let mut findings: Vec<LogFinding> = found.into_values().collect();
    for finding in &mut findings {
        finding.recovered = finding.signature.heals && last_success > finding.line;
        finding.last_words |= finding.line + LAST_WORDS > total;
    }
    findings.sort_by(|a, b| {
        let key = |finding: &LogFinding| {
            (finding.recovered, !finding.last_words, finding.signature.rank, std::cmp::Reverse(finding.line))
        };
        key(a).cmp(&key(b)).then_with(|| a.text.cmp(&b.text))
    });
    LogReading { findings, lines: total }
}

/// A line for quoting: shortened, control characters escaped.
fn quoted(text: &str) -> String {
    let clean = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut quoted: String = text.trim().chars().take(QUOTED).map(clean).collect();
    if text.trim().chars().count() > QUOTED {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests;
