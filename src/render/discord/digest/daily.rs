//! The daily digest: the cluster's day in one message.

use super::super::super::click::{Mask, plain};
use super::super::time::clock;
use super::{Head, NEUTRAL, Section, change, day, message, signed};
use crate::domain::{
    Anomalies, Changed, DailyDigest, DeployLine, FragileService, GraphFigures, IncidentFigures, ModelSpend, NoisyAlert, Part,
    Resources, StaleWorkloads, TeamCount, UnownedNamespace, WideService,
};
use serde_json::Value;

/// So many namespaces, alerts, services are shown of the worst.
const TOP: usize = 3;
/// So many namespaces without an owner, and deploys.
const FIVE: usize = 5;
/// So many teams.
const TEAMS: usize = 10;
/// Less than this many points is no change.
const STILL: f64 = 0.5;

/// The cluster's day, as one message.
pub fn daily_digest(digest: &DailyDigest, mask: Mask<'_>) -> Value {
    let text = |text: &str, most| plain(&mask(text), most);
    let ranked = |all: &[(String, u64)], most: usize| -> Vec<String> {
        all.iter().take(most).map(|(name, count)| format!("• {}: {count}", text(name, 80))).collect()
    };
    let beside = |section: Option<Section>| section.map(|section| Section { inline: true, ..section });
    let sections = [
        state(digest, mask),
        Section::of("Use against the 24 h before", &digest.resources, mask, resources),
        beside(Section::of("Firing by team", &digest.teams, mask, |all| teams(all, mask))),
        beside(Section::of("Worst namespaces", &digest.namespaces, mask, |all| ranked(&sorted(all), TOP))),
        Section::of("Unowned", &digest.unowned, mask, |all| unowned(all, mask)),
        Section::of("Top alerts", &digest.alerts, mask, |all| alerts(all, mask)),
        Section::of("Incidents", &digest.incidents, mask, |it| incidents(it, mask)),
        Section::of("Anomalies", &digest.anomalies, mask, |it| anomalies(it, mask)),
        Section::of("Most logged errors", &digest.errors, mask, |all| {
            let all: Vec<(String, u64)> = all.iter().map(|it| (it.service.clone(), it.errors)).collect();
            ranked(&all, TOP)
        }),
        Section::of("Deploys", &digest.deploys, mask, |all| deploys(all, mask)),
        beside(Section::of("Fragile", &digest.fragile, mask, |all| fragile(all, mask))),
        beside(Section::of("Blast radius", &digest.wide, mask, |all| wide(all, mask))),
        Section::of("Stale for 30 days", &digest.stale, mask, |it| stale(it, mask)),
        Section::of("Graph", &digest.graph, mask, graph),
        Section::of("Model spend", &digest.spend, mask, spend),
    ];
    let cluster = digest.cluster.as_ref().map(|cluster| format!(" · {}", text(cluster, 60))).unwrap_or_default();
    let head = Head {
        title: format!("📊 Daily digest{cluster} · {}", day(digest.at)),
        color: NEUTRAL,
        description: Vec::new(),
        footer: "daily digest · changes against the same query 24 h earlier".to_owned(),
        at: digest.at,
    };
    message(head, sections.into_iter().flatten().collect())
}

/// Most first, then by name.
fn sorted(all: &[(String, u64)]) -> Vec<(String, u64)> {
    let mut all = all.to_vec();
    all.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    all
}

/// Nodes, crash loops and what fires, each from its own source.
fn state(digest: &DailyDigest, mask: Mask<'_>) -> Option<Section> {
    let line = |name: &str, part: Option<Result<String, &str>>| {
        part.map(|part| match part {
            Ok(said) => format!("{name}: {said}"),
            Err(why) => format!("{name}: {}", super::not_measured(why, mask)),
        })
    };
    let nodes = match &digest.nodes {
        Part::Measured((ready, all)) => Some(Ok(format!("{ready}/{all}"))),
        Part::NotMeasured(why) => Some(Err(why.as_str())),
        Part::Absent => None,
    };
    let all =
        [line("nodes ready", nodes), line("crash loops", figure(&digest.crash_loops)), line("firing", figure(&digest.firing))];
    let lines: Vec<String> = all.into_iter().flatten().collect();
    (!lines.is_empty()).then_some(Section { name: "Cluster", lines, inline: false })
}

fn figure(part: &Part<Changed>) -> Option<Result<String, &str>> {
    match part {
        Part::Measured(it) => Some(Ok(change(it))),
        Part::NotMeasured(why) => Some(Err(why)),
        Part::Absent => None,
    }
}

fn resources(it: &Resources) -> Vec<String> {
    let line = |name: &str, it: &Changed| {
        let change = match it.before {
            None => "needs 48 h".to_owned(),
            Some(before) if (it.now - before).abs() < STILL => "±0".to_owned(),
            Some(before) => signed(it.now - before, 1),
        };
        format!("{name} {:.0}% ({change})", it.now.floor())
    };
    vec![[line("processor", &it.cpu), line("memory", &it.memory), line("disk", &it.disk)].join(" · ")]
}

fn teams(all: &[TeamCount], mask: Mask<'_>) -> Vec<String> {
    let mut all: Vec<&TeamCount> = all.iter().collect();
    all.sort_by(|a, b| b.firing.cmp(&a.firing).then_with(|| a.team.cmp(&b.team)));
    let name = |it: &TeamCount| it.team.as_ref().map_or_else(|| "*unowned*".to_owned(), |team| plain(&mask(team), 60));
    all.iter().take(TEAMS).map(|it| format!("• {}: {}", name(it), it.firing)).collect()
}

fn unowned(all: &[UnownedNamespace], mask: Mask<'_>) -> Vec<String> {
    let mut all: Vec<&UnownedNamespace> = all.iter().collect();
    all.sort_by(|a, b| b.firing.cmp(&a.firing).then_with(|| a.namespace.cmp(&b.namespace)));
    let line = |it: &&UnownedNamespace| {
        let who = it.suggested.as_ref().map_or_else(
            || "?".to_owned(),
            |(owner, confidence)| format!("{} ({:.0}%)", plain(&mask(owner), 60), (confidence * 100.0).floor().clamp(0.0, 99.0)),
        );
        format!("• {}: {} → {who}", plain(&mask(&it.namespace), 80), it.firing)
    };
    all.iter().take(FIVE).map(line).collect()
}

fn alerts(all: &[NoisyAlert], mask: Mask<'_>) -> Vec<String> {
    let mut all: Vec<&NoisyAlert> = all.iter().collect();
    all.sort_by(|a, b| b.firing.now.total_cmp(&a.firing.now).then_with(|| a.alert.cmp(&b.alert)));
    let line = |it: &&NoisyAlert| {
        let marks = [(it.chronic, "chronic"), (it.resurfaced, "resurfaced")];
        let marks = marks.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(" · {count} {what}"));
        format!("• {}: {}{}", plain(&mask(&it.alert), 80), change(&it.firing), marks.collect::<String>())
    };
    all.iter().take(TOP).map(line).collect()
}

fn incidents(it: &IncidentFigures, mask: Mask<'_>) -> Vec<String> {
    let by: Vec<String> = it.by_verdict.iter().map(|(verdict, count)| format!("{count} {}", plain(&mask(verdict), 40))).collect();
    let by = if by.is_empty() { String::new() } else { format!("\n{}", by.join(" · ")) };
    vec![format!("{} opened, {} resolved{by}", it.opened, it.resolved)]
}

fn anomalies(it: &Anomalies, mask: Mask<'_>) -> Vec<String> {
    let names: Vec<String> = it.recurring.iter().take(TOP).map(|name| plain(&mask(name), 80)).collect();
    let more = it.recurring.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let again = if names.is_empty() { String::new() } else { format!("\non three of seven days: {}{more}", names.join(", ")) };
    vec![format!("{} in 24 h{again}", it.today)]
}

fn deploys(all: &[DeployLine], mask: Mask<'_>) -> Vec<String> {
    let mut shown: Vec<&DeployLine> = all.iter().collect();
    shown.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.service.cmp(&b.service)));
    let line = |it: &&DeployLine| {
        let mark = if it.failed { "✗" } else { "✓" };
        format!("{mark} {} UTC {} {}", clock(it.at), plain(&mask(&it.service), 80), plain(&mask(&it.what), 60))
    };
    let mut lines: Vec<String> = shown.iter().take(FIVE).map(line).collect();
    if all.len() > FIVE {
        lines.push(format!("+{} more", all.len() - FIVE));
    }
    lines
}

fn fragile(all: &[FragileService], mask: Mask<'_>) -> Vec<String> {
    let mut all: Vec<&FragileService> = all.iter().collect();
    all.sort_by(|a, b| a.health.total_cmp(&b.health).then_with(|| a.service.cmp(&b.service)));
    let line = |it: &&FragileService| format!("• {} {:.2}, {} callers", plain(&mask(&it.service), 80), it.health, it.callers);
    all.iter().take(TOP).map(line).collect()
}

fn wide(all: &[WideService], mask: Mask<'_>) -> Vec<String> {
    let mut all: Vec<&WideService> = all.iter().collect();
    all.sort_by(|a, b| b.callers.cmp(&a.callers).then_with(|| a.service.cmp(&b.service)));
    all.iter().take(TOP).map(|it| format!("• {}, {} callers", plain(&mask(&it.service), 80), it.callers)).collect()
}

fn stale(it: &StaleWorkloads, mask: Mask<'_>) -> Vec<String> {
    let mut lines: Vec<String> = it.suspicious.iter().take(FIVE).map(|name| format!("• {}", plain(&mask(name), 80))).collect();
    if it.suspicious.len() > FIVE {
        lines.push(format!("+{} more", it.suspicious.len() - FIVE));
    }
    if it.expected > 0 {
        lines.push(format!("{} expected", it.expected));
    }
    lines
}

fn graph(it: &GraphFigures) -> Vec<String> {
    vec![format!("{} components · {:.0}% owned · {:.0}% orphans", it.components, it.owned_pct.floor(), it.orphan_pct.floor())]
}

fn spend(it: &ModelSpend) -> Vec<String> {
    let dollars = |micro: u64| format!("${}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000);
    let of = if it.budget_micro_usd > 0 { format!(" of {}", dollars(it.budget_micro_usd)) } else { String::new() };
    vec![format!("{}{of} · {} {}", dollars(it.micro_usd), it.calls, if it.calls == 1 { "call" } else { "calls" })]
}
