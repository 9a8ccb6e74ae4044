//! An incident as one row of a list.

use super::{Incident, Severity};
use serde::Serialize;

/// An incident with what its alerts and its past make of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentSummary {
    /// The incident.
    pub incident: Incident,
    /// The highest severity so far; `None` where no alert is known.
    pub severity: Option<Severity>,
    /// How often it flapped within 24 h.
    pub flap_count: usize,
    /// How many incidents of its subject with its cause (while it has none: with one of its alert names) were over less than the
    /// window before it opened.
    pub recurrence: usize,
    /// It comes again and again.
    pub chronic: bool,
}
