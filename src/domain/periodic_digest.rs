//! A digest of whatever kind, as it waits to be sent: it is drawn and redacted when it goes out.

use super::{ChronicDigest, DailyDigest, TeamDigest};
use serde::{Deserialize, Serialize};

/// One digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeriodicDigest {
    /// What came again and again.
    Chronic(Box<ChronicDigest>),
    /// The cluster's day.
    Daily(Box<DailyDigest>),
    /// A team's day.
    Team(Box<TeamDigest>),
}
