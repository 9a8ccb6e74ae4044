//! What is known around the subject: why it matters, what changed, who calls it, what it depends on. A critical message shows all
//! of it, a warning's only what fits a line. What is empty is left out.

use super::Frame;
use super::fit::{Drop, Field, Keep};
use super::head::{began, severity};
use super::time::{against, relative};
use crate::domain::{Dependency, GraphFacts, IncidentView, Mark, SeenChange, Severity, Ticket};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// A graph that is older says so.
const OLD_GRAPH: SignedDuration = SignedDuration::from_hours(2);
/// A change so short before the alert that half the replicas went with it is the first thing to read.
const SUDDEN: SignedDuration = SignedDuration::from_mins(30);
/// From so many callers on it matters, and it matters much.
const SOME_CALLERS: u64 = 5;
const MANY_CALLERS: u64 = 20;
/// From so many times on an event is worth a word.
const MANY_TIMES: u64 = 1000;

fn is_critical(view: &IncidentView) -> bool {
    severity(view) == Severity::Critical
}

/// `1 caller`, `2 callers`.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A list of lines under a name, that goes at this step.
fn list(name: &str, drop: Drop, lines: Vec<String>) -> Option<Field> {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| Field { drop: Some((drop, None)), ..Field::new(name, lines.join("\n")) })
}

/// Lines of the description: a rollout that goes on, a graph that is old.
pub(super) fn notes(frame: &Frame<'_>) -> Vec<String> {
    let Some(facts) = frame.facts else { return Vec::new() };
    let rollout = facts.rollout.as_ref().map(|rollout| {
        let (updated, desired) = (rollout.updated, rollout.desired);
        format!("A rollout goes on: {updated} of {desired} updated, begun {}.", relative(rollout.since))
    });
    let graph = facts.graph_at.filter(|at| frame.now.duration_since(*at) > OLD_GRAPH);
    let graph = graph.map(|at| format!("The graph is from {}.", relative(at)));
    rollout.into_iter().chain(graph).collect()
}

/// The first thing to read of an alert that nobody analysed yet.
pub(super) fn summary(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let facts = frame.facts;
    let alert = began(view);
    let sudden = facts.and_then(|facts| {
        let replicas = facts.replicas.filter(|replicas| replicas.ready <= replicas.desired / 2 && replicas.desired > 0)?;
        let is_sudden = |change: &&SeenChange| change.at <= alert && alert.duration_since(change.at) < SUDDEN;
        let change = facts.changes.iter().find(is_sudden)?;
        let (ready, desired) = (replicas.ready, replicas.desired);
        Some(format!("{} {}, {ready} of {desired} replicas ready", frame.text(&change.what, 80), against(change.at, alert)))
    });
    let kills = facts.into_iter().flat_map(|facts| &facts.events).filter(|event| event.reason.starts_with("OOMKill"));
    let kills: u64 = kills.fold(0, |sum, event| sum.saturating_add(event.count));
    let kills = (kills >= 3).then(|| format!("{kills} OOM kills"));
    let chronic = view.standing.chronic.then(|| "Chronic: it comes again and again".to_owned());
    let own = || {
        let annotation = |key: &str| view.alert().and_then(|episode| episode.annotations.get(key));
        let text = annotation("summary").or_else(|| annotation("description")).or_else(|| annotation("message"))?;
        Some(frame.text(text.trim_start().lines().next()?, 80))
    };
    Some(Field { keep: Keep::Always, ..Field::new("Summary", sudden.or(kills).or(chronic).or_else(own)?) })
}

/// What is odd about the alerts: silenced, left out, in our future, not in the graph.
pub(super) fn status(view: &IncidentView, frame: &Frame<'_>) -> Option<String> {
    let standing = &view.standing;
    let has = |mark| standing.episodes.iter().any(|episode| episode.marks.contains(&mark));
    let said = [
        super::verdict::is_suppressed(view).then(|| "suppressed".to_owned()),
        standing.severity.is_none().then(|| "severity not set".to_owned()),
        (standing.truncated > 0).then(|| format!("{} left out by the sender", standing.truncated)),
        has(Mark::Cut).then(|| "text cut".to_owned()),
        has(Mark::ClockSkew).then(|| "the sender's clock is ahead".to_owned()),
        frame.facts.is_some_and(|facts| facts.graph_at.is_some() && !facts.is_in_graph).then(|| "not in the graph".to_owned()),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// `[build 1481 (ci.example)](…) · commit [0a1b2c3d (git.example)](…) · by nina · 7m before the alert`.
pub(super) fn change(change: &SeenChange, view: &IncidentView, frame: &Frame<'_>) -> String {
    let what = frame.linked(&change.what, change.url.as_deref());
    let commit = change.commit.as_ref().map(|commit| {
        let short: String = commit.chars().take(8).collect();
        format!("commit {}", frame.linked(&short, change.commit_url.as_deref()))
    });
    let who = change.who.as_ref().map(|who| format!("by {}", frame.text(who, 60)));
    let parts: Vec<String> = [Some(what), commit, who, Some(against(change.at, began(view)))].into_iter().flatten().collect();
    format!("• {}", parts.join(" · "))
}

pub(super) fn why_it_matters(view: &IncidentView, frame: &Frame<'_>) -> Option<Field> {
    let nothing = GraphFacts::default();
    let facts = frame.facts.unwrap_or(&nothing);
    let callers: u64 = facts.callers.values().fold(0, |sum, count| sum.saturating_add(*count));
    let again = view
        .memory
        .incidents
        .iter()
        .filter(|before| view.incident.opened_at.duration_since(before.opened_at) <= SignedDuration::from_hours(24));
    let again = again.count() + 1;
    let bullets = [
        (callers >= MANY_CALLERS).then(|| format!("**{callers} callers**")),
        (SOME_CALLERS..MANY_CALLERS).contains(&callers).then(|| format!("{callers} callers")),
        facts.is_platform.then(|| match &facts.owner {
            Some(owner) => format!("{} is a platform team", frame.text(owner, 60)),
            None => "a platform service".to_owned(),
        }),
        facts
            .events
            .iter()
            .find(|event| event.count >= MANY_TIMES)
            .map(|event| format!("{} ×{}", frame.text(&event.reason, 60), event.count)),
        (again >= 5).then(|| format!("{again} times in 24 h")),
    ];
    let most = if is_critical(view) { 3 } else { 1 };
    let lines: Vec<String> = bullets.into_iter().flatten().take(most).map(|bullet| format!("• {bullet}")).collect();
    list("⭐ Why it matters", Drop::WhyItMatters, lines)
}

/// Rows 11 to 18 of an alert's message.
pub(super) fn rows(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let critical = is_critical(view);
    let nothing = GraphFacts::default();
    let facts = frame.facts.unwrap_or(&nothing);
    let rows = [
        upstream(facts, view, frame, if critical { 5 } else { 1 }),
        depends_on(facts, frame, critical),
        callers(facts, frame, critical),
        tickets(facts, view, frame, critical),
        events(facts, frame, critical),
        blast_radius(facts, frame).filter(|_| critical),
        messaging(facts, frame).filter(|_| critical),
        trail(facts, frame).filter(|_| critical),
    ];
    rows.into_iter().flatten().collect()
}

fn upstream(facts: &GraphFacts, view: &IncidentView, frame: &Frame<'_>, most: usize) -> Option<Field> {
    let lines = facts.upstream.iter().take(most).map(|firing| {
        let since = against(firing.since, began(view));
        format!("• {} on {}, since {since}", frame.text(&firing.alert, 80), frame.text(&firing.object, 80))
    });
    list("⬆ Upstream now", Drop::Upstream, lines.collect())
}

/// `●●○`: how sure a dependency is.
fn dots(confidence: f64) -> &'static str {
    match confidence {
        sure if sure >= 0.8 => "●●●",
        sure if sure >= 0.5 => "●●○",
        _ => "●○○",
    }
}

fn depends_on(facts: &GraphFacts, frame: &Frame<'_>, critical: bool) -> Option<Field> {
    let mut kinds: BTreeMap<&str, Vec<&Dependency>> = BTreeMap::new();
    for dependency in &facts.depends_on {
        kinds.entry(&dependency.kind).or_default().push(dependency);
    }
    let lines = kinds.iter().take(8).map(|(kind, all)| {
        let kind = frame.text(&kind.replace('_', " "), 40);
        if !critical {
            return format!("{kind}: {}", all.len());
        }
        let target =
            |it: &&Dependency| format!("{} {} ({})", frame.text(&it.target, 60), dots(it.confidence), frame.text(&it.source, 30));
        let shown: Vec<String> = all.iter().take(6).map(target).collect();
        format!("• {kind}: {}{}", shown.join(", "), more(all.len(), shown.len()))
    });
    let lines: Vec<String> = lines.collect();
    let lines = if critical { lines } else { vec![lines.join(" · ")] };
    list("🔗 Depends on", Drop::DependsOn, lines)
}

/// ` +2`, counted from what is shown.
fn more(all: usize, shown: usize) -> String {
    match all.saturating_sub(shown) {
        0 => String::new(),
        more => format!(" +{more}"),
    }
}

fn callers(facts: &GraphFacts, frame: &Frame<'_>, critical: bool) -> Option<Field> {
    let all: u64 = facts.callers.values().fold(0, |sum, count| sum.saturating_add(*count));
    if !critical && all <= SOME_CALLERS {
        return None;
    }
    let kinds = facts.callers.iter().filter(|(_, count)| **count > 0).take(8);
    let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{}: {count}", frame.text(kind, 40))).collect();
    list("📥 Callers", Drop::Callers, vec![kinds.join(" · ")])
}

fn tickets(facts: &GraphFacts, view: &IncidentView, frame: &Frame<'_>, critical: bool) -> Option<Field> {
    let found = view.finding.iter().flat_map(|finding| &finding.report.tickets);
    let mut all: Vec<&Ticket> = found.chain(&facts.tickets).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|ticket| seen.insert(&ticket.key));
    all.retain(|ticket| critical || !ticket.resolved);
    let line = |ticket: &&Ticket| {
        let key = frame.linked(&ticket.key, Some(&ticket.url));
        let status = if ticket.status.is_empty() { String::new() } else { format!(" ({})", frame.text(&ticket.status, 40)) };
        format!("• {key} {}{status}", frame.text(&ticket.summary, 100))
    };
    list("🎫 Tickets", Drop::Tickets, all.iter().take(if critical { 4 } else { 1 }).map(line).collect())
}

fn events(facts: &GraphFacts, frame: &Frame<'_>, critical: bool) -> Option<Field> {
    let lines = facts.events.iter().take(if critical { 5 } else { 1 }).map(|event| {
        let message = frame.text(&event.message, 80);
        let message = if critical && !message.is_empty() { format!(": {message}") } else { String::new() };
        format!("• {} ×{}{message}", frame.text(&event.reason, 60), event.count)
    });
    list("📋 Pod events", Drop::PodEvents, lines.collect())
}

fn blast_radius(facts: &GraphFacts, frame: &Frame<'_>) -> Option<Field> {
    let line = |what: &str, all: &[String]| {
        let shown: Vec<String> = all.iter().take(3).map(|name| frame.text(name, 80)).collect();
        if shown.is_empty() { String::new() } else { format!("{what}: {}{}", shown.join(", "), more(all.len(), shown.len())) }
    };
    let lines = vec![line("services", &facts.blast_services), line("addresses", &facts.blast_addresses)];
    list("💥 Blast radius", Drop::BlastRadius, lines)
}

fn messaging(facts: &GraphFacts, frame: &Frame<'_>) -> Option<Field> {
    let lines = facts.messaging.iter().take(3).map(|link| {
        let direction = if link.publishes { "publishes" } else { "listens to" };
        format!("• {direction} {}, {}", frame.text(&link.subject, 100), counted(link.consumers, "consumer", "consumers"))
    });
    list("📨 Messaging", Drop::Messaging, lines.collect())
}

fn trail(facts: &GraphFacts, frame: &Frame<'_>) -> Option<Field> {
    let all: u64 = facts.trail.iter().fold(0, |sum, entry| sum.saturating_add(entry.count));
    let top: Vec<String> =
        facts.trail.iter().take(5).map(|entry| format!("{} {}", entry.count, frame.text(&entry.reason, 60))).collect();
    let total = counted(all, "event", "events");
    list(
        "🕒 Pod trail",
        Drop::PodTrail,
        if top.is_empty() { Vec::new() } else { vec![format!("last hour: {total}: {}", top.join(", "))] },
    )
}

/// `1/2 ready`.
pub(super) fn replicas(frame: &Frame<'_>) -> Option<String> {
    let replicas = frame.facts?.replicas?;
    Some(format!("{}/{} ready", replicas.ready, replicas.desired))
}
