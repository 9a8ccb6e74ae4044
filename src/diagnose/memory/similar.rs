//! How alike two incidents are.

use super::Case;
use crate::domain::{FixResult, PastFix, RememberedIncident, SimilarIncident};
use jiff::{SignedDuration, Timestamp};

// The weights add up to one.
const SERVICE: f64 = 0.30;
const CAUSE: f64 = 0.30;
const ALERT: f64 = 0.20;
const NAMESPACE: f64 = 0.10;
const FACTS: f64 = 0.10;
/// A fix that was verified to help.
const HELPED: f64 = 1.25;
/// A fix that was accepted, and nobody knows more.
const TAKEN: f64 = 1.1;
/// A fix in vain.
const IN_VAIN: f64 = 0.5;
/// Only what is more alike than this is shown.
const LEAST: f64 = 0.40;
/// So many are shown.
const SHOWN: usize = 3;
/// How far back incidents are compared.
const REACH: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many are compared, the newest.
const COMPARED: usize = 500;
/// A cause that says that none is known.
const UNKNOWN: &str = "unknown";

/// The best of those that are over.
pub(super) fn best(case: &Case<'_>, over: &[&RememberedIncident]) -> Vec<SimilarIncident> {
    let recent = |at: Timestamp| at <= case.opened && case.opened.duration_since(at) <= REACH;
    let mut known: Vec<(Timestamp, &str, &RememberedIncident)> = over
        .iter()
        .filter_map(|past| Some((past.resolved_at.filter(|at| recent(*at))?, past.cause.as_deref()?, *past)))
        .filter(|(_, cause, _)| !cause.is_empty() && *cause != UNKNOWN)
        .collect();
    known.sort_by(|a, b| (b.0, &b.2.id).cmp(&(a.0, &a.2.id)));
    known.truncate(COMPARED);
    let mut alike: Vec<SimilarIncident> = known
        .into_iter()
        .map(|(resolved_at, cause, past)| {
            let fix = telling(&past.fixes);
            SimilarIncident {
                id: past.id.clone(),
                subject: past.subject.clone(),
                score: score(case, past, fix),
                resolved_at,
                cause: cause.to_owned(),
                fix: fix.cloned(),
            }
        })
        .filter(|similar| similar.score > LEAST)
        .collect();
    // Those that are equally alike stay newest first.
    alike.sort_by(|a, b| b.score.total_cmp(&a.score));
    alike.truncate(SHOWN);
    alike
}

/// To three digits, so that a sum of weights is what it says.
fn score(case: &Case<'_>, past: &RememberedIncident, fix: Option<&PastFix>) -> f64 {
    let if_so = |is: bool, weight: f64| if is { weight } else { 0.0 };
    let service = past.subject.kind == case.subject.kind && past.subject.name == case.subject.name;
    let cause = case.cause.is_some() && past.cause.as_deref() == case.cause;
    let alert = past.alerts.iter().any(|alert| case.alerts.contains(alert.as_str()));
    let namespace = past.subject.namespace.is_some() && past.subject.namespace == case.subject.namespace;
    let sum = if_so(service, SERVICE)
        + if_so(cause, CAUSE)
        + if_so(alert, ALERT)
        + if_so(namespace, NAMESPACE)
        + FACTS * overlap(case, past);
    let weighed = sum
        * match fix.map(|fix| fix.result) {
            Some(FixResult::Verified) => HELPED,
            Some(FixResult::Accepted) => TAKEN,
            Some(FixResult::InVain) => IN_VAIN,
            Some(FixResult::TakenBack | FixResult::Unknown) | None => 1.0,
        };
    (weighed.min(1.0) * 1000.0).round() / 1000.0
}

/// The share of the found facts of either that both have.
#[expect(clippy::cast_precision_loss, reason = "counts of facts")]
fn overlap(case: &Case<'_>, past: &RememberedIncident) -> f64 {
    let theirs = past.facts.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>();
    let both = theirs.intersection(&case.facts).count();
    let either = theirs.union(&case.facts).count();
    if either == 0 { 0.0 } else { both as f64 / either as f64 }
}

/// The fix that says how it ended: one that helped, else the newest that was in vain, else the newest.
fn telling(fixes: &[PastFix]) -> Option<&PastFix> {
    let newest = |result| fixes.iter().rev().find(|fix| fix.result == result);
    newest(FixResult::Verified).or_else(|| newest(FixResult::InVain)).or_else(|| fixes.last())
}
