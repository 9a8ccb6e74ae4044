//! What was proposed and tried, in HTML: what would change, how much can go wrong, who decided, and whether it helped.

use super::markup::Html;
use super::{facts, section};
use crate::domain::{Attempt, AttemptContext, AttemptState, Plan, Risk};
use crate::render::age::since;
use crate::render::value::show_field;
use jiff::Timestamp;
use serde_json::Value;

/// Attempts that stand open.
const OPEN: usize = 2;
/// Lines of a difference.
const DIFF: usize = 200;

/// All of them, the newest first.
pub(super) fn attempts(html: &mut Html, all: &[Attempt], now: Timestamp) {
    if all.is_empty() {
        return;
    }
    section(html, "Changes", |html| {
        for (index, attempt) in all.iter().rev().enumerate() {
            let plan: Option<Plan> = serde_json::from_value(attempt.plan.clone()).ok();
            let context: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
            let title = format!("{} {}: {}", attempt.code, attempt.state.as_str().replace('_', " "), context.title);
            if index < OPEN {
                html.words("h3", &title);
                one(html, attempt, plan.as_ref(), &context, now);
            } else {
                html.tag("details", |html| {
                    html.words("summary", &title);
                    one(html, attempt, plan.as_ref(), &context, now);
                });
            }
        }
    });
}

fn one(html: &mut Html, attempt: &Attempt, plan: Option<&Plan>, context: &AttemptContext, now: Timestamp) {
    let waits = attempt.state == AttemptState::Proposed && attempt.expires_at > now;
    if waits {
        html.tag("p", |html| {
            html.text(&format!("Waits for approval, for another {}: ", since(now, attempt.expires_at)));
        });
        html.words("pre class=\"command\"", &format!("sre-copilot approve {}", attempt.code));
    }
    html.words("p", &context.why);
    if !context.command.is_empty() {
        html.tag("p class=\"small quiet\"", |html| html.text("It does the same as"));
        html.words("pre", &context.command);
    }
    match plan {
        Some(plan) => difference(html, plan),
        None => html.words("p", "The stored plan can't be read, so it can't be applied."),
    }
    let by = attempt.decided_by.as_ref().map(|actor| {
        let when = attempt.decided_at.map(|at| format!(", {} ago", since(at, now))).unwrap_or_default();
        format!("{} ({}){when}", actor.name, actor.kind)
    });
    let risk = plan.map_or(Risk::High, |plan| plan.risk.level);
    let axes = plan.iter().flat_map(|plan| &plan.risk.axes).map(|axis| format!("{} {}", axis.axis, axis.value));
    let axes = axes.collect::<Vec<_>>().join(", ");
    let policy = context.decision.as_ref().map(|decision| format!("{}: {}", decision.rule, decision.why));
    facts(
        html,
        &[
            ("state", format!("{}, since {}", attempt.state.as_str().replace('_', " "), since(attempt.changed_at, now))),
            ("reason", attempt.reason.clone().unwrap_or_default()),
            ("decided by", by.unwrap_or_default()),
            ("risk", if axes.is_empty() { risk.as_str().to_owned() } else { format!("{}: {axes}", risk.as_str()) }),
            ("policy", policy.unwrap_or_default()),
            ("checked", context.checks.join(", ")),
            ("not checked", context.unchecked.join(", ")),
            ("undo", context.undo.clone()),
            ("digest", attempt.digest.to_string()),
        ],
    );
    verification(html, attempt);
}

fn difference(html: &mut Html, plan: &Plan) {
    let line = |line: &crate::domain::DiffLine| {
        let by = line.by.as_ref().map(|by| format!("  (by {by})")).unwrap_or_default();
        format!("{}: {} → {}{by}", line.path, show_field(&line.before), show_field(&line.after))
    };
    let lines: Vec<String> = plan.diff.iter().take(DIFF).map(line).collect();
    if !lines.is_empty() {
        html.tag("pre", |html| html.lines(&lines.join("\n")));
    }
    if plan.diff.len() > DIFF {
        html.words("p class=\"small quiet\"", &format!("… and {} more lines", plan.diff.len() - DIFF));
    }
}

/// What was looked at to see whether it helped, as it is stored.
fn verification(html: &mut Html, attempt: &Attempt) {
    let criteria = attempt.verification.as_ref().and_then(|seen| seen.get("criteria")?.as_array());
    let word = |criterion: &Value, key: &str| criterion.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for criterion in criteria.into_iter().flatten().take(20) {
        let mark = match word(criterion, "state").as_str() {
            "found" => "✓",
            "absent" => "✗",
            _ => "?",
        };
        let (name, seen) = (word(criterion, "name"), word(criterion, "seen"));
        let seen = if seen.is_empty() { String::new() } else { format!(": {seen}") };
        html.words("p class=\"small\"", &format!("{mark} {name}{seen}"));
    }
}
