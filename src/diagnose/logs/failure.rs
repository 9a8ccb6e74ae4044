//! In which way a call to another fails, as the signatures' words tell it.

use super::signatures::Signature;
use super::table::SIGNATURES;
use aho_corasick::AhoCorasick;
use std::fmt;
use std::sync::LazyLock;

/// In which way calls fail, the most telling first: of several wordings in one line the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The name service says that there is no such name.
    NameUnknown,
    /// The name service doesn't answer, or says that it failed.
    NameUnanswered,
    /// Nobody listens there.
    Refused,
    /// No way leads there.
    NoRoute,
    /// The two ends speak different protocols.
    Protocol,
    /// No answer in time.
    TimedOut,
    /// The other end hung up.
    Reset,
    /// It failed, in a way that the line doesn't tell.
    Unavailable,
}

/// What words mean, and whose they are.
type Meaning = (Failure, &'static Signature);

/// The words of all signatures that tell of a failed call, in one automaton.
static WORDS: LazyLock<Option<(AhoCorasick, Vec<Meaning>)>> = LazyLock::new(|| {
    let failing = SIGNATURES.iter().filter_map(|signature| Some((signature.fails?, signature)));
    let words = failing.flat_map(|(failure, signature)| signature.any.iter().map(move |word| ((failure, signature), word)));
    let (meanings, words): (Vec<_>, Vec<&&str>) = words.unzip();
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok().map(|automaton| (automaton, meanings))
});

impl Failure {
    /// Where the next words about a failed call stand in a log, from this byte on.
    pub fn next_in(log: &str, from: usize) -> Option<usize> {
        let (automaton, _) = WORDS.as_ref()?;
        automaton.find(aho_corasick::Input::new(log).range(from..)).map(|hit| hit.start())
    }

    /// The way in which the call of a line failed.
    pub fn of(line: &str) -> Option<Self> {
        let (automaton, meanings) = WORDS.as_ref()?;
        let all = automaton.find_overlapping_iter(line).filter_map(|hit| meanings.get(hit.pattern().as_usize()));
        all.filter(|(_, signature)| signature.fits(&line.to_ascii_lowercase())).map(|(failure, _)| *failure).min()
    }

    /// Whether it is about a name, rather than about an address.
    pub fn is_of_name(self) -> bool {
        self <= Self::NameUnanswered
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameUnknown => "no such name",
            Self::NameUnanswered => "the name service doesn't answer",
            Self::Refused => "connection refused",
            Self::NoRoute => "no route",
            Self::Protocol => "another protocol is spoken there",
            Self::TimedOut => "no answer in time",
            Self::Reset => "the connection is closed",
            Self::Unavailable => "unavailable",
        })
    }
}
