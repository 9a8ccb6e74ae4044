//! What `doctor` found: one line a check, and under what isn't as it should be what to do about it.

use super::Layout;
use super::escape::escape;
use super::style::Tone;
use crate::domain::{Check, CheckState};
use std::fmt::Write;

/// The checks as text, in their order.
pub fn checks(checks: &[Check], layout: Layout) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let tone = match check.state {
            CheckState::Ok => Tone::Good,
            CheckState::Off => Tone::Dim,
            CheckState::Warning => Tone::Doubtful,
            CheckState::Failed => Tone::Bad,
        };
        let state = tone.paint(&format!("{:7}", check.state.as_str()), layout.color);
        _ = writeln!(text, "{state}  {:width$}  {}", escape(&check.name), escape(&check.found));
        if let Some(fix) = check.fix.as_ref().filter(|fix| !fix.is_empty()) {
            _ = writeln!(text, "{:9}{:width$}  {}", "", "", Tone::Dim.paint(&escape(fix), layout.color));
        }
    }
    text
}
