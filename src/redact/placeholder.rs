//! What stands where a value was, and how to know it again: masking twice must be masking once.

use std::ops::Range;

/// How many hex digits a placeholder carries.
pub(super) const DIGITS: usize = 6;

/// What was masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Secret,
    Mail,
    Card,
    Ip,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Secret, Self::Mail, Self::Card, Self::Ip];

    /// The word in the placeholder.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Mail => "mail",
            Self::Card => "card",
            Self::Ip => "ip",
        }
    }
}

/// One value to mask: where it stands, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

impl Found {
    pub(super) fn secret(range: Range<usize>) -> Self {
        Self { range, kind: Kind::Secret }
    }
}

/// The length of the placeholder at the beginning of these bytes, if they begin with one.
pub(super) fn leading(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"<")?;
    let (word, rest) =
        Kind::ALL.iter().find_map(|kind| Some((kind.word(), rest.strip_prefix(kind.word().as_bytes())?.strip_prefix(b":")?)))?;
    let (digits, rest) = rest.split_at_checked(DIGITS)?;
    let hex = digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (hex && rest.first() == Some(&b'>')).then_some(1 + word.len() + 1 + DIGITS + 1)
}

/// The kind of every placeholder in a text, in their order.
pub(super) fn kinds(text: &str) -> impl Iterator<Item = Kind> + use<'_> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).filter_map(|at| {
        let placeholder = bytes.get(at..)?;
        leading(placeholder)?;
        Kind::ALL.into_iter().find(|kind| placeholder.get(1..).is_some_and(|rest| rest.starts_with(kind.word().as_bytes())))
    })
}

/// Whether the text is one placeholder and nothing else.
pub(super) fn is_whole(text: &str) -> bool {
    leading(text.as_bytes()) == Some(text.len())
}

/// Whether this range is a placeholder itself, lies within one, or cuts one in two.
pub(super) fn is_cut(text: &str, range: &Range<usize>) -> bool {
    text.get(range.clone()).is_none_or(is_whole) || is_within(text, range.start) || is_within(text, range.end)
}

/// Whether a placeholder begins before and ends after this place.
fn is_within(text: &str, at: usize) -> bool {
    let longest = "<secret:>".len() + DIGITS;
    let bytes = text.as_bytes();
    (at.saturating_sub(longest - 1)..at)
        .any(|start| bytes.get(start..).and_then(leading).is_some_and(|length| start + length > at))
}
