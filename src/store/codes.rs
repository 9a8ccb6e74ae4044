//! Names that the store gives: ids, the codes that people type, nonces and the database's key.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The 32 characters of Crockford's base32: no I, L, O and U, which people misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 6;

/// UUID v7: in the order of time.
pub(super) fn id() -> String {
    Uuid::now_v7().to_string()
}

/// 122 random bits that name one attempt to those it was handed to.
pub(super) fn nonce() -> String {
    Uuid::new_v4().simple().to_string()
}

/// `A-` and six random characters.
pub(super) fn code() -> String {
    // The first six bytes of a UUID v4 are random throughout (RFC 9562, 5.4), and 256 is a multiple of 32.
    let random = Uuid::new_v4();
    let letters = random.as_bytes().iter().take(LENGTH).filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    "A-".chars().chain(letters.map(|letter| char::from(*letter))).collect()
}

/// The code as it was given, from how somebody typed it: in any case, and with the letters that look like a digit.
pub(super) fn typed(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let letters = text.strip_prefix("A-").filter(|letters| letters.len() == LENGTH && letters.is_ascii())?;
    let read = letters.chars().map(|letter| match letter {
        'O' => '0',
        'I' | 'L' => '1',
        letter => letter,
    });
    Some("A-".chars().chain(read).collect())
}

/// 128 bits that nobody can guess.
pub(super) fn random() -> u128 {
    let [high, low] = [Uuid::new_v4(), Uuid::new_v4()].map(|random| random.as_u128());
    // A UUID v4 has six bits that aren't random (RFC 9562, 5.4), at places that the rotation keeps apart.
    high ^ low.rotate_left(32)
}

/// 32 bytes that nobody can guess.
pub(super) fn key() -> [u8; 32] {
    let mut hash = Sha256::new();
    for _ in 0..3 {
        hash.update(Uuid::new_v4().as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_letters_that_nobody_misreads() {
        for _ in 0..1000 {
            let code = code();
            assert_eq!(code.len(), 8);
            assert!(code.starts_with("A-") && code[2..].bytes().all(|letter| ALPHABET.contains(&letter)), "{code}");
            assert_eq!(typed(&code.to_lowercase()), Some(code));
        }
    }

    #[test]
    fn a_code_is_read_as_it_was_meant() {
        assert_eq!(typed(" a-o1lI0z ").as_deref(), Some("A-01110Z"));
        for text in ["", "A-", "A-12345", "A-1234567", "B-123456", "A-\u{e9}1234", "0190d6a7-4f6e-7000-8000-000000000000"] {
            assert_eq!(typed(text), None, "{text}");
        }
    }
}
