//! What tokens cost. Money is whole millionths of a US dollar, always rounded up, so that sums of it are exact.

use super::Usage;
use serde::Deserialize;

/// US dollars for a million tokens, which is millionths of a dollar for one. Never negative.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Price {
    /// Read at the full price.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read and kept.
    pub cache_write: f64,
    /// Read out of the cache.
    pub cache_read: f64,
}

/// As it stands in the settings. Without prices of its own the cache costs what reading costs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    input: f64,
    output: f64,
    cache_write: Option<f64>,
    cache_read: Option<f64>,
}

impl TryFrom<Written> for Price {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { input, output, cache_write, cache_read } = written;
        let price = Self { input, output, cache_write: cache_write.unwrap_or(input), cache_read: cache_read.unwrap_or(input) };
        let is_price = |value: f64| (0.0..=DEAREST).contains(&value);
        if [price.input, price.output, price.cache_write, price.cache_read].into_iter().all(is_price) {
            Ok(price)
        } else {
            Err(format!("a price is between 0 and {DEAREST} US dollars for a million tokens"))
        }
    }
}

/// The highest price that is believed.
const DEAREST: f64 = 1_000_000.0;

/// Millionths of a millionth of a dollar in a millionth of a dollar.
const PICO: u128 = 1_000_000;

impl Price {
    /// Nothing.
    pub const FREE: Self = Self { input: 0.0, output: 0.0, cache_write: 0.0, cache_read: 0.0 };

    /// What these tokens cost, in millionths of a US dollar, rounded up.
    pub fn of(&self, usage: &Usage) -> u64 {
        let parts = [
            (self.input, usage.input_tokens),
            (self.output, usage.output_tokens),
            (self.cache_write, usage.cache_write_tokens),
            (self.cache_read, usage.cache_read_tokens),
        ];
        let sum = parts.into_iter().fold(0_u128, |sum, (price, tokens)| sum.saturating_add(pico(price) * u128::from(tokens)));
        u64::try_from(sum.div_ceil(PICO)).unwrap_or(u64::MAX)
    }

    /// The most that a call can cost: each token of its prompt at the dearest way of reading it, and the longest answer.
    pub fn worst(&self, input_tokens: u64, output_tokens: u64) -> u64 {
        let input = self.input.max(self.cache_write).max(self.cache_read);
        Self { input, ..*self }.of(&Usage { input_tokens, output_tokens, ..Usage::default() })
    }
}

/// Six decimals of a price as a whole number, which f64 alone would not add up exactly.
fn pico(price: f64) -> u128 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "prices are bounded, and a cast saturates")]
    let whole = (price * 1_000_000.0).round() as u64;
    u128::from(whole)
}

/// A setting in US dollars as whole millionths, rounded down; nothing for what is no sum of money.
pub fn micro_usd(dollars: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates, and NaN becomes 0")]
    let whole = (dollars * 1_000_000.0 + 1e-6).floor() as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const SONNET: Price = Price { input: 2.0, output: 10.0, cache_write: 2.5, cache_read: 0.2 };

    #[test]
    fn sums_are_exact_and_rounded_up_once() {
        let usage = Usage { input_tokens: 1_000, cache_write_tokens: 3, cache_read_tokens: 7, output_tokens: 50 };
        // 2,000 + 7.5 + 1.4 + 500.
        assert_eq!(SONNET.of(&usage), 2_509);
        assert_eq!(SONNET.of(&Usage { cache_read_tokens: 10, ..Usage::default() }), 2);
        assert_eq!(SONNET.of(&Usage { cache_read_tokens: 1, ..Usage::default() }), 1);
        assert_eq!(SONNET.of(&Usage::default()), 0);
        assert_eq!(Price::FREE.of(&usage), 0);
        let endless = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Usage::default() };
        assert_eq!(SONNET.of(&endless), u64::MAX);
        assert_eq!(SONNET.worst(1_000, 3_000), 2_500 + 30_000);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        let read = |text: &str| serde_json::from_str::<Price>(text);
        let read_twice = read(r#"{"input": 3, "output": 15}"#).unwrap();
        assert_eq!((read_twice.cache_write, read_twice.cache_read), (3.0, 3.0), "the cache is never free by omission");
        for text in [r#"{"input": -1, "output": 1}"#, r#"{"input": 1}"#, r#"{"input": 1, "output": 1e300}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dollars_of_the_settings() {
        assert_eq!([0.30, 5.0, 0.0, -1.0, f64::NAN].map(micro_usd), [300_000, 5_000_000, 0, 0, 0]);
        assert_eq!(micro_usd(0.29), 290_000);
        assert_eq!(micro_usd(f64::INFINITY), u64::MAX);
    }
}
