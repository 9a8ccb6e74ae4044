//! The first step of an approval over HTTP: a word that proves that this caller was shown this plan a moment ago. It is made
//! with the database's own key, so that it outlives a restart and nothing has to be stored.

use crate::domain::Attempt;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How long it is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Tells it from all else that is made with the key.
const PURPOSE: &[u8] = b"sre-copilot approval confirm";
/// Bytes of the time at its front.
const TIME: usize = 8;

/// What is wrong with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// It isn't ours, somebody else's, or of another plan.
    Foreign,
    /// It was good.
    Over,
}

/// The word for this caller and this plan.
pub fn confirm(key: &[u8; 32], attempt: &Attempt, sub: &str, now: Timestamp) -> String {
    let until = now.as_second().saturating_add(GOOD_FOR.as_secs()).to_be_bytes();
    URL_SAFE_NO_PAD.encode([until.as_slice(), &seal(key, attempt, sub, until)].concat())
}

/// Whether it is one that this caller was given for this plan, and still good.
///
/// # Errors
/// It is not.
pub fn check(key: &[u8; 32], attempt: &Attempt, sub: &str, now: Timestamp, said: &str) -> Result<(), Unconfirmed> {
    let bytes = URL_SAFE_NO_PAD.decode(said).map_err(|_| Unconfirmed::Foreign)?;
    let (until, sealed) = bytes.split_first_chunk::<TIME>().ok_or(Unconfirmed::Foreign)?;
    if !bool::from(seal(key, attempt, sub, *until).as_slice().ct_eq(sealed)) {
        return Err(Unconfirmed::Foreign);
    }
    if now.as_second() >= i64::from_be_bytes(*until) { Err(Unconfirmed::Over) } else { Ok(()) }
}

fn seal(key: &[u8; 32], attempt: &Attempt, sub: &str, until: [u8; TIME]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    let parts =
        [PURPOSE, attempt.id.as_bytes(), attempt.nonce.as_bytes(), attempt.digest.as_str().as_bytes(), sub.as_bytes(), &until];
    for part in parts {
        // With lengths, so that no two lists of parts are the same bytes.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
