//! Names out of a line: to whom a connection failed, which user was refused, which variable or file is missing.

use super::signatures::{Kind, Signature};
use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

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

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

// A pattern is compiled when the first line needs it.
pattern!(
    LOOKUP,
    r#"(?i)(?:lookup|getaddrinfo(?: (?:ENOTFOUND|EAI_AGAIN))?|resolve(?: host(?:name)?)?|unknownhostexception:|host name|could not translate host name|unknown host|no such host is known\.?)[ :=]+["'(]?([a-z0-9][a-z0-9_.-]*[a-z0-9])"#
);
pattern!(URL, r#"(?i)\b[a-z][a-z0-9+.-]*://(?:[^\s/@"']*@)?(\[[0-9a-f:]+\]|[a-z0-9][a-z0-9_.-]*)(?::(\d{1,5}))?"#);
pattern!(HOST_PORT, r#"(?i)(?:^|[\s"'`(\[=/@>,])(\[[0-9a-f:]+\]|[a-z0-9][a-z0-9_.-]*[a-z0-9]|[a-z])[`'"]?:[`'"]?(\d{2,5})\b"#);
pattern!(
    HOST_THEN_PORT,
    r#"(?i)(?:host|server at|address|connect to|for)[ =:]+["'`]?([a-z0-9][a-z0-9_.-]*)["']?[^\n]{0,40}?port[ =:]+["']?(\d{2,5})"#
);
pattern!(NAMED_HOST, r#"(?i)(?:server on|connect to(?: server)?|host)[ =:]+['"]?([a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)['"]?"#);
pattern!(USER, r#"(?i)\b(?:db_user|user|role|username)"?[ =:]+\\?["'`]?([a-z0-9_.$-]+(?::[a-z0-9_.$-]+)*)"#);
pattern!(QUOTED, r#"["'`“]([^"'`“”]{1,120})["'`”]"#);
pattern!(UPPER, r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b");
pattern!(FLAG, r"(?:^|[\s:'])(--?[a-zA-Z][A-Za-z0-9_-]*)");
pattern!(PATH, r#"(?:^|[\s"'`=(\[:])((?:/[A-Za-z0-9_.@+-]+)+/?)"#);
pattern!(NAMED_PORT, r#"(?i)(?:port[ :=]+|['"], ?)(\d{2,5})\b"#);
pattern!(PORT, r"(?:^|\D):+(\d{2,5})\b|\d:(\d{2,5})\b");
pattern!(VERSION, r"(?i)version[ :=]+([A-Za-z0-9_.]+)");
pattern!(RELATION, r#"(?i)(?:relation|table|column|schema|sequence|view|database|collection)[ :]+["'`]?([a-z0-9_.$-]+)["'`]?"#);

fn first(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    let found = pattern.as_ref()?.captures(text)?;
    found.get(1).map(|group| group.as_str().to_owned())
}

/// Names that a pattern takes for a host's: the words of the message itself.
const NOT_HOSTS: &[&str] =
    &["name", "temporary", "nodename", "no", "host", "hostname", "address", "failed", "could", "the", "for", "to", "is"];

fn looked_up(text: &str) -> Option<String> {
    let mut found = LOOKUP.as_ref()?.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
    found.find(|host| !NOT_HOSTS.contains(&host.to_ascii_lowercase().as_str()))
}

fn user(text: &str) -> Option<String> {
    first(&USER, text).filter(|user| !matches!(user.as_str(), "name" | "is" | "and" | "or" | "may" | "has" | "does"))
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

fn pair(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<(String, Option<u16>)> {
    let found = pattern.as_ref()?.captures(text)?;
    let host = found.get(1)?.as_str().to_owned();
    Some((host, found.get(2).and_then(|port| port.as_str().parse().ok())))
}

/// Every `host:port` of a text; the last is the one that was called (Go writes `dial tcp FROM->TO`).
fn last_pair(text: &str) -> Option<(String, Option<u16>)> {
    let found = HOST_PORT.as_ref()?.captures_iter(text);
    let valid = found.filter_map(|found| {
        let host = found.get(1)?.as_str();
        // A time of day, a date with it, or a source file's line isn't an address.
        let is_number = host.chars().all(|c| c.is_ascii_digit()) || begins_with_date(host);
        let is_file = [".go", ".py", ".java", ".js", ".ts", ".rb", ".rs", ".cs", ".php", ".kt", ".c", ".cc"]
            .iter()
            .any(|end| host.ends_with(end));
        (!is_number && !is_file).then(|| Some((host.to_owned(), Some(found.get(2)?.as_str().parse().ok()?))))?
    });
    valid.last()
}

/// `2026-01-02T05`, as a time stands before its first colon.
fn begins_with_date(host: &str) -> bool {
    let form = |(byte, of): (u8, u8)| if of == b'0' { byte.is_ascii_digit() } else { byte == of };
    host.len() >= 10 && host.bytes().zip(*b"0000-00-00").all(form)
}

/// The names that a line of this kind holds. `raw` is the whole line, with the fields of a structured one.
pub fn of(signature: &Signature, text: &str, raw: &str) -> Captures {
    let mut captures = Captures::default();
    match signature.kind {
        Kind::Address => {
            let url = pair(&URL, text);
            let found = url
                .clone()
                .filter(|(_, port)| port.is_some())
                .or_else(|| pair(&HOST_THEN_PORT, text))
                .or_else(|| last_pair(text))
                .or(url)
                .or_else(|| pair(&NAMED_HOST, text));
            if let Some((host, port)) = found {
                captures.host = Some(host.trim_matches(['[', ']']).to_owned());
                captures.port = port.or_else(|| last_pair(text).and_then(|(_, port)| port));
            }
        }
        Kind::HostName => {
            captures.host = looked_up(text)
                .or_else(|| pair(&URL, text).map(|(host, _)| host))
                .or_else(|| last_pair(text).map(|(host, _)| host))
                .or_else(|| pair(&NAMED_HOST, text).map(|(host, _)| host))
                .or_else(|| first(&QUOTED, text))
        }
        Kind::User => {
            captures.user = user(text).or_else(|| user(raw));
            captures.object = first(&RELATION, text);
        }
        Kind::Setting => captures.setting = first(&UPPER, text).or_else(|| first(&FLAG, text)).or_else(|| first(&QUOTED, text)),
        Kind::Path => captures.path = first(&PATH, text).or_else(|| first(&QUOTED, text)),
        Kind::Port => captures.port = port(text),
        Kind::Object => {
            captures.object = first(&VERSION, text).or_else(|| first(&RELATION, text)).or_else(|| first(&QUOTED, text));
            captures.user = user(raw);
        }
        Kind::Plain => {}
    }
    captures
}
