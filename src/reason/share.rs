//! How the input of one incident is shared among its calls. An estimate bounds it, not a count of the model's own: a call is
//! judged before it is sent.

use crate::domain::Stage;

/// A token is taken to be so many bytes. Models take three to four of English text; the lower figure errs on the safe side.
const BYTES_OF_A_TOKEN: usize = 3;

/// How many tokens a text of this many bytes is, at most.
pub fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_OF_A_TOKEN)).unwrap_or(u64::MAX)
}

/// The tokens that one call may read: its part of what is `left` of the incident's, when the calls in `open` are still to be made,
/// this one among them. What doesn't run isn't open, and so leaves its part to the rest; what a call didn't use is still left.
pub fn share(left: u64, open: impl IntoIterator<Item = Stage>, stage: Stage) -> u64 {
    let all: u64 = open.into_iter().map(weight).sum();
    // No more than everything, also where the caller forgot to name this call.
    u64::try_from(u128::from(left) * u128::from(weight(stage)) / u128::from(all.max(weight(stage)))).unwrap_or(left)
}

/// The bytes that the system text and the user's message of a call may have together: within its share, beside its schema, and
/// within `PROMPT_INPUT_MAX_CHARS`. Bytes are at least characters, so that no script breaks the bound.
pub fn room(share: u64, schema: usize, most_chars: usize) -> usize {
    let bytes = usize::try_from(share).unwrap_or(usize::MAX).saturating_mul(BYTES_OF_A_TOKEN);
    bytes.saturating_sub(schema).min(most_chars)
}

/// Choosing among a few actions needs the least to read.
fn weight(stage: Stage) -> u64 {
    if stage == Stage::Fix { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{Analyze, Criticize, Fix, Hypothesize, Synthesize};
    use proptest::prelude::*;

    #[test]
    fn a_choice_weighs_one_and_every_other_call_two() {
        assert_eq!((share(12_000, [Synthesize, Fix], Synthesize), share(12_000, [Synthesize, Fix], Fix)), (8_000, 4_000));
        let all = [Analyze, Hypothesize, Hypothesize, Hypothesize, Hypothesize, Criticize, Synthesize, Fix];
        assert_eq!((share(12_000, all, Hypothesize), share(12_000, all, Fix)), (1_600, 800));
    }

    #[test]
    fn what_does_not_run_leaves_its_share_to_the_rest() {
        assert_eq!(share(12_000, [Synthesize], Synthesize), 12_000);
        // The first wave used less than its share.
        assert_eq!(share(9_000, [Criticize, Synthesize, Fix], Criticize), 3_600);
        assert_eq!(share(9_000, [], Criticize), 9_000);
    }

    #[test]
    fn a_room_is_bounded_by_the_share_and_by_the_characters() {
        assert_eq!(room(1_600, 1_000, 20_000), 3_800);
        assert_eq!(room(8_000, 1_000, 20_000), 20_000);
        assert_eq!(room(100, 1_000, 20_000), 0);
        assert_eq!(room(u64::MAX, 0, usize::MAX), usize::MAX);
    }

    proptest! {
        #[test]
        fn the_shares_of_all_calls_are_no_more_than_what_is_left(left in any::<u64>(), hypotheses in 0..4_usize, fix in any::<bool>()) {
            let mut open = vec![Analyze, Criticize, Synthesize];
            open.extend(std::iter::repeat_n(Hypothesize, hypotheses));
            open.extend(fix.then_some(Fix));
            let sum: u128 = open.iter().map(|stage| u128::from(share(left, open.iter().copied(), *stage))).sum();
            prop_assert!(sum <= u128::from(left));
        }
    }
}
