//! Incidents and what was done about them, and the log of who did what.

use super::age::age;
use super::attempts::attempts;
use super::paragraph::Paragraph;
use super::{Cell, Fit, Layout, Tone, escape, table};
use crate::domain::{AuditRow, Incident, IncidentRecord, IncidentStatus, Verdict};
use jiff::Timestamp;

/// How much of an incident's id is shown in a list: a UUID v7 up to its milliseconds (RFC 9562, section 5.7).
const SHORT: usize = 13;

/// Incidents under a head.
pub fn incidents(all: &[Incident], now: Timestamp, layout: Layout) -> String {
    let row = |incident: &Incident| {
        let verdict = incident.verdict.map_or("-", Verdict::as_str);
        let tone = if incident.status == IncidentStatus::Open { Tone::Bad } else { Tone::Good };
        vec![
            Cell::toned(incident.id.get(..SHORT).unwrap_or(&incident.id), Tone::Strong),
            Cell::toned(incident.status.as_str(), tone),
            Cell::new(incident.subject.to_string()),
            Cell::new(incident.cause.as_deref().unwrap_or("-")),
            Cell::new(verdict),
            Cell::new(age(incident.opened_at, now)),
        ]
    };
    let rows: Vec<Vec<Cell>> = all.iter().map(row).collect();
    table(&["id", "status", "subject", "cause", "verdict", "opened"], &rows, layout, Fit::Whole)
}

/// One incident with its analyses and attempts.
pub fn incident(record: &IncidentRecord, now: Timestamp, layout: Layout) -> String {
    let incident = &record.incident;
    let mut lines = Vec::new();
    let mut say = |tone: Tone, text: &str, indent: usize| {
        let line = Paragraph::new().add(Tone::Plain, &" ".repeat(indent)).hang(indent + 2);
        lines.extend(line.add(tone, &escape(text)).lines(layout.width, layout.color));
    };
    say(
        Tone::Strong,
        &format!("{} {}, opened {} ago", incident.subject, incident.status.as_str(), age(incident.opened_at, now)),
        0,
    );
    say(Tone::Dim, &incident.id, 2);
    if let Some(at) = incident.resolved_at {
        say(Tone::Plain, &format!("resolved {} ago", age(at, now)), 2);
    }
    if let Some(summary) = &incident.summary {
        say(Tone::Plain, summary, 2);
    }
    let mut text = lines.join("\n") + "\n";
    if !record.runs.is_empty() {
        let rows = record.runs.iter().map(|run| {
            let cause = run.cause.as_deref().unwrap_or("-");
            vec![
                Cell::new(age(run.created_at, now)),
                Cell::new(run.verdict.as_str()),
                Cell::new(cause),
                Cell::toned(&run.id, Tone::Dim),
            ]
        });
        text.push('\n');
        text.push_str(&table(&["analysed", "verdict", "cause", "run"], &rows.collect::<Vec<_>>(), layout, Fit::Whole));
    }
    if !record.attempts.is_empty() {
        text.push('\n');
        text.push_str(&attempts(&record.attempts, true, now, layout));
    }
    text
}

/// Rows of the log, oldest first.
pub fn audit(rows: &[AuditRow], layout: Layout) -> String {
    let row = |row: &AuditRow| {
        let event = &row.event;
        let code = event.data.code.as_ref().map_or("-", |code| code.as_str());
        vec![
            Cell::toned(row.seq.to_string(), Tone::Dim),
            Cell::new(format!("{:.0}", row.at)),
            Cell::toned(event.event.as_str(), Tone::Strong),
            Cell::new(format!("{}:{}", event.actor.kind, event.actor.name)),
            Cell::new(&event.channel),
            Cell::new(code),
            Cell::new(event.target.as_deref().unwrap_or("-")),
        ]
    };
    let rows: Vec<Vec<Cell>> = rows.iter().map(row).collect();
    table(&["seq", "at", "event", "actor", "channel", "attempt", "target"], &rows, layout, Fit::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, AuditEvent, AuditName, ObjectRef, Run};
    use serde_json::Value;

    fn layout() -> Layout {
        Layout { width: 120, color: false, verbose: false }
    }

    fn sample() -> IncidentRecord {
        let at: Timestamp = "2026-01-02T05:05:00Z".parse().unwrap();
        let incident = Incident {
            id: "0198c2f0-7a1b-7c3d-8e4f-0123456789ab".into(),
            cluster: "c0ffee".into(),
            subject: ObjectRef::new("Deployment", "shop", "checkout"),
            status: IncidentStatus::Open,
            opened_at: at,
            resolved_at: None,
            merged_into: None,
            verdict: Some(Verdict::Confirmed),
            cause: Some("oom_killed".into()),
            summary: Some("Deployment shop/checkout: container app was OOM-killed\u{1b}[31m".into()),
        };
        let run = Run {
            id: "0198c2f0-7a1c-7c3d-8e4f-0123456789ab".into(),
            incident: incident.id.clone(),
            verdict: Verdict::Confirmed,
            cause: Some("oom_killed".into()),
            captured_at: at,
            created_at: at,
            report: Value::Null,
        };
        IncidentRecord { incident, runs: vec![run], attempts: Vec::new(), clicked_at: None }
    }

    #[test]
    fn an_incident_in_a_list_and_by_itself() {
        let now = "2026-01-02T06:05:00Z".parse().unwrap();
        insta::assert_snapshot!(incidents(&[sample().incident], now, layout()) + "\n" + &incident(&sample(), now, layout()));
    }

    #[test]
    fn a_row_of_the_log() {
        let actor = Actor { kind: "person".into(), id: "anna".into(), name: "anna".into() };
        let event = AuditEvent::new(AuditName::ApprovalApproved, actor, "cli");
        let at = "2026-01-02T05:05:00.123Z".parse().unwrap();
        let row = AuditRow { seq: 7, at, event, prev: "0".repeat(64), hash: "f".repeat(64) };
        insta::assert_snapshot!(audit(&[row], layout()));
    }
}
