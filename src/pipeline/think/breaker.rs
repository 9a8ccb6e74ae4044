//! Stops asking a model that doesn't answer, and finds out carefully when it does again. It knows nothing but times and
//! outcomes.

use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// So many failures …
const FAILURES: usize = 5;
/// … within this time open it …
const WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// … for this time.
const OPEN: SignedDuration = SignedDuration::from_secs(60);
/// For this time it opens when the server knows no such key, right, model or address.
const DENIED: SignedDuration = SignedDuration::from_mins(5);
/// So many trials have to succeed.
const TRIALS: u32 = 2;

/// What a call says about whoever was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answers.
    Works,
    /// It doesn't.
    Fails,
    /// 401, 403, 404: it won't, until somebody changes a setting.
    Denies,
    /// Nothing: the request was at fault, or was never sent.
    Nothing,
}

/// One breaker.
#[derive(Debug)]
pub(super) enum Breaker {
    /// Lets everything through.
    Closed {
        /// When calls failed, oldest first.
        failures: VecDeque<Timestamp>,
    },
    /// Lets nothing through.
    Open {
        /// When it opened first.
        since: Timestamp,
        /// When it opened last.
        from: Timestamp,
        /// When it lets a trial through.
        until: Timestamp,
    },
    /// Lets one trial through at a time.
    Trying {
        /// When it opened first.
        since: Timestamp,
        /// Whether one is under way.
        is_under_way: bool,
        /// How many succeeded.
        succeeded: u32,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: VecDeque::new() }
    }
}

impl Breaker {
    /// Since when it is open, if it would let nothing through now.
    pub(super) fn open_since(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            // A clock that was set back must not keep it open for longer.
            Self::Open { since, from, until } => (*from..*until).contains(&now).then_some(*since),
            Self::Trying { since, is_under_way: true, .. } => Some(*since),
            Self::Closed { .. } | Self::Trying { .. } => None,
        }
    }

    /// Lets a call through: true when it is a trial.
    ///
    /// # Errors
    /// Since when it is open.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<bool, Timestamp> {
        if let Some(since) = self.open_since(now) {
            return Err(since);
        }
        match self {
            Self::Closed { .. } => return Ok(false),
            Self::Open { since, .. } => *self = Self::Trying { since: *since, is_under_way: true, succeeded: 0 },
            Self::Trying { is_under_way, .. } => *is_under_way = true,
        }
        Ok(true)
    }

    /// Takes down what a call that was let through showed. A call that began before the breaker opened says nothing any more,
    /// unless it was denied.
    pub(super) fn report(&mut self, now: Timestamp, is_trial: bool, sign: Sign) {
        if sign == Sign::Denies {
            let since = match self {
                Self::Closed { .. } => now,
                Self::Open { since, .. } | Self::Trying { since, .. } => *since,
            };
            *self = Self::Open { since, from: now, until: after(now, DENIED) };
            return;
        }
        match self {
            Self::Closed { failures } if sign == Sign::Fails => {
                failures.push_back(now);
                failures.retain(|at| now.duration_since(*at) < WITHIN);
                if failures.len() >= FAILURES {
                    *self = Self::Open { since: now, from: now, until: after(now, OPEN) };
                }
            }
            Self::Trying { since, is_under_way, succeeded } if is_trial => {
                *is_under_way = false;
                *succeeded += u32::from(sign == Sign::Works);
                if sign == Sign::Fails {
                    *self = Self::Open { since: *since, from: now, until: after(now, OPEN) };
                } else if *succeeded >= TRIALS {
                    *self = Self::default();
                }
            }
            Self::Closed { .. } | Self::Open { .. } | Self::Trying { .. } => {}
        }
    }
}

fn after(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    /// A breaker that five failures opened at second 4.
    fn open() -> Breaker {
        let mut breaker = Breaker::default();
        for second in 0..5 {
            assert_eq!(breaker.admit(at(second)), Ok(false));
            breaker.report(at(second), false, Sign::Fails);
        }
        breaker
    }

    #[test]
    fn five_failures_within_a_minute_open_it_for_a_minute() {
        let mut breaker = open();
        assert_eq!(breaker.admit(at(5)), Err(at(4)));
        assert_eq!(breaker.admit(at(63)), Err(at(4)));
        assert_eq!(breaker.admit(at(64)), Ok(true));
    }

    #[test]
    fn failures_further_apart_do_not() {
        let mut breaker = Breaker::default();
        for second in [0, 15, 30, 45, 60, 75, 90] {
            assert_eq!(breaker.admit(at(second)), Ok(false));
            breaker.report(at(second), false, Sign::Fails);
            breaker.report(at(second), false, Sign::Works);
            breaker.report(at(second), false, Sign::Nothing);
        }
        breaker.report(at(91), false, Sign::Fails);
        assert_eq!(breaker.admit(at(92)), Err(at(91)), "46, 60, 75, 90, 91: five within 60 s");
    }

    #[test]
    fn one_trial_at_a_time_and_two_successes_close_it() {
        let mut breaker = open();
        assert_eq!(breaker.admit(at(70)), Ok(true));
        assert_eq!(breaker.admit(at(70)), Err(at(4)), "one at a time");
        breaker.report(at(71), true, Sign::Works);
        assert_eq!(breaker.admit(at(72)), Ok(true), "one success is not enough");
        breaker.report(at(72), true, Sign::Nothing);
        assert_eq!(breaker.admit(at(73)), Ok(true), "what was never sent says nothing");
        breaker.report(at(73), true, Sign::Works);
        assert_eq!((breaker.admit(at(74)), breaker.admit(at(74))), (Ok(false), Ok(false)));
    }

    #[test]
    fn a_trial_that_fails_opens_it_again_and_the_report_says_since_when() {
        let mut breaker = open();
        assert_eq!(breaker.admit(at(70)), Ok(true));
        breaker.report(at(75), true, Sign::Fails);
        assert_eq!(breaker.admit(at(134)), Err(at(4)));
        assert_eq!(breaker.admit(at(135)), Ok(true));
    }

    #[test]
    fn a_denial_opens_it_for_five_minutes_at_once() {
        let mut breaker = Breaker::default();
        breaker.report(at(0), false, Sign::Denies);
        assert_eq!(breaker.admit(at(299)), Err(at(0)));
        assert_eq!(breaker.admit(at(300)), Ok(true));
        breaker.report(at(301), true, Sign::Denies);
        assert_eq!(breaker.admit(at(600)), Err(at(0)));
    }

    #[test]
    fn late_answers_of_earlier_calls_change_nothing() {
        let mut breaker = open();
        breaker.report(at(6), false, Sign::Works);
        breaker.report(at(7), false, Sign::Fails);
        assert_eq!(breaker.admit(at(63)), Err(at(4)));
        assert_eq!(breaker.admit(at(64)), Ok(true));
        breaker.report(at(65), false, Sign::Fails);
        breaker.report(at(65), false, Sign::Works);
        assert_eq!(breaker.admit(at(66)), Err(at(4)), "the trial is still under way");
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_it_open() {
        let mut breaker = open();
        assert_eq!(breaker.admit(at(-4000)), Ok(true));
    }
}
