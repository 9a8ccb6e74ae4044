//! Which names say that their value is a secret.

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A password: hardly ever followed by anything but its value.
    Password,
    /// A token, key, secret or credential: a word that prose has too.
    Token,
    /// A database's address with its credentials: the credentials are masked, host and database stay.
    Address,
    /// The value of an HTTP Authorization header.
    Authorization,
    /// The value of a Cookie or Set-Cookie header.
    Cookie,
    /// A signature in an address's query.
    Signature,
}

/// A name, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SecretName {
    pub(super) class: Class,
    /// Whether the name ends with the word that makes it secret: `api_token`, and not `token_count`.
    pub(super) ends: bool,
    /// Whether it says that its value is a file or an address: `PASSWORD_FILE`, `TOKEN_URL`.
    pub(super) place: bool,
}

/// Words of passwords, without the signs between their parts.
const PASSWORDS: &[&str] = &["password", "passwd", "pwd", "passphrase"];
/// Words of everything else that is secret, likewise.
const TOKENS: &[&str] = &["secret", "token", "apikey", "accesskey", "privatekey", "credential", "sharedaccess", "accountkey"];
/// Words that end like `PGPASS` and have nothing to do with it.
const NO_PASSWORDS: &[&str] = &["bypass", "compass", "surpass", "trespass", "overpass", "underpass"];
/// Endings of names that name an object: the value is where the secret is, and a diagnosis needs it.
const REFERENCES: &[&str] = &["name", "names", "namespace", "ref", "refs"];
/// Endings of names whose value is a file or an address.
const PLACES: &[&str] = &["file", "path", "dir", "url", "uri", "endpoint", "host", "addr", "address", "issuer"];

/// One of these is in every name that [`read`] takes for secret.
const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "dsn",
    "key",
    "sharedaccess",
    "authorization",
    "cookie",
    "sig",
    // These two are no names: a value may follow them directly.
    "bearer",
    "identified by",
];

/// Finds [`WORDS`], in capitals too.
pub(super) static FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a dozen constant words; a test builds them, and masking nothing would be worse")]
    AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).expect("constant words")
});

/// Endings of file names: what stands behind `token.go:` or `secrets.yaml:` is a line or a message.
const FILES: &[&str] = &[
    ".go",
    ".py",
    ".js",
    ".mjs",
    ".ts",
    ".java",
    ".kt",
    ".rb",
    ".rs",
    ".php",
    ".cs",
    ".ex",
    ".exs",
    ".c",
    ".cc",
    ".cpp",
    ".sh",
    ".yaml",
    ".yml",
    ".json",
    ".toml",
    ".properties",
    ".conf",
    ".cfg",
    ".ini",
    ".env",
    ".xml",
    ".txt",
    ".pem",
    ".crt",
];

/// The longest name that is read; of a longer one the end.
const LONGEST: usize = 96;

/// What this name says of its value, `None` when it says nothing.
pub(super) fn read(name: &str) -> Option<SecretName> {
    // A name that was masked itself has the word in its placeholder.
    if !FINDER.is_match(name) || name.contains('<') {
        return None;
    }
    let name = name.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let tail = name.as_bytes().get(name.len().saturating_sub(LONGEST)..)?;
    let mut letters = [0; LONGEST];
    let mut length = 0;
    for (to, byte) in letters.iter_mut().zip(tail.iter().filter(|byte| byte.is_ascii_alphanumeric())) {
        *to = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = letters.get(..length).and_then(|letters| std::str::from_utf8(letters).ok())?;
    if ends_with_any(plain, REFERENCES) {
        return None;
    }
    let place = ends_with_any(plain, PLACES);
    let with = |class, ends| Some(SecretName { class, ends, place });
    if plain.ends_with("authorization") {
        return with(Class::Authorization, true);
    }
    if plain == "cookie" || plain == "setcookie" {
        return with(Class::Cookie, true);
    }
    for (words, class) in [(PASSWORDS, Class::Password), (TOKENS, Class::Token)] {
        if words.iter().any(|word| plain.contains(word)) {
            return with(class, ends_with_any(plain, words));
        }
    }
    let last = last_part(name);
    if plain.ends_with("pass") && !NO_PASSWORDS.iter().any(|word| plain.ends_with(word)) {
        // Alone it is what a test does, too.
        return with(if plain == "pass" { Class::Token } else { Class::Password }, true);
    }
    if parts(name).any(|part| part.eq_ignore_ascii_case("dsn")) {
        return with(Class::Address, last.eq_ignore_ascii_case("dsn"));
    }
    let header = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
    if header && last.eq_ignore_ascii_case("key") {
        return with(Class::Token, true);
    }
    matches!(plain, "sig" | "signature" | "xamzsignature" | "xgoogsignature").then_some(SecretName {
        class: Class::Signature,
        ends: true,
        place: false,
    })
}

/// Whether this is a file's name rather than a value's.
pub(super) fn is_file(name: &str) -> bool {
    ends_with_any(name, FILES)
}

fn ends_with_any(name: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.ends_with(ending))
}

/// The parts of `sentry_dsn`, `sentry.dsn` and `sentryDsn`.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(|character: char| !character.is_ascii_alphanumeric()).flat_map(|part| {
        let hump = part.as_bytes().windows(2).rposition(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        let (first, last) = part.split_at(hump.map_or(0, |at| at + 1));
        [first, last]
    })
}

fn last_part(name: &str) -> &str {
    parts(name).last().unwrap_or_default()
}
