//! The last lines that a container wrote before it ended, for rules that look for one wording in them. What else a log says
//! is the log reader's to tell.

use crate::cluster::pod::{Container, Termination};
use crate::diagnose::context::Context;
use crate::domain::{Evidence, EvidenceSource};
use serde_json::Value;

/// How many of the last lines may name the reason of an end.
const LAST: usize = 30;
/// How much of one line is read.
const LONGEST: usize = 500;

/// One line and where it stands.
#[derive(Debug, Clone)]
pub(super) struct LastLine {
    /// The line, shortened, without control characters.
    pub text: String,
    /// The line as evidence.
    pub evidence: Evidence,
}

/// The last lines of the instance that ended this way, oldest first: from its termination message, and from its log.
pub(super) fn of(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>) -> Vec<LastLine> {
    let mut lines = Vec::new();
    for text in end.message.lines().rev().take(LAST).collect::<Vec<_>>().into_iter().rev() {
        lines.push(LastLine { text: clean(text), evidence: container.termination_evidence(end) });
    }
    // A container that waits for its restart has no instance that runs: both logs are then of the one that ended.
    let logs = [(true, !end.current), (false, !container.is_running())];
    let log = logs
        .into_iter()
        .filter(|(_, fits)| *fits)
        .find_map(|(previous, _)| Some((previous, cx.snap.log(&container.pod.id, container.name, previous)?)));
    if let Some((previous, text)) = log {
        lines.extend(last(container, previous, text));
    }
    lines
}

/// The last lines of a container that runs, oldest first.
pub(super) fn of_running(cx: &Context<'_>, container: &Container<'_>) -> Vec<LastLine> {
    let text = cx.snap.log(&container.pod.id, container.name, false);
    text.map(|text| last(container, false, text)).unwrap_or_default()
}

/// The last lines of a log.
fn last(container: &Container<'_>, previous: bool, text: &str) -> Vec<LastLine> {
    let count = text.lines().count();
    let numbered = text.lines().enumerate().skip(count.saturating_sub(LAST));
    let path = if previous { "previous" } else { "current" };
    numbered
        .map(|(index, line)| {
            let text = clean(line);
            let evidence = Evidence {
                source: EvidenceSource::Log,
                object: container.pod.id.clone(),
                container: Some(container.name.to_owned()),
                path: path.to_owned(),
                line: Some(index + 1),
                value: Value::String(text.clone()),
                at: None,
                count: None,
            };
            LastLine { text, evidence }
        })
        .collect()
}

/// A line without control characters, and not longer than is useful.
fn clean(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>().trim_end().to_owned()
}

/// Whether one of these lower-case words stands in a line, in whatever case.
pub(super) fn says(line: &str, words: &[&str]) -> bool {
    let lower = line.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}

/// The first absolute path in a line.
pub(super) fn path_in(line: &str) -> Option<&str> {
    let word = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | ';' | '=' | '[' | ']' | '{' | '}' | '<' | '>')
    };
    let words = line.split(word).map(|word| word.trim_end_matches([':', '.']).trim_start_matches("file:"));
    words.into_iter().find(|word| word.starts_with('/') && word.len() > 1)
}

/// Whether a lower-case line is about binding a port that needs a privilege.
pub(super) fn is_low_port(line: &str) -> bool {
    let binds = line.contains("bind") || line.contains("listen");
    let port = |rest: &str| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().is_ok_and(|port| (1..1024).contains(&port))
    };
    binds && line.split(':').skip(1).any(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_path_that_a_line_is_about() {
        assert_eq!(path_in("open /data/db.lock: permission denied"), Some("/data/db.lock"));
        assert_eq!(path_in("mkdir: cannot create directory '/var/lib/x': Permission denied"), Some("/var/lib/x"));
        assert_eq!(path_in("java.io.FileNotFoundException: /data/a.log (Permission denied)"), Some("/data/a.log"));
        assert_eq!(path_in("EACCES: permission denied, open '/data/a'"), Some("/data/a"));
        assert_eq!(path_in("nothing here / there"), None);
    }

    #[test]
    fn low_ports() {
        assert!(is_low_port("bind() to 0.0.0.0:80 failed (13: permission denied)"));
        assert!(is_low_port("listen tcp :443: bind: permission denied"));
        assert!(!is_low_port("listen tcp :8080: bind: permission denied"));
        assert!(!is_low_port("open /var/run:80: permission denied"));
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "\\PC{0,100}") {
            path_in(&line);
            is_low_port(&format!("bind {line}"));
            prop_assert!(clean(&line).chars().count() <= LONGEST);
        }
    }
}
