//! Work that waits to be done: what kinds there are, who goes first, and how long after a failure it is tried again. It keeps
//! no queue.

use super::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// A job rises a class for each of these that it waits.
pub const RISES_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// No job waits longer than a day for its next attempt, whatever the settings multiply to.
const LONGEST_BACK_OFF_MS: i64 = 24 * 3600 * 1000;

/// The settings of the queue.
#[derive(Clone, Debug)]
pub struct JobRules {
    /// So many may wait.
    pub most: usize,
    /// How long a worker has a job before it must renew its lease.
    pub lease: SignedDuration,
    /// So often a job is begun before it is given up.
    pub max_attempts: u32,
    /// How long a job waits after its first attempt failed.
    pub back_off: SignedDuration,
}

impl Default for JobRules {
    fn default() -> Self {
        Self { most: 50_000, lease: SignedDuration::from_secs(60), max_attempts: 4, back_off: SignedDuration::from_secs(30) }
    }
}

impl JobRules {
    /// How long a job waits after its `attempts`th attempt failed: 30 s, 2 min, 8 min where the first is 30 s, ±20 % by `seed`.
    pub fn waits(&self, attempts: u32, seed: u64) -> SignedDuration {
        let first = i64::try_from(self.back_off.as_millis()).unwrap_or(i64::MAX);
        let base = first.saturating_mul(4_i64.pow(attempts.clamp(1, 6) - 1)).min(LONGEST_BACK_OFF_MS);
        let fifth = base / 5;
        SignedDuration::from_millis(base - fifth + i64::try_from(seed % 1_000).unwrap_or_default() * 2 * fifth / 999)
    }
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// An analysis of an incident.
    Analyze,
    /// Today's code over an incident's recording.
    Replay,
    /// An operator's question.
    Ask,
    /// How a change is taken back.
    Undo,
    /// A digest.
    Digest,
    /// What was kept long enough goes.
    Retention,
    /// A copy of the database.
    Backup,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Analyze, Self::Replay, Self::Ask, Self::Undo, Self::Digest, Self::Retention, Self::Backup];

    /// The word used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Replay => "replay",
            Self::Ask => "ask",
            Self::Undo => "undo",
            Self::Digest => "digest",
            Self::Retention => "retention",
            Self::Backup => "backup",
        }
    }

    /// The workers that take it.
    pub fn lane(self) -> Lane {
        match self {
            Self::Analyze | Self::Replay | Self::Ask | Self::Undo => Lane::Analysis,
            Self::Digest | Self::Retention | Self::Backup => Lane::Maintenance,
        }
    }

    /// How long one attempt may take.
    pub fn deadline(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Analyze | Self::Replay => 300,
            Self::Ask | Self::Digest => 120,
            Self::Undo => 60,
            Self::Retention | Self::Backup => 600,
        })
    }
}

/// Workers of one sort; a slow one never holds up another. Messages have the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// What people wait for.
    Analysis,
    /// What nobody waits for.
    Maintenance,
}

impl Lane {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::Maintenance => "maintenance",
        }
    }
}

/// Who goes first; the least is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Something is down.
    Critical,
    /// A person waits.
    Ask,
    /// Something is wrong.
    Warning,
    /// The rest.
    Rest,
}

impl Class {
    /// Of an incident of this severity.
    pub fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Warning => Self::Warning,
            Severity::Info | Severity::None => Self::Rest,
        }
    }

    /// Its number: 0 is the first.
    pub fn number(self) -> i64 {
        match self {
            Self::Critical => 0,
            Self::Ask => 1,
            Self::Warning => 2,
            Self::Rest => 3,
        }
    }

    /// Where a job of this class stands that was queued then and may begin then; the least goes first. It waits once both have
    /// come, and waiting counts as much as class does, so two jobs never change places while they wait.
    pub fn rank(self, queued: Timestamp, not_before: Timestamp) -> i64 {
        let since = queued.max(not_before);
        let rise = i64::try_from(RISES_AFTER.as_millis()).unwrap_or(i64::MAX);
        since.as_millisecond().saturating_add(rise.saturating_mul(self.number()))
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits.
    Queued,
    /// A worker has it.
    Running,
    /// It is done.
    Done,
    /// It was given up: a dead letter.
    Failed,
    /// Another one took its place.
    Superseded,
}

impl JobState {
    /// The word used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

/// Why an analysis is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The incident is new.
    Opened,
    /// It came back soon after it was over.
    Reopened,
    /// An alert with another name joined it.
    NewAlert,
    /// A more severe alert joined it.
    Severity,
    /// An alert ended and fired again.
    Flap,
    /// The last analysis found nothing wrong, or that it was over; it fires on.
    Disproved,
    /// The last analysis failed.
    Retry,
    /// A person asks.
    Asked,
    /// An incident turned out to be this one.
    Merged,
}

/// A wish for an analysis of an incident. Two of them become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Why.
    pub reasons: BTreeSet<Reason>,
    /// How urgent.
    pub class: Class,
    /// Not before this time, by our clock.
    pub not_before: Timestamp,
}

impl Trigger {
    /// For one reason.
    pub fn new(reason: Reason, class: Class, not_before: Timestamp) -> Self {
        Self { reasons: BTreeSet::from([reason]), class, not_before }
    }

    /// Both: the reasons of both, the higher class, the earlier time.
    pub fn widened(mut self, other: Self) -> Self {
        self.reasons.extend(other.reasons);
        Self { class: self.class.min(other.class), not_before: self.not_before.min(other.not_before), ..self }
    }
}

/// One job. Times are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// UUID v7: the task id.
    pub id: String,
    /// What there is to do.
    pub kind: JobKind,
    /// Where it stands.
    pub state: JobState,
    /// How urgent it is.
    pub class: Class,
    /// How often it was begun.
    pub attempts: u32,
    /// The incident it is about.
    pub incident_id: Option<String>,
    /// The analysis that comes of it.
    pub run_id: Option<String>,
    /// What is to be done in particular; of an analysis its reasons.
    pub payload: Value,
    /// Who asked, where somebody did.
    pub requested_by: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Not before this.
    pub not_before: Timestamp,
    /// When it was last begun.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// What came of it, of a job that isn't an analysis.
    pub result: Option<Value>,
    /// Why it failed last.
    pub error: Option<String>,
    /// When one that was given up is tried again, while its alert fires.
    pub retry_at: Option<Timestamp>,
    /// Its alerts ended while it ran.
    pub resolved_during_run: bool,
}

/// How long a dead analysis waits before it is tried anew while the alert fires: 15 min, doubling to 4 h. `failures` is how
/// many in a row failed, this one included.
pub fn retry_after(failures: u32) -> SignedDuration {
    SignedDuration::from_mins((15 << failures.clamp(1, 5).saturating_sub(1)).min(240))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_failed_run_is_tried_again_after_15_minutes_doubling_to_4_hours() {
        let minutes: Vec<_> = (1..8).map(|failures| retry_after(failures).as_mins()).collect();
        assert_eq!(minutes, [15, 30, 60, 120, 240, 240, 240]);
    }

    #[test]
    fn a_job_rises_a_class_for_each_five_minutes() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let rank = |class: Class, minute| class.rank(at(minute), at(0));
        assert!(rank(Class::Critical, 4) < rank(Class::Ask, 0));
        assert!(rank(Class::Rest, 0) < rank(Class::Critical, 16));
        assert_eq!(rank(Class::Warning, 0), rank(Class::Ask, 5));
        // What is held back doesn't wait yet.
        assert!(Class::Rest.rank(at(0), at(60)) > rank(Class::Critical, 60));
        let mut classes = [Class::Rest, Class::Warning, Class::Ask, Class::Critical];
        classes.sort_by_key(|class| rank(*class, 0));
        assert_eq!(classes, [Class::Critical, Class::Ask, Class::Warning, Class::Rest]);
    }

    #[test]
    fn the_back_off_starts_where_the_settings_say_and_ends_at_a_day() {
        let rules = JobRules { back_off: SignedDuration::from_secs(10), ..JobRules::default() };
        assert_eq!((rules.waits(1, 0).as_secs(), rules.waits(2, 999).as_secs()), (8, 48));
        let rules = JobRules { back_off: SignedDuration::MAX, ..JobRules::default() };
        assert!(rules.waits(9, 999) <= SignedDuration::from_hours(29));
    }

    proptest! {
        #[test]
        fn the_back_off_stays_within_a_fifth(seed: u64, attempt in 1u32..4) {
            let wanted = [30_000, 120_000, 480_000][attempt as usize - 1];
            let got = JobRules::default().waits(attempt, seed).as_millis();
            prop_assert!((wanted * 4 / 5..=wanted * 6 / 5).contains(&got), "{got}");
        }
    }
}
