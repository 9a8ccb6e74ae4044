//! Facts that can't both be true of one subject. Both are kept, both are capped, and the report shows the contradiction.
//! Two containers never conflict.

use super::findings::{Finding, Findings};
use crate::domain::Subject;

/// Pairs of causes that exclude each other for one container's same termination, and why.
const EXCLUSIVE: &[(&str, &str, &str)] = &[
    ("oom_killed", "process_crashed", "one termination can't be a kill for memory and a signal of the process's own"),
    ("oom_killed", "exits_immediately", "a process that was killed did not end by itself"),
    ("oom_killed", "liveness_probe_failing", "one kill has one sender: the kernel for memory, or the kubelet for the probe"),
    ("process_crashed", "exits_immediately", "a signal and exit code 0 exclude each other"),
];

/// Whether two causes can't both be true of one container.
pub fn exclude_each_other(a: &str, b: &str) -> bool {
    EXCLUSIVE.iter().any(|(first, second, _)| (*first, *second) == (a, b) || (*first, *second) == (b, a))
}

/// A contradiction between two causes that were found for one subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// About what.
    pub subject: Subject,
    /// The two ids.
    pub causes: [&'static str; 2],
    /// Why they exclude each other.
    pub why: &'static str,
}

/// Finds every contradiction, sorted.
pub fn check(findings: &Findings) -> Vec<Conflict> {
    let current = |finding: &&Finding| finding.ended.is_none() && finding.subject.container.is_some();
    let mut conflicts = Vec::new();
    for a in findings.causes.iter().filter(current) {
        for b in findings.causes.iter().filter(current).filter(|b| b.subject == a.subject) {
            let pair = EXCLUSIVE.iter().find(|(first, second, _)| *first == a.cause.id && *second == b.cause.id);
            if let Some((_, _, why)) = pair {
                conflicts.push(Conflict { subject: a.subject.clone(), causes: [a.cause.id, b.cause.id], why });
            }
        }
    }
    conflicts.sort();
    conflicts.dedup();
    conflicts
}

/// Whether a finding takes part in a contradiction.
pub fn involves(conflicts: &[Conflict], finding: &Finding) -> bool {
    conflicts
        .iter()
        .any(|conflict| conflict.causes.contains(&finding.cause.id) && finding.subjects().any(|s| *s == conflict.subject))
}
