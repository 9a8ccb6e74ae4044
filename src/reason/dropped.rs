//! What is taken out of a model's answer, counted in plain words for the report.

use std::collections::BTreeMap;

/// Counts what was dropped, by why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped(BTreeMap<&'static str, usize>);

impl Dropped {
    /// Counts one more.
    pub(super) fn add(&mut self, why: &'static str) {
        *self.0.entry(why).or_default() += 1;
    }

    /// Adds what another part of the same answer lost.
    pub fn merge(&mut self, other: Self) {
        for (why, count) in other.0 {
            *self.0.entry(why).or_default() += count;
        }
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One line for each kind, as a [`StageTrace`](crate::domain::StageTrace) lists them: `2 × cites a fact that doesn't exist`.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(why, count)| if *count == 1 { (*why).to_owned() } else { format!("{count} × {why}") }).collect()
    }
}
