//! What happens by the clock, also over restarts: run once for however many times were missed.

use super::StoreError;
use crate::domain::JobKind;
use jiff::{SignedDuration, Timestamp};
use std::future::Future;

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// So long after it last was, up to a tenth earlier or later.
    Every(SignedDuration),
    /// Each day at so many minutes after midnight, UTC.
    Daily(i64),
}

impl Schedule {
    /// The next time after `now`. `seed` chooses within the jitter.
    pub fn after(self, now: Timestamp, seed: u64) -> Timestamp {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let next = match self {
            Self::Every(span) => {
                let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4).clamp(1, i64::MAX / 4);
                let tenth = span / 10;
                let jitter = i64::try_from(seed % 1_000).unwrap_or_default() * 2 * tenth / 999 - tenth;
                now.as_millisecond().saturating_add(span + jitter)
            }
            Self::Daily(minute) => {
                let today = now.as_millisecond().div_euclid(DAY) * DAY + minute * 60_000;
                if today > now.as_millisecond() { today } else { today + DAY }
            }
        };
        Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX)
    }
}

/// Something that happens by the clock.
#[derive(Clone, Debug)]
pub struct PeriodicTask {
    /// Its name.
    pub name: &'static str,
    /// When.
    pub schedule: Schedule,
    /// The job that is queued, where it is work; what has none is named to the caller.
    pub job: Option<JobKind>,
}

/// The rows of it.
pub trait Periodic: Sync {
    /// Queues the jobs of the tasks that are due, in the transaction that says when they are due next, and names the others
    /// that are. A task that wasn't known is due at its next time.
    fn due(&self, tasks: Vec<PeriodicTask>) -> impl Future<Output = Result<Vec<&'static str>, StoreError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_next_time_is_later_and_not_much(now in 0i64..4_000_000_000, seed: u64, minute in 0i64..1440) {
            let now = Timestamp::from_second(now).unwrap();
            let daily = Schedule::Daily(minute).after(now, seed);
            prop_assert!(daily > now && daily.duration_since(now) <= SignedDuration::from_hours(24));
            prop_assert_eq!(daily.as_second() % 86_400, minute * 60);
            let often = Schedule::Every(SignedDuration::from_secs(60)).after(now, seed).duration_since(now);
            prop_assert!((54..=66).contains(&often.as_secs()));
        }
    }
}
