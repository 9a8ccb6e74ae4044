//! The timeline of an incident: what its alerts, its newest analysis, the people and this program did, in one order. It is put
//! together from what is stored; nobody is asked, and who wasn't is said.

use crate::domain::{
    Attempt, AuditName, AuditRow, Change, DEPLOYS, DeployReport, EpisodeRecord, EvidenceSource, Feedback, IncidentStatus,
    IncidentView, KUBERNETES, LOG_SEARCH, LOGS, Mark, Moment, MomentKind, NumberedEvidence, Report, Run, SIGNALS, SourceState,
    Timeline, Unheard,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So long before the incident opened, and so long after it was over.
const BEFORE: SignedDuration = SignedDuration::from_mins(60);
const AFTER: SignedDuration = SignedDuration::from_mins(30);
/// The most moments; of more the oldest and the newest are kept.
const MOST: usize = 1_000;
/// Characters of what happened.
const WORDS: usize = 400;
/// Fields of a revision that are named.
const FIELDS: usize = 4;
/// The sources of an analysis that a timeline is made of.
const SOURCES: [&str; 5] = [KUBERNETES, LOGS, SIGNALS, DEPLOYS, LOG_SEARCH];

/// The timeline at this time. `log` is what the audit log says of the incident.
pub fn timeline(view: &IncidentView, runs: &[Run], log: &[AuditRow], now: Timestamp) -> Timeline {
    let incident = &view.incident;
    let from = incident.opened_at.saturating_sub(BEFORE).unwrap_or(Timestamp::MIN);
    let end = incident.resolved_at.filter(|_| incident.status != IncidentStatus::Open);
    let to = end.map_or(now, |end| end.saturating_add(AFTER).unwrap_or(Timestamp::MAX)).max(from);
    let mut moments = alerts(&view.standing.episodes, from, to);
    let report = view.finding.as_ref().map(|finding| &finding.report);
    moments.extend(report.into_iter().flat_map(seen));
    moments.extend(runs.iter().map(analysed));
    moments.extend(log.iter().filter_map(|row| logged(row, &view.attempts)));
    moments.extend(view.feedback.iter().map(judged));
    moments.retain(|moment| moment.at >= from && moment.at <= to);
    moments.sort_by(|a, b| (a.at, a.kind, &a.what, &a.evidence).cmp(&(b.at, b.kind, &b.what, &b.evidence)));
    moments.dedup_by(|a, b| (a.at, a.kind, &a.what) == (b.at, b.kind, &b.what));
    let mut unknown = unheard(report, runs.is_empty());
    if moments.len() > MOST {
        let surplus = moments.len() - MOST;
        moments.drain(MOST / 2..MOST / 2 + surplus);
        unknown.push(Unheard { source: "timeline".to_owned(), why: format!("{surplus} moments in the middle are left out") });
    }
    for moment in &mut moments {
        moment.what = line(&moment.what);
    }
    Timeline { from, to, events: moments, unknown }
}

fn moment(at: Timestamp, kind: MomentKind, what: String, source: impl Into<String>, evidence: Option<String>) -> Moment {
    Moment { at, kind, what, source: source.into(), evidence }
}

/// Beginnings and ends of alerts. Pods of one workload whose alerts begin at once are one moment. A start that the sender puts
/// outside of the span, or in the future, counts when we heard of it: two clocks are never compared.
fn alerts(episodes: &[EpisodeRecord], from: Timestamp, to: Timestamp) -> Vec<Moment> {
    const SOURCE: &str = "alertmanager";
    let mut alike: BTreeMap<(Timestamp, String), (usize, String)> = BTreeMap::new();
    let mut add = |at: Timestamp, what: String, id: &str| {
        alike.entry((at, what)).or_insert_with(|| (0, id.to_owned())).0 += 1;
    };
    for episode in episodes {
        let severity = episode.severity.map_or("severity not set", |severity| severity.as_str());
        let tail = if episode.is_flap { ", again" } else { "" };
        let is_skewed = episode.marks.contains(&Mark::ClockSkew);
        let placed = |theirs: Timestamp, ours: Timestamp, word: &str| match (from..=to).contains(&theirs) && !is_skewed {
            true => (theirs, String::new()),
            false => (ours, format!(" ({word} {theirs:.0} by its sender's clock)")),
        };
        let (at, by) = placed(episode.starts_at, episode.begun_at, "since");
        add(at, format!("{} fires ({severity}){tail}{by}", episode.name), &episode.id);
        if let Some(ended) = episode.ended_at {
            let (at, by) = placed(ended, episode.heard_at, "at");
            add(at, format!("{} is over{by}", episode.name), &episode.id);
        }
    }
    let one = |((at, what), (count, id)): ((Timestamp, String), (usize, String))| {
        let what = if count > 1 { format!("{what} ×{count}") } else { what };
        moment(at, MomentKind::Alert, what, SOURCE, Some(id))
    };
    alike.into_iter().map(one).collect()
}

/// What the newest analysis saw.
fn seen(report: &Report) -> Vec<Moment> {
    let known: BTreeMap<&str, &NumberedEvidence> = report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
    let mut moments: Vec<Moment> = report.change.iter().filter_map(revision).collect();
    moments.extend(report.deploys.iter().map(deployed));
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for entry in &report.timeline {
        let evidence = entry.evidence.as_deref().and_then(|id| known.get(id));
        // A revision is told above, with what it changed.
        if evidence.is_none() && report.change.as_ref().is_some_and(|change| change.at == Some(entry.at)) {
            continue;
        }
        told.extend(entry.evidence.as_deref());
        let (kind, source) = evidence.map_or((MomentKind::PodEvent, KUBERNETES), |item| sort(item.evidence.source));
        moments.push(moment(entry.at, kind, entry.what.clone(), source, entry.evidence.clone()));
    }
    for item in report.evidence.iter().filter(|item| !told.contains(item.id.as_str())) {
        let evidence = &item.evidence;
        let (kind, source) = sort(evidence.source);
        let (MomentKind::Log | MomentKind::Anomaly, Some(at)) = (kind, evidence.at) else { continue };
        let container = evidence.container.as_deref().map(|container| format!(" {container}")).unwrap_or_default();
        let value = match &evidence.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let signal = if kind == MomentKind::Anomaly { format!(" {}", evidence.path) } else { String::new() };
        moments.push(moment(at, kind, format!("{}{container}{signal}: {value}", evidence.object), source, Some(item.id.clone())));
    }
    for logged in &report.log_searches {
        let what = format!("{} ×{}: {}", logged.level, logged.count, logged.template);
        moments.extend(logged.first.map(|at| moment(at, MomentKind::Log, what.clone(), LOG_SEARCH, None)));
        let last = logged.last.filter(|last| logged.first != Some(*last));
        moments.extend(last.map(|at| moment(at, MomentKind::Log, format!("last of {what}"), LOG_SEARCH, None)));
    }
    moments
}

fn sort(source: EvidenceSource) -> (MomentKind, &'static str) {
    match source {
        EvidenceSource::Kubernetes | EvidenceSource::Event | EvidenceSource::Dependency => (MomentKind::PodEvent, KUBERNETES),
        EvidenceSource::Log => (MomentKind::Log, LOGS),
        EvidenceSource::Signal => (MomentKind::Anomaly, SIGNALS),
        EvidenceSource::Alert => (MomentKind::Alert, "alertmanager"),
        EvidenceSource::Deploy => (MomentKind::Deploy, DEPLOYS),
    }
}

fn revision(change: &Change) -> Option<Moment> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "not set".to_owned(),
        other => other.to_string(),
    };
    let field = |field: &crate::domain::FieldChange| {
        let one = |value: &Value| shown(value).chars().take(60).collect::<String>();
        format!("{} {} → {}", field.path, one(&field.before), one(&field.after))
    };
    let mut fields: Vec<String> = change.fields.iter().take(FIELDS).map(field).collect();
    let more = change.fields.len().saturating_sub(FIELDS);
    fields.extend((more > 0).then(|| format!("and {more} more fields")));
    let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join("; ")) };
    let what = format!("{} revision {} was rolled out after {}{fields}", change.object, change.to, change.from);
    Some(moment(change.at?, MomentKind::Revision, what, "revisions", None))
}

fn deployed(deploy: &DeployReport) -> Moment {
    let what = format!("{} ({} to be the cause)", deploy.what, deploy.rating.as_str());
    moment(deploy.at, MomentKind::Deploy, what, deploy.sources.join(", "), None)
}

fn analysed(run: &Run) -> Moment {
    let summary = run.report.get("summary").and_then(Value::as_str).unwrap_or_default();
    let what = format!("analysis: {}: {summary}", run.verdict.as_str());
    moment(run.created_at, MomentKind::Run, what, "sre-copilot", Some(run.id.clone()))
}

/// What a row of the log says, but for what only we care about.
fn logged(row: &AuditRow, attempts: &[Attempt]) -> Option<Moment> {
    use MomentKind::{Attempt as Change, Decision, Verification};
    let event = &row.event;
    let (kind, what) = match event.event {
        AuditName::GuardBlocked => (Decision, "the guard stopped it"),
        AuditName::DryRunOk => (Change, "the dry run went well"),
        AuditName::DryRunFailed => (Change, "the API server refused the dry run"),
        AuditName::UndoProposed => (Change, "its undo is proposed"),
        AuditName::ApprovalRequested => (Decision, "waits for approval"),
        AuditName::ApprovalFirstStep => (Decision, "looked at, not yet approved"),
        AuditName::ApprovalApproved => (Decision, "approved"),
        AuditName::ApprovalDeclined => (Decision, "declined"),
        AuditName::ApprovalExpired => (Decision, "expired"),
        AuditName::ApprovalSuperseded => (Decision, "another plan took its place"),
        AuditName::ApprovalDenied => (Decision, "an approval was refused"),
        AuditName::VerifyVerified => (Verification, "it helped"),
        AuditName::VerifyNotVerified => (Verification, "it did not help"),
        AuditName::VerifyUndetermined => (Verification, "whether it helped can't be told"),
        AuditName::AttemptClaimed => (Change, "about to be applied"),
        AuditName::AttemptRunning => (Change, "sent to the API server"),
        AuditName::AttemptSucceeded => (Change, "applied"),
        AuditName::AttemptFailed => (Change, "not applied"),
        AuditName::AttemptUnknown => (Change, "nobody knows whether it was applied"),
        AuditName::AttemptResolved => (Change, "somebody said whether it was applied"),
        AuditName::AttemptUndone => (Change, "taken back"),
        AuditName::IntentProposed
        | AuditName::IntentRejected
        | AuditName::GuardPassed
        | AuditName::ReadDone
        | AuditName::PolicyLoaded => return None,
    };
    let attempt = event.attempt_id.as_ref().and_then(|id| attempts.iter().find(|attempt| attempt.id == *id));
    let title = attempt.and_then(|attempt| attempt.context.get("title")?.as_str()).filter(|title| !title.is_empty());
    let action = event.data.action.map(|action| action.as_str().to_owned());
    let about = title.map(str::to_owned).or(action).or_else(|| event.target.clone()).unwrap_or_else(|| "change".to_owned());
    let code = event.data.code.as_ref().map(|code| format!("{} ", code.as_str())).unwrap_or_default();
    let by = match event.actor.kind.as_str() {
        "program" | "system" | "worker" => String::new(),
        _ => format!(" by {}", event.actor.name),
    };
    let why = event.data.reason.as_ref().or(event.data.rule.as_ref()).map(|code| format!(" ({})", code.as_str()));
    let what = format!("{code}{what}{by}{}: {about}", why.unwrap_or_default());
    Some(moment(row.at, kind, what, event.channel.clone(), event.attempt_id.clone()))
}

fn judged(said: &Feedback) -> Moment {
    let verdict = if said.is_accepted { "the analysis was right" } else { "the analysis was wrong" };
    let reason = said.reason.and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(|word| word.replace('_', " ")));
    let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
    let cause = said.cause.as_ref().map(|cause| format!(", it was {cause}")).unwrap_or_default();
    let comment = said.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    let what = format!("{}: {verdict} ({} of 5){reason}{cause}{comment}", said.by.name, said.score);
    moment(said.at, MomentKind::Feedback, what, said.channel.clone(), Some(said.run_id.clone()))
}

/// Who could not be heard.
fn unheard(report: Option<&Report>, was_never_analysed: bool) -> Vec<Unheard> {
    let Some(report) = report else {
        let why = if was_never_analysed { "no analysis is done yet" } else { "the stored report can't be read" };
        return SOURCES.iter().map(|source| Unheard { source: (*source).to_owned(), why: why.to_owned() }).collect();
    };
    let silent = SOURCES.iter().filter(|source| !report.sources.contains_key(**source));
    let silent = silent.map(|source| Unheard { source: (*source).to_owned(), why: "not asked".to_owned() });
    let failed = report.sources.iter().filter(|(_, state)| **state != SourceState::Ok);
    let failed = failed.map(|(source, state)| Unheard { source: source.clone(), why: state.to_string() });
    let mut all: Vec<Unheard> = silent.chain(failed).collect();
    all.sort();
    all
}

/// On one line, and no longer than somebody reads.
fn line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
