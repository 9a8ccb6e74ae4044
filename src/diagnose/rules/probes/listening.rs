//! On which ports a process says that it listens, from the lines that servers write when they are up.

use std::collections::BTreeSet;

/// How much of a log is read: its end, where a restarted process has written its first lines.
const MOST: usize = 65_536;

/// How servers say it: Go, Node, Python, nginx, Tomcat and Spring, Kestrel, gRPC.
const WORDS: &[&str] =
    &["listening", "listen on", "started on port", "running on", "serving on", "running at", "bound to", "server started"];

/// The ports that a log says the process listens on.
pub(super) fn ports(log: &str) -> BTreeSet<u16> {
    let start = log.len().saturating_sub(MOST);
    let start = (start..=log.len()).find(|index| log.is_char_boundary(*index)).unwrap_or(0);
    let mut found = BTreeSet::new();
    for line in log.get(start..).unwrap_or("").lines().filter(|line| line.len() < 2000) {
        let lower = line.to_lowercase();
        let refused = ["refused", "failed", "error", "cannot", "can't", "in use"].iter().any(|word| lower.contains(word));
        if !refused && WORDS.iter().any(|words| lower.contains(words)) {
            found.extend(in_line(&lower));
        }
    }
    found
}

/// The ports in a line that says so: after the address (`0.0.0.0:8080`, `:8080`, `[::]:8080`) or the word `port`.
fn in_line(lower: &str) -> impl Iterator<Item = u16> {
    let after_said = WORDS.iter().filter_map(|words| lower.find(words)).min().unwrap_or(0);
    let text = lower.get(after_said..).unwrap_or("");
    let by_word = text.split("port").skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches("(s)").trim_start_matches(['s', ':', '=', ' ', '"', '\'', '#']);
        number(rest)
    });
    let by_address = text.match_indices(':').filter_map(|(index, _)| {
        let host = text.get(..index)?.chars().next_back();
        let is_address = host.is_none_or(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | ']' | '*' | '"' | '\''));
        number(text.get(index + 1..)?).filter(|_| is_address)
    });
    by_word.chain(by_address).collect::<Vec<_>>().into_iter()
}

/// The port that a text begins with, if it is nothing but a port.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let next = text.as_bytes().get(digits);
    // `12:30:05` and `1.5` are no ports.
    let ends = next
        .is_none_or(|byte| !matches!(byte, b':' | b'.') || text.as_bytes().get(digits + 1).is_none_or(|b| !b.is_ascii_digit()));
    text.get(..digits)?.parse().ok().filter(|port| *port >= 10 && ends && (2..=5).contains(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn servers_say_where_they_listen() {
        for (line, port) in [
            ("2026-03-10T09:41:27Z INFO listening on :8080", 8080),
            ("Server listening at http://0.0.0.0:3000", 3000),
            ("Tomcat started on port(s): 8081 (http) with context path ''", 8081),
            ("Tomcat started on port 9090 (http)", 9090),
            ("      Now listening on: http://[::]:5000", 5000),
            (" * Running on http://127.0.0.1:5001", 5001),
            ("gRPC server listening on port 50051", 50051),
            ("{\"level\":\"info\",\"msg\":\"listening\",\"port\":7000}", 7000),
        ] {
            assert_eq!(ports(line).into_iter().collect::<Vec<_>>(), [port], "{line}");
        }
        assert!(ports("dial tcp 10.0.0.1:5432: connection refused").is_empty());
        assert!(ports("error: listening on :8080 failed: address already in use").is_empty());
        assert!(ports("listening since 12:30:05").is_empty());
    }

    proptest! {
        #[test]
        fn any_log_is_read(log in "\\PC{0,300}") {
            ports(&log);
            ports(&format!("listening on port {log}"));
        }
    }
}
