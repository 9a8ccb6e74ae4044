//! One firing→resolved cycle of an alert, and what each delivery of that alert makes of it. The sender's times are compared
//! with each other, ours with ours, and never one with the other. No analysis changes an episode.

use super::DeliveredAlert;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// The sender said so.
    Notified,
    /// The alert fired again with a later start.
    Implied,
    /// It is not among the sender's active alerts any more.
    Absent,
}

/// One episode of one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// UUID v7.
    pub id: String,
    /// When it began, by the sender's clock; the earliest that was heard.
    pub starts_at: Timestamp,
    /// When and how it ended.
    pub end: Option<End>,
    /// When it was last heard of, by our clock.
    pub heard_at: Timestamp,
}

/// The end of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// How.
    pub how: Ended,
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// When we heard of it, by our clock.
    pub heard_at: Timestamp,
}

/// What counts as the same, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// A start that is later by no more than this belongs to the same episode.
    pub same_episode: SignedDuration,
    /// A firing delivery that comes this soon after the end with the same start was overtaken by it.
    pub reorder_grace: SignedDuration,
    /// An episode that begins this soon after a notified end is a flap.
    pub flap: SignedDuration,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            same_episode: SignedDuration::from_mins(5),
            reorder_grace: SignedDuration::from_secs(30),
            flap: SignedDuration::from_mins(60),
        }
    }
}

/// What a delivery does to an alert's episodes. The index is that of the episode in the slice that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new episode, which opens or joins an incident. `implied` is the episode that ended with it.
    Begins {
        /// The open episode that it ends, if there is one.
        implied: Option<usize>,
        /// Whether the alert flaps: its last episode ended notified, and not long before.
        is_flap: bool,
    },
    /// It is known already: the earliest start is kept, annotations are new, and nothing runs.
    Repeats(usize),
    /// It ends this episode, or says when one ended that was missed.
    Ends(usize),
    /// It ended, and fires on with the same start: the end was premature.
    Reopens(usize),
    /// History: an episode that was over before we heard of it. `implied` is the open episode that must have ended before it.
    Passed {
        /// The open episode that it ends, if there is one.
        implied: Option<usize>,
    },
    /// Overtaken by what is known: counted, and nothing else.
    Late,
}

/// What a delivery of an alert means. `episodes` are those of that alert which are known, in any order; `now` is our clock.
pub fn effect(episodes: &[Episode], delivered: &DeliveredAlert, now: Timestamp, windows: Windows) -> Effect {
    let open = episodes.iter().position(|episode| episode.end.is_none());
    let with_start = episodes.iter().position(|episode| episode.end.is_some() && episode.starts_at == delivered.starts_at);
    if let Some(ended) = with_start {
        return of_ended(episodes, ended, open, delivered, now, windows);
    }
    if let Some((index, episode)) = open.and_then(|index| Some((index, episodes.get(index)?))) {
        if belongs(episode, delivered, windows) {
            return if delivered.is_resolved { Effect::Ends(index) } else { Effect::Repeats(index) };
        }
        let is_later = delivered.starts_at > episode.starts_at;
        return match (is_later, delivered.is_resolved) {
            (true, false) => Effect::Begins { implied: Some(index), is_flap: false },
            (true, true) => Effect::Passed { implied: Some(index) },
            (false, true) => Effect::Passed { implied: None },
            (false, false) => Effect::Late,
        };
    }
    if delivered.is_resolved {
        return Effect::Passed { implied: None };
    }
    let newest = episodes.iter().max_by_key(|episode| episode.starts_at);
    match newest {
        Some(newest) if newest.starts_at > delivered.starts_at => Effect::Late,
        newest => {
            let is_flap = newest
                .and_then(|newest| newest.end)
                .is_some_and(|end| end.how == Ended::Notified && delivered.starts_at.duration_since(end.at) <= windows.flap);
            Effect::Begins { implied: None, is_flap }
        }
    }
}

/// A delivery with the start of an episode that is over.
fn of_ended(
    episodes: &[Episode],
    ended: usize,
    open: Option<usize>,
    delivered: &DeliveredAlert,
    now: Timestamp,
    windows: Windows,
) -> Effect {
    let Some(end) = episodes.get(ended).and_then(|episode| episode.end) else { return Effect::Late };
    if delivered.is_resolved {
        // What its sender says of the end is better than that it was missed.
        return if end.how == Ended::Absent { Effect::Ends(ended) } else { Effect::Repeats(ended) };
    }
    let is_newest = open.is_none() && episodes.iter().all(|episode| episode.starts_at <= delivered.starts_at);
    let is_overtaken = end.how == Ended::Notified && now.duration_since(end.heard_at) <= windows.reorder_grace;
    if is_newest && !is_overtaken { Effect::Reopens(ended) } else { Effect::Late }
}

/// Whether a delivery is about an open episode: its start is the same, earlier, or later by a little, and its end isn't before
/// that episode's start.
fn belongs(episode: &Episode, delivered: &DeliveredAlert, windows: Windows) -> bool {
    let later = delivered.starts_at.duration_since(episode.starts_at);
    later <= windows.same_episode && delivered.ends_at.is_none_or(|end| end >= episode.starts_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use std::collections::BTreeMap;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_330_000 + second).unwrap()
    }

    fn delivered(start: i64, end: Option<i64>) -> DeliveredAlert {
        DeliveredAlert {
            index: 0,
            cluster: "default".into(),
            fingerprint: "1".into(),
            name: "A".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            is_resolved: end.is_some(),
            is_suppressed: false,
            severity: None,
            starts_at: at(start),
            ends_at: end.map(at),
            generator_url: String::new(),
            marks: Vec::new(),
        }
    }

    fn open(start: i64) -> Episode {
        Episode { id: format!("e{start}"), starts_at: at(start), end: None, heard_at: at(start) }
    }

    /// Ended at `end` by the sender's clock, of which we heard at `heard`.
    fn over(start: i64, how: Ended, end: i64, heard: i64) -> Episode {
        Episode { end: Some(End { how, at: at(end), heard_at: at(heard) }), ..open(start) }
    }

    use Effect::{Begins, Ends, Late, Passed, Reopens, Repeats};
    use Ended::{Absent, Implied, Notified};

    #[rstest]
    #[case::first(vec![], (0, None), 10, Begins { implied: None, is_flap: false })]
    #[case::over_before_it_was_heard_of(vec![], (0, Some(5)), 10, Passed { implied: None })]
    #[case::repeat(vec![open(0)], (0, None), 14_400, Repeats(0))]
    #[case::an_earlier_start(vec![open(100)], (0, None), 200, Repeats(0))]
    #[case::a_start_a_little_later(vec![open(0)], (300, None), 400, Repeats(0))]
    #[case::a_start_much_later(vec![open(0)], (301, None), 400, Begins { implied: Some(0), is_flap: false })]
    #[case::the_end(vec![open(0)], (0, Some(60)), 70, Ends(0))]
    #[case::the_end_of_one_before(vec![open(1_000)], (0, Some(60)), 1_100, Passed { implied: None })]
    #[case::the_end_of_one_after(vec![open(0)], (1_000, Some(1_060)), 1_100, Passed { implied: Some(0) })]
    #[case::the_end_again(vec![over(0, Notified, 60, 70)], (0, Some(60)), 90, Repeats(0))]
    #[case::overtaken_by_its_end(vec![over(0, Notified, 60, 70)], (0, None), 100, Late)]
    #[case::told_after_it_was_missed(vec![over(0, Absent, 300, 300)], (0, Some(60)), 310, Ends(0))]
    #[case::active_after_it_was_missed(vec![over(0, Absent, 300, 300)], (0, None), 301, Reopens(0))]
    #[case::not_over_after_all(vec![over(0, Notified, 60, 70)], (0, None), 101, Reopens(0))]
    #[case::an_old_one_while_another_is_known(vec![over(0, Notified, 60, 70), open(1_000)], (0, None), 1_100, Late)]
    #[case::an_unknown_old_one(vec![over(1_000, Notified, 1_060, 1_070)], (0, None), 1_200, Late)]
    #[case::again_within_the_hour(vec![over(0, Notified, 60, 70)], (3_660, None), 3_700, Begins { implied: None, is_flap: true })]
    #[case::again_later(vec![over(0, Notified, 60, 70)], (3_661, None), 3_700, Begins { implied: None, is_flap: false })]
    #[case::an_implied_end_is_no_flap(vec![over(0, Implied, 60, 70)], (100, None), 110, Begins { implied: None, is_flap: false })]
    fn each_row(
        #[case] known: Vec<Episode>,
        #[case] (start, end): (i64, Option<i64>),
        #[case] now: i64,
        #[case] expected: Effect,
    ) {
        assert_eq!(effect(&known, &delivered(start, end), at(now), Windows::default()), expected);
    }

    /// Carries an effect out, as the store does.
    fn apply(episodes: &mut Vec<Episode>, delivered: &DeliveredAlert, now: Timestamp) {
        let end = |how, by: Timestamp| Some(End { how, at: by, heard_at: now });
        let said = delivered.ends_at.unwrap_or(now);
        match effect(episodes, delivered, now, Windows::default()) {
            Begins { implied, .. } | Passed { implied } => {
                if let Some(index) = implied {
                    episodes[index].end = end(Implied, delivered.starts_at);
                }
                let over = delivered.is_resolved.then(|| end(Notified, said)).flatten();
                episodes.push(Episode { id: String::new(), starts_at: delivered.starts_at, end: over, heard_at: now });
            }
            Repeats(index) => episodes[index].starts_at = episodes[index].starts_at.min(delivered.starts_at),
            Ends(index) => episodes[index].end = end(Notified, said),
            Reopens(index) => episodes[index].end = None,
            Late => {}
        }
    }

    proptest! {
        #[test]
        fn one_episode_s_deliveries_in_any_order_end_the_same(
            order in Just(vec![0usize, 0, 1, 1, 2, 2]).prop_shuffle(), gaps in proptest::collection::vec(0i64..5, 6),
        ) {
            let (first, last) = (delivered(0, None), delivered(0, Some(60)));
            let mut known = Vec::new();
            let mut now = 70;
            for (which, gap) in order.into_iter().zip(gaps) {
                now += gap;
                apply(&mut known, if which == 2 { &last } else { &first }, at(now));
            }
            prop_assert_eq!(known.len(), 1);
            let end = known[0].end.unwrap();
            prop_assert_eq!((known[0].starts_at, end.how, end.at), (at(0), Notified, at(60)));
        }

        #[test]
        fn at_most_one_is_open(deliveries in proptest::collection::vec((0i64..4_000, proptest::option::of(0i64..500), 0i64..600), 0..30)) {
            let (mut known, mut now) = (Vec::new(), 0);
            for (start, length, gap) in deliveries {
                now += gap;
                apply(&mut known, &delivered(start, length.map(|length| start + length)), at(now));
                prop_assert!(known.iter().filter(|episode| episode.end.is_none()).count() <= 1);
            }
        }
    }
}
