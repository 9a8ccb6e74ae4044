//! Times in messages, which are read long after they were written: lengths, and moments that Discord renders by itself.

use jiff::Timestamp;

/// `<1m`, `45m`, `3h 20m`, `2d 4h`; floored.
pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    let minutes = to.as_second().saturating_sub(from.as_second()).max(0) / 60;
    let two = |big: i64, unit: &str, small: i64, of: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit} {small}{of}"),
    };
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, 0) => "<1m".to_owned(),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => two(hours, "h", minutes % 60, "m"),
        (days, hours, _) => two(days, "d", hours % 24, "h"),
    }
}

/// How long ago, as each reader's client says it ("Message Formatting", timestamp style R).
pub(super) fn relative(at: Timestamp) -> String {
    format!("<t:{}:R>", at.as_second())
}

/// `12m before the alert`, `3m after the alert`.
pub(super) fn against(at: Timestamp, alert: Timestamp) -> String {
    if at <= alert { format!("{} before the alert", length(at, alert)) } else { format!("{} after the alert", length(alert, at)) }
}

/// `11:02`, UTC.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}
