//! An incident as one Discord message: domain data in, the whole message out. It sends nothing, reads no clock, and keeps within
//! Discord's limits whatever it is given. All text from outside is masked, made harmless and cut, in that order.

mod fields;
mod fit;
mod head;
mod outcome;
mod time;
mod verdict;

#[cfg(test)]
mod tests;

use super::click::{Mask, label, plain};
use crate::domain::{ButtonIds, IncidentStatus, IncidentView, Severity, Verb};
use fit::{Embed, Field};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What is shown beside the incident.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Masks secrets.
    pub mask: Mask<'a>,
    /// What the process's own cluster is called in alerts: another one is named in the title.
    pub own_cluster: &'a str,
    /// What people reach the server under, without a slash at the end.
    pub public_url: Option<&'a str>,
    /// The ids of the message's buttons; `None` where the channel takes none.
    pub buttons: Option<&'a ButtonIds>,
    /// The role that a critical post names.
    pub mention_role: Option<&'a str>,
    /// It alerts people.
    pub is_post: bool,
    /// The same came again after a while.
    pub is_resurfaced: bool,
    /// Where the message stands whose place this one takes.
    pub earlier: Option<&'a str>,
    /// How often the alert began since the message was posted, the first time included; and when it began last.
    pub repeats: (u64, Timestamp),
    /// Other incidents that are named here and have no message of their own.
    pub affected: &'a [String],
    /// Changes can be applied: without it a proposal is advice.
    pub can_apply: bool,
    /// The time, for what is stale.
    pub now: Timestamp,
}

/// The incident's message, as Discord's API takes it.
pub fn incident(view: &IncidentView, frame: &Frame<'_>) -> Value {
    let mut embed = Embed {
        title: head::title(view, frame),
        url: link(view, frame),
        color: head::color(view, frame),
        description: head::description(view, frame),
        fields: fields::all(view, frame),
        footer: head::footer(view, frame),
        timestamp: head::moment(view),
        page: link(view, frame),
    };
    // Who decides has to see the whole command: where it doesn't fit, the buttons go.
    let has_whole_command = embed.fields.iter().all(Field::is_whole_enough);
    let ids = frame.buttons.filter(|ids| !ids.is_empty());
    let rows = ids.map_or_else(Vec::new, |ids| rows(ids, has_whole_command));
    embed.fit();
    let role = frame.mention_role.filter(|_| alarms(view, frame));
    let mentions = role.map_or_else(|| json!({"parse": []}), |role| json!({"parse": [], "roles": [role]}));
    json!({
        "content": role.map(|role| format!("<@&{role}>")).unwrap_or_default(),
        "embeds": [embed.into_json()],
        "components": rows,
        "allowed_mentions": mentions,
    })
}

/// What goes out where the message is refused: title, verdict, id and permalink, in at most 500 characters.
pub fn short(view: &IncidentView, frame: &Frame<'_>) -> Value {
    let verdict = view.incident.verdict.map_or("no verdict yet", |verdict| verdict.as_str());
    let subject = plain(&(frame.mask)(&view.incident.subject.to_string()), 200);
    let link = link(view, frame).filter(|link| link.len() < 200).map(|link| format!(" {link}")).unwrap_or_default();
    super::click::said(&format!("{subject}: {verdict}. Incident {}{link}", view.incident.id))
}

/// Where the incident's page is.
fn link(view: &IncidentView, frame: &Frame<'_>) -> Option<String> {
    frame.public_url.map(|url| format!("{url}/incidents/{}", view.incident.id))
}

/// Whether a role is named: a critical post about something that doesn't come and go.
fn alarms(view: &IncidentView, frame: &Frame<'_>) -> bool {
    let standing = &view.standing;
    let is_steady = standing.flap_count < head::FLAPPING && !standing.chronic;
    frame.is_post && is_steady && standing.severity == Some(Severity::Critical) && view.incident.status == IncidentStatus::Open
}

/// Feedback, then what can be decided.
fn rows(ids: &ButtonIds, may_decide: bool) -> Vec<Value> {
    let is_feedback = |verb: Verb| matches!(verb, Verb::Up | Verb::Down);
    let row = |wanted: &dyn Fn(Verb) -> bool| {
        let buttons = ids.iter().filter(|(verb, _)| wanted(**verb)).map(|(verb, id)| {
            let (label, style) = label(*verb);
            json!({"type": 2, "style": style, "label": label, "custom_id": id})
        });
        let buttons: Vec<Value> = buttons.collect();
        (!buttons.is_empty()).then(|| json!({"type": 1, "components": buttons}))
    };
    [row(&is_feedback), row(&|verb| !is_feedback(verb)).filter(|_| may_decide)].into_iter().flatten().collect()
}
