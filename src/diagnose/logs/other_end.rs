//! Who is called: where in the line of a failed call the other end is named. The words around it are those of the C library,
//! Go, Java, Node, Python, .NET, Ruby, PHP, Rust, curl, wget, nginx, Envoy and gRPC.

use crate::cluster::address::{self, Address};

/// What stands right before a name that may have no port. A quote at its end stands for any quote.
const BEFORE: &[&str] = &[
    "lookup ",
    "ENOTFOUND ",
    "EAI_AGAIN ",
    "ailed to resolve '",
    "UnknownHostException: ",
    "resolve host: ",
    "resolve host ",
    "resolve host address '",
    "host name '",
    "bad address '",
    "getaddrinfo for ",
    "in upstream '",
    "server host '",
    "server at '",
    "server on '",
    "on host '",
    "connect(2) for '",
    "onnect call failed ('",
    CONNECT_TO,
];
/// curl's words, which others use too.
const CONNECT_TO: &str = "connect to ";

/// The ends that a line names.
#[derive(Debug)]
pub struct Ends<'a> {
    /// In the order in which they stand there.
    pub all: Vec<Address<'a>>,
    /// Whether looking up the name failed. In `lookup cart on 10.96.0.10:53: i/o timeout` the name service didn't answer, and
    /// 10.96.0.10:53 isn't the end.
    pub is_lookup: bool,
}

impl<'a> Ends<'a> {
    /// The ends in a line. `of_name`: the words of the line say that a name isn't known.
    pub fn of(text: &'a str, of_name: bool) -> Self {
        let named: Vec<Address<'_>> = BEFORE.iter().filter_map(|before| name_after(text, before)).collect();
        let is_lookup = text.contains("lookup ") && !named.is_empty();
        let mut all = if is_lookup { Vec::new() } else { address::in_prose(text) };
        all.retain(|address| !(of_name && address.port == Some(53) || is_source_file(address.host)));
        // A name that stands with its port elsewhere in the line says more than the name alone.
        for name in named {
            if !all.iter().any(|known| known.host == name.host) {
                all.push(name);
            }
        }
        Self { all, is_lookup }
    }

    /// The end that failed: an error wraps another, so it is the last one, by its name where the line gives it for the same port.
    pub fn failed(&self) -> Option<&Address<'a>> {
        let is_name = |address: &&Address<'_>| address.host.contains(|c: char| c.is_ascii_alphabetic());
        let last = self.all.last()?;
        self.all.iter().rev().filter(|end| end.port == last.port).find(is_name).or(Some(last))
    }
}

/// `main.go:88` is where a line was written.
fn is_source_file(host: &str) -> bool {
    const ENDS: &[&str] = &["go", "py", "java", "kt", "js", "ts", "mjs", "rb", "rs", "cs", "php", "c", "cc", "cpp", "ex", "erl"];
    host.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// The host that follows these words, and the port that follows it as in `cart port 8080`, `"db" (10.0.0.1), port 5432`,
/// `` `db`:`5432` `` or `('10.0.0.1', 6379)`.
fn name_after<'a>(text: &'a str, before: &str) -> Option<Address<'a>> {
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '‘' | '’' | '“' | '”');
    let rest = match before.strip_suffix('\'') {
        Some(words) => text.split_once(words)?.1.trim_start_matches('\\').strip_prefix(quote)?,
        None => text.split_once(before)?.1,
    };
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'))).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let mut address = address::bare(name.trim_end_matches([':', '.']))?;
    if address.port.is_none() {
        let named = || rest.split_once("port ").filter(|(between, _)| between.len() <= 40).map(|(_, port)| port);
        let next = rest.strip_prefix(quote).and_then(|rest| rest.strip_prefix(':').or(rest.strip_prefix(", ")));
        let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().filter(|port| *port > 0);
        address.port = next.and_then(|port| number(port.trim_start_matches(quote))).or_else(|| number(named()?));
    }
    // "connect to all addresses", "connect to the server": only with its port is what follows a name. "Failed to resolve",
    // "Name or service", "Temporary failure" are words of the message itself.
    let is_name = match before {
        CONNECT_TO => address.port.is_some(),
        _ => !matches!(address.host, "Failed" | "Name" | "Temporary" | "nodename" | "No" | "no" | "failed"),
    };
    is_name.then_some(address)
}
