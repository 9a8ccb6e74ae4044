//! Where evidence comes from, and whether that source could be read. A source that failed makes what it alone
//! could have shown *unknown*, never absent.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// How reading one source went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Read completely.
    Ok,
    /// Read in part; the text says what is missing.
    Partial(String),
    /// Could not be read: network, timeout, no such API.
    Unavailable(String),
    /// The server refused: a right is missing.
    Forbidden(String),
}

impl SourceState {
    /// Whether the source was read at all.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Ok | Self::Partial(_))
    }

    /// What went wrong, or `None` when all was read.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Partial(why) | Self::Unavailable(why) | Self::Forbidden(why) => Some(why),
        }
    }

    /// Reads the bundle's spelling: `ok`, `partial: why`, `unavailable: why`, `forbidden: why`. Anything else
    /// counts as unavailable, since a state that can't be understood must not turn unknown into absent.
    pub fn parse(text: &str) -> Self {
        let (word, why) = text.split_once(':').unwrap_or((text, ""));
        let why = why.trim().to_owned();
        match word.trim() {
            "ok" => Self::Ok,
            "partial" => Self::Partial(why),
            "forbidden" => Self::Forbidden(why),
            "unavailable" => Self::Unavailable(why),
            _ => Self::Unavailable(format!("unreadable source state {text:?}")),
        }
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, why) = match self {
            Self::Ok => return f.write_str("ok"),
            Self::Partial(why) => ("partial", why),
            Self::Unavailable(why) => ("unavailable", why),
            Self::Forbidden(why) => ("forbidden", why),
        };
        if why.is_empty() { f.write_str(word) } else { write!(f, "{word}: {why}") }
    }
}

impl Serialize for SourceState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

/// The state of every source that was asked, by name: `kubernetes`, `logs`, `signals`, `deploys`, `tickets`,
/// `log_search`, `history`, `dependencies`; and for one kind of object that could not be read `kubernetes/PLURAL` (`kubernetes/secrets`).
/// A source that is not in the map was not asked.
pub type Sources = BTreeMap<String, SourceState>;

/// The source that holds the Kubernetes objects.
pub const KUBERNETES: &str = "kubernetes";
/// The source that holds the container logs.
pub const LOGS: &str = "logs";
/// The source that holds time series.
pub const SIGNALS: &str = "signals";
/// The source that holds what a CI server deployed.
pub const DEPLOYS: &str = "deploys";
/// The source that remembers incidents that are over.
pub const HISTORY: &str = "history";
/// The source that holds tickets.
pub const TICKETS: &str = "tickets";
/// The source that holds structured logs that were sent elsewhere.
pub const LOG_SEARCH: &str = "log_search";

/// The sources beside the cluster, by the name that people know them by.
const BESIDE: [(&str, &str); 5] =
    [(DEPLOYS, "TeamCity"), (HISTORY, "the history of incidents"), (LOG_SEARCH, "Seq"), (SIGNALS, "metrics"), (TICKETS, "Jira")];

/// The name of a source beside the cluster, as people know it; `None` for what the cluster itself answers.
pub fn beside(source: &str) -> Option<&'static str> {
    BESIDE.iter().find(|(key, _)| *key == source).map(|(_, name)| *name)
}

/// What was asked beside the cluster and did not answer, with the reason: `Jira (410 Gone)`.
pub fn not_checked(sources: &Sources) -> Vec<String> {
    let failed = sources.iter().filter(|(_, state)| !state.is_read());
    failed.filter_map(|(source, state)| Some(named(beside(source)?, state))).collect()
}

/// `Jira (410 Gone)`; where no reason is known, the state itself.
pub(crate) fn named(name: &str, state: &SourceState) -> String {
    let why = state.why().filter(|why| !why.is_empty());
    format!("{name} ({})", why.map_or_else(|| state.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_and_failed_is_not_checked() {
        let sources: Sources = [
            (TICKETS.to_owned(), SourceState::Unavailable("410 Gone".into())),
            (LOG_SEARCH.to_owned(), SourceState::Forbidden(String::new())),
            (DEPLOYS.to_owned(), SourceState::Partial("one page failed".into())),
            (SIGNALS.to_owned(), SourceState::Ok),
            (LOGS.to_owned(), SourceState::Unavailable("timed out".into())),
        ]
        .into();
        assert_eq!(not_checked(&sources), ["Seq (forbidden)", "Jira (410 Gone)"]);
        assert!(not_checked(&Sources::new()).is_empty());
    }
}
