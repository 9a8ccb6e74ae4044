//! The lines of a log that say that a call failed, by the words of the log reader's table.

use crate::cluster::address::Address;
use crate::diagnose::logs::{Ends, Failure};
use jiff::Timestamp;

/// At most so many failing lines of one log are read, the last ones.
const MOST_LINES: usize = 2000;
/// How much of one line is read: stack traces and bodies follow the words that matter.
const LONGEST: usize = 2000;

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
    let mut found: Vec<FailingLine<'_>> = Vec::new();
    let (mut number, mut counted, mut next) = (1, 0, 0);
    while let Some(hit) = Failure::next_in(log, next) {
        let start = log.get(..hit).and_then(|before| before.rfind('\n')).map_or(0, |index| index + 1);
        let end = log.get(hit..).and_then(|after| after.find('\n')).map_or(log.len(), |index| hit + index);
        number += log.get(counted..start).map_or(0, |between| between.matches('\n').count());
        counted = start;
        if let Some(line) = log.get(start..end).and_then(|text| read(text, number)) {
            found.push(line);
        }
        next = end;
    }
    let surplus = found.len().saturating_sub(MOST_LINES);
    found.drain(..surplus);
    found
}

fn read(text: &str, number: usize) -> Option<FailingLine<'_>> {
    let text = text.get(..text.floor_char_boundary(LONGEST))?;
    let failure = Failure::of(text)?;
    let Ends { all: ends, is_lookup } = Ends::of(text, failure.is_of_name());
    let failure = if is_lookup { failure.min(Failure::NameUnanswered) } else { failure };
    (!ends.is_empty()).then_some(FailingLine { number, text, failure, ends })
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
        fn garbage_never_panics(before in "\\PC{0,60}", word in "connection refused|ENOTFOUND|timed out", after in "\\PC{0,60}") {
            for text in [format!("{before}{word}{after}"), format!("{before}\n{word}\n{after} lookup {before}")] {
                for line in failing_lines(&text) {
                    prop_assert!(!line.ends.is_empty());
                    line.time();
                }
            }
        }
    }
}
