//! What came again and again within a day: the same alert about the same subject, five times or more.

use super::{ObjectRef, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The chronic digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChronicDigest {
    /// When it was made.
    pub at: Timestamp,
    /// How many hours it looks back.
    pub hours: u32,
    /// The worst, most episodes first.
    pub rows: Vec<ChronicRow>,
    /// How many there are in all, those that are not in `rows` among them.
    pub total: u64,
}

/// One subject, alert and severity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChronicRow {
    /// The alert's name.
    pub alert: String,
    /// What it is about.
    pub subject: ObjectRef,
    /// How severe.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Who owns the subject.
    #[serde(default)]
    pub owner: Option<String>,
    /// How often it began.
    pub episodes: u64,
    /// How long it fired within the window, in seconds.
    pub firing_seconds: u64,
    /// When it began last.
    pub last_at: Timestamp,
    /// It fires now.
    pub fires: bool,
    /// The cause that was found last, by its id.
    #[serde(default)]
    pub cause: Option<String>,
}
