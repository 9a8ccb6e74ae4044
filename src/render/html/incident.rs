//! An incident as a page: where it stands, its newest report, what was changed, its alerts, what happened, what people said.

use super::markup::Html;
use super::{attempts, facts, folded, list, page, report, section, timeline};
use crate::domain::{AnalysisState, EpisodeRecord, Feedback, IncidentStatus, IncidentView, Run, Severity, Timeline, Verdict};
use crate::render::age::{ago, since};
use jiff::Timestamp;

/// Annotations that lead to a page.
const PAGES: [(&str, &str); 2] = [("runbook_url", "runbook"), ("dashboard_url", "dashboard")];

/// The page of an incident at this time. `runs` are its analyses, oldest first.
pub fn incident_page(view: &IncidentView, runs: &[Run], timeline: &Timeline, now: Timestamp) -> String {
    let incident = &view.incident;
    page(&format!("{}: {}", incident.status.as_str(), incident.subject), |html| {
        chips(html, view);
        html.words("h1", &incident.subject.to_string());
        head(html, view, now);
        analysis(html, view, now);
        if let Some(finding) = &view.finding {
            report::report(html, &finding.report, false, false);
        }
        attempts::attempts(html, &view.attempts, now);
        alerts(html, view);
        timeline::part(html, timeline, incident.opened_at);
        list(html, "What people say", &view.feedback, 10, |html, said| judged(html, said, now));
        analyses(html, runs, now);
        html.tag("footer", |html| {
            html.text("Incident ");
            html.words("code", &incident.id);
            html.text(", shown as of ");
            html.time(now);
            html.text(" UTC.");
        });
    })
}

/// What must be seen first.
fn chips(html: &mut Html, view: &IncidentView) {
    let (incident, standing) = (&view.incident, &view.standing);
    html.tag("p class=\"chips\"", |html| {
        match incident.status {
            IncidentStatus::Open => html.words("span class=\"chip bad\"", "open"),
            IncidentStatus::Resolved => html.words("span class=\"chip good\"", "resolved"),
            IncidentStatus::Merged => html.words("span class=\"chip\"", "merged"),
        }
        match standing.severity {
            Some(Severity::Critical) => html.words("span class=\"chip bad\"", "critical"),
            Some(Severity::Warning) => html.words("span class=\"chip doubtful\"", "warning"),
            Some(severity) => html.words("span class=\"chip\"", severity.as_str()),
            None => html.words("span class=\"chip\"", "severity not set"),
        }
        if standing.flapping {
            html.words("span class=\"chip doubtful\"", &format!("flapping ×{}", standing.flap_count));
        }
        if standing.chronic {
            html.words("span class=\"chip doubtful\"", "chronic");
        }
        let again = incident.cause.as_deref().map_or(0, |cause| view.memory.recurrences(cause));
        if again > 0 {
            html.words("span class=\"chip doubtful\"", &format!("the same {again}× in 7 days before"));
        }
        if standing.episodes.iter().any(|episode| episode.is_stuck && episode.ended_at.is_none()) {
            html.words("span class=\"chip doubtful\"", "fires for more than a day");
        }
    });
    html.newline();
}

fn head(html: &mut Html, view: &IncidentView, now: Timestamp) {
    let (incident, standing) = (&view.incident, &view.standing);
    if let Some(other) = &incident.merged_into {
        html.tag("p", |html| {
            html.text("This is part of incident ");
            html.incident(other);
            html.text(".");
        });
    }
    let firing = standing.episodes.iter().filter(|episode| episode.ended_at.is_none()).count();
    let mut names: Vec<&str> = standing.episodes.iter().map(|episode| episode.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let left_out =
        if standing.truncated > 0 { format!(", {} more that the sender left out", standing.truncated) } else { String::new() };
    let alerts = if names.is_empty() {
        String::new()
    } else {
        let more = if names.len() > 4 { format!(" and {} more", names.len() - 4) } else { String::new() };
        let shown = names.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        format!("{shown}{more}: {firing} of {} firing{left_out}", standing.episodes.len())
    };
    let lasted = match incident.resolved_at {
        Some(end) => format!(", over after {}", since(incident.opened_at, end)),
        None => String::new(),
    };
    html.tag("p class=\"quiet\"", |html| {
        html.text("Opened ");
        html.time(incident.opened_at);
        html.text(&format!(" UTC, {}{lasted}", ago(incident.opened_at, now)));
    });
    facts(html, &[("cluster", incident.cluster.clone()), ("alerts", alerts)]);
    // The alert's own words come before any analysis, and while there is none they are all there is.
    let words = standing.episodes.iter().rev().find_map(|episode| {
        ["summary", "description", "message"].iter().find_map(|key| episode.annotations.get(*key).filter(|text| !text.is_empty()))
    });
    if let Some(words) = words {
        html.tag("p", |html| {
            html.words("span class=\"quiet\"", "The alert says: ");
            html.text(words);
        });
    }
    pages(html, &standing.episodes);
}

/// Pages that the alerts lead to, each once.
fn pages(html: &mut Html, episodes: &[EpisodeRecord]) {
    let known = episodes.iter().flat_map(|episode| {
        let noted = PAGES.iter().filter_map(|(key, label)| Some((*label, episode.annotations.get(*key)?.as_str())));
        noted.chain(Some(("source", episode.generator_url.as_str())))
    });
    let mut pages: Vec<(&str, &str)> = known.filter(|(_, address)| !address.is_empty()).collect();
    pages.sort_unstable();
    pages.dedup();
    pages.truncate(6);
    if pages.is_empty() {
        return;
    }
    html.tag("p class=\"small\"", |html| {
        for (index, (label, address)) in pages.iter().enumerate() {
            html.text(if index == 0 { "" } else { " · " });
            html.link(label, address);
        }
    });
}

/// What is being done; nothing where the report below is all there is.
fn analysis(html: &mut Html, view: &IncidentView, now: Timestamp) {
    let text = match &view.analysis {
        AnalysisState::Idle if view.finding.is_some() => return,
        AnalysisState::Idle => "Not analysed.".to_owned(),
        AnalysisState::Queued { since: at } => format!("An analysis waits, for {}.", since(*at, now)),
        AnalysisState::Running { since: at } => format!("Being analysed, for {}.", since(*at, now)),
        AnalysisState::Failed { why, retry_at } => {
            let again = retry_at.map(|at| format!(" It is tried again in {}, while it fires.", since(now, at)));
            format!("The analysis failed: {why}.{}", again.unwrap_or_default())
        }
    };
    html.tag("div class=\"answer none\"", |html| {
        html.words("p class=\"summary\"", &text);
        if view.finding.is_some() {
            html.words("p class=\"small quiet\"", "What follows is the last analysis that was done.");
        }
    });
}

fn alerts(html: &mut Html, view: &IncidentView) {
    let mut episodes: Vec<&EpisodeRecord> = view.standing.episodes.iter().collect();
    // What fires stands first, the newest of each first.
    episodes.sort_by_key(|episode| (episode.ended_at.is_some(), std::cmp::Reverse(episode.starts_at)));
    list(html, "Alerts", &episodes, 5, |html, episode| {
        html.words("strong", &episode.name);
        let state = match episode.ended_at {
            // Its start is by another clock than ours: how long that is isn't said.
            None => " firing".to_owned(),
            Some(end) => format!(" over, lasted {}", since(episode.starts_at, end)),
        };
        let marks = [(episode.is_flap, "flap"), (episode.is_silent, "not heard of for long"), (episode.is_stuck, "stuck")];
        let marks = marks.iter().filter(|(is, _)| *is).map(|(_, word)| format!(", {word}")).collect::<String>();
        html.text(&format!("{state}{marks}, since "));
        html.time(episode.starts_at);
        let labels = episode.labels.iter().filter(|(name, _)| name.as_str() != "alertname");
        let labels = labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        html.tag("div class=\"small quiet\"", |html| html.text(&labels));
    });
}

fn judged(html: &mut Html, said: &Feedback, now: Timestamp) {
    html.words("strong", &said.by.name);
    let verdict = if said.is_accepted { "it was right" } else { "it was wrong" };
    let cause = said.cause.as_ref().map(|cause| format!(", it was {cause}")).unwrap_or_default();
    let comment = said.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    html.text(&format!(", {}: {verdict}{cause}{comment}", ago(said.at, now)));
}

/// The analyses, the newest first; the newest is the report above.
fn analyses(html: &mut Html, runs: &[Run], now: Timestamp) {
    if runs.len() < 2 {
        return;
    }
    let runs: Vec<&Run> = runs.iter().rev().collect();
    section(html, "Analyses", |html| {
        folded(html, "ul", &runs, 5, |html, run| {
            let cause = run.cause.as_deref().filter(|_| run.verdict <= Verdict::Likely);
            let cause = cause.map(|cause| format!(" {cause}")).unwrap_or_default();
            html.text(&format!("{}{cause}, {} ", run.verdict.as_str(), ago(run.created_at, now)));
            html.words("code class=\"quiet\"", &run.id);
        });
    });
}
