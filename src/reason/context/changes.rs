//! What changed: the revision that the trouble began with, field by field, and what was deployed shortly before with how much
//! speaks for it.

use super::quote::Quotes;
use super::section::Section;
use crate::domain::DeployReport;
use crate::reason::Case;
use std::fmt::Write as _;

/// The longest value of a field.
const VALUE: usize = 200;
/// More deploys than this say nothing about one.
const MOST_DEPLOYS: usize = 5;
const MOST_SHIFTS: usize = 3;

/// The changes.
pub fn section(case: &Case<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    if let Some(change) = &case.report.change {
        let object = case.numbers.of_object(&change.object).unwrap_or_else(|| quotes.repeat(&change.object.to_string(), 120));
        let at = change.at.map(|at| format!(" at {at}")).unwrap_or_default();
        let explains = if change.explains { ", on a field that the first cause is about" } else { "" };
        lines.push(format!("{object} revision {} to {}{at}{explains}", change.from, change.to));
        for field in &change.fields {
            let place = || format!("{} of {}", field.path, change.object);
            let path = quotes.quote(&field.path, VALUE, place);
            let [before, after] = [&field.before, &field.after].map(|value| match value {
                serde_json::Value::Null => "unset".to_owned(),
                serde_json::Value::String(text) => quotes.quote(text, VALUE, place),
                value => quotes.quote(&value.to_string(), VALUE, place),
            });
            lines.push(format!("{path}: {before} -> {after}"));
        }
        // People and tools leave the reason here (`kubectl rollout history` shows it).
        let cause = case.snapshot.get(&change.object).and_then(|object| object.annotation("kubernetes.io/change-cause"));
        if let Some(cause) = cause {
            let place = || format!("annotation kubernetes.io/change-cause of {}", change.object);
            lines.push(format!("change-cause {}", quotes.quote(cause, VALUE, place)));
        }
    }
    lines.extend(case.report.deploys.iter().take(MOST_DEPLOYS).map(|deploy| deployed(case, deploy, quotes)));
    Section { name: "changes", title: "Changes", budget: 2_000, lines }
}

/// One deploy: its rating, what was measured before and after, and who saw it.
fn deployed(case: &Case<'_>, deploy: &DeployReport, quotes: &mut Quotes) -> String {
    let object = case.numbers.of_object(&deploy.object).unwrap_or_else(|| quotes.repeat(&deploy.object.to_string(), 120));
    let what = quotes.quote(&deploy.what, 120, || format!("deploy of {}", deploy.object));
    let mut row = format!("deploy of {object} {what} {} {:.2}", deploy.rating.as_str(), deploy.score);
    let _ = match deploy.minutes_before {
        before @ 0.. => write!(row, ", {before} min before the onset"),
        after => write!(row, ", {} min after the onset", after.unsigned_abs()),
    };
    if deploy.only_new_pods == Some(true) {
        row.push_str(", only its pods are bad");
    }
    for shift in deploy.shifts.iter().take(MOST_SHIFTS) {
        let _ = write!(row, ", {} {:.3} -> {:.3}", quotes.repeat(&shift.signal, 60), shift.before, shift.after);
    }
    if deploy.namespaces.len() > 1 {
        let _ = write!(row, ", one of {} namespaces at once", deploy.namespaces.len());
    }
    row
}
