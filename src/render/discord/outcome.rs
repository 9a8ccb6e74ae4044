//! What is proposed, what its dry run said, and what became of it.

use super::super::click::{block, changes, outcome as told};
use super::fit::{Drop, Field, Keep};
use super::time::relative;
use super::{Frame, may_press};
use crate::domain::{Attempt, AttemptContext, AttemptState, IncidentView, Plan, Report, Risk, Verb};
use serde_json::Value;

/// Of a command: all of it has to be seen by who approves it.
const COMMAND: usize = 700;
/// So many checks of a change are shown: all that there are for one.
const CHECKS: usize = 6;
/// Of the diff, in UTF-16 units.
const DIFF: usize = 600;

/// What a change that waits for a decision stands under.
pub(super) const PROPOSED: &str = "Proposed action";

pub(super) fn fields(view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let Some(finding) = &view.finding else { return Vec::new() };
    let is_fault = finding.report.verdict.is_fault();
    // What nobody approved before something newer took its place is nobody's news.
    let is_news = |attempt: &&Attempt| attempt.state != AttemptState::Superseded || attempt.decided_by.is_some();
    let newest = view.attempts.iter().rev().find(is_news);
    let waits = newest.filter(|attempt| attempt.state == AttemptState::Proposed);
    // A proposal to take a change back stands above what became of that change.
    let tried = view.attempts.iter().rev().find(|attempt| attempt.sent_at.is_some()).or_else(|| newest.xor(waits));
    let mut fields = match waits {
        Some(attempt) if is_fault || attempt.undo_of.is_some() => proposed(attempt, view, frame),
        // What became of another analysis' change says nothing about what this one proposes.
        None if is_fault && newest.is_none_or(|attempt| attempt.run_id != finding.run_id) => advice(&finding.report, frame),
        _ => Vec::new(),
    };
    fields.extend(tried.map(|attempt| became(attempt, frame)));
    fields
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
fn proposed(attempt: &Attempt, view: &IncidentView, frame: &Frame<'_>) -> Vec<Field> {
    let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    let plan: Option<Plan> = serde_json::from_value(attempt.plan.clone()).ok();
    let command = (frame.mask)(&shown.command);
    // What isn't there to be read can't be approved either.
    let whole = !command.trim().is_empty() && block(&command, usize::MAX).encode_utf16().count() <= COMMAND;
    let decision = shown.decision.as_ref().map(|decision| format!(" · {}", frame.text(&decision.rule, 60))).unwrap_or_default();
    let has_button = frame.buttons.is_some_and(|ids| {
        let decides = [Verb::Apply, Verb::Approve].into_iter().filter(|verb| ids.contains_key(verb));
        decides.into_iter().any(|verb| may_press(verb, view, whole))
    });
    let code = &attempt.code;
    let how = match (frame.can_apply, has_button) {
        (false, _) => format!("advisory: approvals are off · {code}"),
        (true, true) => code.clone(),
        (true, false) => {
            let page = (frame.page)(&view.incident.id).map(|page| format!(" · [page]({page})")).unwrap_or_default();
            format!("`sre-copilot approve {code}`{page}")
        }
    };
    let how = format!("{how} · expires {}", relative(attempt.expires_at));
    let risk = icon(plan.as_ref().map(|plan| plan.risk.level));
    let command = if command.is_empty() { frame.text(&shown.title, 300) } else { block(&command, COMMAND) };
    let value = format!("{risk}{decision}\n{command}\n{how}");
    let mut fields = vec![Field { keep: Keep::Always, command_is_whole: whole, ..Field::new(PROPOSED, value) }];
    if let Some(plan) = plan.filter(|_| frame.is_tried) {
        let diff = match changes(&plan.diff, 20) {
            none if none.is_empty() => "✓ accepted".to_owned(),
            lines => format!("✓ accepted\n{}", frame.block(&lines, DIFF)),
        };
        fields.push(Field { drop: Some((Drop::Diff, Some("✓ accepted".to_owned()))), ..Field::new("Dry run", diff) });
    }
    fields
}

/// Who applied what, and how that was found to be.
fn became(attempt: &Attempt, frame: &Frame<'_>) -> Field {
    let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    let by = attempt.decided_by.as_ref().filter(|_| attempt.sent_at.is_some());
    let by = by.map(|actor| format!(", approved by {}", frame.person(actor))).unwrap_or_default();
    let mut lines = vec![told(attempt, frame.mask)];
    let title = frame.text(&shown.title, 200);
    lines.extend((!title.is_empty()).then(|| format!("{title}{by}")));
    lines.extend(checks(attempt, frame));
    if let Some((code, until)) = frame.undo.filter(|(code, _)| *code == attempt.code && frame.can_apply) {
        let has_button = frame.buttons.is_some_and(|ids| ids.contains_key(&Verb::Undo));
        lines.extend((!has_button).then(|| format!("Undo: `sre-copilot approve {code} --undo` · until {}", relative(until))));
    }
    Field { keep: Keep::Always, ..Field::new("Outcome", lines.join("\n")) }
}

/// What was looked at after a change and how each of it was found to be: what doesn't hold first.
fn checks(attempt: &Attempt, frame: &Frame<'_>) -> Vec<String> {
    let criteria = attempt.verification.as_ref().and_then(|seen| seen.get("criteria")?.as_array());
    let check = |criterion: &Value| {
        let word = |key: &str| criterion.get(key).and_then(Value::as_str).map(|word| frame.text(word, 100));
        let (rank, icon) = match criterion.get("state").and_then(Value::as_str)? {
            "absent" => (0, "✗"),
            "found" => (2, "✓"),
            _ => (1, "?"),
        };
        let seen = word("seen").filter(|seen| !seen.is_empty()).map(|seen| format!(": {seen}")).unwrap_or_default();
        Some((rank, format!("{icon} {}{seen}", word("name")?)))
    };
    let mut checks: Vec<(u8, String)> = criteria.into_iter().flatten().filter_map(check).collect();
    checks.sort_by_key(|(rank, _)| *rank);
    checks.into_iter().take(CHECKS).map(|(_, line)| line).collect()
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
    fields.extend(why.filter(|_| frame.is_tried).map(|why| Field::new("Dry run", format!("{note}: {why}"))));
    fields
}
