//! Spans of time as people type them: `30s`, `1h30m`, `2d`.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Reads a span of at least a second; a day has 24 hours.
pub fn parse(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "write it as 30s, 10m, 1h30m or 2d".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| "it is out of range".to_owned())?;
    if duration < SignedDuration::from_secs(1) { Err("it is shorter than a second".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn spans() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("1h", 3_600), ("1h30m", 5_400), ("2d", 172_800), ("1 hour", 3_600)] {
            assert_eq!(parse(text).map(|span| span.as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "1", "-1h", "1h ago", "0s", "5ms", "1 month", "999999999d", "\u{1b}[2J"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
