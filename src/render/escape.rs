//! Makes text from outside safe to show. A log line may hold anything: escape sequences that move the cursor or
//! retitle the window, newlines that forge a further line, overrides that turn the reading direction around.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that is not plainly visible written out (`\n`, `\x1b`, `\u{202e}`); a tab becomes a
/// space. What comes back is always a single line.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\t' => out.push(' '),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            char if !is_unsafe(char) => out.push(char),
            // Writing to a String does not fail.
            char if u32::from(char) < 0x100 => _ = write!(out, "\\x{:02x}", u32::from(char)),
            char => _ = write!(out, "\\u{{{:x}}}", u32::from(char)),
        }
    }
    Cow::Owned(out)
}

/// Whether a character acts on the display instead of showing on it: control characters (C0, DEL, C1), line and
/// paragraph separators, and the invisible ones of Unicode's category Cf, bidirectional overrides among them.
pub(super) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{escape, is_unsafe};
    use proptest::prelude::*;

    #[test]
    fn leaves_plain_text_of_any_script_alone() {
        for text in ["", "OOMKilled", "Größe 5 µs → 7", "接続できません", "naïve 👍"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn writes_out_what_acts_on_the_terminal() {
        assert_eq!(escape("\u{1b}[2J\u{1b}]0;pwned\u{7}x"), "\\x1b[2J\\x1b]0;pwned\\x07x");
        assert_eq!(escape("a\nERROR forged\r\tb"), "a\\nERROR forged\\r b");
        assert_eq!(escape("user\u{202e}gpj.exe\u{200b}\u{9b}31m"), "user\\u{202e}gpj.exe\\u{200b}\\x9b31m");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_unsafe));
        }
    }
}
