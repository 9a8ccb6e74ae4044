//! Credentials inside addresses: `scheme://user:password@host` and the forms of it that have no scheme. Scheme, host,
//! port and path stay, since a diagnosis needs to know who was called.

use super::placeholder::Found;
use super::scan::{before, is_quote, run_end, run_start, run_within};
use super::value::is_worth_masking;
use memchr::memmem;
use std::ops::Range;

/// The longest credentials that are looked at.
const LONGEST: usize = 1024;

/// The user and the password of every address.
pub(super) fn credentials(text: &str, found: &mut Vec<Found>) {
    let mut scanned = 0;
    for scheme in memmem::find_iter(text.as_bytes(), "://").filter(|at| is_scheme(text, *at)) {
        let start = scheme + "://".len();
        // A list of addresses without blanks is read address by address.
        if let Some(user_info) = (start >= scanned).then(|| user_info(text, start)).flatten() {
            scanned = user_info.end;
            split(text, user_info, b':', found);
        }
    }
    for marker in ["@tcp(", "@unix("] {
        // The Go driver of MySQL: `user:password@tcp(host:3306)/database`.
        for at in memmem::find_iter(text.as_bytes(), marker) {
            let from = at.saturating_sub(LONGEST);
            let before = text.as_bytes().get(from..at).unwrap_or_default();
            split(text, from + run_start(before, before.len(), is_inside)..at, b':', found);
        }
    }
    for marker in memmem::find_iter(text.as_bytes(), "jdbc:oracle:thin:") {
        let start = marker + "jdbc:oracle:thin:".len();
        let end = run_within(text.as_bytes(), start, LONGEST, |byte| is_inside(byte) && byte != b'@');
        if text.as_bytes().get(end) == Some(&b'@') {
            split(text, start..end, b'/', found);
        }
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str, end: usize) -> bool {
    before(text.as_bytes(), end).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// What can stand inside an address in running text.
fn is_inside(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !is_quote(byte) && !matches!(byte, b'<' | b'>' | b'\\')
}

/// The user information of the address whose authority starts here. Passwords come unescaped, with `@`, `/` and `#`
/// in them, so the last `@` counts that the authority can have.
fn user_info(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let end = run_within(bytes, start, LONGEST, is_inside);
    let address = bytes.get(start..end)?;
    let authority = run_end(address, 0, |byte| !matches!(byte, b'/' | b'?' | b'#'));
    if let Some(at) = address.get(..authority).and_then(|authority| memchr::memrchr(b'@', authority)) {
        return Some(start..start + at);
    }
    // `user:pa/ss@host`: what follows the colon is no port, so the slash is part of a password.
    let colon = memchr::memchr(b':', address.get(..authority)?)?;
    let port = address.get(colon + 1..authority)?;
    if port.iter().all(u8::is_ascii_digit)
        || matches!(address.first(), Some(b'['))
        || matches!(port.first(), Some(b'$' | b'{' | b'%'))
    {
        return None;
    }
    memchr::memrchr(b'@', address).map(|at| start..start + at)
}

/// Masks both sides of the separator. A user alone is masked as well (it is often a token), but `git@`.
fn split(text: &str, range: Range<usize>, separator: u8, found: &mut Vec<Found>) {
    let Some(info) = text.get(range.clone()) else { return };
    let middle = memchr::memchr(separator, info.as_bytes());
    if middle.is_none() && info == "git" {
        return;
    }
    let user = range.start..range.start + middle.unwrap_or(info.len());
    let password = range.start + middle.map_or(info.len(), |middle| middle + 1)..range.end;
    let values = [user, password].into_iter().filter(|part| text.get(part.clone()).is_some_and(is_worth_masking));
    found.extend(values.map(Found::secret));
}
