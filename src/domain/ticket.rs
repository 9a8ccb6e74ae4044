//! What a ticket tracker knows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One ticket. Whatever the tracker didn't say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ticket {
    /// The ticket's key, such as `SHOP-12`.
    pub key: String,
    /// Its one line.
    pub summary: String,
    /// Its status, in the tracker's own word.
    pub status: String,
    /// Whether it is done.
    pub resolved: bool,
    /// Its priority, in the tracker's own word.
    pub priority: String,
    /// The ticket's page.
    pub url: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}
