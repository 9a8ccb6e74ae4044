//! What waits for a person, and one attempt with all that is needed to decide: what, why, the difference, the risk, and what
//! was not looked at.

use super::age::{age, since};
use super::paragraph::Paragraph;
use super::value::show_field;
use super::{Cell, Fit, Layout, Tone, escape, table};
use crate::domain::{Attempt, AttemptContext, AttemptState, Plan, Risk};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Columns of the labels on the left.
const LABEL: usize = 10;
/// Lines of a difference that are shown without `-v`.
const DIFF: usize = 12;

/// Attempts under a head. `state` adds a column for lists that hold more than what waits.
pub fn attempts(all: &[Attempt], state: bool, now: Timestamp, layout: Layout) -> String {
    let mut head = vec!["code", "risk", "target", "change", "cause", "verdict", "age", "expires"];
    if state {
        head.insert(1, "state");
    }
    let row = |attempt: &Attempt| {
        let (plan, context) = read(attempt);
        let level = plan.map_or(Risk::High, |plan| plan.risk.level);
        let waits = matches!(attempt.state, AttemptState::Proposed | AttemptState::Approved);
        let expires = if waits { since(now, attempt.expires_at) } else { "-".to_owned() };
        let mut cells = vec![
            Cell::toned(&attempt.code, Tone::Strong),
            Cell::toned(level.as_str(), tone(level)),
            Cell::new(&attempt.target),
            Cell::new(context.change),
            Cell::new(context.cause),
            Cell::new(context.verdict),
            Cell::new(age(attempt.created_at, now)),
            Cell::new(expires),
        ];
        if state {
            cells.insert(1, Cell::new(attempt.state.as_str()));
        }
        cells
    };
    let rows: Vec<Vec<Cell>> = all.iter().map(row).collect();
    table(&head, &rows, layout, Fit::Whole)
}

/// One attempt, with everything that its approval binds.
pub fn attempt(attempt: &Attempt, now: Timestamp, layout: Layout) -> String {
    let (plan, context) = read(attempt);
    let mut lines = Vec::new();
    let level = plan.as_ref().map_or(Risk::High, |plan| plan.risk.level);
    let digest = attempt.digest.to_string();
    let room = layout.width.saturating_sub(level.as_str().len() + digest.len() + 4);
    let title = Paragraph::new().add(Tone::Strong, &escape(&context.title)).pad(room);
    lines.extend(
        title.add(tone(level), level.as_str()).add(Tone::Plain, "  ").add(Tone::Dim, &digest).lines(layout.width, layout.color),
    );
    let mut item = |label: &str, text: &str| {
        let line = Paragraph::new().add(Tone::Plain, "  ").add(Tone::Dim, label).pad(LABEL).hang(LABEL);
        lines.extend(line.add(Tone::Plain, &escape(text)).lines(layout.width, layout.color));
    };
    item("state", &state(attempt, now));
    item("why", &context.why);
    if let Some(plan) = &plan {
        let shown = if layout.verbose { plan.diff.len() } else { DIFF };
        for (index, line) in plan.diff.iter().take(shown).enumerate() {
            let by = line.by.as_ref().map(|by| format!("  (by {by})")).unwrap_or_default();
            let change = format!("{}  {} -> {}{by}", line.path, show_field(&line.before), show_field(&line.after));
            item(if index == 0 { "diff" } else { "" }, &change);
        }
        if plan.diff.len() > shown {
            item("", &format!("… {} more, -v shows them", plan.diff.len() - shown));
        }
        // What the words say by themselves needs no name: fresh, confirmed, easy, safe.
        let plain = ["freshness", "confidence", "reversibility", "idempotency"];
        let axes = plan.risk.axes.iter().map(|axis| match (layout.verbose, plain.contains(&axis.axis.as_str())) {
            (true, _) => format!("{} {} ({})", axis.axis, axis.value, axis.level),
            (false, true) => axis.value.clone(),
            (false, false) => format!("{} {}", axis.axis, axis.value),
        });
        item("risk", &axes.collect::<Vec<_>>().join(", "));
    } else {
        item("plan", "it can't be read, so that it can't be applied");
    }
    if let Some(decision) = &context.decision {
        item("policy", &format!("{}: {}", decision.rule, decision.why));
    }
    let unchecked = if context.unchecked.is_empty() {
        String::new()
    } else {
        format!("; not checked by the API server: {}", context.unchecked.join(", "))
    };
    item("checks", &format!("{}{unchecked}", context.checks.join(", ")));
    item("same as", &context.command);
    item("undo", &context.undo);
    if let Some(reason) = &attempt.reason {
        item("reason", reason);
    }
    lines.join("\n") + "\n"
}

fn read(attempt: &Attempt) -> (Option<Plan>, AttemptContext) {
    let context = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    (serde_json::from_value(attempt.plan.clone()).ok(), context)
}

fn state(attempt: &Attempt, now: Timestamp) -> String {
    let by = attempt.decided_by.as_ref().map(|actor| format!(" by {}", actor.name)).unwrap_or_default();
    match attempt.state {
        AttemptState::Proposed if attempt.expires_at > now => {
            format!("proposed {} ago, expires in {}", since(attempt.created_at, now), since(now, attempt.expires_at))
        }
        AttemptState::Proposed => format!("proposed {} ago, too old to be approved", since(attempt.created_at, now)),
        state => format!("{state}{by}, {} ago", since(attempt.changed_at, now)),
    }
}

fn tone(level: Risk) -> Tone {
    match level {
        Risk::Low => Tone::Good,
        Risk::Medium => Tone::Doubtful,
        Risk::High => Tone::Bad,
    }
}

/// The public JSON form of an attempt (`sre-copilot/v1`, kind `Attempt`).
pub fn attempt_document(attempt: &Attempt) -> Value {
    let (plan, context) = read(attempt);
    json!({
        "apiVersion": "sre-copilot/v1",
        "kind": "Attempt",
        "code": attempt.code,
        "id": attempt.id,
        "incident": attempt.incident,
        "state": attempt.state,
        "digest": attempt.digest,
        "risk": plan.map(|plan| plan.risk),
        "decision": context.decision.as_ref().map(|decision| json!({"value": decision.value, "rule": decision.rule})),
        "plan": attempt.plan,
        "command": context.command,
        "createdAt": attempt.created_at,
        "expiresAt": attempt.expires_at,
        "decidedBy": attempt.decided_by,
        "reason": attempt.reason,
        "verification": attempt.verification,
    })
}

/// Several of them, as a list (`kind` `AttemptList`).
pub fn attempt_list(all: &[Attempt]) -> Value {
    json!({"apiVersion": "sre-copilot/v1", "kind": "AttemptList", "items": all.iter().map(attempt_document).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Decision, DecisionValue, DiffLine, Digest, PlanRequest, PlanTarget, RiskAxis, RiskReport};

    const NOW: &str = "2026-01-02T05:09:00Z";

    fn sample() -> Attempt {
        let axis = |axis: &str, value: &str, level| RiskAxis { axis: axis.into(), value: value.into(), level };
        let plan = Plan {
            api_version: "sre-copilot/v1".into(),
            kind: "Plan".into(),
            cluster: "c0ffee".into(),
            intent: json!({"action": "rollback_deployment"}),
            target: PlanTarget { uid: "u-1".into(), version: "generation:15".into(), node: None },
            request: PlanRequest {
                method: "PATCH".into(),
                path: "/apis/apps/v1/namespaces/squad-7/deployments/checkout".into(),
                content_type: "application/json-patch+json".into(),
                body: json!([]),
            },
            diff: vec![DiffLine {
                path: "spec.template.spec.containers[app].resources.limits.memory".into(),
                before: json!("256Mi"),
                after: json!("512Mi"),
                by: None,
            }],
            risk: RiskReport {
                level: Risk::Medium,
                axes: vec![axis("tier", "writable", 0), axis("kind", "deployment", 1), axis("confidence", "confirmed", 0)],
            },
            undo_of: None,
        };
        let context = AttemptContext {
            title: "Rollback deployment/checkout in squad-7 from revision 15 to 14".into(),
            change: "rollback to 14".into(),
            cause: "oom_killed".into(),
            cause_object: None,
            verdict: "confirmed".into(),
            why: "confirmed oom_killed: revision 15 lowered the memory limit; killed 7 times since 05:01 UTC".into(),
            decision: Some(Decision {
                value: DecisionValue::Approve,
                rule: "needs_approval".into(),
                why: "a person decides".into(),
            }),
            checks: vec!["access ok".into(), "dry run ok".into()],
            unchecked: vec!["pod quota (4 of 10 used)".into(), "scheduling".into()],
            command: "kubectl -n squad-7 rollout undo deployment/checkout --to-revision=14".into(),
            undo: "back to 15's template".into(),
        };
        let at: Timestamp = "2026-01-02T05:05:00Z".parse().unwrap();
        Attempt {
            id: "0198".into(),
            code: "A-7F3K2M".into(),
            incident: "i-1".into(),
            run_id: "r-1".into(),
            digest: Digest::of(&plan).unwrap(),
            try_number: 1,
            plan: serde_json::to_value(&plan).unwrap(),
            cluster: "c0ffee".into(),
            target: "squad-7/deployment/checkout".into(),
            context: serde_json::to_value(context).unwrap(),
            state: AttemptState::Proposed,
            version: 1,
            requested_by: None,
            decided_by: None,
            decided_at: None,
            nonce: "secret-nonce".into(),
            created_at: at,
            changed_at: at,
            expires_at: "2026-01-02T05:35:00Z".parse().unwrap(),
            lease_until: None,
            fence: 0,
            sent_at: None,
            token: None,
            resource_version: None,
            sends: 0,
            before: None,
            after: None,
            reason: None,
            verify_due_at: None,
            verification: None,
            undo_of: None,
        }
    }

    fn layout() -> Layout {
        Layout { width: 120, color: false, verbose: false }
    }

    #[test]
    fn what_waits_is_one_line_each() {
        insta::assert_snapshot!(attempts(&[sample()], false, NOW.parse().unwrap(), layout()));
    }

    #[test]
    fn one_attempt_shows_all_that_an_approval_binds() {
        insta::assert_snapshot!(attempt(&sample(), NOW.parse().unwrap(), layout()));
        let document = attempt_document(&sample());
        assert_eq!(document["risk"]["level"], "medium");
        assert_eq!(document["decision"], json!({"value": "approve", "rule": "needs_approval"}));
        assert!(!document.to_string().contains("secret-nonce"));
    }

    #[test]
    fn a_plan_that_can_not_be_read_is_said_and_counts_as_high_risk() {
        let broken = Attempt { plan: json!({"kind": 7}), context: Value::Null, ..sample() };
        let text = attempt(&broken, NOW.parse().unwrap(), layout());
        assert!(text.contains("can't be read") && text.contains("high"), "{text}");
    }
}
