//! Random numbers that are the same in every run: SplitMix64 (Steele, Lea, Flood 2014), seeded by a case's name and a number.

use sha2::{Digest, Sha256};

/// A generator.
pub struct Random(u64);

impl Random {
    /// The generator of a case.
    pub fn new(name: &str, seed: u64) -> Self {
        let digest = Sha256::new().chain_update(name).chain_update(seed.to_le_bytes()).finalize();
        Self(digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Any order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }
}
