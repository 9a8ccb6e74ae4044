//! What an alert that begins means for its incident: whether it flaps, whether it is chronic, and whether an analysis runs and
//! when. It changes nothing itself and reads no clock.

use super::{Class, DeliveredAlert, JobRules, Keep, Reason, Severity, Trigger, Windows};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The settings of incidents' lives.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// What counts as the same episode, and as a flap.
    pub windows: Windows,
    /// An episode that was not heard of for this long is marked.
    pub silent_after: SignedDuration,
    /// The end of an incident is announced after this much quiet.
    pub resolve_settle: SignedDuration,
    /// The same while it flaps.
    pub flapping_settle: SignedDuration,
    /// So many flaps within 24 h are flapping.
    pub flapping_from: usize,
    /// An analysis because of a flap begins no sooner after the last one.
    pub rerun_interval: SignedDuration,
    /// So many episodes within the window are chronic.
    pub chronic_from: usize,
    /// In which flaps and chronic episodes are counted.
    pub chronic_window: SignedDuration,
    /// An episode that fires for this long is stuck.
    pub stuck_after: SignedDuration,
    /// Alerts with these names are kept and nothing else.
    pub suppressed: BTreeSet<String>,
    /// From which severity on messages are sent; `None` where nobody listens.
    pub notify_from: Option<Severity>,
    /// How what is to be done waits, is held and is tried again.
    pub jobs: JobRules,
    /// How long everything is kept.
    pub keep: Keep,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            windows: Windows::default(),
            silent_after: SignedDuration::from_hours(26),
            resolve_settle: SignedDuration::from_secs(60),
            flapping_settle: SignedDuration::from_mins(10),
            flapping_from: 3,
            rerun_interval: SignedDuration::from_mins(10),
            chronic_from: 5,
            chronic_window: SignedDuration::from_hours(24),
            stuck_after: SignedDuration::from_hours(24),
            suppressed: ["Watchdog", "InfoInhibitor"].map(str::to_owned).into(),
            notify_from: Some(Severity::Warning),
            jobs: JobRules::default(),
            keep: Keep::default(),
        }
    }
}

/// How an episode came to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The incident is new.
    Opened,
    /// It was over not long ago, and is open again.
    Reopened {
        /// It was over because the sender said so.
        notified: bool,
    },
    /// It was open.
    Joined,
}

/// What is known of the incident when an episode begins. The episode itself is not counted.
#[derive(Clone, Debug)]
pub struct Situation {
    /// How the episode came to it.
    pub placement: Placement,
    /// The alert's own last episode ended notified, and not long before.
    pub alert_flaps: bool,
    /// An episode of the same alert name and severity fires in it: one more pod of the same workload.
    pub already_fires: bool,
    /// The incident has had this alert name.
    pub name_is_known: bool,
    /// The highest severity so far.
    pub severity: Option<Severity>,
    /// How often this alert name began with this severity about the subject within the window, while no other such fired.
    pub cycles: usize,
    /// When the last analysis of the subject began, by our clock.
    pub last_run: Option<Timestamp>,
    /// The last analysis of the incident failed.
    pub run_failed: bool,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// It counts as a flap.
    pub is_flap: bool,
    /// It counts as one more cycle of its subject, alert name and severity.
    pub is_cycle: bool,
    /// What the incident's chronic mark becomes; `None` leaves it.
    pub chronic: Option<bool>,
    /// It is more severe than the incident was.
    pub rises: bool,
    /// The analysis that runs.
    pub run: Option<Trigger>,
}

impl Lifecycle {
    /// Whether an alert is kept and nothing else: silenced, inhibited, of no severity, or on the list.
    pub fn is_suppressed(&self, alert: &DeliveredAlert) -> bool {
        alert.is_suppressed || alert.severity == Some(Severity::None) || self.suppressed.contains(&alert.name)
    }

    /// What follows from an episode that begins, of this severity.
    pub fn begins(&self, severity: Severity, seen: &Situation, now: Timestamp) -> Consequence {
        let is_cycle = !seen.already_fires;
        let came_back = seen.placement == Placement::Reopened { notified: true };
        let is_flap = is_cycle && (seen.alert_flaps || came_back);
        let is_new = !seen.name_is_known && seen.placement != Placement::Opened;
        let rises = seen.severity.is_some_and(|before| severity > before);
        let is_chronic = is_cycle && seen.cycles + 1 >= self.chronic_from;
        let reasons = [
            (Reason::Opened, seen.placement == Placement::Opened),
            (Reason::Reopened, matches!(seen.placement, Placement::Reopened { .. })),
            (Reason::NewAlert, is_new),
            (Reason::Severity, rises),
            (Reason::Flap, is_flap),
            (Reason::Retry, seen.run_failed),
        ];
        let reasons: BTreeSet<_> = reasons.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect();
        let urgent = [Reason::Opened, Reason::NewAlert, Reason::Severity, Reason::Retry];
        let (class, interval) = if is_chronic {
            (Class::Rest, self.chronic_window)
        } else if urgent.iter().any(|reason| reasons.contains(reason)) {
            (Class::of(severity), SignedDuration::ZERO)
        } else {
            (Class::of(severity), self.rerun_interval)
        };
        let not_before = self.not_before(seen.last_run, interval, now);
        Consequence {
            is_flap,
            is_cycle,
            chronic: if is_chronic { Some(true) } else { (is_new || rises).then_some(false) },
            rises,
            run: (!reasons.is_empty()).then_some(Trigger { reasons, class, not_before }),
        }
    }

    /// So long after the last analysis began. Where our clock was put back since, no later than that from now.
    fn not_before(&self, last: Option<Timestamp>, interval: SignedDuration, now: Timestamp) -> Timestamp {
        let after = |at: Timestamp| at.saturating_add(interval).unwrap_or(Timestamp::MAX);
        last.map_or(now, |last| after(last).clamp(now, after(now)))
    }

    /// When the end of an incident is announced that had so many flaps within 24 h.
    pub fn settles_at(&self, flaps: usize, now: Timestamp) -> Timestamp {
        let quiet = if flaps >= self.flapping_from { self.flapping_settle } else { self.resolve_settle };
        now.saturating_add(quiet).unwrap_or(Timestamp::MAX)
    }

    /// Whether an episode that begins at this time reopens an incident whose last one ended at that, both by the sender's
    /// clock: not long after, or before.
    pub fn reopens(&self, ended: Timestamp, begins: Timestamp) -> bool {
        begins.duration_since(ended) <= self.windows.flap
    }
}

#[cfg(test)]
mod tests;
