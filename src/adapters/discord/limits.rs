//! What Discord said about its limits: a request that it would refuse isn't sent. Limits of one bucket are shared by the routes
//! that Discord says have it, within one channel; a global one holds for all.

use crate::adapters::http::HttpAnswer;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is waited where a refusal says nothing of it.
const UNSAID: Duration = Duration::from_secs(5);
/// The longest wait that is believed.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// What is left of a bucket.
#[derive(Clone, Copy, Debug)]
struct Left {
    remaining: u64,
    resets: Timestamp,
}

/// The limits of all channels.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The bucket of a channel's route.
    routes: BTreeMap<(String, String), String>,
    buckets: BTreeMap<(String, String), Left>,
    everything: Option<Timestamp>,
}

impl Limits {
    /// Takes one request out of its bucket; until when it is held back, and whether all are, where it is.
    pub fn take(&mut self, channel: &str, method: &Method, now: Timestamp) -> Option<(Timestamp, bool)> {
        if let Some(until) = self.everything {
            if is_ahead(until, now) {
                return Some((until, true));
            }
            self.everything = None;
        }
        let bucket = self.routes.get(&(channel.to_owned(), method.to_string()))?;
        let key = (channel.to_owned(), bucket.clone());
        let left = self.buckets.get_mut(&key)?;
        if !is_ahead(left.resets, now) {
            self.buckets.remove(&key);
        } else if left.remaining == 0 {
            return Some((left.resets, false));
        } else {
            left.remaining -= 1;
        }
        None
    }

    /// Learns from an answer's headers, and from a refusal's body.
    pub fn learn(&mut self, channel: &str, method: &Method, answer: &HttpAnswer, now: Timestamp) {
        let route = (channel.to_owned(), method.to_string());
        if let Some(bucket) = header(answer, "x-ratelimit-bucket") {
            self.routes.insert(route.clone(), bucket.to_owned());
        }
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let (until, global) = refusal(answer, now);
            if global {
                self.everything = Some(until);
            } else {
                let bucket = self.routes.entry(route).or_insert_with(|| method.to_string()).clone();
                self.buckets.insert((channel.to_owned(), bucket), Left { remaining: 0, resets: until });
            }
            return;
        }
        let remaining = header(answer, "x-ratelimit-remaining").and_then(|text| text.parse().ok());
        let resets = header(answer, "x-ratelimit-reset-after").and_then(seconds);
        if let (Some(remaining), Some(after), Some(bucket)) = (remaining, resets, self.routes.get(&route)) {
            let (key, resets) = ((channel.to_owned(), bucket.clone()), ahead(now, after));
            // Answers overtake one another: within one window what is least is true.
            let left = self.buckets.get(&key).filter(|left| is_ahead(left.resets, now)).map_or(remaining, |left| left.remaining);
            self.buckets.insert(key, Left { remaining: remaining.min(left), resets });
        }
    }
}

/// Until when a refusal (429) holds, and whether for all: the body's `retry_after`, else the header.
pub(super) fn refusal(answer: &HttpAnswer, now: Timestamp) -> (Timestamp, bool) {
    #[derive(Default, Deserialize)]
    struct Said {
        retry_after: Option<f64>,
        #[serde(default)]
        global: bool,
    }
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let body = said.retry_after.and_then(of_seconds);
    let wait = body.or_else(|| header(answer, "retry-after").and_then(seconds)).or_else(|| answer.retry_after());
    let scope = header(answer, "x-ratelimit-scope") == Some("global");
    let global = said.global || scope || header(answer, "x-ratelimit-global").is_some_and(|text| text == "true");
    (ahead(now, wait.unwrap_or(UNSAID)), global)
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok().map(str::trim)
}

/// Seconds with a fraction.
fn seconds(text: &str) -> Option<Duration> {
    of_seconds(text.parse().ok()?)
}

fn of_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// So long after now, in whole milliseconds and never sooner.
fn ahead(now: Timestamp, wait: Duration) -> Timestamp {
    let millis = wait.as_nanos().div_ceil(1_000_000).saturating_add(u128::from(now.subsec_nanosecond() % 1_000_000 != 0));
    let wait = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).min(LONGEST);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// Whether a time is still to come. One that is further away than any wait is of a clock that was put back since.
fn is_ahead(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.duration_since(now) <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> HttpAnswer {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect();
        HttpAnswer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_left_is_obeyed_before_it_is_refused() {
        let mut limits = Limits::default();
        let said = |remaining| {
            answer(
                200,
                &[("x-ratelimit-bucket", "b"), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset-after", "1.2501")],
                "{}",
            )
        };
        assert_eq!(limits.take("a", &Method::POST, at(0)), None);
        limits.learn("a", &Method::POST, &said("2"), at(0));
        assert_eq!(limits.take("a", &Method::POST, at(1)), None);
        assert_eq!(limits.take("a", &Method::POST, at(2)), None);
        assert_eq!(limits.take("a", &Method::POST, at(3)), Some((at(1_251), false)), "both are under way");
        assert_eq!(limits.take("b", &Method::POST, at(3)), None, "another channel");
        assert_eq!(limits.take("a", &Method::POST, at(1_250)), Some((at(1_251), false)));
        assert_eq!(limits.take("a", &Method::POST, at(1_251)), None);
        limits.learn("a", &Method::PATCH, &said("0"), at(2_000));
        assert_eq!(limits.take("a", &Method::POST, at(2_001)), Some((at(3_251), false)), "both routes have one bucket");
    }

    #[test]
    fn a_refusal_says_how_long_in_its_body_or_its_header_and_for_whom() {
        let said = |headers: &[(&'static str, &str)], body: &str| refusal(&answer(429, headers, body), at(0));
        assert_eq!(said(&[("retry-after", "9")], r#"{"retry_after": 0.65}"#), (at(650), false));
        assert_eq!(said(&[("retry-after", "9")], "<html>"), (at(9_000), false));
        assert_eq!(said(&[], r#"{"retry_after": 1, "global": true}"#), (at(1_000), true));
        assert_eq!(said(&[("x-ratelimit-scope", "global")], r#"{"retry_after": 1}"#), (at(1_000), true));
        assert_eq!(said(&[], r#"{"retry_after": -1}"#), (at(5_000), false));
        let mut limits = Limits::default();
        limits.learn("a", &Method::POST, &answer(429, &[], r#"{"retry_after": 2, "global": true}"#), at(0));
        assert_eq!(limits.take("b", &Method::PATCH, at(1_999)), Some((at(2_000), true)));
        assert_eq!(limits.take("b", &Method::PATCH, at(2_000)), None);
        limits.learn("a", &Method::POST, &answer(429, &[], r#"{"retry_after": 2}"#), at(0));
        assert_eq!(limits.take("a", &Method::POST, at(1_999)), Some((at(2_000), false)));
        assert_eq!(limits.take("a", &Method::POST, at(-100_000_000)), None, "our clock was put back");
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_panics_or_makes_it_sooner(body in "\\PC{0,40}", after in "\\PC{0,12}", wait in 0f64..1e9) {
            if let Ok(value) = HeaderValue::from_str(&after) {
                let mut said = answer(429, &[], &body);
                said.headers.insert("retry-after", value.clone());
                said.headers.insert("x-ratelimit-reset-after", value);
                prop_assert!(refusal(&said, at(0)).0 >= at(0));
                Limits::default().learn("a", &Method::POST, &said, at(0));
            }
            let (until, _) = refusal(&answer(429, &[], &format!("{{\"retry_after\": {wait}}}")), at(0));
            prop_assert!(until.duration_since(at(0)).as_secs_f64() >= wait.min(86_400.0) - 1e-6);
        }
    }
}
