//! Role markers: the words and tags with which chat formats say who speaks. A dot in the middle makes them plain text.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// What breaks a marker up.
const DOT: char = '·';

/// One marker: what stands before the dot and what after it. ChatML, Llama, Gemma, DeepSeek, Alpaca, and the roles as plain words;
/// tags that could pass for the prompt's own structure.
const MARKER: &str = concat!(
    // A role and a colon at a line's start, behind blanks, quotes and Markdown's signs.
    r#"(?mi:(?P<line>^[ \t>#*_"'`~(\[{-]*(?:system|assistant|human|user|developer|model|ai)[ \t*_]*)(?P<colon>[:：]))"#,
    // Two roles that are spelt so wherever they stand.
    r"|(?P<role>(?:Human|Assistant|SYSTEM)[ \t]*)(?P<mark>[:：])",
    r"|(?P<pipe><)(?P<bar>[|｜])",
    r"|(?i:(?P<inst>\[)(?P<word>/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]))",
    r"|(?i:(?P<sys><)(?P<tag></?SYS>>))",
    r"|(?i:(?P<open><)(?P<name>/?[ \t]*(?:s>|/?(?:system|assistant|human|user|developer|instructions?|prompt|data|context|evidence",
    r"|start_of_turn|end_of_turn|bos|eos|im_start|im_end|tool_call|function_calls|invoke)(?-u:\b))))",
    r"|(?i:(?P<hash>\#{2,}[ \t]*)(?P<heading>(?:instruction|response|input|system|user|assistant|human|task)s?(?-u:\b)))",
);

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(MARKER).ok());

/// The text with every role marker broken up.
pub fn broken_up(text: &str) -> String {
    let Some(pattern) = PATTERN.as_ref() else { return text.to_owned() };
    let dotted = |found: &Captures<'_>| {
        let mut groups = found.iter().skip(1).flatten().map(|group| group.as_str());
        let (before, after) = (groups.next().unwrap_or(""), groups.next().unwrap_or(""));
        format!("{before}{DOT}{after}")
    };
    // A marker may begin within another one's prefix, as a tag within a heading.
    let mut clean = Cow::Borrowed(text);
    while let Cow::Owned(again) = pattern.replace_all(&clean, dotted) {
        clean = Cow::Owned(again);
    }
    clean.into_owned()
}

/// Whether a text holds a role marker.
#[cfg(test)]
pub fn has_marker(text: &str) -> bool {
    PATTERN.as_ref().unwrap().is_match(text)
}
