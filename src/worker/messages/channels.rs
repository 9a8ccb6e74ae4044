//! Which channel a message goes to. A channel that is broken is left alone for an hour; what would go there goes to the default
//! one meanwhile, so nothing is lost by it.

use crate::domain::IncidentView;
use crate::ports::Notifier;
use crate::ports::channel::{INCIDENTS, SELF_HEALTH, STATS, TEAM, TEAM_DIGEST, team};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A broken channel is asked again after this.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// What is known of channels that don't work.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// Until when each is left alone.
    broken: Mutex<BTreeMap<String, Timestamp>>,
}

/// Where something goes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// There.
    To(String),
    /// Nowhere before that time.
    Blocked(Timestamp),
    /// Nowhere: there is no channel for it.
    None,
}

impl Channels {
    fn broken(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of a channel and those that stand in for it that is there and works.
    pub fn way(&self, notifier: &impl Notifier, wanted: &str, now: Timestamp) -> Way {
        let mut broken = self.broken();
        // One that is further ahead than an hour is of a clock that was put back.
        broken.retain(|_, until| *until > now && until.duration_since(now) <= ASKED_AGAIN);
        let there: Vec<String> = chain(wanted).into_iter().filter(|name| notifier.has(name)).collect();
        if let Some(works) = there.iter().find(|name| !broken.contains_key(*name)) {
            return Way::To(works.clone());
        }
        let first = there.iter().filter_map(|name| broken.get(name)).min();
        first.map_or(Way::None, |until| Way::Blocked(*until))
    }

    /// Leaves a channel alone for an hour.
    pub fn broke(&self, channel: &str, now: Timestamp) {
        self.broken().insert(channel.to_owned(), now.saturating_add(ASKED_AGAIN).unwrap_or(Timestamp::MAX));
    }
}

/// A channel and those that stand in for it.
fn chain(wanted: &str) -> Vec<String> {
    let rest: &[&str] = match wanted {
        "" | INCIDENTS => &[INCIDENTS],
        STATS => &[STATS, INCIDENTS],
        SELF_HEALTH => &[SELF_HEALTH, STATS, INCIDENTS],
        TEAM_DIGEST => &[TEAM_DIGEST, STATS, INCIDENTS],
        _ => &[INCIDENTS],
    };
    let own = wanted.starts_with(TEAM).then(|| wanted.to_owned());
    own.into_iter().chain(rest.iter().map(|name| (*name).to_owned())).collect()
}

/// What kind of channel this is: a name may be a team's, and there are too many of these to be counted apart.
pub(super) fn kind(channel: &str) -> &'static str {
    let known = [STATS, SELF_HEALTH, TEAM_DIGEST].into_iter().find(|known| *known == channel);
    known.unwrap_or(if channel.starts_with(TEAM) { "team" } else { INCIDENTS })
}

/// The channel of the team that owns what an incident is about, as its alerts' labels and annotations say; empty where they
/// don't.
pub(super) fn of_owner(view: &IncidentView) -> String {
    view.owner().map(team).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Delivery;
    use serde_json::Value;

    struct Has(&'static [&'static str]);

    impl Notifier for Has {
        fn has(&self, channel: &str) -> bool {
            self.0.contains(&channel)
        }

        async fn takes_buttons(&self, _: &str) -> Result<bool, Delivery> {
            Ok(false)
        }

        async fn post(&self, _: &str, _: &str, _: &Value) -> Delivery {
            Delivery::MessageGone
        }

        async fn patch(&self, _: &str, _: &str, _: &Value) -> Delivery {
            Delivery::MessageGone
        }

        async fn reply(&self, _: &str, _: &Value) -> Delivery {
            Delivery::MessageGone
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn what_has_no_channel_goes_to_the_default_one() {
        let (channels, to) = (Channels::default(), |name: &str| Way::To(name.to_owned()));
        let all = Has(&["incidents", "stats", "self_health", "team:shop"]);
        let few = Has(&["incidents"]);
        for (wanted, rich, poor) in [
            ("", "incidents", "incidents"),
            ("team:shop", "team:shop", "incidents"),
            ("team:other", "incidents", "incidents"),
            ("stats", "stats", "incidents"),
            ("team_digest", "stats", "incidents"),
            ("self_health", "self_health", "incidents"),
        ] {
            assert_eq!(channels.way(&all, wanted, at(0)), to(rich), "{wanted}");
            assert_eq!(channels.way(&few, wanted, at(0)), to(poor), "{wanted}");
        }
        assert_eq!(channels.way(&Has(&[]), "", at(0)), Way::None);
    }

    #[test]
    fn a_broken_channel_is_left_alone_for_an_hour() {
        let (channels, has) = (Channels::default(), Has(&["incidents", "team:shop"]));
        channels.broke("team:shop", at(0));
        assert_eq!(channels.way(&has, "team:shop", at(3_599)), Way::To("incidents".to_owned()));
        channels.broke("incidents", at(10));
        assert_eq!(channels.way(&has, "team:shop", at(20)), Way::Blocked(at(3_600)));
        assert_eq!(channels.way(&has, "", at(20)), Way::Blocked(at(3_610)));
        assert_eq!(channels.way(&has, "team:shop", at(3_600)), Way::To("team:shop".to_owned()));
        assert_eq!(channels.way(&has, "", at(-10_000)), Way::To("incidents".to_owned()), "our clock was put back");
    }
}
