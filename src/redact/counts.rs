//! How many values of each kind are masked in what leaves the machine.

use super::placeholder;
use std::collections::BTreeMap;
use std::fmt;

/// Masked values by kind: `secret`, `mail`, `card`, `ip`. A value that stands in two places counts twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    /// Those of a text that was masked, by whomever.
    pub fn of(masked: &str) -> Self {
        let mut counts = BTreeMap::new();
        for kind in placeholder::kinds(masked) {
            *counts.entry(kind.word()).or_default() += 1;
        }
        Self(counts)
    }

    /// Each kind that is there with its number, sorted.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, usize)> + use<'_> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Adds those of another text.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in other.by_kind() {
            *self.0.entry(kind).or_default() += count;
        }
    }
}

/// `2 mail, 3 secret`; `nothing`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (index, (kind, count)) in self.by_kind().enumerate() {
            write!(f, "{}{count} {kind}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
