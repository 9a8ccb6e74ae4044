//! What must hold whatever the incident is: each suite changes every recorded incident in a way whose effect is known.
//!
//! A failure names suite, case and seed. `SRE_COPILOT_CASE=NAME` runs one case alone, `SRE_COPILOT_SEED=N` another seed.

mod deletion;
mod garbage;
mod hostile;
mod merging;
mod names;
mod order;
mod random;
mod renaming;
mod sources;
mod time;

use crate::cases::Case;
use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many failures of a suite are printed.
const SHOWN: usize = 40;

/// Disturbs each case; `disturb` says what doesn't hold. A panic is a failure of its case and ends no suite.
fn each<'a>(suite: &str, cases: impl IntoIterator<Item = &'a Case>, disturb: impl Fn(&'a Case, &mut Random) -> Vec<String>) {
    let only = std::env::var("SRE_COPILOT_CASE").ok();
    let seed = std::env::var("SRE_COPILOT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut looked_at, mut failures) = (0, Vec::new());
    for case in cases.into_iter().filter(|case| only.as_ref().is_none_or(|only| *only == case.name)) {
        looked_at += 1;
        let outcome = catch_unwind(AssertUnwindSafe(|| disturb(case, &mut Random::new(&case.name, seed))));
        let wrong = outcome.unwrap_or_else(|_| vec!["panicked".to_owned()]);
        failures.extend(wrong.into_iter().map(|wrong| format!("{suite} case={} seed={seed}: {wrong}", case.name)));
    }
    let total = failures.len();
    failures.truncate(SHOWN);
    assert!(failures.is_empty(), "{suite}: {total} failures over {looked_at} cases\n{}", failures.join("\n"));
    assert!(looked_at > 0 || only.is_some(), "{suite}: no case was looked at");
}

/// The first line in which two texts differ, for a message.
fn first_difference(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let lines = before.lines().zip(after.lines()).enumerate().find(|(_, (a, b))| a != b);
    Some(match lines {
        Some((number, (a, b))) => format!("line {} of the report: {} became {}", number + 1, a.trim(), b.trim()),
        None => format!("the report has {} lines and had {}", after.lines().count(), before.lines().count()),
    })
}
