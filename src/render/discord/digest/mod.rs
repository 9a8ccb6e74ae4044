//! Digests as Discord messages: sections of what was measured, in a fixed order. A section whose source failed says so, and where
//! there is too much whole sections go, last ones first. No model writes in them.

mod chronic;
mod daily;
mod team;

pub use chronic::chronic_digest;
pub use daily::daily_digest;
pub use team::team_digest;

use super::super::click::{Mask, plain};
use super::fit::{Embed, Field, shorten, units};
use crate::domain::{Changed, Part};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The edge of a digest that says nothing by its colour.
const NEUTRAL: u32 = 0x60_7D_8B;
/// Steps of a bar.
const STEPS: usize = 10;

/// One section: its name, its lines, and whether it stands beside its neighbours.
struct Section {
    name: &'static str,
    lines: Vec<String>,
    inline: bool,
}

impl Section {
    /// Of a part: what was measured, or why it wasn't; `None` where nobody asks for it or there is nothing to say.
    fn of<T>(name: &'static str, part: &Part<T>, mask: Mask<'_>, lines: impl FnOnce(&T) -> Vec<String>) -> Option<Self> {
        let lines = match part {
            Part::Measured(it) => lines(it),
            Part::NotMeasured(why) => vec![not_measured(why, mask)],
            Part::Absent => return None,
        };
        (!lines.is_empty()).then_some(Self { name, lines, inline: false })
    }
}

fn not_measured(why: &str, mask: Mask<'_>) -> String {
    format!("not measured: {}", plain(&mask(why), 200))
}

/// What is common to all digests.
struct Head {
    title: String,
    color: u32,
    description: Vec<String>,
    footer: String,
    at: Timestamp,
}

/// The whole message, without what doesn't fit.
fn message(head: Head, sections: Vec<Section>) -> Value {
    let mut embed = Embed::of_digest(head.title, head.color, head.description, head.footer, head.at);
    embed.fields = sections
        .into_iter()
        .map(|section| Field { is_inline: section.inline, ..Field::new(section.name, lines(&section.lines, 1024)) })
        .collect();
    embed.fit_whole();
    json!({"content": "", "embeds": [embed.into_json()], "components": [], "allowed_mentions": {"parse": []}})
}

/// As many whole lines as there is room for, then how many more.
fn lines(all: &[String], most: usize) -> String {
    let mut text = String::new();
    for (index, line) in all.iter().enumerate() {
        let line = shorten(line, 300);
        let is_last = index + 1 == all.len();
        if units(&text) + units(&line) + if is_last { 1 } else { 16 } > most {
            text.push_str(&format!("+{} more", all.len() - index));
            return text;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// `+3`, `−4`, `±0`; the first day has nothing to compare with.
fn change(it: &Changed) -> String {
    let number = |value: f64| format!("{}", value.round());
    match it.before {
        None => format!("{} (first day)", number(it.now)),
        Some(before) => format!("{} ({})", number(it.now), signed(it.now.round() - before.round(), 0)),
    }
}

/// A difference with its sign; a true minus, as wide as the plus.
fn signed(difference: f64, places: usize) -> String {
    if difference > 0.0 {
        format!("+{difference:.places$}")
    } else if difference < 0.0 {
        format!("−{:.places$}", -difference)
    } else {
        "±0".to_owned()
    }
}

/// `36h`, `45m`: whole hours or minutes, floored.
fn whole(seconds: u64) -> String {
    if seconds >= 3600 { format!("{}h", seconds / 3600) } else { format!("{}m", seconds / 60) }
}

/// `▰▰▰▱▱▱▱▱▱▱` of a share from 0 to 1.
fn bar(share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=10; NaN becomes 0")]
    let full = (share * 10.0).round().clamp(0.0, 10.0) as usize;
    "▰".repeat(full) + &"▱".repeat(STEPS.saturating_sub(full))
}

/// `2026-01-02`, UTC.
fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
