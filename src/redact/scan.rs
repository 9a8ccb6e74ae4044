//! Walking over bytes of text that may hold a secret. All places are byte offsets next to ASCII bytes, so a slice
//! between two of them is always whole characters.

const RUN: u8 = 1;
const AT: u8 = 2;
const SEPARATOR: u8 = 4;
const DIGIT: u8 = 8;
const WORD: u8 = 16;

/// What each byte can be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        classes[byte] = match character {
            b'0'..=b'9' => RUN | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'/' | b'_' | b'-' => RUN,
            b'@' => AT,
            b'=' | b':' | b'>' => SEPARATOR,
            b' ' | b'\t' | b'"' | b'\'' | b'`' => WORD,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// What one look over a text says about what it can hold. Most strings of a cluster can hold nothing.
#[derive(Default)]
pub(super) struct Traits {
    /// An `@`.
    pub(super) at: bool,
    /// A `=`, `:` or `>`.
    pub(super) separator: bool,
    /// A blank or a quote: more than one word, so that one may be another's value.
    pub(super) word: bool,
    /// The length of the longest unbroken run.
    pub(super) longest: usize,
    /// Enough digits for a card number (13, ISO/IEC 7812).
    pub(super) digits: bool,
    /// What an IP address needs.
    pub(super) address: bool,
}

impl Traits {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (mut seen, mut run, mut longest, mut digits) = (0, 0_usize, 0_usize, 0_usize);
        for byte in bytes {
            let class = CLASSES[usize::from(*byte)];
            seen |= class;
            run = (run + 1) * usize::from(class & RUN);
            longest = longest.max(run);
            digits += usize::from(class & DIGIT != 0);
        }
        Self {
            at: seen & AT != 0,
            separator: seen & SEPARATOR != 0,
            word: seen & WORD != 0,
            longest,
            digits: digits >= 13,
            address: digits >= 4 || seen & SEPARATOR != 0,
        }
    }
}

/// The byte before this place.
pub(super) fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|at| bytes.get(at).copied())
}

/// The longest colour code of a terminal that is known again: `38;5;208`.
const COLOUR: usize = 16;

/// Whether an escape ends right before this place: the `n` of a `\\n` in quoted text, or a terminal's colour code. Its letter
/// belongs to no word.
fn ends_escape(bytes: &[u8], at: usize) -> bool {
    let Some(letter) = at.checked_sub(1) else { return false };
    match bytes.get(letter) {
        Some(b'n' | b'r' | b't') => before(bytes, letter) == Some(b'\\'),
        Some(b'm') => {
            let least = letter.saturating_sub(COLOUR);
            let code = bytes.get(least..letter).unwrap_or_default();
            let start = least + run_start(code, code.len(), |byte| byte.is_ascii_digit() || byte == b';');
            // ESC itself, or how it is written in quoted text: `\u001b`, `\x1B`, `\033`, `\e`.
            let escape = start.checked_sub(1).and_then(|bracket| before(bytes, bracket));
            before(bytes, start) == Some(b'[') && matches!(escape, Some(0x1b | b'b' | b'B' | b'3' | b'e'))
        }
        _ => false,
    }
}

/// Whether a word can begin here.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    before(bytes, at).is_none_or(|byte| !byte.is_ascii_alphanumeric()) || ends_escape(bytes, at)
}

/// Where the word of a run that starts here begins: behind what an escape left of itself.
pub(super) fn word_start(bytes: &[u8], start: usize) -> usize {
    let letter = run_within(bytes, start, COLOUR, |byte| byte.is_ascii_digit());
    if ends_escape(bytes, letter + 1) { letter + 1 } else { start }
}

/// The end of the run that starts here.
pub(super) fn run_end(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

/// The end of the run that starts here, at most so many bytes away.
pub(super) fn run_within(bytes: &[u8], from: usize, most: usize, belongs: impl Fn(u8) -> bool) -> usize {
    run_end(bytes.get(..from.saturating_add(most)).unwrap_or(bytes), from, belongs)
}

/// The start of the run that ends here.
pub(super) fn run_start(bytes: &[u8], to: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(..to).unwrap_or_default();
    rest.iter().rposition(|byte| !belongs(*byte)).map_or(0, |at| at + 1)
}

/// Past the blanks and tabs that start here, at most `most`.
pub(super) fn skip_blanks(bytes: &[u8], from: usize, most: usize) -> usize {
    run_within(bytes, from, most, is_blank)
}

/// The end of the line that this place is on, without its line break.
pub(super) fn line_end(bytes: &[u8], from: usize) -> usize {
    run_end(bytes, from, |byte| byte != b'\n' && byte != b'\r')
}

/// The start of the line that this place is on.
pub(super) fn line_start(bytes: &[u8], from: usize) -> usize {
    run_start(bytes, from, |byte| byte != b'\n' && byte != b'\r')
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// The letters of base64, both alphabets.
pub(super) fn is_base64(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & RUN != 0
}
