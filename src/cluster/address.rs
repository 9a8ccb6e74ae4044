//! The network addresses that a text names: URLs, `host:port`, connection strings, lists of them. Says what is written there,
//! never whether something answers.

use core::net::{IpAddr, Ipv4Addr};

/// At most this much of a text is read, and at most so many addresses are taken from it: a configuration file, not a dump.
const MOST_TEXT: usize = 64 * 1024;
const MOST: usize = 200;

/// A host, with its port where one is given or the scheme has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address<'a> {
    /// A name or an IP address, as it is written, without brackets.
    pub host: &'a str,
    /// The port.
    pub port: Option<u16>,
    /// Whether the port is the scheme's own rather than written out.
    pub default_port: bool,
    /// The scheme of a URL; empty where there is none.
    pub scheme: &'a str,
}

/// The ports that a URL means when it gives none: the IANA registry of service names, and for those that aren't in it the
/// documentation of the client (`redis`, `nats`, `mongodb`, `amqp`).
const DEFAULT_PORTS: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("http", 80),
    ("https", 443),
    ("mariadb", 3306),
    ("mongodb", 27017),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("ws", 80),
    ("wss", 443),
];

/// Schemes whose authority stands before the name: `dns:///name:port` and its like in gRPC
/// (github.com/grpc/grpc/blob/master/doc/naming.md).
const NAMING_SCHEMES: &[&str] = &["dns", "passthrough", "static", "xds"];

/// The addresses in a configuration: URLs, `host:port`, names that end in `.svc` or `.svc.DOMAIN`, and hosts after a key:
/// `host=db`, `host: db`, `--db-host db`. In the order in which they stand there.
pub fn addresses(text: &str) -> Vec<Address<'_>> {
    read(text, |key, between| between.contains('=') || key.ends_with(':') || key.starts_with('-'))
}

/// The addresses in a text for people, such as a log line, where a colon after a word says nothing.
pub fn in_prose(text: &str) -> Vec<Address<'_>> {
    read(text, |_, between| between.contains('='))
}

fn read(text: &str, assigns: impl Fn(&str, &str) -> bool) -> Vec<Address<'_>> {
    let mut found: Vec<Address<'_>> = Vec::new();
    let (mut key, mut scheme, mut is_pair) = ("", "", false);
    for (between, token) in tokens(clip(text)) {
        // JSON's `"host": "db"` comes as three tokens.
        let between = if token == ":" {
            is_pair = true;
            continue;
        } else if core::mem::take(&mut is_pair) {
            "="
        } else {
            between
        };
        let read = match token.split_once("://") {
            Some((start, rest)) => {
                scheme = last_word(start);
                after_scheme(scheme, rest)
            }
            // In a list only the first element has the scheme: mongodb://a:27017,b:27017.
            None => plain(punctuated(token), if between == "," { scheme } else { "" }),
        };
        let alone = || (is_host_key(key) && assigns(key, between)).then(|| bare(punctuated(token))).flatten();
        if let Some(address) = read.or_else(alone) {
            found.push(address);
        } else if is_port_key(key)
            && let (Some(last), Ok(port)) = (found.last_mut(), punctuated(token).parse::<u16>())
            && last.port.is_none()
        {
            // `host=db port=5432`, `Server=db;Port=5432`: the port follows on its own.
            last.port = Some(port).filter(|port| *port > 0);
        }
        key = token;
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// A token without the colon or stop that ends a phrase: `dial tcp 10.96.0.7:80: connection refused.`
fn punctuated(token: &str) -> &str {
    token.trim_end_matches([':', '.'])
}

/// A text that is nothing but a host, with or without a port. For values whose name says that they are addresses.
pub fn bare(text: &str) -> Option<Address<'_>> {
    let (host, port) = split_port(text.trim().trim_end_matches('/'))?;
    is_host(host).then_some(Address { host, port, default_port: false, scheme: "" })
}

/// Whether the name of a variable or a key says that its value is an address: its last word is one of those that people use.
pub fn is_address_key(name: &str) -> bool {
    let last = name.rsplit(['_', '.', '-']).find(|word| !word.chars().all(|c| c.is_ascii_digit())).unwrap_or("");
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    let last = last.strip_suffix('s').filter(|word| *word != "addres").unwrap_or(&last);
    matches!(
        last,
        "host"
            | "hostname"
            | "addr"
            | "address"
            | "addresse"
            | "url"
            | "uri"
            | "endpoint"
            | "server"
            | "broker"
            | "upstream"
            | "backend"
            | "dsn"
    )
}

/// Whether a name can be a host: labels of letters, digits and hyphens (RFC 1123 §2.1), or an IP address.
pub fn is_host(host: &str) -> bool {
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && ends(label.chars().next())
            && ends(label.chars().last())
    };
    // A name whose last label is a number is a mistyped IP address, a version or a time.
    let is_number = name.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    name.len() <= 253 && !name.is_empty() && !is_number && name.split('.').all(label)
}

/// Whether an address means the machine that uses it: loopback, or every address of it.
pub fn is_own(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::BROADCAST),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// The pieces between characters that no address holds, each after the characters before it.
fn tokens(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || ",;\"'()<>={}|\\`".contains(c);
    let mut rest = text;
    core::iter::from_fn(move || {
        let (between, after) = rest.split_at(rest.find(|c: char| !separates(c))?);
        let (token, after) = after.split_at(after.find(separates).unwrap_or(after.len()));
        rest = after;
        Some((between, token))
    })
}

/// The last word of what stands before `://`: `postgresql` of `jdbc:postgresql`, `http` of `--upstream:http`.
fn last_word(before: &str) -> &str {
    let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-'))).map_or(0, |index| index + 1);
    before.get(start..).unwrap_or("").trim_start_matches('-')
}

fn after_scheme<'a>(scheme: &'a str, rest: &'a str) -> Option<Address<'a>> {
    let naming = NAMING_SCHEMES.contains(&scheme);
    let rest = if naming { rest.split_once('/').map_or(rest, |(_, name)| name) } else { rest };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let (host, port) = split_port(authority.rsplit('@').next().unwrap_or(""))?;
    let default = DEFAULT_PORTS.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
    let address = Address { host, port: port.or(default), default_port: port.is_none() && default.is_some(), scheme };
    is_host(host).then_some(address)
}

/// A token without a scheme: `host:port`, or a name that only a cluster has.
fn plain<'a>(token: &'a str, scheme: &'a str) -> Option<Address<'a>> {
    // gRPC's resolvers put `ipv4:` or `dns:` in front, librdkafka `ipv4#`.
    let token =
        ["ipv4:", "ipv6:", "dns:", "ipv4#", "ipv6#"].iter().find_map(|prefix| token.strip_prefix(prefix)).unwrap_or(token);
    let (authority, rest) = token.split_once(['/', '?', '#']).unwrap_or((token, ""));
    // Java writes a resolved address as `name/ip:port`, and as `/ip:port` without a name.
    if let Some((ip, Some(port))) = split_port(rest).filter(|(host, _)| host.parse::<IpAddr>().is_ok()) {
        let host = if is_host(authority) { authority } else { ip };
        return Some(Address { host, port: Some(port), default_port: false, scheme });
    }
    let (host, port) = split_port(authority.rsplit('@').next().unwrap_or(""))?;
    let in_cluster = host.ends_with(".svc") || host.contains(".svc.");
    let has_letter = host.chars().any(|c| c.is_ascii_alphabetic()) || host.parse::<IpAddr>().is_ok();
    (is_host(host) && has_letter && (port.is_some() || in_cluster)).then_some(Address { host, port, default_port: false, scheme })
}

/// Host and port of `host`, `host:port`, `[v6]:port`. `None` when what follows the colon is no port.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
        None if text.matches(':').count() > 1 => return text.parse::<IpAddr>().ok().map(|_| (text, None)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = match port {
        "" => None,
        port => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
    };
    (!host.is_empty()).then_some((host, port))
}

/// Keys after which a host stands alone: libpq's `host`, ADO.NET's `Server` and `Data Source`, and flags: `--db-host`, `-h`.
fn is_host_key(key: &str) -> bool {
    let name = key.trim_start_matches('-').trim_end_matches(':');
    is_address_key(name) || name.eq_ignore_ascii_case("source") || key == "-h"
}

fn is_port_key(key: &str) -> bool {
    key.trim_start_matches('-').trim_end_matches(':').eq_ignore_ascii_case("port") || key == "-p"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        told_of(&addresses(text))
    }

    fn told_of(addresses: &[Address<'_>]) -> Vec<String> {
        let one = |address: &Address<'_>| {
            let port = address.port.map_or(String::new(), |port| format!(":{port}"));
            let default = if address.default_port { " by default" } else { "" };
            format!("{}{port}{default}", address.host)
        };
        addresses.iter().map(one).collect()
    }

    #[test]
    fn reads_the_usual_forms() {
        for (text, expected) in [
            ("cart:7070", vec!["cart:7070"]),
            ("cart.shop.svc.cluster.local", vec!["cart.shop.svc.cluster.local"]),
            ("http://cart.shop:8080/v1?x=a:b", vec!["cart.shop:8080"]),
            ("https://cart", vec!["cart:443 by default"]),
            ("grpc://cart", vec!["cart"]),
            ("dns:///cart.shop:7070", vec!["cart.shop:7070"]),
            ("jdbc:postgresql://ledger-db:5433/ledger?user=x", vec!["ledger-db:5433"]),
            ("redis://:pass@cache/0", vec!["cache:6379 by default"]),
            ("amqp://u:p@w@mq:5672/%2f", vec!["mq:5672"]),
            ("mongodb://u:p@m-0.m:27017,m-1.m:27017/db?replicaSet=rs", vec!["m-0.m:27017", "m-1.m:27017"]),
            ("kafka-0:9092, kafka-1:9092", vec!["kafka-0:9092", "kafka-1:9092"]),
            ("user:pass@tcp(ledger-db:3306)/ledger?parseTime=true", vec!["ledger-db:3306"]),
            ("host=ledger-db port=5432 user=app", vec!["ledger-db:5432"]),
            ("Server=ledger-db;Port=5432;Database=x", vec!["ledger-db:5432"]),
            ("--upstream=http://cart:8080", vec!["cart:8080"]),
            ("--db-host=ledger-db", vec!["ledger-db"]),
            ("db:\n  host: ledger-db\n  port: 5432\n", vec!["ledger-db:5432"]),
            ("{\"host\": \"ledger-db\", \"port\": 5432}", vec!["ledger-db:5432"]),
            ("proxy_pass http://cart.shop.svc:80/;", vec!["cart.shop.svc:80"]),
            ("tcp://[fd00::1]:53", vec!["fd00::1:53"]),
            ("10.96.0.10:53", vec!["10.96.0.10:53"]),
            ("dial tcp 10.96.0.7:80: connect: connection refused", vec!["10.96.0.7:80"]),
            ("Connection refused: cart.shop/10.96.0.7:8080", vec!["cart.shop:8080"]),
            ("Connection refused: /10.96.0.7:8080", vec!["10.96.0.7:8080"]),
            ("last error: UNKNOWN: ipv4:10.96.0.7:3550: Failed", vec!["10.96.0.7:3550"]),
            ("HTTPConnectionPool(host='cart', port=8080): Max retries", vec!["cart:8080"]),
            ("pg_isready -h ledger-db -p 5432", vec!["ledger-db:5432"]),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn takes_nothing_else_for_an_address() {
        for text in [
            "info",
            "true",
            "8080",
            ":8080",
            "12:30",
            "12:30:05",
            "1.2.3",
            "v1.2.3",
            "a=b",
            "key:value",
            "sha256:abcdef",
            "level=debug",
            "/var/run/app.sock",
            "unix:///var/run/app.sock",
            "a/b:latest",
            "x:99999",
            "::",
            "user_name:80",
            "-Dfoo=bar",
            "cart",
            "host=true-ish!",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn words_of_people_are_no_keys() {
        for text in ["Failed to connect to remote host: Connection refused", "connect to the redis server(s). ConnectTimeout"] {
            assert!(in_prose(text).is_empty(), "{text}");
        }
        assert_eq!(told_of(&in_prose("HTTPConnectionPool(host='cart', port=8080): Max retries")), ["cart:8080"]);
    }

    #[test]
    fn names_say_whether_a_value_is_an_address() {
        for name in [
            "DB_HOST",
            "CART_ADDR",
            "CART_SERVICE_ADDR",
            "REDIS_URLS",
            "kafka.bootstrap-servers",
            "KAFKA_BROKERS",
            "PEER_ADDRESS",
            "HOST_2",
            "ADDRESSES",
        ] {
            assert!(is_address_key(name), "{name}");
        }
        for name in ["LOG_LEVEL", "SERVICE_NAME", "SERVER_NAME", "HOST_PATH", "", "_", "ADDRESS_FAMILY"] {
            assert!(!is_address_key(name), "{name}");
        }
        assert_eq!(bare("ledger-db").map(|address| (address.host, address.port)), Some(("ledger-db", None)));
        assert_eq!(bare("ledger_db"), None);
    }

    #[test]
    fn loopback_is_the_machine_itself() {
        assert!(["localhost", "127.0.0.1", "::1", "0.0.0.0"].into_iter().all(is_own));
        assert!(!is_own("cart") && !is_own("10.0.0.1"));
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(host in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?(\\.[a-z]{1,5}){0,2}", port in 1_u16..) {
            let expected = format!("{host}:{port}");
            prop_assert_eq!(told(&expected), [expected.clone()]);
            prop_assert_eq!(told(&format!("http://{expected}/x")), [expected]);
        }

        #[test]
        fn garbage_never_panics(text in "\\PC{0,200}") {
            for address in addresses(&text) {
                prop_assert!(is_host(address.host));
            }
            bare(&text);
            is_address_key(&text);
        }
    }
}
