//! Whether a request is Discord's: Ed25519 over its time and its raw body, by the application's public key.

use ed25519_dalek::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH, Signature, VerifyingKey};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

/// The headers that Discord sends ("Interactions", "Setting up an endpoint").
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature-ed25519");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-signature-timestamp");
/// So far its clock and ours may be apart, in seconds; older requests are taken for replays.
const APART: u64 = 300;

/// The application's public key, from its 64 hex digits.
pub fn key(digits: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes::<PUBLIC_KEY_LENGTH>(digits.trim())?).ok().filter(|key| !key.is_weak())
}

/// Checks a request. What is wrong with it is for our log alone.
///
/// # Errors
/// It isn't Discord's, or not of now.
pub(super) fn check(key: Option<&VerifyingKey>, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), &'static str> {
    let key = key.ok_or("there is no public key")?;
    let signature = one(headers, &SIGNATURE).and_then(bytes::<SIGNATURE_LENGTH>).ok_or("no signature of 128 hex digits")?;
    let time = one(headers, &TIMESTAMP).ok_or("no time")?;
    let is_number = !time.is_empty() && time.bytes().all(|digit| digit.is_ascii_digit());
    let seconds: i64 = time.parse().ok().filter(|_| is_number).ok_or("a time that isn't a number")?;
    if seconds.abs_diff(now.as_second()) > APART {
        return Err("another time than now");
    }
    let signed = [time.as_bytes(), body].concat();
    key.verify_strict(&signed, &Signature::from_bytes(&signature)).map_err(|_| "another signature")
}

/// The header, if it is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    let mut bytes = [0; N];
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * at)? << 4 | digit(2 * at + 1)?;
    }
    (digits.len() == 2 * N).then_some(bytes)
}
