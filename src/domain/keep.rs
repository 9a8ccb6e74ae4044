//! How long what was stored is kept. It removes nothing.

use jiff::SignedDuration;

/// How long what was stored is kept. Open incidents, attempts and the audit log stay whatever this says.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Bodies as they came, finished jobs, and conversations.
    pub bodies: SignedDuration,
    /// Alerts that were set aside, messages that were sent, jobs that were given up.
    pub messages: SignedDuration,
    /// Incidents that are over, with their alerts, analyses and feedback.
    pub incidents: SignedDuration,
}

impl Keep {
    /// What is remembered of earlier incidents reaches back this far, so they may go no sooner.
    pub const LEAST_INCIDENTS: SignedDuration = SignedDuration::from_hours(90 * 24);
}

impl Default for Keep {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self { bodies: days(7), messages: days(30), incidents: days(180) }
    }
}
