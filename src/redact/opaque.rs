//! Strings that say nothing and may be a key: hex from 32 and base64 from 40 characters. Kubernetes and its tools name
//! things by such strings too (digests, commits, container ids), and those stay: they tell one object from another.

use super::placeholder::Found;
use super::scan::{is_base64, run_end, word_start};

/// The shortest hex string that is masked.
const HEX: usize = 32;
/// The shortest base64 string that is masked.
const BASE64: usize = 40;
/// The length of a commit's name, SHA-1 in hex.
const COMMIT: usize = 40;

/// Hex and base64 strings.
pub(super) fn hex_and_base64(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = run_end(bytes, at, is_base64);
        let at_word = word_start(bytes, at).min(end);
        at = if at_word > at { at_word } else { at };
        if end - at >= HEX {
            let padded = run_end(bytes, end, |byte| byte == b'=');
            let run = bytes.get(at..end).unwrap_or_default();
            if padded - at >= BASE64 && is_random(run) {
                found.push(Found::secret(at..padded));
            } else {
                hex(bytes, at, end, found);
            }
        }
        at = run_end(bytes, end, |byte| !is_base64(byte));
    }
}

/// The hex words of a run.
fn hex(bytes: &[u8], from: usize, to: usize, found: &mut Vec<Found>) {
    let mut start = from;
    while start < to {
        let end = run_end(bytes, start, |byte| byte.is_ascii_alphanumeric()).min(to);
        let word = bytes.get(start..end).unwrap_or_default();
        let is_hex = word.len() >= HEX && word.iter().all(u8::is_ascii_hexdigit) && word.iter().any(u8::is_ascii_digit);
        let is_commit = word.len() == COMMIT && !word.iter().any(u8::is_ascii_uppercase);
        if is_hex && !is_commit && !is_digest(bytes.get(..start).unwrap_or_default()) {
            found.push(Found::secret(start..end));
        }
        start = end + 1;
    }
}

/// Whether what stands before says that a digest or a container's id follows: `sha256:`, `sha512-`, `containerd://`.
fn is_digest(before: &[u8]) -> bool {
    ["sha1", "sha256", "sha384", "sha512"].iter().any(|hash| {
        [&b":"[..], b"-", b"/", b"~"]
            .iter()
            .any(|sign| before.strip_suffix(*sign).is_some_and(|rest| rest.ends_with(hash.as_bytes())))
    }) || [&b"containerd://"[..], b"docker://", b"cri-o://"].iter().any(|runtime| before.ends_with(runtime))
}

/// Whether capitals, small letters and digits take turns as they do by chance: in what is drawn at random six of ten neighbours
/// are of different kinds, in paths and class names two.
fn is_mixed(run: &[u8]) -> bool {
    let class = |byte: &u8| match byte {
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'a'..=b'z' => 3,
        _ => 0,
    };
    let count = |wanted: u8| run.iter().filter(|byte| class(byte) == wanted).count();
    let pairs = || run.windows(2).filter_map(|pair| Some((class(pair.first()?), class(pair.get(1)?)))).filter(|(a, b)| a * b > 0);
    let turns = pairs().filter(|(a, b)| a != b).count();
    let share = |tenths: usize| turns * 10 >= pairs().count() * tenths;
    count(2) >= 4 && count(3) >= 4 && (share(4) || (count(1) >= 1 && share(3)))
}

/// Whether a run looks drawn at random rather than written: letters of both cases and several digits in one unbroken
/// part. Names of objects have no capitals, names of variables no small letters, paths and class names short parts
/// and few digits.
fn is_random(run: &[u8]) -> bool {
    if [&b"sha256-"[..], b"sha384-", b"sha512-"].iter().any(|hash| run.starts_with(hash)) {
        return false;
    }
    if is_mixed(run) {
        return true;
    }
    let unbroken = if run.contains(&b'/') { 24 } else { 16 };
    run.split(|byte| matches!(byte, b'/' | b'-' | b'_')).any(|part| {
        let count = |is: fn(&u8) -> bool| part.iter().filter(|byte| is(byte)).count();
        let digits = count(u8::is_ascii_digit);
        part.len() >= unbroken && digits >= 2 && count(u8::is_ascii_uppercase) >= 4 && count(u8::is_ascii_lowercase) >= 4
    })
}
