//! `analyze --show-egress`: what would leave this machine, for a person to read before it does.

use crate::ports::Egress;
use crate::redact::Counts;
use crate::render::escape;
use std::fmt::Write;

/// Each request with its address, the names of its headers, what was masked in it, and its body as it would be sent.
pub(super) fn text(all: &[Egress]) -> String {
    if all.is_empty() {
        return "nothing would be sent: no model and no source beside the cluster is configured (docs/settings.md)\n".to_owned();
    }
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        let counts = Counts::of(&format!("{}\n{}", one.address, one.body));
        let (number, of, line) = (index + 1, all.len(), format!("{} {}", one.method, one.address));
        // A line that can't be written to a string doesn't exist.
        _ = writeln!(text, "── {number} of {of}, {}: {}", one.destination, escape(&line));
        _ = writeln!(text, "headers: {}\nmasked: {counts}", escape(&one.headers.join(", ")));
        if !one.body.is_empty() {
            _ = writeln!(text, "{}", shown(&one.body));
        }
    }
    text
}

/// The body, with nothing in it that acts on a terminal; JSON has no such characters.
fn shown(body: &str) -> String {
    body.lines().map(escape).collect::<Vec<_>>().join("\n")
}
