//! Tokens of operators: JWTs that somebody else signed. The type of our key says by which algorithm, whatever a token's own
//! header says; time is the caller's. It makes no token.

use super::auth::{Caller, Role};
use crate::config::ServeSettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// How far the clocks of who signs and of this machine may be apart, in seconds.
const LEEWAY: f64 = 60.0;
/// The longest `sub`, in bytes: it goes into rows and the log.
const LONGEST_SUB: usize = 256;
/// The curve P-256 as DER: the object identifier 1.2.840.10045.3.1.7 (RFC 5480, section 2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// The shortest RSA key, in bytes of its modulus (RFC 7518, section 3.3: 2048 bits).
const SHORTEST_RSA: usize = 256;

/// What tokens are checked by.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
    audience: String,
    issuer: Option<String>,
    roles_claim: String,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("audience", &self.audience).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Tokens {
    /// As the settings say; `None` without a key.
    ///
    /// # Errors
    /// `JWT_PUBLIC_KEY` is not the PEM of a public RSA or P-256 key.
    pub fn of(settings: &ServeSettings) -> Result<Option<Self>, String> {
        let Some(pem) = &settings.jwt_public_key else { return Ok(None) };
        let (key, algorithm) = key(pem).map_err(|why| format!("JWT_PUBLIC_KEY {why}"))?;
        let mut validation = Validation::new(algorithm);
        // The claims are judged below, by the time that is passed in.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        Ok(Some(Self {
            key,
            validation,
            audience: settings.jwt_audience.clone(),
            issuer: settings.jwt_issuer.clone(),
            roles_claim: settings.jwt_roles_claim.clone(),
        }))
    }

    /// Whose token it is, and what they may.
    ///
    /// # Errors
    /// It is not good; why, for our log.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Caller, &'static str> {
        let data = decode::<Map<String, Value>>(token, &self.key, &self.validation).map_err(|_| "no token of this key")?;
        if data.header.crit.is_some() {
            // RFC 7515, section 4.1.11: what has to be understood and isn't makes it invalid.
            return Err("a token with a critical extension");
        }
        let claims = data.claims;
        let now = now.as_second() as f64;
        let time = |name: &str| claims.get(name).map(|value| value.as_f64().ok_or("a time that is no number")).transpose();
        if now >= time("exp")?.ok_or("a token without exp")? + LEEWAY {
            return Err("a token that is over");
        }
        if time("nbf")?.is_some_and(|from| now < from - LEEWAY) {
            return Err("a token that isn't good yet");
        }
        if !is_or_has(claims.get("aud"), &self.audience) {
            return Err("a token for somebody else");
        }
        let is_from = |issuer: &str| claims.get("iss").and_then(Value::as_str) == Some(issuer);
        if !self.issuer.as_deref().is_none_or(is_from) {
            return Err("a token of another issuer");
        }
        let sub = claims.get("sub").and_then(Value::as_str).filter(|sub| is_name(sub)).ok_or("a token without sub")?;
        Ok(Caller { sub: sub.to_owned(), roles: roles(claims.get(&self.roles_claim)) })
    }
}

/// The key, and the algorithm that its type pins.
fn key(pem: &str) -> Result<(DecodingKey, Algorithm), &'static str> {
    // In the environment lines are often joined.
    let pem = pem.replace("\\n", "\n");
    let lines: Vec<&str> = pem.trim().lines().map(str::trim).collect();
    let [begin, body @ .., _] = lines.as_slice() else { return Err("is no PEM") };
    if !begin.ends_with("PUBLIC KEY-----") {
        return Err("is not the PEM of a public key");
    }
    let der = STANDARD.decode(body.concat()).map_err(|_| "is no PEM")?;
    if let Ok(key) = DecodingKey::from_rsa_pem(pem.as_bytes()) {
        let is_long = key.try_get_as_bytes().is_ok_and(|der| der.len() > SHORTEST_RSA);
        return if is_long { Ok((key, Algorithm::RS256)) } else { Err("is an RSA key of less than 2048 bits") };
    }
    let key = DecodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| "is neither an RSA nor a P-256 key")?;
    if der.windows(P256.len()).any(|window| window == P256) {
        Ok((key, Algorithm::ES256))
    } else {
        Err("is of another curve than P-256")
    }
}

/// One text, or a list that has it.
fn is_or_has(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(list)) => list.iter().any(|text| text.as_str() == Some(wanted)),
        _ => false,
    }
}

fn is_name(sub: &str) -> bool {
    !sub.trim().is_empty() && sub.len() <= LONGEST_SUB && !sub.chars().any(char::is_control)
}

/// The roles that are known here, and what they include. A list, or words with spaces between, as scopes are written.
fn roles(claim: Option<&Value>) -> BTreeSet<Role> {
    let words: Vec<&str> = match claim {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut roles: BTreeSet<Role> = words.into_iter().filter_map(Role::parse).collect();
    if !roles.is_empty() {
        roles.insert(Role::Viewer);
    }
    roles
}
