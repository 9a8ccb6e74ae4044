//! Whether what stands behind a secret name is a secret: not a word of state (`YES`, `missing`), a reference
//! (`$(DB_PASSWORD)`), a file, or what somebody has masked before.

use super::header;
use super::name::{Class, SecretName};
use super::placeholder;
use std::ops::Range;

/// Words that say something about a value and are none, as in `(using password: YES)` and `token: expired`.
const STATES: &[&str] = &[
    "yes",
    "no",
    "true",
    "false",
    "null",
    "nil",
    "none",
    "undefined",
    "unknown",
    "unset",
    "empty",
    "missing",
    "required",
    "optional",
    "invalid",
    "expired",
    "not",
    "is",
    "was",
    "are",
    "must",
    "should",
    "cannot",
    "failed",
    "error",
    "denied",
    "forbidden",
    "unauthorized",
    "unsupported",
    "duplicate",
    "too",
    "ok",
];

/// Words that go on with a sentence or a usage text, as in `use --token to …` and `--password string`.
const GRAMMAR: &[&str] = &[
    "the", "to", "for", "from", "and", "or", "in", "of", "with", "string", "strings", "int", "bool", "value", "file", "path",
    "flag", "option", "has", "have", "could", "can", "will", "via", "as", "on", "at", "by",
];

/// Whether a value is one that could be known to nobody else: not empty, not masked, not a reference.
pub(super) fn is_worth_masking(value: &str) -> bool {
    let value = value.trim();
    !(value.is_empty() || is_masked(value) || is_reference(value) || placeholder::is_whole(value))
}

/// What the program that wrote it has masked itself: `****`, `xxxxx`, `[REDACTED]`, `<hidden>`.
fn is_masked(value: &str) -> bool {
    let inner = value.trim_matches(|sign| matches!(sign, '<' | '>' | '[' | ']' | '(' | ')' | '*' | '.' | '-' | '•'));
    inner.is_empty()
        || (inner.len() >= 3 && inner.bytes().all(|byte| byte == b'x' || byte == b'X'))
        || (inner.len() < value.len()
            && ["redacted", "hidden", "masked", "filtered", "omitted", "sensitive"]
                .iter()
                .any(|word| inner.eq_ignore_ascii_case(word)))
}

/// What is put in later: `$(NAME)` of Kubernetes, `${NAME}` and `$NAME` of shells, `{{ .Values.x }}`, `%s`.
pub(super) fn is_reference(value: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
    };
    let between = |open: &str, close: &str| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    between("$(", ")").is_some_and(is_name)
        || between("${", "}").is_some_and(is_name)
        || between("{{", "}}").is_some_and(|inner| !inner.contains("}}"))
        || value.strip_prefix('$').is_some_and(|name| is_name(name) && name.bytes().all(|byte| !byte.is_ascii_lowercase()))
        || matches!(value, "%s" | "%v" | "%q" | "%d" | "{}")
}

/// The part of a value that is to be masked, given the name that it stands under. `None` where nothing is.
pub(super) fn secret_part(name: SecretName, value: &str) -> Option<Range<usize>> {
    if !is_worth_masking(value) || is_one_of(STATES, value) {
        return None;
    }
    match name.class {
        Class::Authorization => return header::authorization(value),
        // Rule two has masked the credentials in it already.
        Class::Address if has_address(value) => return None,
        Class::Password | Class::Token | Class::Address | Class::Cookie | Class::Signature => {}
    }
    if name.place {
        return place_part(value);
    }
    // `token_count: 12`, `secretVersion=3`, `prompt_tokens=512`.
    let counts = !name.ends && value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    (!counts).then_some(0..value.len())
}

/// Whether the value is an address whose credentials stand inside it.
fn has_address(value: &str) -> bool {
    value.contains("://") || value.contains("@tcp(") || value.contains("@unix(")
}

/// Of a file nothing is masked; of an address what follows scheme and host.
fn place_part(value: &str) -> Option<Range<usize>> {
    let Some((scheme, rest)) = value.split_once("://") else {
        let path = value.starts_with(['/', '.', '~']) || (value.contains('/') && !value.contains(char::is_whitespace));
        return (!path).then_some(0..value.len());
    };
    let authority = rest.find(['/', '?', '#']).map(|at| scheme.len() + 3 + at + 1)?;
    value.get(authority..).filter(|path| is_worth_masking(path)).map(|_| authority..value.len())
}

/// Whether a value behind a colon in running text is the sentence going on: `failed to fetch token: unexpected status`.
pub(super) fn is_prose(name: SecretName, value: &str) -> bool {
    let word = value.trim_end_matches([':', ',', '.', ';', '!']);
    if is_one_of(STATES, word) || is_one_of(GRAMMAR, word) {
        return true;
    }
    // Longer words than this are rare in error messages; a status code has three digits.
    let is_word = word.len() <= 16 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_status = word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    name.class != Class::Password && (is_word || is_status || value.ends_with(':'))
}

/// Whether the word after a flag belongs to the sentence or the usage text around it.
pub(super) fn is_usage(value: &str) -> bool {
    is_one_of(STATES, value) || is_one_of(GRAMMAR, value)
}

fn is_one_of(words: &[&str], value: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}
