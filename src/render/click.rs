//! What a person who clicked is shown, as the body of one Discord message that nobody else sees. All text from outside is
//! masked by the caller's `mask`, made harmless, and cut, in that order.

use super::escape::is_unsafe;
use super::value::show_field;
use crate::domain::{Actor, Attempt, AttemptContext, AttemptState, DiffLine, Plan, Verb};
use serde_json::{Value, json};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// Of a field's value ("Message", "Embed Limits": 1024), in UTF-16 units, with its code block.
const FIELD: usize = 1000;
/// Of a line from outside in running text.
const LINE: usize = 300;
/// Between what would act and what is written: it shows as nothing.
const APART: char = '\u{200b}';

/// Masks secrets.
pub type Mask<'a> = &'a (dyn for<'t> Fn(&'t str) -> Cow<'t, str> + Sync);

/// A message of one sentence or more of ours.
pub fn said(text: &str) -> Value {
    json!({ "content": text, "embeds": [], "components": [], "allowed_mentions": { "parse": [] } })
}

/// The same with buttons, in their order.
pub fn asked(text: &str, buttons: &[(Verb, &str)]) -> Value {
    let mut message = said(text);
    message["components"] = row(buttons);
    message
}

/// A plan, with everything that its approval binds, and the button of the second step. Without the button where the command
/// doesn't fit: who approves has to see all of it.
pub fn plan(attempt: &Attempt, head: &str, second: Option<(Verb, &str)>, mask: Mask<'_>) -> Value {
    let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    let Ok(plan) = serde_json::from_value::<Plan>(attempt.plan.clone()) else {
        return said(&format!("The plan of {} can't be read, so that it can't be applied.", attempt.code));
    };
    let command = mask(&shown.command);
    let is_whole = !command.is_empty() && block(&command, usize::MAX).encode_utf16().count() <= FIELD;
    let diff = changes(&plan.diff, 40);
    let object = format!("{} ({})", attempt.target, version(&plan));
    let axes = plan.risk.axes.iter().map(|axis| format!("{} {}", axis.axis, axis.value)).collect::<Vec<_>>().join(", ");
    let inline = |text: &str| plain(&mask(text), LINE);
    let field = |name: &str, value: String| (!value.is_empty()).then(|| json!({ "name": name, "value": value }));
    let fields = [
        field("Command", block(&command, FIELD)),
        field("Changes", if diff.is_empty() { String::new() } else { block(&mask(&diff), FIELD) }),
        field("Object and version", inline(&object)),
        field("Risk", format!("{}: {}", plan.risk.level.as_str(), inline(&axes))),
        field("Not checked by the API server", inline(&shown.unchecked.join(", "))),
        field("Undo", inline(&shown.undo)),
        field("Digest", format!("`{}`", attempt.digest.short())),
        field("Expires", format!("<t:{}:R>", attempt.expires_at.as_second())),
    ];
    let embed = json!({
        "title": plain(&mask(&shown.title), 256),
        "description": inline(&shown.why),
        "fields": fields.into_iter().flatten().collect::<Vec<_>>(),
    });
    let mut message = match (second, is_whole) {
        (Some(second), true) => asked(head, &[second]),
        (Some(_), false) => {
            let code = &attempt.code;
            said(&format!("The command is too long to be shown whole here: `sre-copilot approve {code}` shows it on a terminal."))
        }
        (None, _) => said(head),
    };
    message["embeds"] = json!([embed]);
    message
}

/// What a plan changes, a line each, and how many lines more there are than these.
pub fn changes(diff: &[DiffLine], most: usize) -> String {
    let line = |line: &DiffLine| {
        let by = line.by.as_ref().map(|by| format!("  (by {by})")).unwrap_or_default();
        format!("{}  {} -> {}{by}", line.path, show_field(&line.before), show_field(&line.after))
    };
    let mut lines: Vec<String> = diff.iter().take(most).map(line).collect();
    lines.extend((diff.len() > most).then(|| format!("+{} more", diff.len() - most)));
    lines.join("\n")
}

fn version(plan: &Plan) -> &str {
    if plan.target.version.is_empty() { &plan.target.uid } else { &plan.target.version }
}

/// What became of an attempt, in one or two sentences.
pub fn outcome(attempt: &Attempt, mask: Mask<'_>) -> String {
    let code = &attempt.code;
    let reason = attempt.reason.as_deref().map(|reason| plain(&mask(reason), LINE)).unwrap_or_default();
    // The sentence without its code.
    let why = attempt.reason.as_deref().map(|reason| reason.split_once(": ").map_or(reason, |(_, why)| why));
    let why = why.map(|why| format!(": {}", plain(&mask(why), LINE))).unwrap_or_default();
    let at = attempt.sent_at.map(|at| format!(" <t:{}:R>", at.as_second())).unwrap_or_default();
    match attempt.state {
        AttemptState::Proposed => format!("{code} waits for a decision."),
        AttemptState::Approved | AttemptState::Claimed | AttemptState::Running => {
            format!("{code} is approved{} and on its way.", by(attempt))
        }
        AttemptState::Unknown => format!(
            "{code} was sent{at}, and it isn't known whether it was applied. {reason}\nLook at the object, then: `sre-copilot approve {code} --resolve applied|not-applied`"
        ),
        AttemptState::Succeeded => {
            let checked = attempt.verify_due_at.map(|due| format!(". Whether it helped is looked at <t:{}:R>.", due.as_second()));
            format!("{code} was applied{at}{}", checked.unwrap_or(why))
        }
        AttemptState::Verified => format!("{code} was applied{at}, and it helped."),
        AttemptState::NotVerified => format!("{code} was applied{at}, and it did not help."),
        AttemptState::Undone => format!("{code} was applied{at} and is taken back."),
        AttemptState::Failed => format!("{code} was not applied. {reason}").trim_end().to_owned(),
        AttemptState::Declined => format!("{code} was declined{}.", by(attempt)),
        AttemptState::Expired if attempt.decided_by.is_some() => {
            format!("{code} was not applied{why}.\n`sre-copilot approve {code}` plans it afresh.")
        }
        AttemptState::Expired => {
            format!("{code} is over: nobody decided in time. `sre-copilot approve {code}` plans it afresh.")
        }
        // Approved, and found to be out of date before anything was sent.
        AttemptState::Superseded if attempt.decided_by.is_some() => {
            format!("{code} was not applied. {reason}\n`sre-copilot approve {code}` plans it afresh.")
        }
        AttemptState::Superseded => {
            format!("{code} was not applied: something newer took its place. {reason}").trim_end().to_owned()
        }
    }
}

fn by(attempt: &Attempt) -> String {
    attempt.decided_by.as_ref().map(|actor| format!(" by {}", person(actor))).unwrap_or_default()
}

/// Somebody, by Discord's own rendering of their number where they have one: it alerts nobody, since mentions are off.
pub fn person(actor: &Actor) -> String {
    let is_number = !actor.id.is_empty() && actor.id.bytes().all(|digit| digit.is_ascii_digit());
    if actor.kind == "discord" && is_number { format!("<@{}>", actor.id) } else { plain(&actor.name, 80) }
}

fn row(buttons: &[(Verb, &str)]) -> Value {
    let button = |(verb, id): &(Verb, &str)| {
        let (label, style) = label(*verb);
        json!({ "type": 2, "style": style, "label": label, "custom_id": id })
    };
    json!([{ "type": 1, "components": buttons.iter().map(button).collect::<Vec<_>>() }])
}

/// What stands on a button, and its style ("Message Components", "Button Styles": 1 primary, 2 secondary, 3 success, 4 danger).
pub(super) fn label(verb: Verb) -> (&'static str, u8) {
    match verb {
        Verb::Up => ("👍", 2),
        Verb::Down => ("👎", 2),
        Verb::WrongCause => ("Wrong cause", 2),
        Verb::WrongObject => ("Wrong object", 2),
        Verb::WrongAction => ("Wrong action", 2),
        Verb::NotAFault => ("Not a fault", 2),
        Verb::Cancel => ("Cancel", 2),
        Verb::Apply => ("⚙️ Apply", 1),
        Verb::Apply2 => ("Apply it", 4),
        Verb::Approve => ("Approve", 1),
        Verb::Approve2 => ("Approve it", 4),
        Verb::Decline => ("Decline", 2),
        Verb::Undo => ("Undo", 2),
        Verb::Undo2 => ("Take it back", 4),
    }
}

/// Text from outside within a line of ours: it can mention, link, format and end nothing.
pub fn plain(text: &str, most: usize) -> String {
    let shown = shown(text, most, |char| if matches!(char, '\n' | '\r' | '\t') { ' ' } else { char });
    // What begins a line makes a list of it: a sign, or digits and a full stop.
    let (mut is_start, mut is_number) = (true, false);
    let pieces = shown.grapheme_indices(true).map(|(at, grapheme)| {
        let mut piece = String::with_capacity(4);
        for (offset, char) in grapheme.char_indices() {
            match char {
                '\\' | '*' | '_' | '~' | '|' | '#' | '>' | '[' | ']' | '(' | ')' | '<' | '`' => piece.extend(['\\', char]),
                '-' | '+' if is_start => piece.extend(['\\', char]),
                '.' if is_number => piece.extend(['\\', char]),
                '@' => piece.extend([char, APART]),
                ':' if shown.get(at + offset..).is_some_and(|rest| rest.starts_with("://")) => piece.extend([char, APART]),
                char => piece.push(char),
            }
            is_number = (is_start || is_number) && char.is_ascii_digit();
            is_start = is_start && char.is_whitespace();
        }
        piece
    });
    cut(pieces, most)
}

/// Text from outside where no markup is read: it mentions nothing.
pub(super) fn bare(text: &str, most: usize) -> String {
    let shown = shown(text, most, |char| if matches!(char, '\n' | '\r' | '\t') { ' ' } else { char });
    let pieces = shown.graphemes(true).map(|grapheme| grapheme.replace('@', "@\u{200b}"));
    cut(pieces, most)
}

/// Text from outside as a block of code, which nothing in it ends.
pub(super) fn block(text: &str, most: usize) -> String {
    let shown = shown(text, most, |char| if char == '\t' { ' ' } else { char });
    let mut before = ' ';
    let pieces = shown.graphemes(true).map(|grapheme| {
        let mut piece = String::with_capacity(4);
        for char in grapheme.chars() {
            if char == '`' && before == '`' {
                piece.push(APART);
            }
            piece.push(char);
            before = char;
        }
        piece
    });
    format!("```\n{}\n```", cut(pieces, most.saturating_sub(8)))
}

/// As much of a text as may be needed, without what acts on the display: it goes first, so that nothing that it kept apart
/// comes together later.
fn shown(text: &str, most: usize, other: impl Fn(char) -> char) -> String {
    let harmless = text.chars().map(other).filter(|char| *char == '\n' || !is_unsafe(*char));
    harmless.take(most.saturating_add(1)).collect()
}

/// As many pieces as there is room for, in UTF-16 units; `…` where that isn't all.
fn cut(pieces: impl Iterator<Item = String>, most: usize) -> String {
    let (mut text, mut length) = (String::new(), 0);
    // Up to where it may be cut, so that the sign for it has room.
    let mut room = 0;
    for piece in pieces {
        let units = piece.encode_utf16().count();
        if length + units > most {
            text.truncate(room);
            text.push('…');
            return text;
        }
        text.push_str(&piece);
        length += units;
        if length < most {
            room = text.len();
        }
    }
    text
}

#[cfg(test)]
mod tests;
