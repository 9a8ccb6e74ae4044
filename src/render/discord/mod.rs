//! An incident as one Discord message: domain data in, the whole message out. It sends nothing, reads no clock, and keeps within
//! Discord's limits whatever it is given. All text from outside is masked, made harmless and cut, in that order.

mod digest;
mod facts;
mod fields;
mod fit;
mod head;
mod outcome;
mod time;
mod verdict;

#[cfg(test)]
mod gallery;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use digest::{chronic_digest, daily_digest, team_digest};

use super::click::{Mask, bare, block, label, person, plain};
use crate::domain::{Actor, ButtonIds, GraphFacts, IncidentStatus, IncidentView, Severity, Verb, Verdict};
use fit::{Embed, Field};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The longest link, in bytes: what is longer is shown as text.
const LINK: usize = 400;

/// What is shown beside the incident.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Masks secrets.
    pub mask: Mask<'a>,
    /// What the process's own cluster is called in alerts: another one is named in the title.
    pub own_cluster: &'a str,
    /// Where an incident's page is; `None` where people have no address of the server.
    pub page: &'a (dyn Fn(&str) -> Option<String> + Sync),
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
    /// How often the alert began since the message was posted, the first time included; when for the first time, and when last.
    pub repeats: (u64, Timestamp, Timestamp),
    /// Other incidents that are named here and have no message of their own.
    pub affected: &'a [String],
    /// Changes are tried on the server: there are dry runs to tell of.
    pub is_tried: bool,
    /// Changes can be applied: without it a proposal is advice.
    pub can_apply: bool,
    /// The code of the change that can be taken back now, and until when.
    pub undo: Option<(&'a str, Timestamp)>,
    /// What is known around the subject; `None` where nobody was asked.
    pub facts: Option<&'a GraphFacts>,
    /// The time, for what is stale.
    pub now: Timestamp,
}

impl Frame<'_> {
    /// Text from outside within a line: masked, made harmless, cut.
    fn text(&self, text: &str, most: usize) -> String {
        plain(&(self.mask)(text), most)
    }

    /// Somebody who decided.
    fn person(&self, actor: &Actor) -> String {
        let name = (self.mask)(&actor.name).into_owned();
        person(&Actor { name, ..actor.clone() })
    }

    /// The same as a block of code.
    fn block(&self, text: &str, most: usize) -> String {
        block(&(self.mask)(text), most)
    }

    /// A link, with what it is and its host as its label: http and https only. `None` where it isn't safe, or holds a secret.
    fn link(&self, what: &str, url: &str) -> Option<String> {
        let masked = (self.mask)(url);
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let host: String = rest.chars().take_while(|char| !"/?#".contains(*char)).collect();
        let is_host = !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || ".:-".contains(char));
        let is_plain = url.chars().all(|char| char.is_ascii_graphic() && !"()<>[]`\\|\"".contains(char));
        (masked == url && is_host && is_plain && url.len() <= LINK)
            .then(|| format!("[{what} ({host})]({})", url.replace('@', "%40")))
    }

    /// Text from outside that leads to its page, where it has a safe one.
    fn linked(&self, text: &str, url: Option<&str>) -> String {
        let text = self.text(text, 80);
        url.and_then(|url| self.link(&text, url)).unwrap_or(text)
    }

    /// The same where no markup is read.
    fn bare(&self, text: &str, most: usize) -> String {
        bare(&(self.mask)(text), most)
    }
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
        most: fit::DESCRIPTION,
    };
    // Who decides has to see the whole command: where it doesn't fit, the buttons go.
    let is_whole = embed.fields.iter().all(Field::is_whole_enough);
    embed.fit();
    let is_shown = is_whole && embed.fields.iter().any(|field| field.name == outcome::PROPOSED);
    let ids = frame.buttons.filter(|ids| !ids.is_empty());
    let rows = ids.map_or_else(Vec::new, |ids| rows(ids, |verb| may_press(verb, view, is_shown)));
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
    let subject = frame.text(&view.incident.subject.to_string(), 200);
    let link = link(view, frame).filter(|link| link.len() < 200).map(|link| format!(" {link}")).unwrap_or_default();
    super::click::said(&format!("{subject}: {verdict}. Incident {}{link}", view.incident.id))
}

/// Where the incident's page is.
fn link(view: &IncidentView, frame: &Frame<'_>) -> Option<String> {
    (frame.page)(&view.incident.id)
}

/// Whether a role is named: a critical post about something that doesn't come and go.
fn alarms(view: &IncidentView, frame: &Frame<'_>) -> bool {
    let standing = &view.standing;
    let is_steady = !standing.flapping && !standing.chronic;
    let is_heard = !verdict::is_suppressed(view);
    frame.is_post
        && is_steady
        && is_heard
        && standing.severity == Some(Severity::Critical)
        && view.incident.status == IncidentStatus::Open
}

/// Whether a button is drawn: what decides on a change stands beside the whole command, and where nothing was determined there is
/// nothing to decide.
fn may_press(verb: Verb, view: &IncidentView, is_shown: bool) -> bool {
    let is_determined = view.finding.as_ref().is_none_or(|finding| finding.report.verdict != Verdict::Inconclusive);
    match verb {
        Verb::Apply | Verb::Approve | Verb::Decline => is_shown && is_determined,
        _ => true,
    }
}

/// Feedback, then what can be decided.
fn rows(ids: &ButtonIds, may_press: impl Fn(Verb) -> bool) -> Vec<Value> {
    let is_feedback = |verb: Verb| matches!(verb, Verb::Up | Verb::Down);
    let row = |wanted: &dyn Fn(Verb) -> bool| {
        let buttons = ids.iter().filter(|(verb, _)| wanted(**verb) && may_press(**verb)).map(|(verb, id)| {
            let (label, style) = label(*verb);
            json!({"type": 2, "style": style, "label": label, "custom_id": id})
        });
        let buttons: Vec<Value> = buttons.collect();
        (!buttons.is_empty()).then(|| json!({"type": 1, "components": buttons}))
    };
    [row(&is_feedback), row(&|verb| !is_feedback(verb))].into_iter().flatten().collect()
}
