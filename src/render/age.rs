//! Times as people say them: relative to the moment that the report was captured, never to the local clock.

use jiff::Timestamp;

/// `4m`, for a column of ages; `in 5s` where the sources' clocks disagree.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    ago(at, now).trim_end_matches(" ago").to_owned()
}

/// `4m ago`, `3h12m ago`, `2d ago`; `in 5s` where the sources' clocks disagree.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.as_second().saturating_sub(at.as_second()) {
        seconds @ 0.. => format!("{} ago", span(seconds)),
        seconds => format!("in {}", span(seconds.saturating_neg())),
    }
}

/// `4m`, `3h12m`, `2d`: how long it has been so.
pub(super) fn since(at: Timestamp, now: Timestamp) -> String {
    span(now.as_second().saturating_sub(at.as_second()).max(0))
}

/// Two units at most, the second only where it matters: minutes under ten hours, hours under two days.
fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let (hours, minutes) = (seconds / HOUR, seconds % HOUR / MINUTE);
    if seconds < MINUTE {
        format!("{seconds}s")
    } else if seconds < HOUR {
        format!("{minutes}m")
    } else if minutes > 0 && hours < 10 {
        format!("{hours}h{minutes}m")
    } else if seconds < 2 * DAY {
        format!("{hours}h")
    } else {
        format!("{}d", seconds / DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::{ago, since, span};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn spans_have_at_most_two_units() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (3_600, "1h"),
            (11_520, "3h12m"),
            (43_000, "11h"),
            (170_000, "47h"),
            (172_800, "2d"),
            (40_000_000, "462d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn a_clock_that_runs_ahead_is_said_so() {
        let now: Timestamp = "2026-01-02T05:05:54Z".parse().unwrap();
        assert_eq!(ago(now - SignedDuration::from_secs(240), now), "4m ago");
        assert_eq!(ago(now + SignedDuration::from_secs(5), now), "in 5s");
        assert_eq!(since(now + SignedDuration::from_secs(5), now), "0s");
        assert_eq!(ago(Timestamp::MIN, Timestamp::MAX).split(' ').next_back(), Some("ago"));
    }
}
