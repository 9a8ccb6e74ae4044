//! The prompt guard. Whoever can write a log line, an annotation or a ticket can write to the model. The guard takes away what
//! could be mistaken for structure and marks what tries to instruct. It never drops evidence and never stops an analysis: what an
//! answer can do is bounded by its schema and its checks, not by what this finds.

mod fold;
mod phrases;
mod roles;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// What stands around a phrase that tries to instruct.
const OPEN: &str = "⟦suspicious: ";
const CLOSE: char = '⟧';
const BRACKETS: [char; 2] = ['⟦', CLOSE];
/// How much of a phrase a report repeats, in characters.
const REPEATED: usize = 80;

/// Text from outside as a prompt may show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guarded {
    /// The text.
    pub text: String,
    /// The beginnings of the phrases in it that try to instruct, in order.
    pub phrases: Vec<String>,
}

/// Makes a text harmless: [`visible`], then [`marked`]. Doing it twice is doing it once.
pub fn guard(text: &str) -> Guarded {
    marked(&visible(text))
}

/// The text without what can't be seen: control characters and the sequences that colour a terminal, bidi overrides, zero-width,
/// tag and filler characters, variation selectors. Whatever ends a line becomes a plain line end; tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && c != '\t' && is_unseen(c)) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        rest = after;
        match c {
            '\n' | '\t' => clean.push(c),
            '\r' if after.starts_with('\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\u{1b}' => rest = after_colour(after).unwrap_or(after),
            c if is_unseen(c) => {}
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// What follows the sequence that sets colours (ECMA-48, SGR: `[`, numbers, `m`) after an escape character.
fn after_colour(text: &str) -> Option<&str> {
    let numbers = text.strip_prefix('[')?;
    numbers.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').strip_prefix('m')
}

/// Whether a character acts on what is read without being seen (Unicode's categories Cc, Cf, Zl, Zp, and what else is
/// default-ignorable).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Breaks up role markers, and puts phrases that try to instruct between `⟦suspicious: ` and `⟧`. Brackets of that kind which
/// already stand in the text are kept where they mark something, and are no brackets any more elsewhere.
pub fn marked(text: &str) -> Guarded {
    let text = roles::broken_up(&brackets_broken_up(text));
    let mut guarded = Guarded { text: String::with_capacity(text.len() + 32), phrases: Vec::new() };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (plain, mark, after) = next_mark(rest).unwrap_or((rest, "", ""));
        let mut written = 0;
        for range in phrases::find(plain) {
            let (Some(before), Some(phrase)) = (plain.get(written..range.start), plain.get(range.clone())) else { continue };
            guarded.text.extend([before, OPEN, phrase]);
            guarded.text.push(CLOSE);
            guarded.phrases.push(phrase.chars().take(REPEATED).collect());
            written = range.end;
        }
        guarded.text.push_str(plain.get(written..).unwrap_or(""));
        guarded.text.push_str(mark);
        if let Some(phrase) = mark.strip_prefix(OPEN).and_then(|mark| mark.strip_suffix(CLOSE)) {
            guarded.phrases.push(phrase.chars().take(REPEATED).collect());
        }
        rest = after;
    }
    guarded
}

/// What stands before the first `⟦suspicious: …⟧`, it, and what follows.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices(OPEN).find_map(|(start, _)| {
        let inside = text.get(start + OPEN.len()..)?;
        let length = inside.find(BRACKETS)?;
        inside.get(length..)?.starts_with(CLOSE).then_some(())?;
        let (before, rest) = text.split_at_checked(start)?;
        let (mark, after) = rest.split_at_checked(OPEN.len() + length + CLOSE.len_utf8())?;
        Some((before, mark, after))
    })
}

/// Brackets of the guard's own kind that mark nothing would let a text pretend that a mark ends.
fn brackets_broken_up(text: &str) -> Cow<'_, str> {
    if !text.contains(BRACKETS) {
        return Cow::Borrowed(text);
    }
    let plain = |text: &str| text.replace('⟦', "[[").replace(CLOSE, "]]");
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mark, after)) = next_mark(rest) {
        clean.push_str(&plain(before));
        clean.push_str(mark);
        rest = after;
    }
    clean.push_str(&plain(rest));
    Cow::Owned(clean)
}
