//! What changed: the revision that the trouble began with, field by field.

use super::quote::Quotes;
use super::section::Section;
use crate::reason::Case;

/// The longest value of a field.
const VALUE: usize = 200;

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
    Section { name: "changes", title: "Changes", budget: 2_000, lines }
}
