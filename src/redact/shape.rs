//! Secrets that are known by their own shape, whatever stands around them: PEM blocks, JSON web tokens, and the keys
//! that vendors mark with a prefix.

use super::placeholder::Found;
use super::scan::{before, begins_word, run_end, run_start, run_within, word_start};
use aho_corasick::AhoCorasick;
use memchr::memmem;
use std::sync::LazyLock;

/// PEM blocks and JSON web tokens.
pub(super) fn keys_and_tokens(text: &str, found: &mut Vec<Found>) {
    pem_blocks(text.as_bytes(), found);
    web_tokens(text.as_bytes(), found);
}

/// RFC 7468 blocks, in one line with `\n` escapes too. Of one that is cut off at either end, the lines that are there.
fn pem_blocks(bytes: &[u8], found: &mut Vec<Found>) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    let mut from = 0;
    while let Some(marker) = memmem::find(bytes.get(from..).unwrap_or_default(), b"-----").map(|at| from + at) {
        let rest = bytes.get(marker..).unwrap_or_default();
        let range = if rest.starts_with(BEGIN) {
            let body = label_end(bytes, marker + BEGIN.len());
            let rest = bytes.get(body..).unwrap_or_default();
            let rest = rest.get(..memmem::find(rest, BEGIN).unwrap_or(rest.len())).unwrap_or_default();
            let end = memmem::find(rest, END).map(|end| label_end(bytes, body + end + END.len()));
            marker..end.unwrap_or_else(|| body_end(bytes, body))
        } else if rest.starts_with(END) {
            body_start(bytes, marker, from)..label_end(bytes, marker + END.len())
        } else {
            from = run_end(bytes, marker, |byte| byte == b'-');
            continue;
        };
        from = range.end.max(marker + 5);
        found.push(Found::secret(range));
    }
}

/// Past the label (`RSA PRIVATE KEY`) and its closing dashes.
fn label_end(bytes: &[u8], from: usize) -> usize {
    let label = run_end(bytes, from, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    run_end(bytes, label, |byte| byte == b'-')
}

/// What stands between the lines of a block: white space, or the backslash of an escaped line break, whose letter
/// then counts to the line.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\\'
}

/// The letters of a line of a block, and those of its headers (`DEK-Info: AES-128-CBC,…`).
fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b':' | b',' | b'-')
}

/// The shortest word that is taken for a line of a block; prose has shorter ones.
const BODY_WORD: usize = 16;

/// Where the body of a block without an end stops: after the last word that can be a line of it.
fn body_end(bytes: &[u8], from: usize) -> usize {
    let (mut end, mut at) = (from, from);
    loop {
        let start = run_end(bytes, at, is_gap);
        let word_end = run_end(bytes, start, is_body);
        let word = bytes.get(start..word_end).unwrap_or_default();
        // The letter of an escaped line break counts to the word.
        let name = word.strip_prefix(b"n").unwrap_or(word);
        let header = name.starts_with(b"Proc-Type:") || name.starts_with(b"DEK-Info:") || word.starts_with(b"4,ENCRYPTED");
        // An empty line, escaped.
        if matches!(word, b"n" | b"r") && before(bytes, start) == Some(b'\\') && bytes.get(word_end) == Some(&b'\\') {
            at = word_end;
            continue;
        }
        let cut_off = word_end == bytes.len() && end > from;
        if word.is_empty() || !(word.len() >= BODY_WORD || header || cut_off || word.ends_with(b"=")) {
            return end;
        }
        (end, at) = (word_end, word_end);
    }
}

/// Where the body of a block without a beginning starts, no further back than `least`.
fn body_start(bytes: &[u8], to: usize, least: usize) -> usize {
    let escaped = to.checked_sub(1).filter(|letter| bytes.get(*letter) == Some(&b'n') && before(bytes, *letter) == Some(b'\\'));
    let to = escaped.map_or(to, |letter| run_start(bytes, letter, |byte| byte == b'\\')).max(least);
    let mut start = to;
    loop {
        let word_end = run_start(bytes, start, is_gap).max(least);
        let word_start = run_start(bytes, word_end, |byte| is_body(byte) && byte != b'-').max(least);
        let length = word_end - word_start;
        if length == 0 || (length < BODY_WORD && start != to) {
            return start;
        }
        start = word_start;
    }
}

/// RFC 7519: a header that begins `{"`, in base64url, then one to four more parts after dots.
fn web_tokens(bytes: &[u8], found: &mut Vec<Found>) {
    let part = |from| run_end(bytes, from, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let mut from = 0;
    while let Some(start) = memmem::find(bytes.get(from..).unwrap_or_default(), b"eyJ").map(|at| from + at) {
        let header = part(start);
        let mut end = header;
        for _ in 0..4 {
            end = if bytes.get(end) == Some(&b'.') { part(end + 1) } else { end };
        }
        let bounded = begins_word(bytes, start);
        if bounded && header - start >= 8 && end - header >= 5 {
            found.push(Found::secret(start..end));
        }
        from = end;
    }
}

/// A vendor's mark and what may follow it.
struct Vendor {
    prefix: &'static str,
    /// The fewest characters after the prefix.
    least: usize,
    /// What may stand there besides letters and digits.
    also: &'static [u8],
    /// The fewest characters without a break, for prefixes that names of objects can have too.
    unbroken: usize,
}

const VENDORS: &[Vendor] = &[
    Vendor { prefix: "AKIA", least: 16, also: b"", unbroken: 16 },
    Vendor { prefix: "ASIA", least: 16, also: b"", unbroken: 16 },
    Vendor { prefix: "ghp_", least: 20, also: b"", unbroken: 20 },
    Vendor { prefix: "gho_", least: 20, also: b"", unbroken: 20 },
    Vendor { prefix: "ghu_", least: 20, also: b"", unbroken: 20 },
    Vendor { prefix: "ghs_", least: 20, also: b"", unbroken: 20 },
    Vendor { prefix: "ghr_", least: 20, also: b"", unbroken: 20 },
    Vendor { prefix: "github_pat_", least: 20, also: b"_", unbroken: 0 },
    Vendor { prefix: "glpat-", least: 16, also: b"_-.", unbroken: 0 },
    Vendor { prefix: "xoxa-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxb-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxe-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxo-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxp-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxr-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "xoxs-", least: 10, also: b"-", unbroken: 0 },
    Vendor { prefix: "AIza", least: 30, also: b"_-", unbroken: 0 },
    Vendor { prefix: "sk-", least: 20, also: b"_-", unbroken: 16 },
    Vendor { prefix: "sk_live_", least: 16, also: b"", unbroken: 0 },
    Vendor { prefix: "rk_live_", least: 16, also: b"", unbroken: 0 },
    Vendor { prefix: "npm_", least: 30, also: b"", unbroken: 0 },
    Vendor { prefix: "hvs.", least: 20, also: b"_-", unbroken: 0 },
    Vendor { prefix: "hooks.slack.com/services/", least: 16, also: b"/", unbroken: 0 },
    Vendor { prefix: "discord.com/api/webhooks/", least: 16, also: b"_-/", unbroken: 0 },
    Vendor { prefix: "discordapp.com/api/webhooks/", least: 16, also: b"_-/", unbroken: 0 },
];

/// The longest key that is looked at; what follows is masked as far as other rules reach.
const LONGEST_KEY: usize = 512;

static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "two dozen constant words; a test builds them, and masking nothing would be worse")]
    AhoCorasick::new(VENDORS.iter().map(|vendor| vendor.prefix)).expect("constant words")
});

/// Keys with a vendor's prefix, webhook addresses that are a secret themselves, and Discord bot tokens.
pub(super) fn vendor_keys(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    for hit in PREFIXES.find_iter(bytes) {
        let Some(vendor) = VENDORS.get(hit.pattern().as_usize()) else { continue };
        // A webhook's host stays, since it says where a message was meant to go.
        let keeps_prefix = vendor.prefix.ends_with('/');
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() || vendor.also.contains(&byte);
        let end = run_within(bytes, hit.end(), LONGEST_KEY, belongs);
        let key = bytes.get(hit.end()..end).unwrap_or_default();
        let unbroken = key.split(|byte| vendor.also.contains(byte)).map(<[u8]>::len).max().unwrap_or(0);
        let bounded = keeps_prefix || begins_word(bytes, hit.start());
        if bounded && key.len() >= vendor.least && unbroken >= vendor.unbroken {
            found.push(Found::secret(if keeps_prefix { hit.end() } else { hit.start() }..end));
        }
    }
    bot_tokens(bytes, found);
}

/// Discord: the bot's id in base64 (23 characters or more, beginning with M, N or O), a time (6), a MAC (27 or more).
fn bot_tokens(bytes: &[u8], found: &mut Vec<Found>) {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    for dot in memchr::memchr_iter(b'.', bytes) {
        let start = word_start(bytes, run_start(bytes, dot, is_part));
        if !(23..=30).contains(&(dot - start)) || !matches!(bytes.get(start), Some(b'M' | b'N' | b'O')) {
            continue;
        }
        let time = run_end(bytes, dot + 1, is_part);
        let end = if bytes.get(time) == Some(&b'.') { run_end(bytes, time + 1, is_part) } else { time };
        if (6..=7).contains(&(time - dot - 1)) && end > time + 27 {
            found.push(Found::secret(start..end));
        }
    }
}
