//! Names out of a line: to whom a connection failed, which user was refused, which variable or file is missing.

use super::other_end::Ends;
use super::signatures::{Kind, Signature};
use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

/// A longer name is none.
const LONGEST: usize = 120;
/// The name of a setting may stand so many lines below the line that announces it.
const ANNOUNCED: usize = 8;

/// The names that a line holds; empty where it holds none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Captures {
    /// A host's name or address.
    pub host: Option<String>,
    /// A port.
    pub port: Option<u16>,
    /// A user or role.
    pub user: Option<String>,
    /// A table, a version, a database.
    pub object: Option<String>,
    /// An environment variable, configuration key or flag.
    pub setting: Option<String>,
    /// A file or folder.
    pub path: Option<String>,
}

/// A name that a line may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Host,
    User,
    Object,
    Setting,
    Path,
}

/// What stands right before a name, in the words of servers, drivers and shells; `*` stands for anything. What it ends with
/// says where the name ends: a quote or bracket at its like, else the name is one word.
const BEFORE: &[(Name, &str)] = &[
    (Name::Host, "certificate is valid for *, not "),
    (Name::Host, "certificate is not valid for '"),
    (Name::Host, "cannot validate certificate for "),
    (Name::Host, "wanted to match "),
    (Name::Host, "DNS name matching "),
    (Name::Host, "IP address matching "),
    (Name::Host, "No name matching "),
    (Name::Host, "altnames: Host: "),
    (Name::Host, "Certificate for <"),
    (Name::Host, "hostname '"),
    (Name::User, "credentials for `"),
    (Name::User, "unable to authenticate user ["),
    (Name::User, "failed to authenticate user ["),
    (Name::User, "Provided username "),
    (Name::User, "DB::Exception: "),
    (Name::User, "failed switching to \""),
    (Name::User, "connections for role \""),
    (Name::User, "userName='"),
    (Name::Object, "' to database '"),
    (Name::Object, "was denied on the object '"),
    (Name::Object, "Not authorized to access topics: ["),
    (Name::Object, "Not authorized to access group: "),
    (Name::Object, "access to vhost '"),
    (Name::Object, "access to queue '"),
    (Name::Object, "access to exchange '"),
    (Name::Object, "Permissions Violation for * to \""),
    (Name::Object, "not authorized on "),
    (Name::Object, "missing table ["),
    (Name::Object, "missing column ["),
    (Name::Object, "missing sequence ["),
    (Name::Object, "Invalid object name '"),
    (Name::Object, "Invalid column name '"),
    (Name::Object, "The table `"),
    (Name::Object, "The column `"),
    (Name::Object, "unconfigured table "),
    (Name::Object, "Unknown database '"),
    (Name::Object, "revision identified by '"),
    (Name::Object, "The `"),
    (Name::Object, "for changeset "),
    (Name::Object, "for change set "),
    (Name::Object, "InconsistentMigrationHistory: Migration "),
    (Name::Object, "Error: migration "),
    (Name::Object, "executing migrations: migration "),
    (Name::Setting, "resolve placeholder '"),
    (Name::Setting, "bind properties under '"),
    (Name::Setting, "The config property "),
    (Name::Setting, ": field "),
    (Name::Setting, "missing field `"),
    (Name::Setting, "unknown field \""),
    (Name::Setting, "unknown field `"),
    (Name::Setting, "unknown variable '"),
    (Name::Setting, "unknown directive \""),
    (Name::Setting, "unrecognized configuration parameter \""),
    (Name::Setting, "invalid value for parameter \""),
    (Name::Setting, "configuration setting found for key '"),
    (Name::Setting, "service for type '"),
    (Name::Setting, "bean of type '"),
    (Name::Setting, "bean named '"),
    (Name::Path, "--config.file="),
    (Name::Path, "cannot load certificate \""),
    (Name::Path, "cannot load certificate key \""),
    (Name::Path, "configuration file "),
    (Name::Path, "expected physical path was '"),
    (Name::Path, "Could not find file '"),
    (Name::Path, "extend file \""),
    (Name::Path, "Unable to access jarfile "),
    (Name::Path, "or load main class "),
    (Name::Path, "open file '"),
    (Name::Path, "loading shared libraries: "),
    (Name::Path, "exec: \""),
    (Name::Path, "exec: "),
    (Name::Path, "exec "),
    (Name::Path, "env: ‘"),
    (Name::Path, "env: '"),
];

/// What stands right after a name, in the words of shells and migration tools.
const AFTER: &[(Name, &str)] = &[
    (Name::Path, ": command not found"),
    (Name::Path, ": not found"),
    (Name::Path, ": Exec format error"),
    (Name::Path, ": exec format error"),
    (Name::Path, ": cannot execute"),
    (Name::Setting, ": unbound variable"),
    (Name::Setting, ": parameter not set"),
    (Name::Setting, ": parameter null or not set"),
    (Name::Setting, " not found. Declare it as envvar"),
    (Name::Setting, ": undefined (required)"),
    (Name::Object, " was previously applied"),
    (Name::Object, " is partially applied"),
];

/// The name of a sort that a text holds in one of the known places.
fn known(sort: Name, text: &str) -> Option<String> {
    let of_sort = |table: &'static [(Name, &'static str)]| table.iter().filter(move |row| row.0 == sort).map(|row| row.1);
    let before = of_sort(BEFORE).find_map(|words| {
        let rest = words.split('*').try_fold(text, |rest, part| rest.split_once(part).map(|(_, rest)| rest))?;
        let closing = match words.chars().next_back()? {
            '[' => ']',
            '<' => '>',
            '‘' => '’',
            quote @ ('"' | '\'' | '`') => quote,
            _ => return one_word(rest),
        };
        let (name, _) = rest.split_once(closing)?;
        (!name.is_empty() && name.len() <= LONGEST).then_some(name)
    });
    let after = || of_sort(AFTER).find_map(|words| one_word(text.split_once(words)?.0.rsplit([' ', '"', '\'', '`']).next()?));
    before.or_else(after).map(str::to_owned)
}

/// The word that a text begins with.
fn one_word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| c.is_whitespace() || "\"'`,;)]}".contains(c)).unwrap_or(text.len());
    let word = text.get(..end)?.trim_end_matches(['.', ':', '\\']);
    (!word.is_empty() && word.len() <= LONGEST).then_some(word)
}

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

// A pattern is compiled when the first line needs it; without Unicode's tables that takes a fraction of the time.
pattern!(USER, r#"(?i-u)\b(?:db_user|user|role|username)"?[ =:]+\\?["'`]?([a-z0-9_.$-]+(?::[a-z0-9_.$-]+)*)"#);
pattern!(QUOTED, r#"["'`“]([^"'`“”]{1,120})["'`”]"#);
pattern!(UPPER, r"(?-u)\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b");
pattern!(FLAG, r"(?-u)(?:^|[\s:'])(--?[a-zA-Z][A-Za-z0-9_-]*)");
pattern!(PATH, r#"(?-u)(?:^|[\s"'`=(\[:])((?:/[A-Za-z0-9_.@+-]+)+/?)"#);
pattern!(NAMED_PORT, r#"(?i-u)(?:port[ :=]+|['"], ?)(\d{2,5})\b"#);
pattern!(PORT, r"(?:^|[^0-9]):+([0-9]{2,5})(?-u:\b)|[0-9]:([0-9]{2,5})(?-u:\b)");
pattern!(VERSION, r"(?i-u)version[ :=]+([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)");
pattern!(RELATION, r#"(?i-u)\b(?:relation|table|column|schema|sequence|view|database|collection)[ :]+["'`]([a-z0-9_.$-]+)["'`]"#);
pattern!(BARE_RELATION, r"(?i-u)\b(?:relation|table|column|schema|sequence|view|database|collection):? ([a-z0-9_.$-]+)");

fn first(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    let found = pattern.as_ref()?.captures(text)?;
    found.get(1).map(|group| group.as_str().to_owned())
}

fn user(text: &str) -> Option<String> {
    let named =
        || first(&USER, text).filter(|user| !matches!(user.as_str(), "name" | "is" | "and" | "or" | "may" | "has" | "does"));
    known(Name::User, text).or_else(named)
}

/// A table, column or database, in quotes where the line has any.
fn relation(text: &str) -> Option<String> {
    first(&RELATION, text).or_else(|| first(&BARE_RELATION, text))
}

/// The port that a line is about: the one it names, else the last that stands in an address. A time of day isn't one.
fn port(text: &str) -> Option<u16> {
    let named = NAMED_PORT.as_ref()?.captures(text).and_then(|found| found.get(1)?.as_str().parse().ok());
    named.or_else(|| {
        let all = PORT.as_ref()?.captures_iter(text);
        let ports = all.filter_map(|found| found.get(1).or(found.get(2))?.as_str().parse().ok());
        ports.filter(|port: &u16| *port >= 80).last()
    })
}

/// The variable or flag in the lines below one that announces it.
fn announced(text: &str, below: &str) -> Option<String> {
    let announces = text.trim_end().ends_with([':', '[', '(']) || text.contains("validation error");
    let mut below = below.lines().take(ANNOUNCED).take_while(|line| announces || line.starts_with([' ', '\t']));
    if text.contains("validation error") {
        // pydantic writes each field on a line of its own, and what is wrong with it below.
        return below.next().filter(|line| !line.contains(' ')).and_then(one_word).map(str::to_owned);
    }
    let named = |line| known(Name::Setting, line).or_else(|| first(&UPPER, line)).or_else(|| first(&FLAG, line));
    below.find_map(named)
}

/// The names that a line of this kind holds. `raw` is the whole line, with the fields of a structured one; `below` is what
/// follows it.
pub fn of(signature: &Signature, text: &str, raw: &str, below: &str) -> Captures {
    let mut captures = Captures::default();
    match signature.kind {
        Kind::Address | Kind::HostName => {
            captures.other_end(text, signature.kind == Kind::HostName);
            captures.host = known(Name::Host, text).or(captures.host.take());
        }
        Kind::User => {
            captures.other_end(text, false);
            captures.user = user(text).or_else(|| user(raw));
            captures.object = known(Name::Object, text).or_else(|| relation(text));
        }
        Kind::Setting => {
            captures.setting = known(Name::Setting, text).or_else(|| first(&UPPER, text)).or_else(|| first(&FLAG, text));
            captures.setting = captures.setting.or_else(|| announced(text, below)).or_else(|| first(&QUOTED, text));
            captures.path = known(Name::Path, text).or_else(|| first(&PATH, text));
        }
        Kind::Path => {
            captures.path = known(Name::Path, text).or_else(|| first(&PATH, text)).or_else(|| first(&QUOTED, text));
        }
        Kind::Port => captures.port = port(text),
        Kind::Object => {
            captures.object = known(Name::Object, text)
                .or_else(|| first(&VERSION, text))
                .or_else(|| relation(text))
                .or_else(|| first(&QUOTED, text));
            captures.user = user(raw);
        }
        Kind::Plain => {}
    }
    captures
}

impl Captures {
    /// Keeps the end that a call didn't reach.
    fn other_end(&mut self, text: &str, of_name: bool) {
        let ends = Ends::of(text, of_name);
        if let Some(end) = ends.failed() {
            (self.host, self.port) = (Some(end.host.to_owned()), end.port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&USER, &QUOTED, &UPPER, &FLAG, &PATH, &NAMED_PORT, &PORT, &VERSION, &RELATION, &BARE_RELATION] {
            assert!(pattern.is_some());
        }
    }
}
