//! What is remembered of the subject and of the cluster: earlier incidents and attempts, as plain data. Who remembers is
//! the store.

use crate::domain::{Action, AttemptState, ObjectRef};
use jiff::{SignedDuration, Timestamp};

/// How long an incident counts as the earlier one of a recurrence, and an action as tried without success.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is remembered when an intent is proposed or judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// When this incident opened; `None` for now.
    pub opened_at: Option<Timestamp>,
    /// Other incidents of the same subject. Itself, merged ones and flaps are not among them.
    pub incidents: Vec<PastIncident>,
    /// Attempts in this cluster, whatever their object.
    pub attempts: Vec<PastAttempt>,
    /// Whether this incident flaps: it began and ended three times or more within 24 hours.
    pub is_flapping: bool,
}

/// An incident that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastIncident {
    /// The id of its cause.
    pub cause: String,
    /// When it was over.
    pub resolved_at: Timestamp,
}

/// An attempt, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastAttempt {
    /// What it was about.
    pub object: ObjectRef,
    /// What it did.
    pub action: Action,
    /// Where it stands.
    pub state: AttemptState,
    /// When its request was sent; `None` if it never was.
    pub sent_at: Option<Timestamp>,
}

impl Memory {
    /// The latest incident of the subject with the same cause that was resolved less than seven days before this one opened.
    pub fn recurrence(&self, cause: &str, now: Timestamp) -> Option<&PastIncident> {
        let opened = self.opened_at.unwrap_or(now);
        let recent = |past: &&PastIncident| past.cause == cause && opened.duration_since(past.resolved_at) < REMEMBERED;
        self.incidents.iter().filter(recent).max_by_key(|past| past.resolved_at)
    }

    /// The attempt at the same that did not help, at most seven days ago.
    pub fn tried_in_vain(&self, object: &ObjectRef, action: Action, now: Timestamp) -> Option<&PastAttempt> {
        self.attempts.iter().find(|past| {
            let recent = past.sent_at.is_some_and(|at| now.duration_since(at) <= REMEMBERED);
            recent && past.object == *object && past.action == action && past.state == AttemptState::NotVerified
        })
    }

    /// When an object was last written to.
    pub fn last_write(&self, object: &ObjectRef) -> Option<Timestamp> {
        self.attempts.iter().filter(|past| past.object == *object).filter_map(|past| past.sent_at).max()
    }

    /// How often the cluster was written to since a time.
    pub fn writes_since(&self, since: Timestamp) -> usize {
        self.attempts.iter().filter(|past| past.sent_at.is_some_and(|at| at > since)).count()
    }
}
