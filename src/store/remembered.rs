//! Earlier incidents as they are compared: of each analysis only the ids leave the store, so that reading hundreds stays
//! cheap.

use super::{attempt_queries, columns};
use crate::domain::{Attempt, FixResult, ObjectRef, PastFix, RememberedIncident};
use crate::ports::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// So many that are open, and so many that are over.
const MOST: u32 = 500;

pub(super) fn list(connection: &Connection, cluster: &str, since: Timestamp) -> Result<Vec<RememberedIncident>, StoreError> {
    let mut open = connection
        .prepare("SELECT * FROM incidents WHERE cluster = ?1 AND status = 'open' ORDER BY opened_at DESC, id DESC LIMIT ?2")?;
    let mut over = connection.prepare(
        "SELECT * FROM incidents WHERE cluster = ?1 AND status = 'resolved' AND resolved_at >= ?3
         ORDER BY resolved_at DESC, id DESC LIMIT ?2",
    )?;
    let mut known: Vec<RememberedIncident> =
        open.query_map(params![cluster, MOST], incident)?.collect::<Result<_, rusqlite::Error>>()?;
    for past in over.query_map(params![cluster, MOST, since.as_millisecond()], incident)? {
        known.push(past?);
    }
    // Of an incident that ended well the last analysis found nothing: the one that named its cause says more.
    let mut analysis = connection.prepare(
        "SELECT (SELECT json_group_array(fact.value ->> 'id') FROM json_each(report, '$.facts') AS fact
                 WHERE fact.value ->> 'state' = 'found') AS facts,
                COALESCE(report -> '$.alerts', '[]') AS alerts,
                report ->> '$.actions[0].intent.action' AS proposed
         FROM runs WHERE incident_id = ?1 ORDER BY cause IS NULL, created_at DESC, id DESC LIMIT 1",
    )?;
    for past in &mut known {
        let said = analysis.query_row([&past.id], |row| {
            let words = |column| columns::json::<Vec<String>>(row, column).map(sorted);
            Ok((words("facts")?, words("alerts")?, row.get("proposed")?))
        });
        if let Some((facts, alerts, proposed)) = said.optional()? {
            past.facts = facts;
            past.alerts = alerts;
            past.proposed = proposed;
        }
        let sent = attempt_queries::many(
            connection,
            "SELECT * FROM attempts WHERE incident_id = ?1 AND sent_at IS NOT NULL AND undo_of IS NULL ORDER BY sent_at, id",
            [&past.id],
        )?;
        past.fixes = sent.iter().filter_map(fix).collect();
    }
    known.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
    Ok(known)
}

fn incident(row: &Row<'_>) -> Result<RememberedIncident, rusqlite::Error> {
    let namespace: String = row.get("namespace")?;
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    Ok(RememberedIncident {
        id: row.get("id")?,
        subject: ObjectRef { kind: row.get("kind")?, namespace, name: row.get("name")? },
        opened_at: columns::maybe_time(row, "opened_at")?,
        resolved_at: columns::maybe_time(row, "resolved_at")?,
        cause: row.get("cause")?,
        ..RememberedIncident::default()
    })
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

fn fix(attempt: &Attempt) -> Option<PastFix> {
    let outcome = attempt.verification.as_ref().and_then(|seen| seen.get("outcome")?.as_str());
    Some(PastFix {
        action: attempt.plan.pointer("/intent/action").and_then(|action| action.as_str()).unwrap_or("change").to_owned(),
        target: attempt.target.clone(),
        at: attempt.sent_at?,
        result: FixResult::of(attempt.state, outcome)?,
    })
}
