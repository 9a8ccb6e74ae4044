//! How programs word a call that failed, and where in such a line the other end is named. The words are those of the C
//! library, Go, Java, Node, Python, .NET, Ruby, PHP, Rust, curl, nginx, Envoy and gRPC.

use crate::cluster::address::{self, Address};
use jiff::Timestamp;
use regex::Regex;
use std::fmt;
use std::sync::LazyLock;

/// At most so many failing lines of one log are read, the last ones.
const MOST_LINES: usize = 2000;
/// How much of one line is read: stack traces and bodies follow the words that matter.
const LONGEST: usize = 2000;

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

/// Wordings and what they mean. Those that begin in upper or lower case leave the first letter out.
const WORDINGS: &[(&str, Failure)] = &[
    ("no such host", Failure::NameUnknown),
    ("No such host is known", Failure::NameUnknown),
    ("ENOTFOUND", Failure::NameUnknown),
    ("UnknownHostException", Failure::NameUnknown),
    ("ame or service not known", Failure::NameUnknown),
    ("ame does not resolve", Failure::NameUnknown),
    ("nodename nor servname", Failure::NameUnknown),
    ("ould not resolve host", Failure::NameUnknown),
    ("ould not translate host name", Failure::NameUnknown),
    ("bad address '", Failure::NameUnknown),
    ("host not found in upstream", Failure::NameUnknown),
    ("could not be resolved (3", Failure::NameUnknown),
    ("Unknown MySQL server host", Failure::NameUnknown),
    ("NXDOMAIN", Failure::NameUnknown),
    ("omain name not found", Failure::NameUnknown),
    ("EAI_AGAIN", Failure::NameUnanswered),
    ("emporary failure in name resolution", Failure::NameUnanswered),
    ("server misbehaving", Failure::NameUnanswered),
    ("SERVFAIL", Failure::NameUnanswered),
    ("ame resolution failed", Failure::NameUnanswered),
    ("DNS resolution failed", Failure::NameUnanswered),
    ("could not be resolved (110", Failure::NameUnanswered),
    ("onnection refused", Failure::Refused),
    ("ECONNREFUSED", Failure::Refused),
    ("refused. Check that the hostname", Failure::Refused),
    ("Couldn't connect to server", Failure::Refused),
    ("delayed connect error: 111", Failure::Refused),
    ("Broker may not be available", Failure::Refused),
    ("o route to host", Failure::NoRoute),
    ("EHOSTUNREACH", Failure::NoRoute),
    ("etwork is unreachable", Failure::NoRoute),
    ("ENETUNREACH", Failure::NoRoute),
    ("malformed HTTP", Failure::Protocol),
    ("http2: frame too large", Failure::Protocol),
    ("HTTP/1.x transport connection broken", Failure::Protocol),
    ("HTTP/0.9 when not allowed", Failure::Protocol),
    ("Parse Error: Expected HTTP", Failure::Protocol),
    ("HTTP response to HTTPS client", Failure::Protocol),
    ("HTTP request to an HTTPS server", Failure::Protocol),
    ("HTTP request was sent to HTTPS port", Failure::Protocol),
    ("does not look like a TLS handshake", Failure::Protocol),
    ("rong version number", Failure::Protocol),
    ("WRONG_VERSION_NUMBER", Failure::Protocol),
    ("rotocol error", Failure::Protocol),
    ("PROTOCOL_ERROR", Failure::Protocol),
    ("error reading server preface", Failure::Protocol),
    ("unexpected content-type", Failure::Protocol),
    ("no valid HTTP/1", Failure::Protocol),
    ("nvalid HTTP", Failure::Protocol),
    ("i/o timeout", Failure::TimedOut),
    ("ETIMEDOUT", Failure::TimedOut),
    ("imed out", Failure::TimedOut),
    ("deadline exceeded", Failure::TimedOut),
    ("eadline Exceeded", Failure::TimedOut),
    ("DEADLINE_EXCEEDED", Failure::TimedOut),
    ("TimeoutException", Failure::TimedOut),
    ("onnection reset by peer", Failure::Reset),
    ("ECONNRESET", Failure::Reset),
    ("socket hang up", Failure::Reset),
    ("upstream prematurely closed", Failure::Reset),
    ("upstream connect error", Failure::Unavailable),
    ("no healthy upstream", Failure::Unavailable),
    ("no live upstreams", Failure::Unavailable),
    ("ailed to connect to", Failure::Unavailable),
    ("UnableToConnect", Failure::Unavailable),
    ("ommunications link failure", Failure::Unavailable),
];

/// What stands right before a name that has no port.
const BEFORE_NAMES: &[&str] = &[
    "lookup ",
    "ENOTFOUND ",
    "EAI_AGAIN ",
    "UnknownHostException: ",
    "resolve host: ",
    "resolve host ",
    "host name \"",
    "bad address '",
    "in upstream \"",
    "server host '",
    "server at \"",
    CONNECT_TO,
];
/// curl's words, which others use too.
const CONNECT_TO: &str = "connect to ";

static FAILS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words: Vec<String> = WORDINGS.iter().map(|(words, _)| regex::escape(words)).collect();
    Regex::new(&words.join("|")).ok()
});

/// One line that says that a call failed and names the other end.
#[derive(Debug)]
pub struct FailingLine<'a> {
    /// The line's number, from 1.
    pub number: usize,
    /// The line.
    pub text: &'a str,
    /// In which way.
    pub failure: Failure,
    /// The ends that it names, in the order in which they stand there; never empty.
    pub ends: Vec<Address<'a>>,
}

impl FailingLine<'_> {
    /// The time on the line, if it bears one with its offset.
    pub fn time(&self) -> Option<Timestamp> {
        let words = self.text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | '[' | ']' | ','));
        let is_dated = |word: &&str| word.as_bytes().get(4) == Some(&b'-') && word.as_bytes().get(10) == Some(&b'T');
        words.filter(is_dated).find_map(|word| word.parse().ok())
    }
}

/// The failing lines of a log, oldest first.
pub fn failing_lines(log: &str) -> Vec<FailingLine<'_>> {
    let Some(fails) = &*FAILS else { return Vec::new() };
    let mut found: Vec<FailingLine<'_>> = Vec::new();
    let (mut number, mut counted, mut next) = (1, 0, 0);
    while let Some(hit) = fails.find_at(log, next) {
        let start = log.get(..hit.start()).and_then(|before| before.rfind('\n')).map_or(0, |index| index + 1);
        let end = log.get(hit.end()..).and_then(|after| after.find('\n')).map_or(log.len(), |index| hit.end() + index);
        number += log.get(counted..start).map_or(0, |between| between.matches('\n').count());
        counted = start;
        if let Some(line) = log.get(start..end).and_then(|text| read(fails, text, number)) {
            found.push(line);
        }
        next = end;
    }
    let surplus = found.len().saturating_sub(MOST_LINES);
    found.drain(..surplus);
    found
}

fn read<'a>(fails: &Regex, text: &'a str, number: usize) -> Option<FailingLine<'a>> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end)?;
    let meaning = |words: &str| WORDINGS.iter().find(|(wording, _)| *wording == words).map(|(_, failure)| *failure);
    let failure = fails.find_iter(text).filter_map(|hit| meaning(hit.as_str())).min()?;
    let named: Vec<Address<'_>> = BEFORE_NAMES.iter().filter_map(|before| name_after(text, before)).collect();
    // `lookup cart on 10.96.0.10:53: i/o timeout`: the name service is what didn't answer, and 10.96.0.10:53 is not the end.
    let is_lookup = text.contains("lookup ") && !named.is_empty();
    let failure = if is_lookup && failure > Failure::NameUnanswered { Failure::NameUnanswered } else { failure };
    let mut ends: Vec<Address<'_>> = Vec::new();
    if !is_lookup {
        ends.extend(
            address::in_prose(text).into_iter().filter(|address| failure > Failure::NameUnanswered || address.port != Some(53)),
        );
    }
    // A name that stands with its port elsewhere in the line says more than the name alone.
    for name in named {
        if !ends.iter().any(|known| known.host == name.host) {
            ends.push(name);
        }
    }
    (!ends.is_empty()).then_some(FailingLine { number, text, failure, ends })
}

/// The host that follows these words, and the port that follows it as in `cart port 8080` or `"db" (10.0.0.1), port 5432`.
fn name_after<'a>(text: &'a str, before: &str) -> Option<Address<'a>> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'))).unwrap_or(rest.len());
    let mut address = address::bare(rest.get(..end)?.trim_end_matches([':', '.']))?;
    if address.port.is_none() {
        let after = rest.get(end..).and_then(|rest| rest.split_once("port ")).filter(|(between, _)| between.len() <= 40);
        let digits = after.map(|(_, port)| port.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(""));
        address.port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port > 0);
    }
    // "connect to all addresses", "connect to the server": only with its port is what follows a name.
    (before != CONNECT_TO || address.port.is_some()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(line: &str) -> Option<String> {
        let lines = failing_lines(line);
        let line = lines.first()?;
        let end = line.ends.last()?;
        Some(format!("{} {}", end.port.map_or(end.host.to_owned(), |port| format!("{}:{port}", end.host)), line.failure))
    }

    #[test]
    fn reads_who_was_not_reached_and_why() {
        for (line, expected) in [
            (
                r#"{"error":"rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 10.68.1.2:5050: connect: connection refused\""}"#,
                "10.68.1.2:5050 connection refused",
            ),
            (r#"dial tcp: lookup catalog on 169.254.20.10:53: no such host"#, "catalog no such name"),
            (
                r#"dial tcp: lookup catalog on 10.96.0.10:53: read udp 10.1.2.3:5->10.96.0.10:53: i/o timeout"#,
                "catalog the name service doesn't answer",
            ),
            (
                r#"Get "http://catalog.shop:8080/x": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"#,
                "catalog.shop:8080 no answer in time",
            ),
            ("Error: connect ECONNREFUSED 10.96.1.1:6379", "10.96.1.1:6379 connection refused"),
            ("Error: getaddrinfo ENOTFOUND cache", "cache no such name"),
            ("Error: getaddrinfo EAI_AGAIN cache", "cache the name service doesn't answer"),
            ("java.net.UnknownHostException: order-service: Name or service not known", "order-service no such name"),
            (
                r#"I/O error on POST request for "http://order-service:12031/api/v1": Connection refused (Connection refused)"#,
                "order-service:12031 connection refused",
            ),
            (
                "io.netty.channel.AbstractChannel$AnnotatedConnectException: finishConnect(..) failed: Connection refused: cart/10.96.3.4:8080",
                "cart:8080 connection refused",
            ),
            (
                "org.postgresql.util.PSQLException: Connection to ledger-db:5432 refused. Check that the hostname and port are correct",
                "ledger-db:5432 connection refused",
            ),
            (
                "Connection to node -1 (kafka/10.1.1.1:9092) could not be established. Broker may not be available.",
                "kafka:9092 connection refused",
            ),
            (
                "requests.exceptions.ConnectionError: HTTPConnectionPool(host='cart', port=8080): Max retries exceeded with url: /x (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))",
                "cart:8080 connection refused",
            ),
            (r#"could not translate host name "ledger-db" to address: Name or service not known"#, "ledger-db no such name"),
            (
                r#"connection to server at "ledger-db" (10.96.1.3), port 5432 failed: Connection refused"#,
                "ledger-db:5432 connection refused",
            ),
            (
                "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.68.2.7:3550: Failed to connect to remote host: Connection refused",
                "10.68.2.7:3550 connection refused",
            ),
            ("Error 111 connecting to redis:6379. Connection refused.", "redis:6379 connection refused"),
            ("System.Net.Http.HttpRequestException: No such host is known. (cart:7070)", "cart:7070 no such name"),
            (
                "curl: (7) Failed to connect to cart port 8080 after 3 ms: Couldn't connect to server",
                "cart:8080 connection refused",
            ),
            ("curl: (6) Could not resolve host: cart", "cart no such name"),
            (
                r#"connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.1.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.96.1.2:8080/", host: "shop.example.com""#,
                "10.96.1.2:8080 connection refused",
            ),
            (r#"nginx: [emerg] host not found in upstream "cart" in /etc/nginx/conf.d/default.conf:12"#, "cart no such name"),
            (
                r#"Get "http://cart:8080/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x00\x00\x06""#,
                "cart:8080 another protocol is spoken there",
            ),
            (
                "ERROR 2003 (HY000): Can't connect to MySQL server on 'ledger-db:3306' (111): Connection refused",
                "ledger-db:3306 connection refused",
            ),
        ] {
            assert_eq!(told(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_names_nobody_is_none() {
        for line in [
            "java.net.ConnectException: Connection refused",
            "operation timed out",
            "failed to connect to all addresses",
            "listening on port 8080",
            "",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn lines_keep_their_numbers_and_times() {
        let log = "starting\n2026-01-02T05:05:54.123Z dial tcp 10.0.0.1:80: connection refused\nok\n{\"t\":\"2026-01-02T05:06:00Z\",\"e\":\"connect ECONNREFUSED 10.0.0.1:80\"}\n";
        let lines = failing_lines(log);
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(lines[1].time(), "2026-01-02T05:06:00Z".parse().ok());
        assert!(lines[0].time().is_some());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(before in "\\PC{0,60}", index in 0..WORDINGS.len(), after in "\\PC{0,60}") {
            for text in [format!("{before}{}{after}", WORDINGS[index].0), format!("{before}\n{}\n{after} lookup {before}", WORDINGS[index].0)] {
                for line in failing_lines(&text) {
                    prop_assert!(!line.ends.is_empty());
                    line.time();
                }
            }
        }
    }
}
