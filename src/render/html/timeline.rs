//! The timeline of an incident in HTML: when, against the moment that it opened, what, and who says so.

use super::markup::Html;
use super::{folded, page, section};
use crate::domain::{Incident, Moment, Timeline};
use jiff::Timestamp;

/// Moments that stand open on an incident's page.
const OPEN: usize = 60;

/// The timeline as a page of its own.
pub fn timeline_page(incident: &Incident, timeline: &Timeline) -> String {
    page(&format!("Timeline: {}", incident.subject), |html| {
        html.words("h1", &incident.subject.to_string());
        html.tag("p", |html| {
            html.text("Incident ");
            html.incident(&incident.id);
        });
        self::timeline(html, timeline, incident.opened_at, usize::MAX);
    })
}

/// The timeline as a part of the incident's page.
pub(super) fn part(html: &mut Html, timeline: &Timeline, opened: Timestamp) {
    self::timeline(html, timeline, opened, OPEN);
}

fn timeline(html: &mut Html, timeline: &Timeline, opened: Timestamp, most: usize) {
    section(html, "Timeline", |html| {
        html.tag("p class=\"small quiet\"", |html| {
            html.text("From ");
            html.time(timeline.from);
            html.text(" to ");
            html.time(timeline.to);
            html.text(" UTC; minutes are counted from when the incident opened.");
        });
        if timeline.events.is_empty() {
            html.words("p", "Nothing is known to have happened.");
        }
        folded(html, "ol class=\"moments\"", &timeline.events, most, |html, moment| told(html, moment, opened));
        if !timeline.unknown.is_empty() {
            html.words("h3", "Not heard");
            folded(html, "ul", &timeline.unknown, 8, |html, one| html.text(&format!("{}: {}", one.source, one.why)));
        }
    });
}

fn told(html: &mut Html, moment: &Moment, opened: Timestamp) {
    html.tag("span class=\"when\"", |html| html.time(moment.at));
    html.words("span class=\"quiet\"", &format!(" {} ", offset(moment.at, opened)));
    html.words("span class=\"kind\"", &moment.kind.as_str().replace('_', " "));
    html.text(&format!(" {}", moment.what));
    let is_number = moment.evidence.as_deref().is_some_and(|id| id.starts_with('e') && id.len() < 8);
    html.cite(moment.evidence.as_slice().get(..usize::from(is_number)).unwrap_or_default());
    html.words("span class=\"quiet\"", &format!(" {}", moment.source));
}

/// `−12m`, `+3m`, `0m`: whole minutes, cut.
fn offset(at: Timestamp, opened: Timestamp) -> String {
    match (at.as_second() - opened.as_second()) / 60 {
        0 => "0m".to_owned(),
        minutes @ 1.. => format!("+{minutes}m"),
        minutes => format!("−{}m", minutes.abs()),
    }
}
