//! Who may send alerts: a shared secret as bearer token, as basic password or as the key of a signature, or a client
//! certificate that a trusted proxy has checked. Everything is compared over digests in constant time, on raw bytes, before
//! anything is parsed. What was wrong is for our log; the sender learns only that it was.

use crate::config::{Environment, Secret, Settings, WebhookAuth};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use subtle::{Choice, ConstantTimeEq};

/// The header of a signature over the raw body.
pub const SIGNATURE: &str = "x-alertmanager-signature";
/// The header of the time that is signed with the body.
pub const TIMESTAMP: &str = "x-alertmanager-timestamp";

/// A header that names the subject of a client certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The header.
    pub header: String,
    /// The subjects that may send.
    pub subjects: Vec<String>,
}

/// What a sender is held to.
#[derive(Clone, Debug)]
pub struct Senders {
    /// The secret, and the one before it while it rotates.
    pub secrets: Vec<Secret>,
    /// What is accepted.
    pub methods: Vec<WebhookAuth>,
    /// The user of basic authentication; `None` is any.
    pub basic_user: Option<String>,
    /// How old a signature may be, and how far in our future.
    pub max_age: SignedDuration,
    /// Whether a signature needs its time.
    pub requires_timestamp: bool,
    /// The header of a client certificate.
    pub certificate: Option<ClientCertificate>,
    /// Proxies whose headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether senders on this machine need nothing where nothing is configured: in development.
    pub trusts_loopback: bool,
}

/// How far the headers alone prove who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// They do.
    Shown,
    /// A signature is claimed, which needs the body.
    InBody,
}

/// Why a request was refused; never told to who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No credential came.
    Missing,
    /// A header came twice, or is not of its form.
    Malformed,
    /// A credential of a method that isn't accepted.
    MethodOff,
    /// It is not the secret, the user or the subject.
    Wrong,
    /// The signed time is too far from ours, or missing.
    Stale,
}

impl Senders {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        let serve = &settings.serve;
        let secrets = [&serve.webhook_secret, &serve.webhook_secret_previous];
        let certificate = serve.webhook_client_cert_header.as_ref().map(|header| ClientCertificate {
            header: header.to_ascii_lowercase(),
            subjects: serve.webhook_client_cert_subjects.clone(),
        });
        Self {
            secrets: secrets.into_iter().flatten().filter(|secret| !secret.expose().is_empty()).cloned().collect(),
            methods: serve.webhook_auth.clone(),
            basic_user: serve.webhook_basic_user.clone(),
            max_age: serve.webhook_max_age,
            requires_timestamp: serve.webhook_require_timestamp,
            certificate,
            trusted_proxies: serve.trusted_proxies.clone(),
            trusts_loopback: settings.environment == Environment::Development,
        }
    }

    /// Whether anybody can prove anything.
    pub fn is_configured(&self) -> bool {
        self.certificate.is_some() || (!self.secrets.is_empty() && !self.methods.is_empty())
    }

    /// Every credential in the request has to be right, and there has to be one.
    ///
    /// # Errors
    /// Why not, for our log.
    pub fn check(&self, headers: &HeaderMap, body: &[u8], peer: IpAddr, now: Timestamp) -> Result<(), Refusal> {
        if !self.is_configured() {
            return if self.trusts_loopback && peer.is_loopback() { Ok(()) } else { Err(Refusal::Missing) };
        }
        let checks = [
            only(headers, AUTHORIZATION.as_str())?.map(|value| self.authorization(value)),
            only(headers, SIGNATURE)?.map(|value| self.signature(value, headers, body, now)),
            self.certificate(headers, peer)?,
        ];
        let mut is_one = false;
        for check in checks.into_iter().flatten() {
            check?;
            is_one = true;
        }
        if is_one { Ok(()) } else { Err(Refusal::Missing) }
    }

    /// What the headers alone tell, before a body is read: a credential that needs none has to be right, and there has to be one
    /// that may be. Whether a signature is right is [`Self::check`]'s.
    ///
    /// # Errors
    /// Why not, for our log.
    pub fn check_headers(&self, headers: &HeaderMap, peer: IpAddr, now: Timestamp) -> Result<Proof, Refusal> {
        if !self.is_configured() {
            return if self.trusts_loopback && peer.is_loopback() { Ok(Proof::Shown) } else { Err(Refusal::Missing) };
        }
        let mut proof = Err(Refusal::Missing);
        if let Some(value) = only(headers, SIGNATURE)? {
            self.claimed(value, headers, now)?;
            proof = Ok(Proof::InBody);
        }
        if let Some(value) = only(headers, AUTHORIZATION.as_str())? {
            self.authorization(value)?;
            proof = Ok(Proof::Shown);
        }
        if let Some(known) = self.certificate(headers, peer)? {
            known?;
            proof = Ok(Proof::Shown);
        }
        proof
    }

    fn authorization(&self, value: &[u8]) -> Result<(), Refusal> {
        let blank = value.iter().position(|byte| *byte == b' ').ok_or(Refusal::Malformed)?;
        let (scheme, credential) = (value.get(..blank).unwrap_or_default(), value.get(blank + 1..).unwrap_or_default());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            self.accepts(WebhookAuth::Bearer)?;
            return self.is_secret(credential.trim_ascii());
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Err(Refusal::MethodOff);
        }
        self.accepts(WebhookAuth::Basic)?;
        let plain = STANDARD.decode(credential.trim_ascii()).map_err(|_| Refusal::Malformed)?;
        // RFC 7617, section 2: the user has no colon, the password may have.
        let colon = plain.iter().position(|byte| *byte == b':').ok_or(Refusal::Malformed)?;
        let (user, password) = (plain.get(..colon).unwrap_or_default(), plain.get(colon + 1..).unwrap_or_default());
        let is_user = self.basic_user.as_ref().map_or(Choice::from(1), |wanted| same(wanted.as_bytes(), user));
        let is_right = self.matches(password) & is_user;
        if bool::from(is_right) { Ok(()) } else { Err(Refusal::Wrong) }
    }

    /// Whether the body is signed as the headers claim.
    fn signature(&self, value: &[u8], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let (claimed, prefix) = self.claimed(value, headers, now)?;
        let is_right = self.secrets.iter().fold(Choice::from(0), |found, secret| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return found };
            mac.update(&prefix);
            mac.update(body);
            found | mac.finalize().into_bytes().as_slice().ct_eq(&claimed)
        });
        if bool::from(is_right) { Ok(()) } else { Err(Refusal::Wrong) }
    }

    /// The signature, and what is signed before the body.
    fn claimed(&self, value: &[u8], headers: &HeaderMap, now: Timestamp) -> Result<([u8; 32], Vec<u8>), Refusal> {
        self.accepts(WebhookAuth::Hmac)?;
        let value = value.trim_ascii();
        let claimed = hex(value.strip_prefix(b"sha256=").unwrap_or(value)).ok_or(Refusal::Malformed)?;
        let Some(seconds) = only(headers, TIMESTAMP)? else {
            return if self.requires_timestamp { Err(Refusal::Stale) } else { Ok((claimed, Vec::new())) };
        };
        let digits = std::str::from_utf8(seconds).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let at = digits.and_then(|digits| Timestamp::from_second(digits.parse().ok()?).ok()).ok_or(Refusal::Malformed)?;
        if now.duration_since(at).abs() > self.max_age {
            return Err(Refusal::Stale);
        }
        Ok((claimed, [seconds, b"."].concat()))
    }

    fn certificate(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Option<Result<(), Refusal>>, Refusal> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        let Some(subject) = only(headers, &certificate.header)? else { return Ok(None) };
        let is_trusted = self.trusted_proxies.iter().any(|proxy| proxy.contains(&peer));
        let known = certificate.subjects.iter();
        let is_known = known.fold(Choice::from(0), |found, known| found | same(known.as_bytes(), subject));
        Ok(Some(if is_trusted && bool::from(is_known) { Ok(()) } else { Err(Refusal::Wrong) }))
    }

    fn accepts(&self, method: WebhookAuth) -> Result<(), Refusal> {
        if self.methods.contains(&method) && !self.secrets.is_empty() { Ok(()) } else { Err(Refusal::MethodOff) }
    }

    fn is_secret(&self, given: &[u8]) -> Result<(), Refusal> {
        if bool::from(self.matches(given)) { Ok(()) } else { Err(Refusal::Wrong) }
    }

    /// Whether it is one of the secrets; all of them are compared.
    fn matches(&self, given: &[u8]) -> Choice {
        self.secrets.iter().fold(Choice::from(0), |found, secret| found | same(secret.expose().as_bytes(), given))
    }
}

/// Compares digests, so that neither the content nor the length shows in the time it takes.
fn same(one: &[u8], other: &[u8]) -> Choice {
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice())
}

/// The one value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::Malformed),
        (value, None) => Ok(value.map(|value| value.as_bytes())),
    }
}

/// The 32 bytes of an HMAC-SHA256 in hex digits.
fn hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let mut value = 0;
        for digit in pair {
            value = value << 4 | char::from(*digit).to_digit(16)?;
        }
        *byte = u8::try_from(value).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use rstest::rstest;

    const SECRET: &str = "s3cret:with:colons";
    const BODY: &[u8] = br#"{"alerts": []}"#;
    const NOW: i64 = 1_767_330_000;

    fn senders() -> Senders {
        Senders {
            secrets: vec![Secret::from(SECRET.to_owned()), Secret::from("previous".to_owned())],
            methods: vec![WebhookAuth::Bearer, WebhookAuth::Basic, WebhookAuth::Hmac],
            basic_user: Some("am".to_owned()),
            max_age: SignedDuration::from_mins(5),
            requires_timestamp: false,
            certificate: Some(ClientCertificate { header: "x-client-subject".to_owned(), subjects: vec!["CN=am".to_owned()] }),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            trusts_loopback: true,
        }
    }

    fn signed(key: &str, message: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn of_body(key: &str) -> String {
        signed(key, BODY)
    }

    fn with_time(seconds: i64) -> Vec<(&'static str, String)> {
        let message = [seconds.to_string().as_bytes(), b".", BODY].concat();
        vec![(SIGNATURE, signed(SECRET, &message)), (TIMESTAMP, seconds.to_string())]
    }

    fn basic(text: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Basic {}", STANDARD.encode(text)))]
    }

    fn bearer(token: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {token}"))
    }

    fn check(senders: &Senders, headers: &[(&'static str, String)], peer: &str) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        senders.check(&map, BODY, peer.parse().unwrap(), Timestamp::from_second(NOW).unwrap())
    }

    use Refusal::{Malformed, MethodOff, Missing, Stale, Wrong};

    #[rstest]
    #[case::bearer(vec![bearer(SECRET)], Ok(()))]
    #[case::the_one_before(vec![bearer("previous")], Ok(()))]
    #[case::scheme_in_any_case(vec![("authorization", format!("bEARER {SECRET}"))], Ok(()))]
    #[case::basic(basic("am:s3cret:with:colons"), Ok(()))]
    #[case::signature(vec![(SIGNATURE, of_body(SECRET))], Ok(()))]
    #[case::signature_with_prefix(vec![(SIGNATURE, format!("sha256={}", of_body(SECRET).to_uppercase()))], Ok(()))]
    #[case::signature_of_now(with_time(NOW), Ok(()))]
    #[case::signature_of_five_minutes_ago(with_time(NOW - 300), Ok(()))]
    #[case::signature_of_five_minutes_ahead(with_time(NOW + 300), Ok(()))]
    #[case::two_right_ones(vec![bearer(SECRET), (SIGNATURE, of_body(SECRET))], Ok(()))]
    #[case::nothing(vec![], Err(Missing))]
    #[case::time_alone(vec![(TIMESTAMP, NOW.to_string())], Err(Missing))]
    #[case::another_token(vec![bearer("s3cret:with:colon")], Err(Wrong))]
    #[case::longer(vec![bearer("s3cret:with:colons1")], Err(Wrong))]
    #[case::empty(vec![("authorization", "Bearer ".to_owned())], Err(Wrong))]
    #[case::no_scheme(vec![("authorization", SECRET.to_owned())], Err(Malformed))]
    #[case::other_scheme(vec![("authorization", format!("Digest {SECRET}"))], Err(MethodOff))]
    #[case::other_user(basic("root:s3cret:with:colons"), Err(Wrong))]
    #[case::other_password(basic("am:s3cret"), Err(Wrong))]
    #[case::no_colon(basic("am"), Err(Malformed))]
    #[case::no_base64(vec![("authorization", "Basic %%%".to_owned())], Err(Malformed))]
    #[case::other_key(vec![(SIGNATURE, of_body("other"))], Err(Wrong))]
    #[case::cut_off(vec![(SIGNATURE, of_body(SECRET)[..62].to_owned())], Err(Malformed))]
    #[case::not_hex(vec![(SIGNATURE, "z".repeat(64))], Err(Malformed))]
    #[case::too_old(with_time(NOW - 301), Err(Stale))]
    #[case::too_early(with_time(NOW + 301), Err(Stale))]
    #[case::time_not_signed(vec![(SIGNATURE, of_body(SECRET)), (TIMESTAMP, NOW.to_string())], Err(Wrong))]
    #[case::no_number(vec![(SIGNATURE, of_body(SECRET)), (TIMESTAMP, "-1".to_owned())], Err(Malformed))]
    #[case::one_right_one_wrong(vec![bearer(SECRET), (SIGNATURE, of_body("other"))], Err(Wrong))]
    #[case::twice(vec![bearer(SECRET), bearer(SECRET)], Err(Malformed))]
    #[case::subject_from_a_stranger(vec![("x-client-subject", "CN=am".to_owned())], Err(Wrong))]
    fn each_credential(#[case] headers: Vec<(&'static str, String)>, #[case] expected: Result<(), Refusal>) {
        assert_eq!(check(&senders(), &headers, "192.0.2.1"), expected);
    }

    #[test]
    fn a_subject_counts_from_a_trusted_proxy_alone() {
        let subject = |name: &str| vec![("x-client-subject", name.to_owned())];
        assert_eq!(check(&senders(), &subject("CN=am"), "10.1.2.3"), Ok(()));
        assert_eq!(check(&senders(), &subject("CN=eve"), "10.1.2.3"), Err(Wrong));
    }

    #[test]
    fn settings_narrow_it() {
        let signing = Senders { methods: vec![WebhookAuth::Hmac], requires_timestamp: true, ..senders() };
        assert_eq!(check(&signing, &[bearer(SECRET)], "192.0.2.1"), Err(MethodOff));
        assert_eq!(check(&signing, &[(SIGNATURE, of_body(SECRET))], "192.0.2.1"), Err(Stale));
        assert_eq!(check(&signing, &with_time(NOW), "192.0.2.1"), Ok(()));
    }

    #[test]
    fn with_nothing_configured_only_this_machine_is_heard_and_only_in_development() {
        let open = Senders { secrets: Vec::new(), certificate: None, ..senders() };
        assert_eq!(check(&open, &[], "127.0.0.1"), Ok(()));
        assert_eq!(check(&open, &[], "::1"), Ok(()));
        assert_eq!(check(&open, &[], "192.0.2.1"), Err(Missing));
        assert_eq!(check(&Senders { trusts_loopback: false, ..open }, &[], "127.0.0.1"), Err(Missing));
    }
}
