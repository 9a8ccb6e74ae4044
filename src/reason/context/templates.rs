//! Log lines that differ only in their numbers are one kind of line. Counts them, so that a log of any length is a page.

use super::quote::place_holder;
use std::collections::BTreeMap;

/// How much of a line tells its kind.
const LONGEST: usize = 240;
/// More kinds than this are not counted apart.
const MOST: usize = 512;

/// One kind of line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<'a> {
    /// The line with its numbers folded; as it stands where there is only one.
    pub text: String,
    /// How many lines.
    pub count: u64,
    /// The first of them, and which log it is in.
    pub first: (usize, &'a str),
}

/// The kinds of lines in several logs, the severest first, then the most frequent. Frames of stack traces and other lines that go
/// on with the one before are left to it.
pub fn templates<'a>(logs: &[&'a str]) -> Vec<Template<'a>> {
    let mut kinds: BTreeMap<String, (u64, usize, &'a str)> = BTreeMap::new();
    for (log, text) in logs.iter().enumerate() {
        for line in text.split('\n') {
            if line.starts_with([' ', '\t']) || line.trim().is_empty() {
                continue;
            }
            let kind = folded(line);
            if kinds.len() >= MOST && !kinds.contains_key(&kind) {
                continue;
            }
            kinds.entry(kind).or_insert((0, log, line)).0 += 1;
        }
    }
    let mut found: Vec<Template<'a>> = kinds
        .into_iter()
        .map(|(kind, (count, log, line))| Template {
            text: if count == 1 { line.to_owned() } else { kind },
            count,
            first: (log, line),
        })
        .collect();
    found.sort_by_cached_key(|template| (!is_severe(&template.text), std::cmp::Reverse(template.count), template.text.clone()));
    found
}

/// Whether a line's words say that something is wrong.
fn is_severe(text: &str) -> bool {
    const WORDS: &[&str] =
        &["fatal", "panic", "error", "exception", "fail", "critical", "severe", "denied", "refused", "timeout", "timed out"];
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// A line with each word that holds a figure replaced by `#`; neighbours that only a sign parts become one. A place holder of
/// `redact` stays, since it says which value it was.
fn folded(line: &str) -> String {
    let mut out = String::new();
    let mut rest = super::quote::clip(line.trim_end(), LONGEST);
    while let Some(c) = rest.chars().next() {
        if let Some((holder, after)) = place_holder(rest).and_then(|length| rest.split_at_checked(length)) {
            out.push_str(holder);
            rest = after;
            continue;
        }
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let Some((word, after)) = rest.split_at_checked(length.max(c.len_utf8())) else { break };
        rest = after;
        if !word.bytes().any(|byte| byte.is_ascii_digit()) || !word.is_ascii() {
            out.push_str(word);
            continue;
        }
        let before = out.len();
        let joined = out.strip_suffix(['.', ':', '-', ',', '/', '+', '_']).is_some_and(|kept| kept.ends_with('#'));
        out.truncate(if joined { before - 1 } else { before });
        if !joined {
            out.push('#');
        }
    }
    // The time that a line begins with tells nothing about its kind.
    out.strip_prefix("# ").map(str::to_owned).unwrap_or(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_differ_in_numbers_are_one_kind() {
        let log = "2026-01-02T05:05:54.1Z GET /orders/17 200\n2026-01-02T05:05:55Z GET /orders/4711 200\nstarted\n\n  at x\nERROR <secret:3f9a1c> refused\n";
        let found = templates(&[log, "GET /orders/1 200\n"]);
        let shown: Vec<(&str, u64)> = found.iter().map(|template| (template.text.as_str(), template.count)).collect();
        assert_eq!(shown, [("ERROR <secret:3f9a1c> refused", 1), ("GET /orders/# #", 3), ("started", 1)]);
        assert_eq!(found[1].first, (0, "2026-01-02T05:05:54.1Z GET /orders/17 200"));
    }

    proptest! {
        #[test]
        fn any_log_is_counted(log in any::<String>()) {
            let lines = log.split('\n').filter(|line| !line.starts_with([' ', '\t']) && !line.trim().is_empty()).count();
            let counted: u64 = templates(&[&log]).iter().map(|template| template.count).sum();
            prop_assert_eq!(counted, lines as u64);
        }
    }
}
