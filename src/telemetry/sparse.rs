//! A line of the log that somebody outside can cause as often as they like is written now and then, with how often it was left
//! out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Such a line is written at most once in this time.
const EVERY: Duration = Duration::from_secs(10);

/// One kind of line.
#[derive(Debug)]
pub struct Sparse(Mutex<(Option<Instant>, u64)>);

impl Sparse {
    /// For a `static`.
    pub const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Whether it is to be written now: how often it was left out before.
    pub fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            *left_out += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(left_out))
    }
}

impl Default for Sparse {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let (line, began) = (Sparse::new(), Instant::now());
        assert_eq!(line.at(began), Some(0));
        for number in 0..1_000 {
            assert_eq!(line.at(began + Duration::from_millis(number)), None);
        }
        assert_eq!(line.at(began + EVERY), Some(1_000));
        assert_eq!(line.at(began + 3 * EVERY), Some(0));
    }
}
