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
/// `dependencies`; and for one kind of object that could not be read `kubernetes/PLURAL` (`kubernetes/secrets`).
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
/// The source that holds tickets.
pub const TICKETS: &str = "tickets";
/// The source that holds structured logs that an application sent elsewhere.
pub const LOG_SEARCH: &str = "log_search";
