//! Links that open one incident for a while to whoever has them: `…/incidents/ID?until=SECONDS&sign=HEX`. The signature is an
//! HMAC-SHA256 with the database's own key, so that a link of another database opens nothing.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use std::fmt;

/// Where the pages of incidents are, and what opens them without a token.
#[derive(Clone, Default)]
pub struct Permalinks {
    public_url: Option<String>,
    signed: Option<(SignedDuration, [u8; 32])>,
}

impl Permalinks {
    /// Links under this address, without a slash at its end; none where there is none.
    pub fn new(public_url: Option<&str>) -> Self {
        Self { public_url: public_url.map(str::to_owned), signed: None }
    }

    /// The same links, signed with the database's key: each works for this time at most, and for half of it at least. Unsigned
    /// where that is zero.
    pub fn signed(self, ttl: SignedDuration, key: [u8; 32]) -> Self {
        Self { signed: ttl.is_positive().then_some((ttl, key)), ..self }
    }

    /// What people reach the server under.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Where this incident's page is. The link stays the same for half of the time that it works, so that a message that holds it
    /// isn't new each time it is looked at.
    pub fn to(&self, incident: &str, now: Timestamp) -> Option<String> {
        let page = format!("{}/incidents/{incident}", self.public_url.as_ref()?);
        let sign = self.signed.and_then(|(ttl, key)| {
            let half = (ttl.as_secs() / 2).max(1);
            let until = (now.as_second() - now.as_second().rem_euclid(half)).saturating_add(ttl.as_secs());
            let mac = signed(&key, incident, until)?.finalize().into_bytes();
            Some(format!("?until={until}&sign={}", mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        });
        Some(page + &sign.unwrap_or_default())
    }
}

/// Never the key.
impl fmt::Debug for Permalinks {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Permalinks").field("public_url", &self.public_url).finish_non_exhaustive()
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
        let links = Permalinks::new(Some("https://sre"));
        assert_eq!(links.to("i", at(0)).unwrap(), "https://sre/incidents/i");
        assert_eq!(links.signed(SignedDuration::ZERO, KEY).to("i", at(0)).unwrap(), "https://sre/incidents/i");
    }

    #[test]
    fn without_an_address_there_are_no_links() {
        assert_eq!(Permalinks::new(None).signed(HOUR, KEY).to("i", at(0)), None);
    }

    #[test]
    fn a_link_stays_the_same_for_half_its_time_and_its_key_is_not_printed() {
        let links = Permalinks::new(Some("")).signed(HOUR, KEY);
        let link = links.to("i-1", at(0)).unwrap();
        assert_eq!(links.to("i-1", at(1_799)).unwrap(), link);
        assert_ne!(links.to("i-1", at(1_800)).unwrap(), link);
        let (until, sign) = parts(&link);
        assert!(opens(&KEY, "i-1", until, &sign, HOUR, at(1_799 + 1_800)));
        assert_eq!(format!("{links:?}"), r#"Permalinks { public_url: Some(""), .. }"#);
    }

    #[test]
    fn the_shortest_time_makes_links_too() {
        let second = SignedDuration::from_secs(1);
        let (until, sign) = parts(&Permalinks::new(Some("")).signed(second, KEY).to("i-1", at(0)).unwrap());
        assert!(opens(&KEY, "i-1", until, &sign, second, at(0)));
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
        let (until, sign) = parts(&Permalinks::new(Some("")).signed(HOUR, KEY).to("i-1", at(0)).unwrap());
        assert_eq!(opens(&key, incident, until + longer, &sign, ttl, at(now)), expected);
    }

    #[test]
    fn a_signature_that_is_none_opens_nothing() {
        let (until, sign) = parts(&Permalinks::new(Some("")).signed(HOUR, KEY).to("i-1", at(0)).unwrap());
        for bad in ["", "00", &sign[..63], &format!("{sign}0"), &"é".repeat(32), &format!("+{}", &sign[1..])] {
            assert!(!opens(&KEY, "i-1", until, bad, HOUR, at(0)), "{bad}");
        }
    }
}
