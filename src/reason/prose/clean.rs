//! Takes out of a text what acts on whoever shows it: control characters, characters that don't show, links and mentions.

/// A text without what acts: one line, links as their words, no scheme that a screen would make a link of, no angle brackets
/// around anything.
pub fn clean(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            // The full-width sign reads as a mention in some clients.
            '\u{ff20}' | '\u{fe6b}' => visible.push('@'),
            char if is_hidden(char) => {}
            char if char.is_control() || char.is_whitespace() => visible.push(' '),
            char => visible.push(char),
        }
    }
    let text = without_brackets(&without_links(&visible));
    let text = without_schemes(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Zero-width, bidirectional, variation and tag characters.
fn is_hidden(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `[words](address)` becomes `words`, again and again since one may hold another.
fn without_links(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(middle) = text.find("](") {
        let (before, after) = (text.get(..middle).unwrap_or_default(), text.get(middle + 2..).unwrap_or_default());
        let from = before.rfind('[');
        let words = from.and_then(|from| before.get(from + 1..)).unwrap_or(before);
        let lead = from.and_then(|from| before.get(..from)).unwrap_or_default();
        let rest = after.find(')').and_then(|to| after.get(to + 1..)).unwrap_or_default();
        text = format!("{}{words}{rest}", lead.strip_suffix('!').unwrap_or(lead));
    }
    text
}

/// `<https://host|words>`, `<@1>` and their like lose their brackets; a comparison (`a < b`, `<5`) keeps its sign.
fn without_brackets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let compares = chars.peek().is_none_or(|next| next.is_whitespace() || next.is_ascii_digit() || *next == '=');
        match char {
            '<' if !compares => kept.push(' '),
            '>' if !kept.ends_with([' ', '-', '=']) => kept.push(' '),
            char => kept.push(char),
        }
    }
    kept
}

/// `https://host/path` becomes `host/path`, which no screen makes a link of by itself.
fn without_schemes(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(at) = text.find("://") {
        let before = text.get(..at).unwrap_or_default();
        let kept = before.trim_end_matches(|char: char| char.is_ascii_alphanumeric() || "+.-".contains(char)).len();
        text = format!("{}{}", text.get(..kept).unwrap_or_default(), text.get(at + 3..).unwrap_or_default());
    }
    text
}

/// Whether a sentence would call a person or a group where it is shown. Within a word (`repo@sha256:…`) the sign calls nobody,
/// but for the groups, which clients find anywhere.
pub(super) fn calls_somebody(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let group = ["@everyone", "@here", "@channel", "@all"].iter().any(|group| lower.contains(group));
    let mut before = ' ';
    let mut mentions = false;
    for char in lower.chars() {
        mentions |= char == '@' && !before.is_alphanumeric();
        before = char;
    }
    group || mentions
}
