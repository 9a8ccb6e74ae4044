//! What is proposed, what its dry run said, and what became of it.

use super::super::click::{block, outcome as told};
use super::super::value::show_field;
use super::Frame;
use super::fit::{Drop, Field, Keep};
use super::time::relative;
use crate::domain::{Attempt, AttemptContext, AttemptState, DiffLine, IncidentView, Plan, Report, Risk};

/// Of a command: all of it has to be seen by who approves it.
const COMMAND: usize = 700;
/// Of the diff, in UTF-16 units.
const DIFF: usize = 600;

/// What a change that waits for a decision stands under.
pub(super) const PROPOSED: &str = "Proposed action";

pub(super) fn fields(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let Some(finding) = &view.finding else { return Vec::new() };
    let is_fault = finding.report.verdict.is_fault();
    let newest = view.attempts.iter().rev().find(|attempt| attempt.state != AttemptState::Superseded);
    match newest {
        Some(attempt) if attempt.state == AttemptState::Proposed && is_fault => proposed(attempt, frame),
        Some(attempt) if attempt.state != AttemptState::Proposed => vec![became(attempt, frame)],
        None if is_fault => advice(&finding.report, frame),
        _ => Vec::new(),
    }
}

fn icon(risk: Option<Risk>) -> &'static str {
    match risk {
        Some(Risk::Low) => "🟢 low risk",
        Some(Risk::Medium) => "🟡 medium risk",
        Some(Risk::High) => "🔴 high risk",
        None => "⚪ risk not known",
    }
}

/// What waits for a decision: the whole command, and how to decide.
fn proposed(attempt: &Attempt, frame: &Frame<'_>) -> Vec<Field> {
    let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    let plan: Option<Plan> = serde_json::from_value(attempt.plan.clone()).ok();
    let command = (frame.mask)(&shown.command);
    let whole = block(&command, usize::MAX).encode_utf16().count() <= COMMAND;
    let decision = shown.decision.as_ref().map(|decision| format!(" · {}", frame.text(&decision.rule, 60))).unwrap_or_default();
    let how = if frame.buttons.is_some() && whole {
        format!("{} · expires {}", attempt.code, relative(attempt.expires_at))
    } else {
        format!("`sre-copilot approve {}` · expires {}", attempt.code, relative(attempt.expires_at))
    };
    let risk = icon(plan.as_ref().map(|plan| plan.risk.level));
    let command = if command.is_empty() { frame.text(&shown.title, 300) } else { block(&command, COMMAND) };
    let value = format!("{risk}{decision}\n{command}\n{how}");
    let mut fields = vec![Field { keep: Keep::Always, command_is_whole: whole, ..Field::new(PROPOSED, value) }];
    if let Some(plan) = plan.filter(|_| frame.can_apply) {
        let line = |line: &DiffLine| format!("{}  {} -> {}", line.path, show_field(&line.before), show_field(&line.after));
        let lines: Vec<String> = plan.diff.iter().take(20).map(line).collect();
        let diff = match lines.as_slice() {
            [] => "✓ accepted".to_owned(),
            lines => format!("✓ accepted\n{}", frame.block(&lines.join("\n"), DIFF)),
        };
        fields.push(Field { drop: Some((Drop::Diff, Some("✓ accepted".to_owned()))), ..Field::new("Dry run", diff) });
    }
    fields
}

fn became(attempt: &Attempt, frame: &Frame<'_>) -> Field {
    Field { keep: Keep::Always, ..Field::new("Outcome", told(attempt, frame.mask)) }
}

/// What the report proposes, where nothing was tried.
fn advice(report: &Report, frame: &Frame<'_>) -> Vec<Field> {
    let Some(action) = report.actions.iter().find(|action| action.intent.action.is_write()) else { return Vec::new() };
    let execution = report.execution.as_ref();
    let note = match execution.map(|execution| execution.status.as_str()) {
        Some("guardrail_blocked") => "🚫 blocked",
        Some("dry_run_failed") => "✗ refused",
        Some("error") => "⚠ could not be tried",
        _ => "advisory",
    };
    let why = execution.filter(|_| note != "advisory").map(|execution| frame.text(&execution.text, 300));
    let value = format!("{}\n{}\n{note}", icon(Some(action.risk)), frame.block(&action.command, COMMAND));
    let mut fields = vec![Field { keep: Keep::Always, ..Field::new(PROPOSED, value) }];
    fields.extend(why.filter(|_| frame.can_apply).map(|why| Field::new("Dry run", format!("{note}: {why}"))));
    fields
}
