//! What a model costs when the settings don't say: list prices of the Claude 5.5 family, the highest for what is unknown,
//! nothing on this machine.

use crate::domain::Price;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Anthropic's list prices in US dollars for a million tokens (platform.claude.com, model overviews, 2026): input, output,
/// five-minute cache write, cache read. Haiku's are those of prompts up to 100,000 tokens, which ours never reach.
const LISTED: &[(&str, Price)] = &[
    ("claude-haiku-5-5", Price { input: 0.1, output: 0.5, cache_write: 0.125, cache_read: 0.01 }),
    ("claude-opus-5-5", Price { input: 4.0, output: 20.0, cache_write: 5.0, cache_read: 0.2 }),
    ("claude-sonnet-5-5", Price { input: 2.0, output: 10.0, cache_write: 2.5, cache_read: 0.2 }),
];

/// What a model costs that nobody knows.
const UNKNOWN: Price = Price { input: 15.0, output: 75.0, cache_write: 18.75, cache_read: 15.0 };

/// The price of a model at an address (empty for a program). `settings` are by model and win over everything.
pub fn price_of(model: &str, address: &str, settings: &BTreeMap<String, Price>) -> Price {
    if let Some(price) = settings.get(model) {
        return *price;
    }
    if is_loopback(address) {
        return Price::FREE;
    }
    let listed = LISTED.iter().find(|(name, _)| model.strip_prefix(name).is_some_and(is_date));
    listed.map_or(UNKNOWN, |(_, price)| *price)
}

/// Whether this is what may follow a model's name: nothing, or the date of a snapshot (`-20260901`).
fn is_date(rest: &str) -> bool {
    let is_day = |day: &str| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_day)
}

/// Whether an address is this machine's own: `localhost` and names below it (RFC 6761, section 6.3), 127.0.0.0/8 and ::1.
fn is_loopback(address: &str) -> bool {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or("");
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map_or(v6, |(host, _)| host),
        None => host_port.split_once(':').map_or(host_port, |(host, _)| host),
    };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_for_every_model() {
        let mut settings = BTreeMap::new();
        let price = |model: &str, settings: &BTreeMap<String, Price>| {
            let price = price_of(model, "https://api.anthropic.com", settings);
            (price.input, price.output)
        };
        assert_eq!(price("claude-sonnet-5-5", &settings), (2.0, 10.0));
        assert_eq!(price("claude-sonnet-5-5-20260929", &settings), (2.0, 10.0));
        assert_eq!(price("claude-opus-5-5", &settings), (4.0, 20.0));
        assert_eq!(price("claude-haiku-5-5", &settings), (0.1, 0.5));
        for unknown in ["claude-sonnet-5-5-max", "claude-sonnet-5", "", "gpt", "xclaude-sonnet-5-5"] {
            assert_eq!(price(unknown, &settings), (15.0, 75.0), "{unknown}");
        }
        settings.insert("gpt".to_owned(), Price { input: 1.0, output: 2.0, cache_write: 1.0, cache_read: 1.0 });
        assert_eq!(price("gpt", &settings), (1.0, 2.0));
    }

    #[test]
    fn only_this_machine_is_free() {
        for address in
            ["http://localhost:11434", "http://127.0.0.1:8000/v1", "http://[::1]:8000", "http://127.8.9.1", "http://LOCALHOST.:1"]
        {
            assert_eq!(price_of("llama", address, &BTreeMap::new()), Price::FREE, "{address}");
        }
        for address in [
            "",
            "http://localhost.evil.com",
            "http://127.0.0.1.evil.com",
            "http://localhost@evil.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
        ] {
            assert_eq!(price_of("llama", address, &BTreeMap::new()), UNKNOWN, "{address}");
        }
    }
}
