//! What belongs to people: mail addresses, card numbers and, where that is asked for, IP addresses.

use super::placeholder::{Found, Kind};
use super::scan::{before, begins_word, run_end, run_start};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Last labels that look like a mail's domain and are none: units of systemd (`getty@tty1.service`) and names inside
/// a cluster.
const NO_DOMAINS: &[&str] = &["service", "slice", "socket", "mount", "timer", "target", "scope", "svc"];

/// RFC 5321 addresses as people have them: no quoted local parts, a domain with a dot.
pub(super) fn mail_addresses(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        let start = run_start(bytes, at, |byte| byte.is_ascii_alphanumeric() || b".!#$%&*+_~-".contains(&byte)).max(from);
        // RFC 5321, section 4.5.3.1: 64 characters at most; a longer run is something else.
        let local = text.get(start..at).map(|local| local.trim_start_matches(['.', '-', '*', '&', '#', '!', '$', '%', '~']));
        let Some(local) = local.filter(|local| (1..=64).contains(&local.len())) else { continue };
        let end = run_end(bytes, at + 1, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-').min(at + 255);
        let Some(domain) = text.get(at + 1..end).map(|domain| domain.trim_end_matches(['.', '-'])) else { continue };
        // `git@github.com:a/b.git` is where a repository is.
        if is_domain(domain) && local != "git" {
            from = at + 1 + domain.len();
            found.push(Found { range: at - local.len()..at + 1 + domain.len(), kind: Kind::Mail });
        }
    }
}

/// A domain with a top-level domain of letters; not the version behind a package's name (`module@v1.2.3`).
fn is_domain(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let is_number = |label: &str| {
        let digits = label.strip_prefix('v').unwrap_or(label);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !NO_DOMAINS.contains(&top)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
        && !domain.split('.').take(2).all(is_number)
}

/// Card numbers as ISO/IEC 7812 has them, in one piece or in groups of four, or of four, six and five.
pub(super) fn card_numbers(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = run_end(bytes, at, |byte| !byte.is_ascii_digit());
        let end = card_end(bytes, start);
        let stands_alone = begins_word(bytes, start)
            && !before(bytes, start).is_some_and(|byte| matches!(byte, b'.' | b'-' | b'_'))
            && !bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if stands_alone && bytes.get(start..end).is_some_and(is_card) {
            found.push(Found { range: start..end, kind: Kind::Card });
        }
        at = end.max(start + 1);
    }
}

/// Past the digits that start here, and the groups that follow behind one blank or dash each.
fn card_end(bytes: &[u8], start: usize) -> usize {
    let digits = |from| run_end(bytes, from, |byte| byte.is_ascii_digit());
    let mut end = digits(start);
    if end - start != 4 {
        return end;
    }
    let sign = bytes.get(end).copied().filter(|sign| matches!(sign, b' ' | b'-'));
    while let Some(next) = sign.filter(|sign| bytes.get(end) == Some(sign)).map(|_| digits(end + 1)) {
        if !(4..=6).contains(&(next - end - 1)) || next - start > 23 {
            break;
        }
        end = next;
    }
    end
}

/// The lengths and first digits of Visa, Mastercard, American Express, Diners, Discover, JCB and UnionPay, and Luhn's
/// check. First digits matter: every tenth timestamp passes the check.
fn is_card(written: &[u8]) -> bool {
    let digits: Vec<u32> = written.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    let first = |count: usize| digits.iter().take(count).fold(0, |number, digit| number * 10 + digit);
    let (two, three, four) = (first(2), first(3), first(4));
    let issued = match digits.len() {
        13 | 19 => first(1) == 4 || (digits.len() == 19 && two == 62),
        14 => matches!(two, 36 | 38) || (300..=305).contains(&three),
        15 => matches!(two, 34 | 37),
        16 => {
            let mastercard = (51..=55).contains(&two) || (2221..=2720).contains(&four);
            let discover = matches!(two, 62 | 65) || four == 6011 || (644..=649).contains(&three);
            first(1) == 4 || mastercard || discover || (3528..=3589).contains(&four)
        }
        _ => false,
    };
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    issued && sum.is_multiple_of(10)
}

/// IPv4 and IPv6 addresses, but those that mean every machine or the machine itself.
pub(super) fn ip_addresses(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = run_end(bytes, at, |byte| !byte.is_ascii_alphanumeric() && byte != b':');
        let end = run_end(bytes, start, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b':');
        if let Some(word) = text.get(start..end) {
            found.extend(address_in(word).map(|length| Found { range: start..start + length, kind: Kind::Ip }));
        }
        at = end.max(start + 1);
    }
}

/// The length of the address that a word begins with; a port may follow, or the end of a sentence.
fn address_in(word: &str) -> Option<usize> {
    let whole = word.trim_end_matches(['.', ':']);
    let host = whole.split_once(':').map_or(whole, |(host, _)| host);
    let v4 = host.parse::<Ipv4Addr>().ok().map(|address| (IpAddr::V4(address), host.len()));
    let v6 = || [word, whole].into_iter().find_map(|word| Some((IpAddr::V6(word.parse::<Ipv6Addr>().ok()?), word.len())));
    let (address, length) = v4.or_else(v6)?;
    (!address.is_unspecified() && !address.is_loopback()).then_some(length)
}
