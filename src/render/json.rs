//! JSON and nothing else on standard output, for programs.

use super::escape::is_unsafe;
use serde::Serialize;

/// Indented JSON with a final newline. Characters that act on a terminal are written as `\uXXXX`, which JSON reads
/// back as what they are.
///
/// # Errors
/// When the value can't be represented in JSON (a map with keys that aren't strings).
pub fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    indented(value, |char| char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect())
}

/// JSON in which unsafe characters are escaped; `escape_wide` says how, for one above U+FFFF.
pub(super) fn indented(value: &impl Serialize, escape_wide: fn(char) -> String) -> Result<String, serde_json::Error> {
    let mut plain = serde_json::to_string_pretty(value)?;
    plain.push('\n');
    if !plain.chars().any(|char| is_unsafe(char) && char != '\n') {
        return Ok(plain);
    }
    // Outside of strings JSON is ASCII, and inside of them serde_json has escaped the control characters below U+0020:
    // whatever is unsafe and left is inside a string.
    let mut out = String::with_capacity(plain.len() + 64);
    for char in plain.chars() {
        match u32::from(char) {
            _ if char == '\n' || !is_unsafe(char) => out.push(char),
            code @ ..0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
            _ => out.push_str(&escape_wide(char)),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_reads_back_the_same() {
        let value = serde_json::json!({"line": "\u{1b}[31m\u{9b}0m \u{202e}x\u{e0001} \"q\" ö\n"});
        let text = json(&value).unwrap();
        assert!(text.contains(r"\u001b[31m\u009b0m \u202ex\udb40\udc01"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
