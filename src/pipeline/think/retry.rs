//! Whether a call that failed is tried again, and after which pause.

use crate::ports::ModelError;
use jiff::SignedDuration;

/// So often a call is tried.
const TRIES: u32 = 3;
/// The first pause; each further one is twice as long.
const PAUSE: SignedDuration = SignedDuration::from_millis(500);
/// The longest `Retry-After` that is waited for.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait before the next try; `None` when there is none. `left` is the time until the deadline, `jitter` a factor
/// from 0.5 to 1.5.
pub(super) fn pause(error: &ModelError, tries: u32, left: SignedDuration, jitter: f64) -> Option<SignedDuration> {
    let asked_for = match error {
        ModelError::Busy { retry_after, .. } => {
            retry_after.map(|time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
        }
        ModelError::Unreachable(_) | ModelError::Connection(_) | ModelError::Timeout(_) => None,
        _ => return None,
    };
    if tries >= TRIES || asked_for.is_some_and(|time| time > LONGEST) {
        return None;
    }
    let pause = asked_for.unwrap_or_else(|| {
        let doubled = PAUSE.saturating_mul(1_i32.checked_shl(tries.saturating_sub(1)).unwrap_or(i32::MAX));
        SignedDuration::try_from_secs_f64(doubled.as_secs_f64() * jitter).unwrap_or(doubled)
    });
    (pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Usage;
    use std::time::Duration;

    const LEFT: SignedDuration = SignedDuration::from_secs(60);

    fn busy(retry_after: Option<u64>) -> ModelError {
        ModelError::Busy { status: 529, retry_after: retry_after.map(Duration::from_secs), message: String::new() }
    }

    #[test]
    fn the_pause_doubles_and_varies() {
        let millis = |tries, jitter| pause(&busy(None), tries, LEFT, jitter).map(|pause| pause.as_millis());
        assert_eq!([millis(1, 1.0), millis(2, 1.0), millis(3, 1.0)], [Some(500), Some(1000), None]);
        assert_eq!([millis(1, 0.5), millis(2, 1.5)], [Some(250), Some(1500)]);
    }

    #[test]
    fn what_the_server_asks_for_is_obeyed_or_given_up() {
        let seconds =
            |asked, left| pause(&busy(Some(asked)), 1, SignedDuration::from_secs(left), 1.0).map(|pause| pause.as_secs());
        assert_eq!(seconds(2, 60), Some(2));
        assert_eq!(seconds(0, 60), Some(0));
        assert_eq!(seconds(30, 60), Some(30));
        assert_eq!(seconds(31, 60), None);
        assert_eq!(seconds(600, 6000), None);
        assert_eq!(seconds(u64::MAX, 60), None);
        assert_eq!(seconds(20, 20), None, "the deadline comes first");
    }

    #[test]
    fn what_would_only_fail_again_is_not_tried_again() {
        let errors = [
            ModelError::SpendLimit(String::new()),
            ModelError::Rejected { status: 400, message: String::new() },
            ModelError::Refused(Usage::default()),
            ModelError::Truncated(Usage::default()),
            ModelError::PromptCut(String::new(), Usage::default()),
            ModelError::Unreadable(String::new()),
        ];
        assert!(errors.iter().all(|error| pause(error, 1, LEFT, 1.0).is_none()));
        for error in [
            ModelError::Unreachable("x".into()),
            ModelError::Connection("x".into()),
            ModelError::Timeout(Duration::from_secs(30)),
        ] {
            assert!(pause(&error, 1, LEFT, 1.0).is_some());
        }
    }
}
