//! What a message shows: the bridge between what is planned and `render`, which draws it.

use super::MessageSettings;
use crate::domain::{AttemptState, ButtonIds, IncidentStatus, IncidentView, PostMark, Severity};
use crate::ports::{NewButton, Planned, ReplacedMessage};
use crate::redact::Redactor;
use crate::render::click as render;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The longest message of those that go where another was refused, in UTF-16 units.
const SHORT: usize = 500;
/// So many names of others are shown.
const NAMES: usize = 40;
/// So many flaps within a day are flapping.
const FLAPPING: usize = 3;

/// What is shown beside the incident.
pub(super) struct Frame<'a> {
    pub planned: &'a Planned,
    /// It alerts people.
    pub is_post: bool,
    /// The ids of its buttons; `None` where the channel takes none.
    pub buttons: Option<&'a ButtonIds>,
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

/// The incident's message.
pub(super) fn incident(view: &IncidentView, frame: &Frame<'_>, redactor: &Redactor) -> Value {
    let Frame { planned, is_post, buttons, settings, .. } = frame;
    let (incident, standing) = (&view.incident, &view.standing);
    let text = |text: &str, most: usize| render::plain(&redactor.text(text), most);
    let mut lines: Vec<String> = Vec::new();
    lines.extend(planned.earlier.as_ref().map(|link| format!("Before: {link}")));
    lines.push(match (incident.status, incident.verdict) {
        (IncidentStatus::Resolved, _) => "✅ Resolved".to_owned(),
        (IncidentStatus::Merged, _) => format!("Part of incident {}", incident.merged_into.as_deref().unwrap_or_default()),
        (IncidentStatus::Open, Some(verdict)) => format!("Verdict: {}", verdict.as_str()),
        (IncidentStatus::Open, None) => "⏳ Analysing".to_owned(),
    });
    lines.extend(incident.summary.as_ref().map(|summary| text(summary, 600)));
    let waits = view.attempts.iter().find(|attempt| attempt.state == AttemptState::Proposed);
    if let Some(attempt) = waits.filter(|_| buttons.is_none()) {
        lines.push(format!("To decide: `sre-copilot approve {}`", attempt.code));
    }
    let mut names: Vec<String> = planned.affected.iter().map(|affected| text(&affected.subject.to_string(), 100)).collect();
    if !names.is_empty() {
        let more = names.len().saturating_sub(NAMES);
        names.truncate(NAMES);
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        lines.push(format!("Affected: {}{more}", names.join(", ")));
    }
    let mark = if planned.message.mark == PostMark::Resurfaced { " · 🌀 RESURFACED" } else { "" };
    let repeats =
        if planned.message.repeats > 1 { format!(" · ×{} in 30 min", planned.message.repeats) } else { String::new() };
    let alert = standing.episodes.first().map_or("", |episode| episode.name.as_str());
    let mut embed = json!({
        "title": format!("{} · {}{mark}", text(alert, 100), text(&incident.subject.to_string(), 120)),
        "description": lines.join("\n"),
        "footer": {"text": format!("incident {}{repeats}", incident.id)},
    });
    if let Some(url) = &settings.public_url {
        embed["url"] = json!(format!("{url}/incidents/{}", incident.id));
    }
    let row: Vec<Value> = buttons
        .iter()
        .flat_map(|ids| ids.iter())
        .map(|(verb, id)| json!({"type": 2, "style": 2, "label": verb, "custom_id": id}))
        .collect();
    let is_steady = standing.flap_count < FLAPPING && !standing.chronic;
    let is_alarm = *is_post && is_steady && standing.severity == Some(Severity::Critical);
    let role = settings.mention_role.as_ref().filter(|_| is_alarm);
    let mentions = role.map_or_else(|| json!({"parse": []}), |role| json!({"parse": [], "roles": [role]}));
    json!({
        "content": role.map(|role| format!("<@&{role}>")).unwrap_or_default(),
        "embeds": [embed],
        "components": if row.is_empty() { json!([]) } else { json!([{"type": 1, "components": row}]) },
        "allowed_mentions": mentions,
    })
}

/// An old message, which links to the one that took its place.
pub(super) fn replaced(view: &IncidentView, replaced: &ReplacedMessage, redactor: &Redactor) -> Value {
    let subject = render::plain(&redactor.text(&view.incident.subject.to_string()), 200);
    plain(&match &replaced.newer {
        Some(link) => format!("{subject}: goes on in {link}"),
        None => format!("{subject}: goes on in a newer message"),
    })
}

/// What goes out where the message is refused: its title, verdict, id and permalink.
pub(super) fn fallback(view: &IncidentView, settings: &MessageSettings, redactor: &Redactor) -> Value {
    let incident = &view.incident;
    let verdict = incident.verdict.map_or("no verdict yet", |verdict| verdict.as_str());
    let subject = render::plain(&redactor.text(&incident.subject.to_string()), 200);
    let link = settings.public_url.as_ref().map(|url| format!(" {url}/incidents/{}", incident.id)).unwrap_or_default();
    plain(&format!("{subject}: {verdict}. Incident {}{link}", incident.id))
}

/// The program's own trouble.
pub(super) fn trouble(payload: &Value, redactor: &Redactor) -> Value {
    plain(&render::plain(&redactor.text(payload.get("text").and_then(Value::as_str).unwrap_or_default()), SHORT))
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
