//! What may leave the machine: the one place that takes secrets and personal data out of text and out of Kubernetes
//! objects. Everything that sends, shows or stores passes through it, before truncation. The same value becomes the
//! same placeholder everywhere, so that correlation survives; masking what is masked already changes nothing. It never
//! decides what is evidence, and it never decodes or follows what it reads.
//!
//! The rules run in a fixed order, each in a file of its own: what has a shape ([`shape`]), addresses ([`address`]),
//! names that say that their value is secret ([`pair`]), people, payment cards and opaque strings ([`personal`],
//! [`opaque`]).

mod address;
#[cfg(test)]
mod corpus;
mod counts;
mod header;
mod name;
mod object;
mod opaque;
mod pair;
mod personal;
mod placeholder;
mod scan;
mod shape;
#[cfg(test)]
mod tests;
mod value;

pub use counts::Counts;

use hmac::{Hmac, KeyInit, Mac, digest::Key};
use placeholder::{Found, Kind};
use scan::Traits;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The key under which replays and fixtures are masked, so that their bytes are the same on every machine.
const REPLAY_KEY: &[u8] = b"sre-copilot/v1 replay";

/// A rule: what it looks for, and whether a text can hold it at all.
struct Rule {
    applies: fn(&Traits) -> bool,
    find: fn(&str, &mut Vec<Found>),
}

/// In this order; what an earlier rule masked, a later one leaves alone.
const RULES: &[Rule] = &[
    Rule { applies: |traits| traits.longest >= 8, find: shape::keys_and_tokens },
    Rule { applies: |traits| traits.separator || traits.at, find: address::credentials },
    Rule { applies: |traits| traits.separator || traits.word, find: pair::named_values },
    Rule { applies: |traits| traits.longest >= 16, find: shape::vendor_keys },
    Rule { applies: |traits| traits.at, find: personal::mail_addresses },
    Rule { applies: |traits| traits.digits, find: personal::card_numbers },
    Rule { applies: |traits| traits.longest >= 32, find: opaque::hex_and_base64 },
];

/// How often the rules run over a text, at most: again as long as something was found, since one placeholder can bring
/// to light what another finding overlapped.
const PASSES: usize = 6;

/// Masks secrets and personal data.
#[derive(Clone)]
pub struct Redactor {
    mac: Hmac<Sha256>,
    ips: bool,
}

impl Redactor {
    /// Masks under this key, the installation's own: the six hex digits of a placeholder can't be found by guessing
    /// values without it. A key may have any length.
    pub fn new(key: &[u8]) -> Self {
        // RFC 2104, section 2: keys longer than the hash's block are hashed first, shorter ones are filled with zeros.
        let mut block = Key::<Hmac<Sha256>>::default();
        let hashed = Sha256::digest(key);
        let key = if key.len() > block.len() { hashed.as_slice() } else { key };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self { mac: Hmac::new(&block), ips: false }
    }

    /// Masks under the fixed key of replays and fixtures. Whoever knows this program knows that key: for what must
    /// give the same bytes everywhere, never for what a live cluster sends.
    pub fn fixed() -> Self {
        Self::new(REPLAY_KEY)
    }

    /// Masks IP addresses too, where `redact.ips` is set.
    pub fn with_ips(self, ips: bool) -> Self {
        Self { ips, ..self }
    }

    /// The text with every secret, mail address and card number replaced by a placeholder. Borrowed when there is none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        let mut found = Vec::new();
        for _ in 0..PASSES {
            let traits = Traits::of(masked.as_bytes());
            let mut changed = false;
            for rule in RULES.iter().filter(|rule| (rule.applies)(&traits)) {
                (rule.find)(&masked, &mut found);
                changed |= self.apply(&mut masked, &mut found);
            }
            if self.ips && traits.address {
                personal::ip_addresses(&masked, &mut found);
                changed |= self.apply(&mut masked, &mut found);
            }
            if !changed {
                break;
            }
        }
        masked
    }

    /// The text as [`Self::text`] gives it, and how many values of each kind are masked in it.
    pub fn counted<'a>(&self, text: &'a str) -> (Cow<'a, str>, Counts) {
        let masked = self.text(text);
        let counts = Counts::of(&masked);
        (masked, counts)
    }

    /// Replaces what was found. Of two findings that overlap the earlier one counts, of two that begin together the
    /// longer; a finding never cuts a placeholder in two. False when there was nothing to replace.
    fn apply(&self, text: &mut Cow<'_, str>, found: &mut Vec<Found>) -> bool {
        found.retain(|found| !found.range.is_empty() && !placeholder::is_cut(text, &found.range));
        if found.is_empty() {
            return false;
        }
        found.sort_by_key(|found| (found.range.start, usize::MAX - found.range.end));
        let mut masked = String::with_capacity(text.len());
        let mut from = 0;
        for Found { range, kind } in found.drain(..) {
            let (Some(before), Some(value)) = (text.get(from..range.start), text.get(range.clone())) else { continue };
            masked.push_str(before);
            masked.push_str(&self.placeholder(kind, value));
            from = range.end;
        }
        masked.push_str(text.get(from..).unwrap_or_default());
        *text = Cow::Owned(masked);
        true
    }

    /// `<secret:3f9a1c>`: the kind, and six hex digits that are the same for the same value.
    fn placeholder(&self, kind: Kind, value: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        let digits: String = digest.iter().take(placeholder::DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
        format!("<{}:{digits}>", kind.word())
    }
}
