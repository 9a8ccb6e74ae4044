//! Buttons under a message. A button's id says what it asks for and holds a random token that says nothing; what the token
//! stands for is in the store.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What a button asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Verb {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Verb {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word used in a button's id and in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

verbs! {
    /// The analysis was right.
    Up = "up",
    /// It was not: which of the next four was wrong?
    Down = "down",
    /// Something else is the cause.
    WrongCause = "wrong_cause",
    /// The cause is right, and about another object.
    WrongObject = "wrong_object",
    /// The cause is right, and the action is not.
    WrongAction = "wrong_action",
    /// Nothing is wrong.
    NotAFault = "not_a_fault",
    /// Nothing is to be stored.
    Cancel = "cancel",
    /// Show what would be done.
    Apply = "apply",
    /// Do it, or ask for somebody's agreement.
    Apply2 = "apply2",
    /// Show what somebody else asks for.
    Approve = "approve",
    /// Agree.
    Approve2 = "approve2",
    /// Say no.
    Decline = "decline",
    /// Plan how to take it back.
    Undo = "undo",
    /// Take it back.
    Undo2 = "undo2",
}

impl Verb {
    /// The one of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.as_str() == word)
    }

    /// Whether it is about a change, which not everybody may ask for.
    pub fn is_decision(self) -> bool {
        matches!(self, Self::Apply | Self::Apply2 | Self::Approve | Self::Approve2 | Self::Decline | Self::Undo | Self::Undo2)
    }

    /// Whether it stands under an answer that one person alone sees: its token is theirs, for one use.
    pub fn is_second(self) -> bool {
        !matches!(self, Self::Up | Self::Down | Self::Apply | Self::Approve | Self::Decline | Self::Undo)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ids of a message's buttons, `sc1:VERB:TOKEN` each.
pub type ButtonIds = BTreeMap<Verb, String>;

/// How long the second of two clicks can follow the first.
pub const SECOND_STEP: SignedDuration = SignedDuration::from_mins(5);

/// 32 characters that nobody misreads (Crockford's base32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 128 bits in fives.
const LENGTH: usize = 26;

/// What a button's id holds, as the store keeps it: nobody who reads the store can press a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A button's id, `sc1:VERB:TOKEN`.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomId {
    /// What it asks for.
    pub verb: Verb,
    token: String,
}

impl CustomId {
    /// With these random bits.
    pub fn new(verb: Verb, random: u128) -> Self {
        let letter = |place: usize| ALPHABET.get((random >> (5 * place)) as usize & 31).map(|letter| char::from(*letter));
        Self { verb, token: (0..LENGTH).rev().filter_map(letter).collect() }
    }

    /// From a button's id; `None` for what we never made.
    pub fn parse(text: &str) -> Option<Self> {
        let (verb, token) = text.strip_prefix("sc1:")?.split_once(':')?;
        let is_token = token.len() == LENGTH && token.bytes().all(|letter| ALPHABET.contains(&letter));
        Some(Self { verb: Verb::parse(verb)?, token: token.to_owned() }).filter(|_| is_token)
    }

    /// What the store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.token).into())
    }
}

impl fmt::Display for CustomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sc1:{}:{}", self.verb, self.token)
    }
}

impl fmt::Debug for CustomId {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomId({})", self.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_verb_has_a_button_that_fits() {
        for verb in Verb::ALL {
            let id = CustomId::new(*verb, u128::MAX);
            let text = id.to_string();
            assert!(text.len() <= 43, "{text}");
            assert_eq!(CustomId::parse(&text), Some(id));
            assert_eq!(serde_json::to_value(verb).unwrap(), verb.as_str());
        }
    }

    #[test]
    fn what_we_never_made_is_no_button() {
        let token = "0".repeat(26);
        assert!(CustomId::parse(&format!("sc1:up:{token}")).is_some());
        for text in [
            String::new(),
            "sc1".to_owned(),
            "sc1:up".to_owned(),
            "sc1:up:".to_owned(),
            format!("sc2:up:{token}"),
            format!("sc1:rm:{token}"),
            format!("sc1:UP:{token}"),
            format!("sc1:up:{token}0"),
            format!("sc1:up:{}", "l".repeat(26)),
            format!("sc1:up:{}", "\u{e9}".repeat(13)),
            format!(" sc1:up:{token}"),
        ] {
            assert_eq!(CustomId::parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn two_tokens_are_two(one: u128, other: u128) {
            let [a, b] = [one, other].map(|random| CustomId::new(Verb::Up, random));
            prop_assert_eq!(one == other, a.to_string() == b.to_string());
            prop_assert_eq!(one == other, a.hash() == b.hash());
        }
    }
}
