//! Kubernetes resource quantities (`512Mi`, `250m`, `1e3`), exactly as the API server reads them, so that `0.5` and `500m`
//! are the same amount and a comparison never goes through floating point.
//!
//! The grammar and the rounding are those of `ParseQuantity` in
//! `staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go`.

use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// The suffixes with a power of ten, from `suffix.go` beside the parser.
const DECIMAL: &[(&str, i32)] =
    &[("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// The suffixes with a power of two, from the same file.
const BINARY: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// Nothing is kept finer than a billionth; what is finer is rounded up, away from zero.
const NANO: i128 = 1_000_000_000;

/// A number with a binary suffix is capped at 2^63 − 1.
const MAX_BINARY: i128 = i64::MAX as i128 * NANO;

/// A power of ten that overflows every amount but zero.
const OVERFLOWING_POWER: i64 = 40;

/// An amount of a resource. Equality and order go by the amount: `0.5` equals `500m`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nano: i128,
    /// Whether it was written with a binary suffix, and is shown with one.
    binary: bool,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nano: 0, binary: false };

    /// A whole number, such as a count of pods.
    pub fn whole(number: i64) -> Self {
        Self { nano: i128::from(number) * NANO, binary: false }
    }

    /// Reads the text of a quantity. `None` when the API server would refuse it. Amounts beyond ±1.7 × 10^29 are capped.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (integer, rest) = digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest),
            None => ("", rest),
        };
        let (power_of_ten, power_of_two) = read_suffix(suffix)?;
        let nano = scale(integer, fraction, power_of_ten, power_of_two);
        let nano = if power_of_two > 0 { nano.min(MAX_BINARY) } else { nano };
        Some(Self { nano: if negative { -nano } else { nano }, binary: power_of_two > 0 })
    }

    /// Reads a field that holds a quantity: a string, or a plain number as YAML and JSON also allow.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Whether it is no amount at all.
    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// Rounded up to a whole thousandth: the scheduler counts CPU in these.
    pub fn round_up_to_milli(self) -> Self {
        self.round_up(NANO / 1000)
    }

    /// Rounded up to a whole number: the scheduler counts everything but CPU in these.
    pub fn round_up_to_whole(self) -> Self {
        self.round_up(NANO)
    }

    fn round_up(self, unit: i128) -> Self {
        let below = self.nano.rem_euclid(unit);
        let up = if below == 0 { 0 } else { unit - below };
        Self { nano: self.nano.saturating_add(up), ..self }
    }

    /// The sum, capped at the range.
    pub fn plus(self, other: Self) -> Self {
        Self { nano: self.nano.saturating_add(other.nano).max(-i128::MAX), binary: self.binary || other.binary }
    }

    /// The difference, which may be negative, capped at the range.
    pub fn minus(self, other: Self) -> Self {
        // Not lower than −MAX, so that every amount has an absolute value.
        Self { nano: self.nano.saturating_sub(other.nano).max(-i128::MAX), binary: self.binary || other.binary }
    }

    /// The amount as a float, for ratios and for comparison with measured time series; near, not exact.
    pub fn to_f64(self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// The exact amount in the form in which Kubernetes prints it: no fraction, and the largest suffix that loses nothing.
    pub fn canonical(self) -> String {
        let (mantissa, suffix) = self.largest_exact();
        format!("{mantissa}{suffix}")
    }

    fn largest_exact(self) -> (i128, &'static str) {
        if self.nano == 0 {
            return (0, "");
        }
        // As in CanonicalizeBytes: below 1024 a binary amount is shown as a plain number, and so is one with a fraction.
        if self.binary && self.nano.abs() >= 1024 * NANO && self.nano % NANO == 0 {
            let whole = self.nano / NANO;
            let fitting = BINARY.iter().rev().find(|(_, power)| whole % (1 << power) == 0);
            return fitting.map_or((whole, ""), |(suffix, power)| (whole >> power, suffix));
        }
        let unit = |power: i32| 10_i128.pow((power + 9).unsigned_abs());
        let fitting = DECIMAL.iter().rev().find(|(_, power)| self.nano % unit(*power) == 0);
        fitting.map_or((self.nano, "n"), |(suffix, power)| (self.nano / unit(*power), suffix))
    }
}

/// Short, for people: exact while that takes at most four digits (`512Mi`, `250m`, `1536Mi`), else with at most two decimals
/// in the largest unit (`15.63Gi`).
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mantissa, suffix) = self.largest_exact();
        if mantissa.abs() < 10_000 {
            return write!(f, "{mantissa}{suffix}");
        }
        let binary = self.binary.then(|| BINARY.iter().map(|(suffix, power)| (*suffix, NANO << power)).rev());
        let decimal = DECIMAL.iter().map(|(suffix, power)| (*suffix, 10_i128.pow((power + 9).unsigned_abs()))).rev();
        let mut units = binary.into_iter().flatten().chain(decimal);
        let (suffix, unit) = units.find(|(_, unit)| self.nano.abs() >= *unit).unwrap_or(("n", 1));
        let sign = if self.nano < 0 { "-" } else { "" };
        let (mut whole, rest) = (self.nano.abs() / unit, self.nano.abs() % unit);
        let mut hundredths = (rest.saturating_mul(200) / unit + 1) / 2;
        if hundredths == 100 {
            (whole, hundredths) = (whole + 1, 0);
        }
        match (hundredths / 10, hundredths % 10) {
            (0, 0) => write!(f, "{sign}{whole}{suffix}"),
            (tenths, 0) => write!(f, "{sign}{whole}.{tenths}{suffix}"),
            _ => write!(f, "{sign}{whole}.{hundredths:02}{suffix}"),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

/// The leading digits, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The power of ten and of two that a suffix stands for. `E` alone is exa, with a number behind it an exponent.
fn read_suffix(suffix: &str) -> Option<(i64, u32)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((i64::from(*power), 0));
    }
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((0, *power));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    exponent.parse().ok().map(|power| (power, 0))
}

/// The amount in nano units of `integer.fraction` × 10^`power_of_ten` × 2^`power_of_two`, rounded up.
fn scale(integer: &str, fraction: &str, power_of_ten: i64, power_of_two: u32) -> i128 {
    let all = || integer.bytes().chain(fraction.bytes()).map(|digit| i128::from(digit - b'0'));
    let length = integer.len() + fraction.len();
    // Where the decimal point stands once the power of ten and the nine digits of a nano unit have moved it.
    let point = i64::try_from(integer.len()).unwrap_or(i64::MAX).saturating_add(power_of_ten).saturating_add(9);
    let whole_digits = usize::try_from(point.max(0)).unwrap_or(usize::MAX).min(length);
    let mut whole = all().take(whole_digits).fold(0_i128, |number, digit| number.saturating_mul(10).saturating_add(digit));
    let missing = point.saturating_sub(i64::try_from(length).unwrap_or(i64::MAX));
    for _ in 0..missing.clamp(0, OVERFLOWING_POWER) {
        whole = whole.saturating_mul(10);
    }
    let whole = whole.saturating_mul(1 << power_of_two);
    // The digits behind the point, from the last to the first: each step's remainder only says that something is left.
    let mut below = 0_i128;
    let mut left_over = false;
    let leading_zeros = usize::try_from(point.saturating_neg().max(0)).unwrap_or(usize::MAX);
    let behind: Vec<i128> = all().skip(whole_digits).collect();
    for digit in behind.into_iter().rev() {
        let sum = (digit << power_of_two) + below;
        left_over |= sum % 10 != 0;
        below = sum / 10;
    }
    if leading_zeros > 0 {
        left_over |= below != 0;
        below = 0;
    }
    whole.saturating_add(below).saturating_add(i128::from(left_over))
}

#[cfg(test)]
mod tests;
