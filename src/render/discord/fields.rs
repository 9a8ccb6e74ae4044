//! The fields between the verdict and the links, in the order in which they are read.

use super::super::click::{block, plain};
use super::super::value::{show, show_field};
use super::Frame;
use super::fit::{Drop, Field, Keep};
use super::head::{began, first};
use super::time::{against, relative};
use super::{outcome, verdict};
use crate::domain::{EvidenceSource, IncidentView, NumberedEvidence, Report, SourceState};

/// So many names are shown, then "+N".
const NAMES: usize = 8;
/// Of the deciding line of a log, in UTF-16 units.
const LOG: usize = 300;

pub(super) fn all(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let report = view.finding.as_ref().map(|finding| &finding.report);
    let mut all = vec![verdict::field(view, frame)];
    all.extend(report.and_then(|report| evidence(report, frame)));
    all.extend(inline(view, frame));
    all.extend(report.and_then(|report| changed(report, view, frame)));
    all.extend(report.and_then(|report| log(report, frame)));
    all.extend(report.and_then(|report| history(report, frame)));
    all.extend(affected(view, frame));
    all.extend(outcome::fields(view, frame));
    all.extend(next_steps(view, report, frame));
    all.extend(report.and_then(|report| tickets(report, frame)));
    all.extend(report.and_then(unseen(frame)));
    all.extend(links(view, frame));
    all.retain(|field| !field.value.trim().is_empty());
    all
}

fn line(evidence: &NumberedEvidence, frame: &Frame<'_>) -> String {
    let it = &evidence.evidence;
    let at = it.line.map(|line| format!(" line {line}")).unwrap_or_default();
    format!(
        "• {} ({}, {}{at})",
        plain(&(frame.mask)(&show(&it.value)), 140),
        verdict::object(&it.object, frame),
        plain(&it.path, 80)
    )
}

/// Three lines of the first cause's evidence, then what was ruled out.
fn evidence(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let cited = report.causes.first().map(|cause| &cause.evidence).filter(|_| report.verdict.is_fault());
    let by_symptom = || report.symptoms.first().map(|symptom| &symptom.evidence);
    let cited = cited.or_else(by_symptom)?;
    let find = |id: &String| report.evidence.iter().find(|evidence| evidence.id == *id);
    let mut lines: Vec<String> = cited.iter().filter_map(find).take(3).map(|evidence| line(evidence, frame)).collect();
    let out: Vec<String> = report.ruled_out.iter().take(3).map(|out| plain(&out.id, 60)).collect();
    if report.verdict.is_fault() && !out.is_empty() {
        lines.push(format!("Ruled out: {}", out.join(", ")));
    }
    let short = lines.first().cloned();
    Some(Field { drop: Some((Drop::Evidence, short)), keep: Keep::FirstLine, ..Field::new("Evidence", lines.join("\n")) })
}

/// Namespace, owner, pod or node, reason: beside each other.
fn inline(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let text = |text: &str| plain(&(frame.mask)(text), 100);
    let field = |name: &str, value: String| Field { is_inline: true, keep: Keep::Always, ..Field::new(name, value) };
    let firing = view.standing.episodes.iter().filter(|episode| episode.ended_at.is_none());
    let label = |key: &'static str| first(view).and_then(move |episode| episode.labels.get(key));
    let mut namespaces: Vec<&str> = firing.filter_map(|episode| episode.labels.get("namespace")).map(String::as_str).collect();
    namespaces.extend(view.incident.subject.namespace.as_deref());
    namespaces.sort_unstable();
    namespaces.dedup();
    let owner = ["team", "owner"].into_iter().find_map(label).map_or_else(|| "unowned".to_owned(), |owner| text(owner));
    let mut fields = vec![field("Namespace", names(&namespaces, 4, frame)), field("Owner", owner)];
    if view.standing.severity.is_none() {
        fields.push(field("Severity", "not set".to_owned()));
    }
    let place = label("pod").map(|pod| ("Pod", pod)).or_else(|| label("node").map(|node| ("Node", node)));
    fields.extend(place.map(|(name, value)| field(name, text(value))));
    let status = view.standing.truncated;
    if status > 0 {
        fields.push(field("Left out", format!("{status} more that the sender left out")));
    }
    fields
}

/// The first names, and how many more.
fn names(all: &[&str], most: usize, frame: &Frame<'_>) -> String {
    let shown: Vec<String> = all.iter().take(most).map(|name| plain(&(frame.mask)(name), 80)).collect();
    let more = all.len().saturating_sub(most);
    if more > 0 { format!("{} +{more}", shown.join(", ")) } else { shown.join(", ") }
}

/// The change that explains it, field by field, else what was deployed not long before.
fn changed(report: &Report, view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let alert = began(view);
    let mut lines = Vec::new();
    if let Some(change) = &report.change {
        let when = change.at.map(|at| format!(", {}", against(at, alert))).unwrap_or_default();
        lines.push(format!("{} {} to {}{when}", verdict::object(&change.object, frame), change.from, change.to));
        lines.extend(change.fields.iter().take(4).map(|field| {
            let value = |value| plain(&(frame.mask)(&show_field(value)), 80);
            format!("• {}: {} → {}", plain(&field.path, 120), value(&field.before), value(&field.after))
        }));
    }
    lines.extend(
        report
            .deploys
            .iter()
            .take(3usize.saturating_sub(usize::from(report.change.is_some())))
            .map(|deploy| format!("• {}, {}", plain(&(frame.mask)(&deploy.what), 160), against(deploy.at, alert))),
    );
    let short = lines.first().cloned();
    (!lines.is_empty()).then(|| Field { drop: Some((Drop::Changed, short)), ..Field::new("🚀 What changed", lines.join("\n")) })
}

/// The line of a log that decides.
fn log(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let cited = report.causes.first().filter(|_| report.verdict.is_fault())?;
    let is_log =
        |evidence: &&NumberedEvidence| evidence.evidence.source == EvidenceSource::Log && cited.evidence.contains(&evidence.id);
    let line = report.evidence.iter().find(is_log)?.evidence.value.as_str()?;
    Some(Field { drop: Some((Drop::Log, None)), ..Field::new("Log", block(&(frame.mask)(line), LOG)) })
}

/// What it was before, what was done, and whether that held.
fn history(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let memory = report.memory.as_ref()?;
    let mut lines = Vec::new();
    for before in memory.recurrence.iter().flat_map(|again| &again.before).take(3) {
        let cause = before.cause.as_deref().map_or_else(|| "the same alert".to_owned(), |cause| plain(cause, 80));
        let done = before.fixes.last().map_or_else(
            || "nothing was applied".to_owned(),
            |fix| format!("{}, {}", plain(&fix.action, 60), fix.result.as_str().replace('_', " ")),
        );
        lines.push(format!("• over {}: {cause}; {done}", relative(before.resolved_at)));
    }
    if let Some(flapping) = &memory.flapping {
        lines.push(format!("• came back {} times within a day", flapping.returns));
    }
    for similar in memory.similar.iter().take(2usize.saturating_sub(lines.len())) {
        lines.push(format!(
            "• like {} {}: {}",
            verdict::object(&similar.subject, frame),
            relative(similar.resolved_at),
            plain(&similar.cause, 80)
        ));
    }
    (!lines.is_empty()).then(|| Field { drop: Some((Drop::History, None)), ..Field::new("History", lines.join("\n")) })
}

/// The pods that alert beside the first, and other incidents that have no message of their own.
fn affected(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let firing = view.standing.episodes.iter().filter(|episode| episode.ended_at.is_none());
    let mut all: Vec<&str> = firing.filter_map(|episode| episode.labels.get("pod")).map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() < 2 {
        all.clear();
    }
    all.extend(frame.affected.iter().map(String::as_str));
    (!all.is_empty()).then(|| Field { keep: Keep::Always, ..Field::new("Affected", names(&all, NAMES, frame)) })
}

/// Three commands to go on with.
fn next_steps(view: &IncidentView, report: Option<&Report>, frame: &Frame<'_>) -> Option<Field> {
    let steps = report?.next.iter().take(3);
    let commands: Vec<&str> = steps.map(String::as_str).filter(|step| !step.is_empty()).collect();
    let is_over = view.incident.resolved_at.is_some();
    (!commands.is_empty() && !is_over).then(|| Field {
        drop: Some((Drop::NextSteps, None)),
        ..Field::new("Next steps", block(&(frame.mask)(&commands.join("\n")), 600))
    })
}

fn tickets(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let line = |ticket: &crate::domain::Ticket| {
        format!("• {} {} ({})", plain(&ticket.key, 40), plain(&(frame.mask)(&ticket.summary), 120), plain(&ticket.status, 40))
    };
    let lines: Vec<String> = report.tickets.iter().take(4).map(line).collect();
    (!lines.is_empty()).then(|| Field { drop: Some((Drop::Tickets, None)), ..Field::new("🎫 Tickets", lines.join("\n")) })
}

/// Each source that failed, with why.
fn unseen<'a>(frame: &'a Frame<'_>) -> impl Fn(&Report) -> Option<Field> + 'a {
    move |report| {
        let line = |(name, state): (&String, &SourceState)| {
            let why = match state {
                SourceState::Ok => return None,
                SourceState::Partial(why) | SourceState::Unavailable(why) | SourceState::Forbidden(why) => why,
            };
            Some(format!("• {}: {}", plain(name, 60), plain(&(frame.mask)(why), 120)))
        };
        let lines: Vec<String> = report.sources.iter().filter_map(line).collect();
        let more = lines.len().saturating_sub(5);
        let mut shown: Vec<String> = lines.into_iter().take(5).collect();
        if more > 0 {
            shown.push(format!("+{more} more"));
        }
        (!shown.is_empty()).then(|| Field { keep: Keep::Always, ..Field::new("🔎 Could not see", shown.join("\n")) })
    }
}

/// The runbook and the alert's source: http and https only, with the host in our own label.
fn links(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let episode = first(view)?;
    let runbook = episode.annotations.get("runbook_url").map(|url| ("runbook", url));
    let source = Some(("source", &episode.generator_url));
    let link = |(what, url): (&str, &String)| {
        let masked = (frame.mask)(url);
        let host = masked.strip_prefix("https://").or_else(|| masked.strip_prefix("http://"))?;
        let host: String = host.chars().take_while(|c| !"/?#".contains(*c)).collect();
        let is_plain = masked.chars().all(|c| c.is_ascii_graphic() && !"()<>[]`\\|*_~".contains(c)) && masked.len() < 400;
        let is_safe = is_plain && !host.is_empty() && !host.contains('@');
        is_safe.then(|| format!("[{what} ({host})]({masked})"))
    };
    let all: Vec<String> = [runbook, source].into_iter().flatten().filter_map(link).collect();
    (!all.is_empty()).then(|| Field { drop: Some((Drop::Links, None)), ..Field::new("📖 Links", all.join(" · ")) })
}
