//! Reading a container's log for the deciding line. A log line is untrusted text: it is quoted, escaped and folded, and
//! never does more than state a fact.

mod captures;
mod failure;
mod line;
mod other_end;
mod signatures;
mod structured;
mod table;

pub use captures::Captures;
pub use failure::Failure;
pub use other_end::Ends;
pub use signatures::{Kind, Signature};

use jiff::Timestamp;
use line::{Level, Line};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use table::{CAUSED, DESCRIBED, NO_FIELD, RAISED};

/// How much of a line is quoted.
const QUOTED: usize = 400;
/// A quote of a long line begins so many characters ahead of the words that decide, if they stand further in than this.
const AHEAD: usize = 60;
const FAR: usize = 120;
/// So many lines before the end of a log count as the last words of the process; frames of stack traces aren't counted.
const LAST_WORDS: usize = 12;
/// Lines so near to each other tell of one failure; a stack trace may stand between them.
const BESIDE: usize = 60;
/// What is warned of so often is more than noise.
const OFTEN: u64 = 5;

/// What a log says.
#[derive(Debug, Default)]
pub struct LogReading {
    /// What was found, the most decisive first.
    pub findings: Vec<LogFinding>,
    /// How many lines there are.
    pub lines: usize,
    /// The last line that isn't a frame of a stack trace, shortened, control characters escaped.
    pub last: String,
}

/// One line, or one line and those that repeat it, that says what is wrong.
#[derive(Debug, Clone)]
pub struct LogFinding {
    /// Which wording it is.
    pub signature: &'static Signature,
    /// How exact it is, from 1: its wording's rank, higher where the process went on to say something else before it ended.
    pub rank: u8,
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
    /// Whether it need not be what ended the process: the program itself only warns of it, or was told to stop after it.
    pub doubtful: bool,
}

impl LogReading {
    /// The line that decides, if there is one.
    pub fn decisive(&self) -> Option<&LogFinding> {
        self.findings.iter().find(|finding| !finding.recovered)
    }
}

/// How far a reading has come, and what of the lines above matters to the one at hand.
#[derive(Default)]
struct Reader<'a> {
    found: BTreeMap<(&'static str, String), Found<'a>>,
    /// Lines that aren't part of a stack trace.
    telling: usize,
    last_success: usize,
    /// Where the process was told to stop.
    stopped: Option<usize>,
    usage: bool,
    goroutines: bool,
    traceback: bool,
    /// A traceback follows that belongs to the one before.
    chained: bool,
    next_level: Option<Level>,
    report: Report,
    /// Whether the causes of an error of Rust's anyhow or eyre are being listed, the innermost last.
    chain: bool,
    /// Where the last error begins: what stands above is another matter, unless it is an error too.
    end: usize,
    last: String,
}

/// How far Spring Boot's report of a failed start has come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Report {
    #[default]
    None,
    Begun,
    Described,
}

/// A finding, and what decides among several.
struct Found<'a> {
    finding: LogFinding,
    telling: usize,
    level: Level,
    text: Cow<'a, str>,
    raw: &'a str,
    /// The lines after it.
    below: &'a str,
}

/// Reads a log. Line numbers are those of the text as given; CRLF is the same as LF.
pub fn read(log: &str) -> LogReading {
    let mut reader = Reader::default();
    let mut lines = 0;
    let mut below = log;
    while !below.is_empty() {
        let raw;
        (raw, below) = below.split_once('\n').unwrap_or((below, ""));
        lines += 1;
        reader.line(lines, raw, below);
    }
    reader.reading(lines)
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: usize, raw: &'a str, below: &'a str) {
        let Some(mut line) = Line::of(raw) else {
            self.goroutines = false;
            return;
        };
        let in_chain = self.chain && line.is_indented();
        self.chain = in_chain || line.lower.trim() == "caused by:";
        if self.chain && !in_chain {
            return;
        }
        let mut is_detail = line.is_indented() && !in_chain;
        if let Some(level) = self.next_level.take()
            && is_detail
        {
            line.level = level;
            is_detail = false;
        } else if line.is_indented() && (self.traceback || self.usage && line.is_usage()) || line.is_frame() || self.goroutines {
            return;
        }
        // A usage text lists flags and quotes messages; it follows the error and isn't one.
        self.usage |= line.begins_usage();
        if self.usage && line.is_usage() {
            return;
        }
        self.goroutines = line.lower.starts_with("goroutine ") && line.lower.ends_with("]:");
        self.next_level = line.level_of_next();
        if self.goroutines || self.next_level.is_some() {
            return;
        }
        self.telling += usize::from(!is_detail);
        self.last = quoted(&line.text, 0);
        if line.is_success() {
            self.last_success = number;
        }
        if line.is_told_to_stop() && self.stopped.is_none() {
            self.stopped = Some(number);
        }
        let raised = std::mem::take(&mut self.traceback);
        self.traceback = line.lower.contains("traceback (most recent call last)");
        let chains =
            line.lower.contains("during handling of the above exception") || line.lower.contains("was the direct cause of");
        let goes_on = raised || in_chain || line.is_inner_cause() || (self.traceback && self.chained);
        self.chained = chains || (self.chained && !self.traceback && !raised);
        let expected = match (raised, in_chain) {
            (true, _) => Some(&RAISED),
            (_, true) => Some(&CAUSED),
            _ => self.described(&line),
        };
        let Some(signature) = signatures::of(&line, expected) else { return };
        if !goes_on && !is_detail && (line.level >= Level::Error || signature.fatal || line.names_an_exception()) {
            self.end = number;
        }
        self.keep(number, (raw, below), line, signature, is_detail);
    }

    /// What a line is in Spring Boot's report of a failed start.
    fn described(&mut self, line: &Line<'_>) -> Option<&'static Signature> {
        let was = self.report;
        self.report = match line.text.trim() {
            "APPLICATION FAILED TO START" => Report::Begun,
            "Description:" if was == Report::Begun => Report::Described,
            frame if was == Report::Begun && frame.starts_with("****") => was,
            _ => Report::None,
        };
        (was == Report::Described && line.text.trim() != "Action:").then_some(&DESCRIBED)
    }

    fn keep(
        &mut self,
        number: usize,
        (raw, below): (&'a str, &'a str),
        line: Line<'a>,
        signature: &'static Signature,
        is_detail: bool,
    ) {
        let finding = LogFinding {
            signature,
            rank: signature.rank + u8::from(is_detail),
            line: number,
            text: quoted(&line.text, signature.any.iter().filter_map(|text| line.lower.find(text)).min().unwrap_or(0)),
            count: 1,
            captures: Captures::default(),
            at: line.at,
            last_words: line.level == Level::Fatal || signature.fatal,
            recovered: false,
            doubtful: line.level == Level::Warning,
        };
        let key = (signature.cause, line.folded());
        let found = Found { finding, telling: self.telling, level: line.level, text: line.text, raw, below };
        match self.found.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(found);
            }
            Entry::Occupied(mut entry) => {
                let count = entry.get().finding.count + 1;
                entry.insert(found);
                entry.get_mut().finding.count = count;
            }
        }
    }

    fn reading(self, lines: usize) -> LogReading {
        let mut findings = Vec::with_capacity(self.found.len());
        for Found { mut finding, telling, level, text, raw, below } in self.found.into_values() {
            if finding.signature.of == NO_FIELD.of && is_missing_field(below) {
                finding.signature = &NO_FIELD;
            }
            finding.captures = captures::of(finding.signature, &text, raw, below);
            let stopping = self.stopped.is_some_and(|stopped| finding.line >= stopped);
            finding.doubtful |= self.stopped.is_some_and(|stopped| finding.line < stopped);
            finding.recovered = finding.signature.heals && level < Level::Fatal && self.last_success > finding.line;
            finding.last_words = (finding.last_words || telling + LAST_WORDS > self.telling) && !stopping;
            // What is only warned of long before the end didn't end it.
            if !finding.last_words && level == Level::Warning {
                finding.recovered = true;
            }
            if finding.line < self.end {
                finding.rank += match level {
                    Level::Warning if finding.count < OFTEN => 3,
                    Level::Warning => 2,
                    _ => 1,
                };
            }
            findings.push(finding);
        }
        findings.sort_by(|a, b| {
            let key = |finding: &LogFinding| (finding.recovered, !finding.last_words, finding.rank, Reverse(finding.line));
            key(a).cmp(&key(b)).then_with(|| a.text.cmp(&b.text))
        });
        learn(&mut findings);
        LogReading { findings, lines, last: self.last }
    }
}

/// The line that decides learns whom it is about from one beside it that says the same: an error without an address is often
/// wrapped by one that has it, or reported a second time.
fn learn(findings: &mut [LogFinding]) {
    let Some((first, others)) = findings.split_first_mut() else { return };
    if first.captures.host.is_none() && matches!(first.signature.kind, Kind::Address | Kind::HostName) {
        let same = others.iter().filter(|other| other.signature.cause == first.signature.cause && other.captures.host.is_some());
        let near = same.map(|other| (other.line.abs_diff(first.line), other)).filter(|(lines, _)| *lines <= BESIDE);
        if let Some((_, other)) = near.min_by_key(|(lines, _)| *lines) {
            (first.captures.host, first.captures.port) = (other.captures.host.clone(), other.captures.port);
        }
    }
}

/// Whether the lines below one of pydantic's say that a field isn't given (errors.pydantic.dev, "missing"; in its first
/// version `value_error.missing`).
fn is_missing_field(below: &str) -> bool {
    below.lines().take(2).any(|line| line.contains("[type=missing") || line.contains("value_error.missing"))
}

/// A line for quoting: shortened to what stands around the byte `at`, control characters escaped.
fn quoted(text: &str, at: usize) -> String {
    let clean = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let text = text.trim();
    let before = text.char_indices().take_while(|(index, _)| *index < at).count();
    let skipped = if before > FAR { before.saturating_sub(AHEAD) } else { 0 };
    let mut quoted = if skipped > 0 { "…".to_owned() } else { String::new() };
    quoted.extend(text.chars().skip(skipped).take(QUOTED).map(clean));
    if text.chars().count() > skipped + QUOTED {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wordings;
