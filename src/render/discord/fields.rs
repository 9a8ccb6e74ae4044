//! The fields between the verdict and the links, in the order in which they are read.

use super::super::value::{show, show_field};
use super::Frame;
use super::fit::{Drop, Field, Keep};
use super::head::{began, severity};
use super::time::{against, relative};
use super::{facts, outcome, verdict};
use crate::domain::{
    AttemptState, DeployReport, EvidenceSource, IncidentStatus, IncidentView, NumberedEvidence, Report, Severity, Verdict,
};
use std::collections::BTreeMap;

/// So many names are shown, then "+N".
const NAMES: usize = 8;
/// Of the deciding line of a log, in UTF-16 units.
const LOG: usize = 300;

/// None where another incident's message tells them.
pub(super) fn all(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    if view.incident.status == IncidentStatus::Merged {
        return Vec::new();
    }
    let mut all = match &view.finding {
        Some(finding) => of_incident(view, &finding.report, frame),
        None => of_alert(view, frame),
    };
    all.extend(facts::rows(view, frame));
    all.extend(unseen(view, frame));
    all.extend(links(view, frame));
    all.retain(|field| !field.value.trim().is_empty());
    all
}

/// Nobody analysed it yet: what the alert and the surroundings say.
fn of_alert(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let mut all: Vec<Field> = facts::summary(view, frame).into_iter().collect();
    all.extend(inline(view, frame));
    all.push(verdict::field(view, frame));
    all.extend(affected(view, frame));
    all.extend(outcome::fields(view, frame));
    all.extend(facts::why_it_matters(view, frame));
    all.extend(changed(None, view, frame));
    all
}

/// What was found, what it rests on, what is proposed.
fn of_incident(view: &IncidentView, report: &Report, frame: &Frame<'_>) -> Vec<Field> {
    let mut all = vec![verdict::field(view, frame)];
    all.extend(evidence(report, frame));
    all.extend(inline(view, frame));
    all.extend(changed(Some(report), view, frame));
    all.extend(log(report, frame));
    all.extend(history(report, frame));
    all.extend(affected(view, frame));
    all.extend(outcome::fields(view, frame));
    all.extend(next_steps(view, report, frame));
    all.extend(facts::why_it_matters(view, frame));
    all
}

fn line(evidence: &NumberedEvidence, frame: &Frame<'_>) -> String {
    let it = &evidence.evidence;
    let at = it.line.map(|line| format!(" line {line}")).unwrap_or_default();
    format!("• {} ({}, {}{at})", frame.text(&show(&it.value), 140), verdict::object(&it.object, frame), frame.text(&it.path, 80))
}

/// Three lines of the first cause's evidence, then what was ruled out.
fn evidence(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let cited = report.causes.first().map(|cause| &cause.evidence).filter(|_| report.verdict.is_fault());
    let by_symptom = || report.symptoms.first().map(|symptom| &symptom.evidence);
    let cited = cited.or_else(by_symptom)?;
    let find = |id: &String| report.evidence.iter().find(|evidence| evidence.id == *id);
    let mut lines: Vec<String> = cited.iter().filter_map(find).take(3).map(|evidence| line(evidence, frame)).collect();
    let out: Vec<String> = report.ruled_out.iter().take(3).map(|out| frame.text(&out.id, 60)).collect();
    if report.verdict.is_fault() && !out.is_empty() {
        lines.push(format!("Ruled out: {}", out.join(", ")));
    }
    let short = lines.first().cloned();
    Some(Field { drop: Some((Drop::Evidence, short)), keep: Keep::FirstLine, ..Field::new("Evidence", lines.join("\n")) })
}

/// Namespaces, owner, status, replicas, pod or node, reason: beside each other.
fn inline(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let field = |name: &str, value: String| Field { is_inline: true, keep: Keep::Always, ..Field::new(name, value) };
    let firing = view.standing.episodes.iter().filter(|episode| episode.ended_at.is_none());
    let label = |key: &str| view.alert().and_then(|episode| episode.labels.get(key)).filter(|value| !value.is_empty());
    let mut namespaces: Vec<&str> = firing.filter_map(|episode| episode.labels.get("namespace")).map(String::as_str).collect();
    namespaces.extend(view.incident.subject.namespace.as_deref());
    namespaces.sort_unstable();
    namespaces.dedup();
    let known = frame.facts.and_then(|facts| facts.owner.as_deref());
    let owner = known.or_else(|| view.owner());
    let owner = owner.map_or_else(|| "unowned".to_owned(), |owner| frame.text(owner, 80));
    let is_node = view.incident.subject.kind == "Node";
    let place = label("pod").filter(|_| !is_node).map(|pod| ("Pod", pod.as_str()));
    let place = place.or_else(|| label("node").map(|node| ("Node", node.as_str())));
    let reason = label("reason").map(|reason| frame.text(reason, 80));
    let mut fields = vec![
        field(if namespaces.len() > 1 { "Namespaces" } else { "Namespace" }, names(&namespaces, 4, frame)),
        field("Owner", owner),
    ];
    fields.extend(facts::status(view, frame).map(|status| field("Status", status)));
    fields.extend(facts::replicas(frame).map(|replicas| Field { keep: Keep::Nothing, ..field("Replicas", replicas) }));
    fields.extend(place.map(|(name, value)| field(name, frame.text(value, 120))));
    fields.extend(reason.map(|reason| Field { keep: Keep::Nothing, ..field("Reason", reason) }));
    fields
}

/// The first names, and how many more.
fn names(all: &[&str], most: usize, frame: &Frame<'_>) -> String {
    let shown: Vec<String> = all.iter().take(most).map(|name| frame.text(name, 70)).collect();
    let more = all.len().saturating_sub(most);
    if more > 0 { format!("{} +{more}", shown.join(", ")) } else { shown.join(", ") }
}

/// The change that explains it, field by field; then what else was brought out not long before.
fn changed(report: Option<&Report>, view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let alert = began(view);
    let mut lines = Vec::new();
    if let Some(change) = report.and_then(|report| report.change.as_ref()) {
        let when = change.at.map(|at| format!(", {}", against(at, alert))).unwrap_or_default();
        lines.push(format!("{}: revision {} → {}{when}", verdict::object(&change.object, frame), change.from, change.to));
        lines.extend(change.fields.iter().take(4).map(|field| {
            let value = |value| frame.text(&show_field(value), 80);
            format!("• {}: {} → {}", frame.text(&field.path, 120), value(&field.before), value(&field.after))
        }));
    }
    let most = match (lines.is_empty(), severity(view)) {
        (true, Severity::Critical) => 3,
        (true, _) => 1,
        (false, _) => 2,
    };
    let known = frame.facts.map(|facts| facts.changes.as_slice()).unwrap_or_default();
    if known.is_empty() {
        let deploys = report.map(|report| report.deploys.as_slice()).unwrap_or_default();
        let line = |deploy: &DeployReport| format!("• {}, {}", frame.text(&deploy.what, 160), against(deploy.at, alert));
        lines.extend(deploys.iter().take(most).map(line));
    } else {
        lines.extend(known.iter().take(most).map(|change| facts::change(change, view, frame)));
    }
    let short = lines.first().cloned();
    let keeps = short.clone().filter(|_| lines.len() > 1);
    short?;
    Some(Field { drop: keeps.map(|first| (Drop::Changed, Some(first))), ..Field::new("🚀 What changed", lines.join("\n")) })
}

/// The line of a log that decides.
fn log(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let cited = report.causes.first().filter(|_| report.verdict.is_fault())?;
    let is_log =
        |evidence: &&NumberedEvidence| evidence.evidence.source == EvidenceSource::Log && cited.evidence.contains(&evidence.id);
    let line = report.evidence.iter().find(is_log)?.evidence.value.as_str()?;
    Some(Field { drop: Some((Drop::Log, None)), ..Field::new("Log", frame.block(line, LOG)) })
}

/// What it was before, what was done, and whether that held.
fn history(report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let memory = report.memory.as_ref()?;
    let mut lines = Vec::new();
    let names_causes = report.verdict != Verdict::Inconclusive;
    for before in memory.recurrence.iter().flat_map(|again| &again.before).take(3) {
        let cause = before.cause.as_deref().filter(|_| names_causes);
        let cause = cause.map_or_else(|| "the same alert".to_owned(), |cause| frame.text(cause, 80));
        let done = before.fixes.last().map_or_else(
            || "nothing was applied".to_owned(),
            |fix| format!("{}, {}", frame.text(&fix.action, 60), fix.result.as_str().replace('_', " ")),
        );
        lines.push(format!("• over {}: {cause}; {done}", relative(before.resolved_at)));
    }
    if let Some(flapping) = &memory.flapping {
        lines.push(format!("• came back {} times within a day", flapping.returns));
    }
    for similar in memory.similar.iter().take(2usize.saturating_sub(lines.len())) {
        let cause = if names_causes { format!(": {}", frame.text(&similar.cause, 80)) } else { String::new() };
        let subject = verdict::object(&similar.subject, frame);
        lines.push(format!("• like {subject}, over {}{cause}", relative(similar.resolved_at)));
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
fn next_steps(view: &IncidentView, report: &Report, frame: &Frame<'_>) -> Option<Field> {
    let steps = report.next.iter();
    // What is proposed above is no news.
    let is_proposed = |step: &str| {
        let mut waits = view.attempts.iter().filter(|attempt| attempt.state == AttemptState::Proposed);
        waits.any(|attempt| attempt.context.get("command").and_then(|command| command.as_str()) == Some(step))
    };
    let commands: Vec<&str> = steps.map(String::as_str).filter(|step| !step.is_empty() && !is_proposed(step)).take(3).collect();
    let is_over = view.incident.resolved_at.is_some();
    (!commands.is_empty() && !is_over).then(|| Field {
        drop: Some((Drop::NextSteps, None)),
        ..Field::new("Next steps", frame.block(&commands.join("\n"), 600))
    })
}

/// Each source that failed, with why.
fn unseen(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let sources = view.finding.iter().flat_map(|finding| &finding.report.sources);
    let found = sources.filter_map(|(name, state)| Some((name.as_str(), state.why()?)));
    let around = frame.facts.iter().flat_map(|facts| &facts.failed).map(|(name, why)| (name.as_str(), why.as_str()));
    let all: BTreeMap<&str, &str> = around.chain(found).collect();
    let line = |(name, why): (&&str, &&str)| format!("• {}: {}", frame.text(name, 60), frame.text(why, 120));
    let mut lines: Vec<String> = all.iter().take(5).map(line).collect();
    if all.len() > lines.len() {
        lines.push(format!("+{} more", all.len() - lines.len()));
    }
    (!lines.is_empty()).then(|| Field { keep: Keep::Always, ..Field::new("🔎 Could not see", lines.join("\n")) })
}

/// The runbook and the alert's source.
fn links(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let episode = view.alert()?;
    let runbook = episode.annotations.get("runbook_url").map(|url| ("runbook", url));
    let source = Some(("source", &episode.generator_url)).filter(|(_, url)| !url.is_empty());
    let links = [runbook, source].into_iter().flatten().map(|(what, url)| match frame.link(what, url) {
        Some(link) => link,
        None => format!("{what}: {}", frame.text(url, 200)),
    });
    let all: Vec<String> = links.collect();
    (!all.is_empty()).then(|| Field { drop: Some((Drop::Links, None)), ..Field::new("📖 Links", all.join(" · ")) })
}
