//! Whatever is asked, in whatever order: the attempts and the log tell the same story, and it is one that the table of
//! states allows.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use sre_copilot::domain::{AuditCheck, AuditRow};
use sre_copilot::ports::{AttemptFilter, AuditFilter, AuditLog};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    /// For an incident, on an object.
    Propose(usize, usize),
    /// One of the attempts so far, to a state; with a version or fence that is off by so much.
    Advance(usize, Goal, i64, i64),
    /// Seconds.
    Pass(i64),
}

/// Mostly one that the table allows, so that attempts get far.
#[derive(Clone, Copy, Debug)]
enum Goal {
    Any(AttemptState),
    Allowed(usize),
}

impl Goal {
    fn from(self, state: AttemptState) -> AttemptState {
        let allowed: Vec<_> = AttemptState::ALL.into_iter().filter(|to| state.may_become(*to)).collect();
        match self {
            Self::Any(to) => to,
            Self::Allowed(_) if allowed.is_empty() => state,
            Self::Allowed(which) => allowed[which % allowed.len()],
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let off = || prop_oneof![6 => Just(0_i64), 1 => -1_i64..=1];
    let goal = prop_oneof![
        1 => select(&AttemptState::ALL[..]).prop_map(Goal::Any),
        // The first in the table is the way on: approved, claimed, running, succeeded.
        4 => prop_oneof![3 => Just(0), 1 => 1..4_usize].prop_map(Goal::Allowed),
    ];
    let step = prop_oneof![
        2 => (0..3_usize, 0..2_usize).prop_map(|(incident, object)| Step::Propose(incident, object)),
        12 => (0..4_usize, goal, off(), off())
            .prop_map(|(which, to, version, fence)| Step::Advance(which, to, version, fence)),
        1 => select(&[1, 60, 90, 1800][..]).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 20..80)
}

/// What should happen, from the words of the specification alone.
fn expected(home: &Home, all: &[Attempt], now: &Attempt, wanted: &Advance) -> bool {
    use AttemptState::{Approved, Claimed, Running};
    let seen = wanted.version == now.version && wanted.fence == now.fence;
    let in_time = match (now.state, wanted.to) {
        (_, Approved) | (Approved, Claimed) => home.now() < now.expires_at,
        (_, Running) => now.lease_until.is_some_and(|until| home.now() < until),
        _ => true,
    };
    let free = !wanted.to.holds_target()
        || all.iter().all(|other| other.id == now.id || other.target != now.target || !other.state.holds_target());
    seen && now.state.may_become(wanted.to) && in_time && free
}

fn check_story(all: &[Attempt], rows: &[AuditRow]) {
    let mut told: BTreeMap<&str, Vec<&AuditRow>> = BTreeMap::new();
    for row in rows {
        told.entry(row.event.attempt_id.as_deref().unwrap()).or_default().push(row);
    }
    for attempt in all {
        let rows = &told[attempt.id.as_str()];
        assert_eq!(i64::try_from(rows.len()).unwrap(), attempt.version);
        let mut state = None;
        for row in rows {
            let data = &row.event.data;
            assert_eq!(data.from, state, "{}: {:?}", attempt.code, row.event.event);
            assert!(state.is_none_or(|from: AttemptState| from.may_become(data.to.unwrap())));
            assert_eq!(row.event.digest.as_deref(), Some(attempt.digest.as_str()));
            state = data.to;
        }
        assert_eq!(state, Some(attempt.state));
        let claims = rows.iter().filter(|row| row.event.data.to == Some(AttemptState::Claimed)).count();
        assert_eq!(i64::try_from(claims).unwrap(), attempt.fence);
    }
    let mut holders: Vec<_> = all.iter().filter(|attempt| attempt.state.holds_target()).map(|attempt| &attempt.target).collect();
    let count = holders.len();
    holders.sort();
    holders.dedup();
    assert_eq!(holders.len(), count, "two hold one object");
    let mut open: Vec<_> =
        all.iter().filter(|attempt| attempt.state == AttemptState::Proposed).map(|attempt| &attempt.incident).collect();
    let count = open.len();
    open.sort();
    open.dedup();
    assert_eq!(open.len(), count, "two proposals of one incident");
}

async fn play(steps: Vec<Step>) {
    let home = Home::new();
    for step_now in steps {
        let all = home.store.attempts(AttemptFilter::default()).await.unwrap();
        let rows = home.store.list(AuditFilter::default()).await.unwrap().len();
        match step_now {
            Step::Propose(incident, object) => {
                home.proposed(&format!("i{incident}"), &format!("app-{object}")).await;
            }
            Step::Pass(seconds) => home.pass(SignedDuration::from_secs(seconds)),
            Step::Advance(which, goal, version, fence) => {
                // The newest first: the others are mostly over.
                let Some(now) = all.get(which) else { continue };
                let to = goal.from(now.state);
                let mut wanted = step(now, to, home.now());
                wanted.version += version;
                wanted.fence += fence;
                let moved = home.store.advance(wanted.clone()).await;
                assert_eq!(moved.is_ok(), expected(&home, &all, now, &wanted), "{:?} to {to}: {moved:?}", now.state);
                let written = home.store.list(AuditFilter::default()).await.unwrap().len() - rows;
                assert_eq!(written, usize::from(moved.is_ok()), "{to}");
            }
        }
    }
    let all = home.store.attempts(AttemptFilter::default()).await.unwrap();
    check_story(&all, &home.store.list(AuditFilter::default()).await.unwrap());
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attempts_and_log_stay_in_step(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
