//! What each source would have shown, for the part of a report that says what could not be seen.

use crate::domain::{KUBERNETES, SourceState, Sources, Unknown, beside, named};
use std::collections::BTreeMap;

/// How many kinds are named of those that could not be read for one reason.
const NAMED: usize = 6;
/// How many things are said that they would show.
const SHOWN: usize = 4;
/// What is said of a kind that nothing more exact is known of.
const OTHER: &str = "faults that only it shows";

/// What could not be seen: each source that failed, and the kinds of objects that could not be read, those for one reason
/// together. The whole cluster's state is repeated only where no verdict was reached.
pub fn gaps(sources: &Sources, inconclusive: bool) -> Vec<Unknown> {
    let mut gaps = Vec::new();
    let mut kinds: BTreeMap<String, Vec<(&str, &SourceState)>> = BTreeMap::new();
    for (source, state) in sources.iter().filter(|(_, state)| **state != SourceState::Ok) {
        match source.strip_prefix("kubernetes/") {
            Some(kind) => kinds.entry(reason(state)).or_default().push((kind, state)),
            None if source == KUBERNETES && (!inconclusive || sources.keys().any(|source| source.contains('/'))) => {}
            None => gaps.push(Unknown { what: source.clone(), why: why(source, state), would: would_show(source).to_owned() }),
        }
    }
    for (reason, kinds) in kinds {
        let reason = if let [(_, state)] = kinds.as_slice() { state.to_string() } else { reason };
        let mut names: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
        // The kinds whose absence weakens verdicts most come first.
        names.sort_by_key(|kind| (would_show(&format!("kubernetes/{kind}")) == OTHER, *kind));
        let mut shows: Vec<&str> = names.iter().map(|kind| would_show(&format!("kubernetes/{kind}"))).collect();
        shows.dedup();
        shows.truncate(SHOWN);
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more kinds") } else { String::new() };
        gaps.push(Unknown { what: format!("{}{more}", names.join(", ")), why: reason, would: shows.join("; ") });
    }
    gaps
}

/// Why a source could not be read. One beside the cluster is named as people know it: whoever reads that nobody works on it
/// must see that nobody was asked.
fn why(source: &str, state: &SourceState) -> String {
    match beside(source) {
        Some(name) if state.is_read() => format!("Checked in part: {}", named(name, state)),
        Some(name) => format!("Not checked: {}", named(name, state)),
        None => state.to_string(),
    }
}

/// Why a kind could not be read, in words that are the same for all kinds that fail alike.
fn reason(state: &SourceState) -> String {
    match state {
        // RBAC's sentence is the user, the verb, and then the kind.
        SourceState::Forbidden(why) => match why.split_once(" cannot list resource ") {
            Some((user, _)) => format!("forbidden: {user} cannot list them"),
            None => state.to_string(),
        },
        _ => state.to_string(),
    }
}

/// What seeing a source that failed would tell.
pub fn would_show(source: &str) -> &'static str {
    match source {
        "kubernetes" => "the objects that this verdict is about",
        "logs" => "an application's own error",
        "signals" => "saturation, growth, latency and loss",
        "deploys" => "whether a deployment went before the fault",
        "tickets" => "whether somebody works on it already",
        "history" => "whether this happened before, and what helped",
        "log_search" => "what the application logged elsewhere",
        "dependencies" => "who calls whom",
        "kubernetes/events" => "what the kubelet, the scheduler and the controllers said",
        "kubernetes/nodes" => "whether the node is well, and which nodes would fit",
        "kubernetes/pods" => "everything about pods",
        "kubernetes/secrets" => "whether a Secret or a key that is named exists",
        "kubernetes/configmaps" => "whether a ConfigMap or a key that is named exists",
        "kubernetes/persistentvolumes" | "kubernetes/storageclasses" => "why a claim isn't bound",
        "kubernetes/leases" => "whether the kubelet is alive",
        "kubernetes/replicasets" | "kubernetes/controllerrevisions" => "what the last revision changed",
        "kubernetes/resourcequotas" | "kubernetes/limitranges" => "which quota or limit refuses objects",
        "kubernetes/validatingwebhookconfigurations" | "kubernetes/mutatingwebhookconfigurations" => {
            "which webhook stands in the way"
        }
        _ => OTHER,
    }
}
