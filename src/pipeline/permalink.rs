//! Links that open one incident for a while to whoever has them: `…/incidents/ID?until=SECONDS&sign=HEX`. The signature is an
//! HMAC-SHA256 with the database's own key, so that a link of another database opens nothing.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// A link under this address that works until `ttl` from now; one that needs a token where that is zero.
pub fn permalink(public_url: &str, key: &[u8; 32], incident: &str, ttl: SignedDuration, now: Timestamp) -> String {
    let page = format!("{public_url}/incidents/{incident}");
    if ttl <= SignedDuration::ZERO {
        return page;
    }
    let until = now.as_second().saturating_add(ttl.as_secs());
    match signed(key, incident, until) {
        Some(mac) => {
            let sign: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{page}?until={until}&sign={sign}")
        }
        None => page,
    }
}

/// Whether such a link opens this incident now.
pub fn opens(key: &[u8; 32], incident: &str, until: i64, sign: &str, ttl: SignedDuration, now: Timestamp) -> bool {
    // What was made with a longer time than the present setting's doesn't outlive it.
    let left = until.saturating_sub(now.as_second());
    let is_in_time = left > 0 && left <= ttl.as_secs();
    let bytes: Option<Vec<u8>> = (sign.len() == 64 && sign.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| (0..32).map(|place| u8::from_str_radix(sign.get(2 * place..2 * place + 2)?, 16).ok()).collect())
        .flatten();
    let (Some(bytes), Some(mac)) = (bytes, signed(key, incident, until)) else { return false };
    mac.verify_slice(&bytes).is_ok() && is_in_time
}

/// Over what only this use of the key says.
fn signed(key: &[u8; 32], incident: &str, until: i64) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("permalink:{until}:{incident}").as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const KEY: [u8; 32] = [7; 32];
    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_330_000 + second).unwrap()
    }

    fn parts(link: &str) -> (i64, String) {
        let (until, sign) = link.split_once("?until=").unwrap().1.split_once("&sign=").unwrap();
        (until.parse().unwrap(), sign.to_owned())
    }

    #[test]
    fn without_a_time_a_link_holds_no_signature() {
        assert_eq!(permalink("https://sre", &KEY, "i", SignedDuration::ZERO, at(0)), "https://sre/incidents/i");
    }

    #[rstest]
    #[case::right(KEY, "i-1", 0, 3_599, HOUR, true)]
    #[case::too_late(KEY, "i-1", 0, 3_600, HOUR, false)]
    #[case::another_incident(KEY, "i-2", 0, 0, HOUR, false)]
    #[case::another_database([8; 32], "i-1", 0, 0, HOUR, false)]
    #[case::made_to_last(KEY, "i-1", 60, 0, HOUR, false)]
    #[case::shortened_since(KEY, "i-1", 0, 0, SignedDuration::from_mins(1), false)]
    #[case::turned_off(KEY, "i-1", 0, 0, SignedDuration::ZERO, false)]
    fn it_opens_one_incident_for_a_while(
        #[case] key: [u8; 32],
        #[case] incident: &str,
        #[case] longer: i64,
        #[case] now: i64,
        #[case] ttl: SignedDuration,
        #[case] expected: bool,
    ) {
        let (until, sign) = parts(&permalink("", &KEY, "i-1", HOUR, at(0)));
        assert_eq!(opens(&key, incident, until + longer, &sign, ttl, at(now)), expected);
    }

    #[test]
    fn a_signature_that_is_none_opens_nothing() {
        let (until, sign) = parts(&permalink("", &KEY, "i-1", HOUR, at(0)));
        for bad in ["", "00", &sign[..63], &format!("{sign}0"), &"é".repeat(32), &format!("+{}", &sign[1..])] {
            assert!(!opens(&KEY, "i-1", until, bad, HOUR, at(0)), "{bad}");
        }
    }
}
