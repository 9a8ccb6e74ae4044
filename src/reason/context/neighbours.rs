//! One hop around the workloads in question: who calls them and whom they call, how many of their pods are ready, and their own
//! alerts.

use super::quote::Quotes;
use super::scope::Scope;
use super::section::Section;
use crate::cluster::{json, pod};
use crate::diagnose;
use crate::domain::{ObjectRef, target_of};
use crate::reason::Case;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// No more than that fits the budget anyway.
const MOST: usize = 20;

/// The neighbours.
pub fn section(case: &Case<'_>, scope: &Scope<'_>, quotes: &mut Quotes) -> Section {
    let mut lines = Vec::new();
    let alerts = alerts(case);
    for (workload, around) in scope.workloads.iter().zip(diagnose::neighbours(case.snapshot, &scope.workloads)) {
        for (word, others) in [("calls", around.callees), ("is called by", around.callers)] {
            for other in others {
                lines.push(row(case, workload, word, &other, &alerts, quotes));
            }
        }
    }
    lines.truncate(MOST);
    Section { name: "neighbours", title: "Neighbours, one hop", budget: 800, lines }
}

fn row(
    case: &Case<'_>,
    from: &ObjectRef,
    word: &str,
    to: &ObjectRef,
    alerts: &[(ObjectRef, &str)],
    quotes: &mut Quotes,
) -> String {
    let [from, other] =
        [from, to].map(|object| case.numbers.of_object(object).unwrap_or_else(|| quotes.repeat(&object.to_string(), 120)));
    let mut row = format!("{from} {word} {other}");
    let pods = case.snapshot.pods_of(to);
    if !pods.is_empty() {
        let ready = pods.iter().filter(|pod| pod::is_ready(pod)).count();
        let _ = write!(row, ", {ready} of {} pods ready", pods.len());
    }
    let workload = case.snapshot.workload(to);
    for (_, name) in alerts.iter().filter(|(object, _)| object == to || case.snapshot.workload(object) == workload) {
        let _ = write!(row, ", alert {}", quotes.quote(name, 80, || format!("alert of {to}")));
    }
    row
}

/// The alerts of the notification by the object that their labels name.
fn alerts<'c>(case: &Case<'c>) -> Vec<(ObjectRef, &'c str)> {
    let alerts: &[Value] = case.snapshot.alert.as_ref().map_or(&[], |alert| json::list(alert, "alerts"));
    alerts.iter().filter_map(|one| Some((target_of(&json!({"alerts": [one]}))?, json::text(one, "labels.alertname")))).collect()
}
