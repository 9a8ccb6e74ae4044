//! What a message shows above and below its fields: title, colour, description, footer.

use super::time::{clock, length};
use super::{Frame, facts, verdict};
use crate::domain::{
    AttemptState, IncidentStatus, IncidentView, Origin, REPEATS_WITHIN, Reasoning, Report, STALE_AFTER, Severity, Verdict,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Of the alert's own text, of the summary, and of what a model adds, in UTF-16 units.
const ALERT_TEXT: usize = 600;
const SUMMARY: usize = 500;
const NARRATIVE: usize = 600;

/// When the alert began: what times are told against.
pub(super) fn began(view: &IncidentView) -> Timestamp {
    view.alert().map_or(view.incident.opened_at, |episode| episode.starts_at)
}

pub(super) fn severity(view: &IncidentView) -> Severity {
    view.standing.severity.unwrap_or(Severity::Warning)
}

/// Nobody clicked, and nobody decided.
fn is_stale(view: &IncidentView, frame: &Frame<'_>) -> bool {
    let is_old = frame.now.duration_since(view.incident.opened_at) >= STALE_AFTER;
    let is_answered = view.clicked_at.is_some()
        || !view.feedback.is_empty()
        || view.attempts.iter().any(|attempt| attempt.decided_by.is_some());
    view.incident.status == IncidentStatus::Open && severity(view) == Severity::Critical && is_old && !is_answered
}

fn icon(view: &IncidentView, frame: &Frame<'_>) -> (&'static str, u32) {
    match (view.incident.status, severity(view)) {
        (IncidentStatus::Resolved, _) => ("✅", 0x43_A0_47),
        (IncidentStatus::Merged, _) => ("🔇", 0x9E_9E_9E),
        (IncidentStatus::Open, Severity::Critical) if is_stale(view, frame) || verdict::is_suppressed(view) => ("🟠", 0xFB_8C_00),
        (IncidentStatus::Open, _) if verdict::is_suppressed(view) => ("🔇", 0x9E_9E_9E),
        (IncidentStatus::Open, Severity::Critical) => ("🚨", 0xE5_39_35),
        (IncidentStatus::Open, Severity::Warning) => ("⚠️", 0xFD_D8_35),
        (IncidentStatus::Open, Severity::Info) => ("ℹ️", 0x9E_9E_9E),
        (IncidentStatus::Open, Severity::None) => ("🔇", 0x9E_9E_9E),
    }
}

/// The colour of the message's edge. Green comes from the alert's end alone.
pub(super) fn color(view: &IncidentView, frame: &Frame<'_>) -> u32 {
    icon(view, frame).1
}

pub(super) fn title(view: &IncidentView, frame: &Frame<'_>) -> String {
    let text = |text: &str, most| frame.text(text, most);
    let subject = &view.incident.subject;
    let name = view.alert().map(|episode| text(&episode.name, 60));
    let what = match subject.kind.as_str() {
        "Alert" => String::new(),
        _ => match &subject.namespace {
            Some(namespace) => format!("{}/{}", text(namespace, 40), text(&subject.name, 60)),
            None => format!("{} {}", subject.kind, text(&subject.name, 60)),
        },
    };
    let cluster = (view.incident.cluster != frame.own_cluster).then(|| text(&view.incident.cluster, 24));
    let mut parts: Vec<String> = cluster.into_iter().chain(name).collect();
    parts.extend(Some(what).filter(|what| !what.is_empty()));
    if parts.is_empty() {
        parts.push("Incident".to_owned());
    }
    parts.extend(marks(view, frame));
    format!("{} {}", icon(view, frame).0, parts.join(" · "))
}

/// What holds of the incident, for who reads only titles.
fn marks(view: &IncidentView, frame: &Frame<'_>) -> Vec<String> {
    let firing = || view.standing.episodes.iter().filter(|episode| episode.ended_at.is_none());
    let others = firing().count().saturating_sub(1);
    let namespaces: BTreeSet<&String> = firing().filter_map(|episode| episode.labels.get("namespace")).collect();
    let mut marks = Vec::new();
    if others > 0 {
        marks.push(format!("(+{others} {})", if others == 1 { "alert" } else { "alerts" }));
    }
    if namespaces.len() > 1 {
        marks.push(format!("({} namespaces)", namespaces.len()));
    }
    let memory = view.finding.as_ref().and_then(|finding| finding.report.memory.as_ref());
    if let Some(again) = memory.and_then(|memory| memory.recurrence.as_ref()) {
        // This one counts too.
        marks.push(match (again.in_24_hours, again.in_7_days) {
            (0, week) => format!("🔁 ×{} in 7d", week + 1),
            (day, week) if week > day => format!("🔁 ×{} in 24h, {} in 7d", day + 1, week + 1),
            (day, _) => format!("🔁 ×{} in 24h", day + 1),
        });
    }
    if view.standing.flapping {
        marks.push(format!("🔄 flapping ×{}", view.standing.flap_count));
    }
    if frame.is_resurfaced {
        marks.push("🌀 RESURFACED".to_owned());
    }
    if is_stale(view, frame) {
        marks.push("🕰 STALE".to_owned());
    }
    marks
}

/// Verdict and summary, and under "Model:" what a model wrote; without a report the alert's own text.
pub(super) fn description(view: &IncidentView, frame: &Frame<'_>) -> Vec<(Part, String)> {
    let text = |text: &str, most| frame.text(text, most);
    let mut parts = Vec::new();
    let whole = |line: String| (Part::Own, line);
    if let Some(earlier) = frame.earlier {
        parts.push(whole(format!("Before: {earlier}")));
    }
    match (view.incident.status, view.incident.resolved_at, &view.incident.merged_into) {
        (IncidentStatus::Resolved, Some(at), _) => {
            parts.push(whole(format!("Resolved after {}.", length(view.incident.opened_at, at))));
        }
        (IncidentStatus::Merged, _, Some(id)) => {
            let link = (frame.page)(id).map(|page| format!(": {page}")).unwrap_or_default();
            // All else is told there.
            return vec![whole(format!("Part of incident {id}{link}"))];
        }
        _ => {}
    }
    match &view.finding {
        Some(finding) => {
            let report = &finding.report;
            let allowed = |text: &str| !tells_undetermined_cause(report, text);
            let summary = Some(text(&report.summary, SUMMARY)).filter(|_| allowed(&report.summary)).unwrap_or_default();
            parts.push(whole(format!("**{}**. {summary}", verdict::word(report.verdict)).trim_end().to_owned()));
            if let Some(model) = report.reasoning.as_ref().and_then(narrative).filter(|model| allowed(model)) {
                parts.push((Part::Narrative, format!("Model: {}", text(&model, NARRATIVE))));
            }
        }
        None => {
            let annotation = |key: &str| view.alert().and_then(|episode| episode.annotations.get(key));
            let own = annotation("description").or_else(|| annotation("summary")).or_else(|| annotation("message"));
            parts.extend(own.map(|own| (Part::Alert, text(own, ALERT_TEXT))));
        }
    }
    parts.extend(facts::notes(frame).into_iter().map(whole));
    parts.retain(|(_, line)| !line.trim().is_empty());
    parts
}

/// Where nothing was determined, no text may name a cause as if it were.
pub(super) fn tells_undetermined_cause(report: &Report, text: &str) -> bool {
    if report.verdict != Verdict::Inconclusive {
        return false;
    }
    let causes = report.causes.iter().map(|cause| &cause.id);
    let others = report.reasoning.iter().flat_map(|reasoning| &reasoning.hypotheses).map(|hypothesis| &hypothesis.cause);
    let out = report.ruled_out.iter().map(|out| &out.id);
    // An id of one word may be an ordinary one.
    causes.chain(others).chain(out).any(|id| id.contains('_') && text.contains(id.as_str()))
}

/// What a line of the description is, which says when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Ours.
    Own,
    /// A model's.
    Narrative,
    /// The alert's.
    Alert,
}

fn narrative(reasoning: &Reasoning) -> Option<String> {
    let narrative = &reasoning.narrative;
    if narrative.origin != Origin::Model {
        return None;
    }
    let because = narrative.because.iter().map(|statement| statement.text.as_str());
    let all: Vec<&str> = [narrative.happened.as_str()].into_iter().chain(because).filter(|text| !text.is_empty()).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

pub(super) fn footer(view: &IncidentView, frame: &Frame<'_>) -> String {
    // A footer is not Markdown ("Embed Structure"), so that only what can't be seen and what mentions has to go.
    let mut parts: Vec<String> = view.alert().map(|episode| frame.bare(&episode.name, 80)).into_iter().collect();
    parts.push(format!("incident {}", view.incident.id));
    let model = view.finding.as_ref().and_then(|finding| finding.report.reasoning.as_ref());
    if view.finding.is_some() {
        let named = model.filter(|reasoning| narrative(reasoning).is_some()).and_then(|it| it.model.model.clone());
        parts.push(named.map_or_else(|| "rules only".to_owned(), |model| frame.bare(&model, 60)));
    }
    let (times, first, last) = frame.repeats;
    if times > 1 {
        let minutes = REPEATS_WITHIN.as_mins();
        parts.push(format!("×{times} in {minutes} min · first {} · last {} UTC", clock(first), clock(last)));
    }
    if view.attempts.iter().any(|attempt| attempt.state == AttemptState::Unknown) {
        parts.push("a change's outcome is unknown".to_owned());
    }
    if verdict::is_suppressed(view) {
        parts.push("suppressed".to_owned());
    }
    parts.join(" · ")
}

/// When what is shown came to be so.
pub(super) fn moment(view: &IncidentView) -> Timestamp {
    let found = view.finding.as_ref().map(|finding| finding.at);
    view.incident.resolved_at.or(found).unwrap_or(view.incident.opened_at)
}
