//! What a message shows: the bridge between what is planned and `render`, which draws it.

use super::MessageSettings;
use crate::domain::{ButtonIds, IncidentView, PeriodicDigest, PostMark};
use crate::pipeline::{Permalinks, undoable};
use crate::ports::{NewButton, Planned, ReplacedMessage};
use crate::redact::Redactor;
use crate::render::click::{self as render, Mask};
use crate::render::discord;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The longest message of those that go where another was refused, in UTF-16 units.
const SHORT: usize = 500;

/// What is shown beside the incident.
pub(super) struct Frame<'a> {
    pub planned: &'a Planned,
    /// It alerts people.
    pub is_post: bool,
    /// The ids of its buttons; `None` where the channel takes none.
    pub buttons: Option<&'a ButtonIds>,
    pub settings: &'a MessageSettings,
    /// Where the pages are.
    pub links: &'a Permalinks,
}

/// Ids that stand for buttons until they are made.
pub(super) fn blank(buttons: &[NewButton]) -> ButtonIds {
    buttons.iter().map(|button| (button.verb, format!("sc1:{}:", button.verb))).collect()
}

/// A digest of what a message shows.
pub(super) fn digest(message: &Value) -> String {
    Sha256::digest(message.to_string()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a message has buttons.
pub(super) fn has_buttons(message: &Value) -> bool {
    message.get("components").and_then(Value::as_array).is_some_and(|rows| !rows.is_empty())
}

/// The message without what presses its buttons, to be kept.
pub(super) fn without_tokens(message: &Value) -> Value {
    let mut message = message.clone();
    let rows = message.get_mut("components").and_then(Value::as_array_mut).into_iter().flatten();
    for button in rows.filter_map(|row| row.get_mut("components")?.as_array_mut()).flatten() {
        if let Some(button) = button.as_object_mut() {
            button.remove("custom_id");
        }
    }
    message
}

/// Whether this is about the program's own trouble.
pub(super) fn is_trouble(payload: &Value) -> bool {
    payload.get("text").is_some_and(Value::is_string)
}

/// The incident's message.
pub(super) fn incident(view: &IncidentView, frame: &Frame<'_>, redactor: &Redactor, now: Timestamp) -> Value {
    let names: Vec<String> = frame.planned.affected.iter().map(|affected| affected.subject.to_string()).collect();
    drawn(view, frame, redactor, now, &names, discord::incident)
}

/// What goes out where the message is refused: its title, verdict, id and permalink.
pub(super) fn fallback(view: &IncidentView, frame: &Frame<'_>, redactor: &Redactor, now: Timestamp) -> Value {
    drawn(view, frame, redactor, now, &[], discord::short)
}

fn drawn(
    view: &IncidentView,
    frame: &Frame<'_>,
    redactor: &Redactor,
    now: Timestamp,
    affected: &[String],
    draw: impl FnOnce(&IncidentView, &discord::Frame<'_>) -> Value,
) -> Value {
    let Frame { planned, is_post, buttons, settings, links } = frame;
    let message = &planned.message;
    let mask: Mask<'_> = &|text| redactor.text(text);
    let page = |id: &str| links.to(id, now);
    let frame = discord::Frame {
        mask,
        own_cluster: &settings.own_cluster,
        page: &page,
        buttons: *buttons,
        mention_role: settings.mention_role.as_deref(),
        is_post: *is_post,
        is_resurfaced: message.mark == PostMark::Resurfaced,
        earlier: planned.earlier.as_deref(),
        repeats: (message.repeats, message.first_at, message.last_at),
        affected,
        is_tried: settings.is_tried,
        can_apply: settings.can_apply,
        undo: undoable(&view.attempts, now).map(|(attempt, until)| (attempt.code.as_str(), until)),
        facts: None,
        now,
    };
    draw(view, &frame)
}

/// An old message, which links to the one that took its place.
pub(super) fn replaced(view: &IncidentView, replaced: &ReplacedMessage, redactor: &Redactor) -> Value {
    let subject = render::plain(&redactor.text(&view.incident.subject.to_string()), 200);
    plain(&match &replaced.newer {
        Some(link) => format!("{subject}: goes on in {link}"),
        None => format!("{subject}: goes on in a newer message"),
    })
}

/// The program's own trouble.
pub(super) fn trouble(payload: &Value, redactor: &Redactor) -> Value {
    plain(&render::plain(&redactor.text(payload.get("text").and_then(Value::as_str).unwrap_or_default()), SHORT))
}

/// A digest.
pub(super) fn of_digest(digest: &PeriodicDigest, redactor: &Redactor) -> Value {
    let mask: Mask<'_> = &|text| redactor.text(text);
    match digest {
        PeriodicDigest::Chronic(digest) => discord::chronic_digest(digest, mask),
        PeriodicDigest::Daily(digest) => discord::daily_digest(digest, mask),
        PeriodicDigest::Team(digest) => discord::team_digest(digest, mask),
    }
}

/// The text of a message of others, short.
pub(super) fn cut(message: &Value) -> Value {
    let texts = ["/content", "/embeds/0/title", "/embeds/0/description"];
    let texts = texts.iter().filter_map(|place| message.pointer(place)?.as_str()).filter(|text| !text.is_empty());
    plain(&texts.collect::<Vec<_>>().join("\n"))
}

fn plain(text: &str) -> Value {
    let mut units = 0;
    let short: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= SHORT
        })
        .collect();
    json!({"content": short, "embeds": [], "components": [], "allowed_mentions": {"parse": []}})
}
