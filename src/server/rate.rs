//! How much one caller may ask: a bucket of tokens each, that fills at the rate of the settings. It counts only those who have
//! proved who they are, so that nobody is shut out by what others do.

use crate::config::Rate;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// So many callers are remembered; a bucket that is full again says nothing and is forgotten first.
const REMEMBERED: usize = 10_000;

/// The buckets of one limit.
#[derive(Debug)]
pub struct Limit<K> {
    /// Tokens a second.
    rate: f64,
    /// The most that there are in a bucket.
    burst: f64,
    buckets: Mutex<BTreeMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Ord> Limit<K> {
    /// At this rate, and so many at once.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let rate = f64::from(rate.count) / rate.per.as_secs_f64().max(f64::MIN_POSITIVE);
        Self { rate, burst: f64::from(burst.max(1)), buckets: Mutex::default() }
    }

    /// Takes a token of this caller.
    ///
    /// # Errors
    /// There is none; in how many seconds there will be, at least one.
    pub fn take(&self, caller: K) -> Result<(), u32> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&caller) {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.burst);
            if buckets.len() >= REMEMBERED {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(caller).or_insert(Bucket { tokens: self.burst, at: now });
        let tokens = self.filled(*bucket, now);
        let has_one = tokens >= 1.0;
        *bucket = Bucket { tokens: if has_one { tokens - 1.0 } else { tokens }, at: now };
        if has_one {
            return Ok(());
        }
        let seconds = ((1.0 - tokens) / self.rate).ceil();
        // Rates are at least one an hour.
        Err(if seconds < 3_600.0 { (seconds as u32).max(1) } else { 3_600 })
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        passed.mul_add(self.rate, bucket.tokens).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_bucket_that_fills_again() {
        let limit = Limit::new(Rate { count: 10, per: SignedDuration::from_mins(1) }, 3);
        for _ in 0..3 {
            assert_eq!(limit.take("anna"), Ok(()));
        }
        assert_eq!(limit.take("anna"), Err(6));
        assert_eq!(limit.take("ben"), Ok(()));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(limit.take("anna"), Ok(()));
        assert_eq!(limit.take("anna"), Err(6));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let limit = Limit::new(Rate { count: 1, per: SignedDuration::from_hours(1) }, 1);
        for caller in 0..25_000 {
            assert_eq!(limit.take(caller), Ok(()));
        }
        assert!(limit.buckets.lock().unwrap().len() <= REMEMBERED);
    }
}
