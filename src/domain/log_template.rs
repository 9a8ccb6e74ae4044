//! What a search in structured logs found, for people: many events of one kind as one line. It is context; no verdict rests
//! on it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The events of one level that one template made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogTemplate {
    /// `Verbose` to `Fatal`, in the log's own word; `Information` where it said none.
    pub level: String,
    /// The message with its place-holders.
    pub template: String,
    /// How many were read.
    pub count: usize,
    /// When the first of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The message of the last of them, as a person reads it.
    pub example: String,
    /// The first line of its exception.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub exception: String,
}
