//! The values of HTTP headers that carry credentials. The scheme (`Bearer`) stays: it says how, not with what.

use super::placeholder;
use super::scan::{is_blank, run_end, skip_blanks};
use std::ops::Range;

/// Schemes of RFC 9110's registry and of vendors whose credentials are one word.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "negotiate", "ntlm", "dpop", "hoba", "splunk", "key", "bot"];
/// Schemes whose credentials are a list up to the end of the value.
const LISTS: &[&str] = &["digest", "hawk", "oauth", "mutual", "signature", "scram-sha-256", "aws4-hmac-sha256"];

/// Of `Bearer abc` the `abc`; the whole value when it has no scheme. `None` for a sentence.
pub(super) fn authorization(value: &str) -> Option<Range<usize>> {
    let bytes = value.as_bytes();
    let scheme_end = run_end(bytes, 0, |byte| !is_blank(byte));
    let scheme = value.get(..scheme_end)?;
    let start = skip_blanks(bytes, scheme_end, usize::MAX);
    let rest = value.get(start..)?;
    let is_one_of = |schemes: &[&str]| schemes.iter().any(|name| name.eq_ignore_ascii_case(scheme));
    if rest.is_empty() {
        let is_word = scheme.len() < 12 && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
        return (!is_word).then_some(0..scheme_end);
    }
    if is_one_of(LISTS) {
        return Some(start..value.len());
    }
    let word_end = run_end(bytes, start, |byte| !is_blank(byte));
    let word = value.get(start..word_end)?;
    if placeholder::is_whole(word) || placeholder::is_whole(scheme) {
        return None;
    }
    if is_one_of(SCHEMES) {
        return Some(start..word_end);
    }
    let looks_random = |word: &str| word.len() >= 12 || word.bytes().any(|byte| byte.is_ascii_digit());
    if looks_random(scheme) {
        return Some(0..scheme_end);
    }
    looks_random(word).then_some(start..word_end)
}

/// Behind the word `Bearer` in running text: a token, and not the next word of a sentence.
pub(super) fn bearer(bytes: &[u8], word_end: usize) -> Option<Range<usize>> {
    let start = skip_blanks(bytes, word_end, 2);
    let end = run_end(bytes, start, |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    let token = bytes.get(start..end).filter(|_| start > word_end)?;
    let random = token.len() >= 24 || (token.len() >= 8 && token.iter().any(u8::is_ascii_digit));
    random.then_some(start..end)
}
