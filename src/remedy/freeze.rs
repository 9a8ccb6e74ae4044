//! Freeze windows: times in which nothing is written, once or every week.

use super::namespaces::matches;
use crate::domain::Action;
use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// One `[[policy.freeze]]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "RawFreeze")]
pub struct Freeze {
    /// What people call it.
    pub name: String,
    /// The namespaces that it covers, as globs; empty for all.
    pub namespaces: Vec<String>,
    /// Actions that it lets through.
    pub except: Vec<Action>,
    window: Window,
    #[serde(with = "jiff::fmt::serde::tz::required")]
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
enum Window {
    Once(Timestamp, Timestamp),
    /// From and to in minutes since Monday, midnight; the end may lie before the start, over the end of the week.
    Weekly(Vec<(i32, i32)>),
}

impl Freeze {
    /// Whether it holds an action in a namespace back at this time.
    pub fn covers(&self, namespace: &str, action: Action, now: Timestamp) -> bool {
        let here = self.namespaces.is_empty() || self.namespaces.iter().any(|glob| matches(glob, namespace));
        here && !self.except.contains(&action) && self.is_on(now)
    }

    fn is_on(&self, now: Timestamp) -> bool {
        match &self.window {
            Window::Once(from, to) => (*from..*to).contains(&now),
            Window::Weekly(spans) => {
                let local = self.zone.to_datetime(now);
                let minute = minutes(local.weekday(), i32::from(local.hour()), i32::from(local.minute()));
                spans
                    .iter()
                    .any(|(from, to)| if from < to { (*from..*to).contains(&minute) } else { minute >= *from || minute < *to })
            }
        }
    }
}

fn minutes(day: Weekday, hour: i32, minute: i32) -> i32 {
    (i32::from(day.to_monday_zero_offset()) * 24 + hour) * 60 + minute
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFreeze {
    name: String,
    #[serde(default)]
    namespaces: Vec<String>,
    from: Option<DateTime>,
    to: Option<DateTime>,
    #[serde(default)]
    weekly: Vec<String>,
    zone: Option<String>,
    #[serde(default)]
    except: Vec<Action>,
}

impl TryFrom<RawFreeze> for Freeze {
    type Error = String;

    fn try_from(raw: RawFreeze) -> Result<Self, String> {
        let RawFreeze { name, namespaces, from, to, weekly, zone, except } = raw;
        let wrong = |why: String| format!("freeze {name:?}: {why}");
        let zone = match zone.as_deref() {
            None | Some("UTC") => TimeZone::UTC,
            Some(zone) => TimeZone::get(zone).map_err(|error| wrong(error.to_string()))?,
        };
        let window = match (from, to) {
            (Some(from), Some(to)) if weekly.is_empty() => {
                let at = |local: DateTime| zone.to_timestamp(local).map_err(|error| wrong(error.to_string()));
                let (from, to) = (at(from)?, at(to)?);
                if from >= to {
                    return Err(wrong("it ends before it begins".to_owned()));
                }
                Window::Once(from, to)
            }
            (None, None) if !weekly.is_empty() => {
                let spans = weekly
                    .iter()
                    .map(|text| span(text).ok_or_else(|| wrong(format!("{text:?} isn't like fri 18:00 - mon 06:00"))));
                Window::Weekly(spans.collect::<Result<_, _>>()?)
            }
            _ => return Err(wrong("give either from and to, or weekly".to_owned())),
        };
        Ok(Self { name, namespaces, except, window, zone })
    }
}

/// `fri 18:00 - mon 06:00`.
fn span(text: &str) -> Option<(i32, i32)> {
    let (from, to) = text.split_once(" - ")?;
    let (from, to) = (moment(from)?, moment(to)?);
    (from != to).then_some((from, to))
}

fn moment(text: &str) -> Option<i32> {
    let (day, time) = text.trim().split_once(' ')?;
    let (hour, minute) = time.trim().split_once(':')?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    let days = [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];
    let (_, day) = days.into_iter().find(|(name, _)| day.eq_ignore_ascii_case(name))?;
    let in_day = i32::from(hour) * 60 + i32::from(minute);
    // 24:00 is the end of the day.
    (minute < 60 && in_day <= 24 * 60).then_some((day * 24 * 60 + in_day) % (7 * 24 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn freeze(value: serde_json::Value) -> Freeze {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_week_over_its_end_and_in_its_zone() {
        let weekend = freeze(json!({"name": "weekend", "weekly": ["fri 18:00 - mon 06:00"], "zone": "Europe/Berlin"}));
        for (now, on) in [
            ("2026-03-06T16:59:59Z", false), // Friday 17:59 in winter
            ("2026-03-06T17:00:00Z", true),
            ("2026-03-08T12:00:00Z", true),
            ("2026-03-09T04:59:00Z", true),
            ("2026-03-09T05:00:00Z", false),
            ("2026-07-03T16:00:00Z", true), // Friday 18:00 in summer
        ] {
            assert_eq!(weekend.covers("any", Action::EvictPod, now.parse().unwrap()), on, "{now}");
        }
    }

    #[test]
    fn once_for_some_namespaces_but_for_some_actions() {
        let sale = freeze(json!({"name": "sale", "namespaces": ["shop-*"], "from": "2026-11-26T00:00", "to": "2026-11-30T00:00",
            "except": ["rollback_deployment"]}));
        let now: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        assert!(sale.covers("shop-eu", Action::RestartDeployment, now));
        assert!(!sale.covers("shop-eu", Action::RollbackDeployment, now));
        assert!(!sale.covers("bank", Action::RestartDeployment, now));
        assert!(!sale.covers("shop-eu", Action::RestartDeployment, "2026-11-30T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for wrong in [
            json!({"name": "x"}),
            json!({"name": "x", "from": "2026-01-01T00:00"}),
            json!({"name": "x", "from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}),
            json!({"name": "x", "weekly": ["fri 25:00 - mon 06:00"]}),
            json!({"name": "x", "weekly": ["fri 18:00"]}),
            json!({"name": "x", "weekly": ["sat 00:00 - sun 24:00"], "zone": "Atlantis/Capital"}),
        ] {
            assert!(serde_json::from_value::<Freeze>(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(freeze(json!({"name": "x", "weekly": ["sat 00:00 - sun 24:00"]})).covers(
            "a",
            Action::EvictPod,
            "2026-03-08T23:59:00Z".parse().unwrap()
        ));
    }
}
