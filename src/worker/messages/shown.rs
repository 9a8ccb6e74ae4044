//! What a message shows: the bridge between what is planned and `render`, which draws it.

use super::MessageSettings;
use crate::domain::{ButtonIds, IncidentView};
use crate::ports::{NewButton, Planned, ReplacedMessage};
use crate::redact::Redactor;
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
    pub now: Timestamp,
    pub settings: &'a MessageSettings,
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

pub(super) fn incident(view: &IncidentView, frame: &Frame<'_>, redactor: &Redactor) -> Value {
    let Frame { planned, is_post, buttons, settings, .. } = frame;
    let incident = &view.incident;
    let title = redactor.text(&incident.subject.to_string()).into_owned();
    let mut lines = vec![title, format!("{}", incident.status.as_str())];
    lines.extend(incident.summary.clone());
    if planned.message.mark == crate::domain::PostMark::Resurfaced {
        lines.push("🌀 RESURFACED".to_owned());
    }
    if planned.message.repeats > 1 {
        lines.push(format!("×{}", planned.message.repeats));
    }
    if !planned.affected.is_empty() {
        let names: Vec<_> = planned.affected.iter().map(|affected| affected.subject.to_string()).collect();
        lines.push(format!("Affected: {}", names.join(", ")));
    }
    lines.push(incident.id.clone());
    let rows: Vec<Value> = buttons
        .iter()
        .flat_map(|ids| ids.iter())
        .map(|(verb, id)| json!({"type": 2, "style": 2, "label": verb, "custom_id": id}))
        .collect();
    let components = if rows.is_empty() { json!([]) } else { json!([{"type": 1, "components": rows}]) };
    let role =
        settings.mention_role.as_ref().filter(|_| *is_post && view.standing.severity == Some(crate::domain::Severity::Critical));
    json!({
        "content": role.map(|role| format!("<@&{role}>")).unwrap_or_default(),
        "embeds": [{"description": lines.join("\n")}],
        "components": components,
        "allowed_mentions": match role { Some(role) => json!({"parse": [], "roles": [role]}), None => json!({"parse": []}) },
    })
}

/// An old message, which links to the one that took its place.
pub(super) fn replaced(
    view: &IncidentView,
    replaced: &ReplacedMessage,
    _settings: &MessageSettings,
    _now: Timestamp,
    redactor: &Redactor,
) -> Value {
    let title = redactor.text(&view.incident.subject.to_string()).into_owned();
    let newer = replaced.newer.as_deref().unwrap_or("below");
    json!({"content": "", "embeds": [{"description": format!("{title}\ngoes on: {newer}")}], "components": [], "allowed_mentions": {"parse": []}})
}

/// What goes out where the message is refused: its title, verdict, id and permalink.
pub(super) fn fallback(view: &IncidentView, settings: &MessageSettings, redactor: &Redactor) -> Value {
    let incident = &view.incident;
    let verdict = incident.verdict.map_or("no verdict yet", |verdict| verdict.as_str());
    let mut text = format!("{}: {verdict}. {}", redactor.text(&incident.subject.to_string()), incident.id);
    if let Some(url) = &settings.public_url {
        text.push_str(&format!(" {url}/incidents/{}", incident.id));
    }
    plain(&text)
}

/// The program's own trouble.
pub(super) fn trouble(payload: &Value, redactor: &Redactor) -> Value {
    plain(&redactor.text(payload.get("text").and_then(Value::as_str).unwrap_or_default()))
}

/// The text of a message of others, short.
pub(super) fn cut(message: &Value) -> Value {
    let texts = ["/content", "/embeds/0/title", "/embeds/0/description"];
    let text: Vec<&str> =
        texts.iter().filter_map(|place| message.pointer(place)?.as_str()).filter(|text| !text.is_empty()).collect();
    plain(&text.join("\n"))
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
