//! Finds JSON objects in a text without trusting it: knows strings, escapes and nesting, reads each byte once, and calls
//! itself never.

/// The deepest nesting that is read.
pub(super) const DEEPEST: usize = 16;

/// Where an object stands, or why none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// From byte to byte.
    Object(usize, usize),
    /// There is no brace.
    Nothing,
    /// It begins here and is nested too deeply.
    TooDeep(usize),
    /// It begins here and never ends.
    Open(usize),
}

/// The first balanced object from a byte on.
pub(super) fn object(text: &str, from: usize) -> Scan {
    let bytes = text.as_bytes();
    let rest = bytes.get(from..).unwrap_or_default();
    let Some(start) = rest.iter().position(|byte| *byte == b'{').map(|at| from + at) else { return Scan::Nothing };
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                open += 1;
                if open > DEEPEST {
                    return Scan::TooDeep(start);
                }
            }
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return Scan::Object(start, at + 1);
                }
            }
            _ => {}
        }
    }
    Scan::Open(start)
}

/// What stands inside the first code fence; the whole text where there is none.
pub(super) fn unfenced(text: &str) -> (usize, usize) {
    const FENCE: &str = "```";
    let Some(opening) = text.find(FENCE) else { return (0, text.len()) };
    // The rest of the line may name a language.
    let after = opening + FENCE.len();
    let rest = text.get(after..).unwrap_or_default();
    let start = after + rest.find(['\n', '{']).unwrap_or(0);
    let length = text.get(start..).and_then(|inside| inside.find(FENCE));
    (start, length.map_or(text.len(), |length| start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_do_not_count() {
        for (text, found) in [
            ("no object", Scan::Nothing),
            (r#"see {"a": "}"} there"#, Scan::Object(4, 14)),
            (r#"{"a": "\"}"}"#, Scan::Object(0, 12)),
            (r#"{"a": "\\"}"#, Scan::Object(0, 11)),
            (r#"{"a": [{}, {}]} {"b": 1}"#, Scan::Object(0, 15)),
            (r#"{"a": "#, Scan::Open(0)),
        ] {
            assert_eq!(object(text, 0), found, "{text}");
        }
        assert_eq!(object(&"{".repeat(1000), 0), Scan::TooDeep(0));
    }

    #[test]
    fn one_fence_is_taken_off() {
        let inside = |text: &str| {
            let (start, end) = unfenced(text);
            text[start..end].trim().to_owned()
        };
        assert_eq!(inside("Here:\n```json\n{\"a\": 1}\n```\nDone."), "{\"a\": 1}");
        assert_eq!(inside("```{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(inside("{}"), "{}");
    }
}
