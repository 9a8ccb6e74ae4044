//! Which wording means what: the signatures, and how a line is held against them.

use super::failure::Failure;
use super::line::{Level, Line};
use super::table::{ERROR, EXCEPTION, FATAL, SIGNATURES};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::sync::LazyLock;

/// What a signature's names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A host, and perhaps a port, that is called.
    Address,
    /// A host's name that doesn't resolve.
    HostName,
    /// A user and perhaps a database.
    User,
    /// A variable, key or flag.
    Setting,
    /// A file or folder.
    Path,
    /// A port that is taken.
    Port,
    /// A table, version or other object.
    Object,
    /// Nothing.
    Plain,
}

/// One wording, or several that mean the same.
#[derive(Debug)]
pub struct Signature {
    /// The cause that it shows.
    pub cause: &'static str,
    /// How exact it is: lower decides over higher. 1 names the fault, 5 is a stack trace's top, 9 only says that it is one.
    pub rank: u8,
    /// What its names are.
    pub kind: Kind,
    /// The stack that writes it, for the sentence: `PostgreSQL`, `the JVM`; empty where it doesn't matter.
    pub of: &'static str,
    /// Lower-case texts of which one must stand in the line.
    pub any: &'static [&'static str],
    /// Lower-case texts of which one must stand in the line too, unless empty.
    pub and: &'static [&'static str],
    /// Whether a later success ends it: a connection that is tried again.
    pub heals: bool,
    /// Whether the process can't have gone on after it.
    pub fatal: bool,
    /// Whether the line must also name something in capitals, as environment variables are named.
    pub capitals: bool,
    /// In which way a call failed, where the words are about one.
    pub fails: Option<Failure>,
}

impl Signature {
    /// Whether a line in lower case has what must stand in it besides.
    pub fn fits(&self, lower: &str) -> bool {
        self.and.is_empty() || self.and.iter().any(|text| lower.contains(text))
    }
}

/// All texts of all signatures in one automaton: one pass over a line finds all of them.
static TEXTS: LazyLock<Option<(AhoCorasick, Vec<usize>)>> = LazyLock::new(|| {
    let texts = SIGNATURES.iter().enumerate().flat_map(|(index, signature)| signature.any.iter().map(move |text| (index, text)));
    let (owners, texts): (Vec<usize>, Vec<&&str>) = texts.unzip();
    // Made in half the time of the faster kinds, which are worth it for more text than the logs of what failed.
    let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(texts);
    automaton.ok().map(|automaton| (automaton, owners))
});

/// The most exact signature that a line matches; of equals the first in the table. `expected`: what the lines above make of it.
pub fn of(line: &Line<'_>, expected: Option<&'static Signature>) -> Option<&'static Signature> {
    let (automaton, owners) = TEXTS.as_ref()?;
    let mut best: Option<usize> = None;
    let is_comment = line.lower.starts_with("# ") || line.lower.starts_with("// ");
    for found in automaton.find_overlapping_iter(&line.lower) {
        let Some(&index) = owners.get(found.pattern().as_usize()) else { continue };
        let signature = &SIGNATURES[index];
        let negated = is_comment && !signature.fatal
            || is_negated(&line.lower, found.start())
            || is_inside_a_word(&line.lower, found.start(), found.end());
        let fits = signature.fits(&line.lower)
            && !is_tolerated(signature, line)
            && (!signature.capitals || names_a_variable(&line.text));
        let better = best.is_none_or(|best| (signature.rank, index) < (SIGNATURES[best].rank, best));
        if fits && better && !negated {
            best = Some(index);
        }
    }
    // What is said calmly isn't an error: "retrying after connection refused" at debug level, a banner, a setting.
    let calm = line.level == Level::Calm;
    let best = best.map(|index| &SIGNATURES[index]).filter(|signature| !calm || signature.fatal);
    let by_form = match line.level {
        _ if expected.is_some() => expected,
        Level::Calm => None,
        _ if line.names_an_exception() => Some(&EXCEPTION),
        Level::Fatal => Some(&FATAL),
        Level::Error => Some(&ERROR),
        Level::Unsaid | Level::Warning => None,
    };
    match (best, by_form) {
        (Some(best), Some(form)) if form.rank < best.rank => Some(form),
        (best, form) => best.or(form),
    }
}

/// Whether a line says of a setting or file that the program does without it.
fn is_tolerated(signature: &Signature, line: &Line<'_>) -> bool {
    const WORDS: &[&str] = &[
        "using default",
        "use default",
        "with default",
        "the default value",
        "defaulting",
        "falling back",
        "fall back",
        "ignoring",
        "ignored",
        "skipping",
        "(optional",
        "is optional",
        "disabled",
    ];
    let does_without = matches!(signature.kind, Kind::Setting | Kind::Path) && line.level < Level::Fatal;
    does_without && WORDS.iter().any(|word| line.lower.contains(word))
}

/// Whether a line names something in the way that environment variables are named: `KeyError: 'DATABASE_URL'`.
fn names_a_variable(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| {
        let capitals = word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains(|c: char| c.is_ascii_lowercase());
        let quoted = word.len() >= 4 && text.contains(&format!("'{word}'"));
        capitals && (word.contains('_') && word.len() >= 4 || quoted)
    })
}

/// Whether a found text is only a part of a longer word or number: `53300` in `1533001`, `p3009` in a hash.
fn is_inside_a_word(line: &str, start: usize, end: usize) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric();
    let starts = line[start..end].starts_with(word) && line[..start].chars().next_back().is_some_and(word);
    let ends = line[start..end].ends_with(word) && line[end..].chars().next().is_some_and(|c| c.is_ascii_digit());
    let short = end - start <= 8 && line[start..end].ends_with(word) && line[end..].chars().next().is_some_and(word);
    starts || ends || short
}

/// Whether what stands before a text says that it is not so, or only that it may be.
fn is_negated(line: &str, at: usize) -> bool {
    let before = line[..at].trim_end();
    let last = before.rsplit(|c: char| c.is_whitespace() || c == '=').next().unwrap_or("");
    matches!(last, "no" | "not" | "without" | "0" | "never" | "non" | "ignoring" | "if" | "any" | "when" | "whenever" | "unless")
        || ["zero", "such as", "e.g.", "for example"].iter().any(|word| before.ends_with(word))
}
