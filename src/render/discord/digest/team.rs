//! A team's digest: six fields, always in the same order, since it is read every morning.

use super::super::super::click::{Mask, plain};
use super::{Head, Section, bar, day, message, not_measured, whole};
use crate::domain::{Part, Severity, TeamDigest};
use serde_json::Value;

/// So many fragile services and stuck alerts are shown.
const ROWS: usize = 5;
/// Health below this is worth a look today.
const POOR: f64 = 0.5;

/// A team's day, as one message.
pub fn team_digest(digest: &TeamDigest, mask: Mask<'_>) -> Value {
    let text = |text: &str, most| plain(&mask(text), most);
    let inline = |name, line: String| Section { name, lines: vec![line], inline: true };
    let part = |name, lines: Vec<String>| {
        let lines = if lines.is_empty() { vec!["none".to_owned()] } else { lines };
        Section { name, lines, inline: false }
    };
    let deploys = match &digest.deploys {
        Part::Measured((all, 0)) => all.to_string(),
        Part::Measured((all, failed)) => format!("{all}, {failed} failed"),
        Part::NotMeasured(why) => not_measured(why, mask),
        Part::Absent => "not measured".to_owned(),
    };
    let open: u64 = digest.open.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count));
    let mut by_severity = digest.open.clone();
    by_severity.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let by_severity = by_severity.iter().filter(|(_, count)| *count > 0);
    let by_severity: Vec<String> = by_severity.map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
    let alerts = match open {
        0 => "none".to_owned(),
        open => format!("{open}: {}\n{} new in 24 h", by_severity.join(", "), digest.new_alerts),
    };
    let fragile = match &digest.fragile {
        Part::Measured(services) => {
            let mut services: Vec<_> = services.iter().collect();
            services.sort_by(|a, b| a.health.total_cmp(&b.health));
            let line = |it: &&crate::domain::FragileService| {
                let callers = if it.callers == 1 { "1 caller".to_owned() } else { format!("{} callers", it.callers) };
                format!("{} {:.2} {} · {callers}", bar(it.health), it.health, text(&it.service, 80))
            };
            services.iter().take(ROWS).map(line).collect()
        }
        Part::NotMeasured(why) => vec![not_measured(why, mask)],
        Part::Absent => vec!["not measured".to_owned()],
    };
    let mut stuck: Vec<_> = digest.stuck.iter().collect();
    stuck.sort_by_key(|it| std::cmp::Reverse(it.seconds));
    let more = stuck.len().saturating_sub(ROWS);
    let mut stuck: Vec<String> = stuck
        .iter()
        .take(ROWS)
        .map(|it| {
            let namespace =
                it.subject.namespace.as_ref().map(|namespace| format!("{}/", text(namespace, 40))).unwrap_or_default();
            format!("• {} on {namespace}{}, {}", text(&it.alert, 60), text(&it.subject.name, 60), whole(it.seconds))
        })
        .collect();
    if more > 0 {
        stuck.push(format!("+{more} more"));
    }
    let budgets = match &digest.budgets {
        Part::Measured(budgets) => {
            let line = |it: &crate::domain::BudgetBurn| {
                format!("{} {:.0}% spent · {}", bar(it.spent), (it.spent * 100.0).floor().max(0.0), text(&it.name, 80))
            };
            budgets.iter().take(ROWS).map(line).collect()
        }
        Part::NotMeasured(why) => vec![not_measured(why, mask)],
        Part::Absent => vec!["not measured".to_owned()],
    };
    let sections = vec![
        inline("Services", digest.services.map_or_else(|| "not measured".to_owned(), |count| count.to_string())),
        inline("Deploys in 24 h", deploys),
        inline("Open alerts", alerts),
        part("Most fragile", fragile),
        part("Stuck for 24 h", stuck),
        part("Budget burn", budgets),
    ];
    let head = Head {
        title: format!("📊 {} · {}", text(&digest.team, 80), day(digest.at)),
        color: color(digest),
        description: Vec::new(),
        footer: "team digest".to_owned(),
        at: digest.at,
    };
    message(head, sections)
}

/// Red: critical or stuck; yellow: a warning or poor health; grey: nothing to say about; else green.
fn color(digest: &TeamDigest) -> u32 {
    let has = |wanted| digest.open.iter().any(|(severity, count)| *severity == wanted && *count > 0);
    let is_poor = matches!(&digest.fragile, Part::Measured(services) if services.iter().any(|it| it.health < POOR));
    if has(Severity::Critical) || !digest.stuck.is_empty() {
        0xE5_39_35
    } else if has(Severity::Warning) || is_poor {
        0xFD_D8_35
    } else if digest.services == Some(0) {
        0x9E_9E_9E
    } else {
        0x43_A0_47
    }
}
