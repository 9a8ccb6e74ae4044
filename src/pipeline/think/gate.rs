//! What all incidents of a process share on their way to a model: eight seats, and a breaker for each model.

use super::breaker::{Breaker, Sign};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// So many calls at once.
const SEATS: usize = 8;

/// What a breaker is for: backend, address and model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub backend: &'static str,
    pub address: String,
    pub model: String,
}

/// One for the whole process.
#[derive(Debug)]
pub struct Gate {
    pub(super) seats: Semaphore,
    breakers: Mutex<BTreeMap<Line, Breaker>>,
    late: AtomicU64,
    draws: AtomicU64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { seats: Semaphore::new(SEATS), breakers: Mutex::default(), late: AtomicU64::new(0), draws: AtomicU64::new(0) }
    }
}

impl Gate {
    /// How many calls were given up at an incident's deadline: whatever they answer comes too late.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    pub(super) fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Since when nothing is let through to this model.
    pub(super) fn open_since(&self, line: &Line, now: Timestamp) -> Option<Timestamp> {
        self.breakers().get(line).and_then(|breaker| breaker.open_since(now))
    }

    /// Lets one call through.
    ///
    /// # Errors
    /// Since when the breaker is open.
    pub(super) fn admit<'a>(&'a self, line: &'a Line, now: Timestamp) -> Result<Admission<'a>, Timestamp> {
        let is_trial = self.breakers().entry(line.clone()).or_default().admit(now)?;
        Ok(Admission { gate: self, line, is_trial, at: now, sign: Sign::Nothing })
    }

    /// A factor from 0.5 to 1.5 for a pause, so that those who failed together don't come back together.
    pub(super) fn jitter(&self, now: Timestamp) -> f64 {
        /// 2^64 divided by the golden ratio: the step of SplitMix64 (Steele, Lea, Flood 2014), and its two mixing factors.
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        const MIX: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];
        let drawn = self.draws.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut bits = drawn.wrapping_mul(STEP) ^ u64::try_from(now.as_nanosecond()).unwrap_or(0);
        bits = (bits ^ (bits >> 30)).wrapping_mul(MIX[0]);
        bits = (bits ^ (bits >> 27)).wrapping_mul(MIX[1]);
        bits ^= bits >> 31;
        // The upper 32 bits are exact as f64.
        0.5 + f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    fn breakers(&self) -> MutexGuard<'_, BTreeMap<Line, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through. Dropped, it tells the breaker what it showed: nothing, unless it was told.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    gate: &'a Gate,
    line: &'a Line,
    is_trial: bool,
    at: Timestamp,
    sign: Sign,
}

impl Admission<'_> {
    /// What the call showed.
    pub(super) fn report(mut self, now: Timestamp, sign: Sign) {
        (self.at, self.sign) = (now, sign);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.gate.breakers().get_mut(self.line) {
            breaker.report(self.at, self.is_trial, self.sign);
        }
    }
}
