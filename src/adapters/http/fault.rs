//! Why there is no answer, in words that an engineer can act on, without addresses' credentials and queries.

use reqwest::header::HeaderValue;
use rustls::CertificateError;
use std::error::Error;
use std::io;
use std::time::Duration;
use thiserror::Error as ThisError;

/// The longest text from outside that is shown, in characters.
const LONGEST: usize = 300;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum HttpError {
    /// There is nothing to ask with: the address or the key is none, or TLS can't be set up.
    #[error("{0}")]
    Setup(String),
    /// No connection came about, so nothing was sent.
    #[error("no connection to {0}")]
    Unreachable(String),
    /// The connection broke after something was sent.
    #[error("no answer from {0}")]
    Broken(String),
    /// Not within this time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The answer is longer than this many bytes; the rest was not read.
    #[error("the answer is longer than {} MiB", .0 >> 20)]
    TooLong(usize),
    /// The answer is not what was asked for.
    #[error("{0}")]
    Unreadable(String),
}

/// The value of a header that is never shown.
///
/// # Errors
/// It has characters that no header can hold.
pub fn secret_header(value: &str) -> Result<HeaderValue, HttpError> {
    let wrong = |_| HttpError::Setup("the key has characters that no HTTP header can hold".to_owned());
    let mut value = HeaderValue::from_str(value).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

/// One short line: control characters gone, blanks folded, cut.
pub(in crate::adapters) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > LONGEST * 4 {
            break;
        }
    }
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Why a request failed: the innermost reason, since the outer ones only say that something did, and name the address.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() && error.is_connect() {
        return "no connection in time".to_owned();
    }
    let mut innermost: Option<String> = None;
    let mut name_resolution = false;
    let mut next = error.source();
    // A chain is as long as the libraries' layers; the bound is against one that refers to itself.
    for _ in 0..32 {
        let Some(error) = next else { break };
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return of_tls(error);
        }
        let text = error.to_string();
        name_resolution |= text.starts_with("dns error");
        innermost = Some(text);
        next = match error.downcast_ref::<io::Error>() {
            // An I/O error that wraps another gives that one's source as its own, and hides it so.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    let why = innermost.unwrap_or_else(|| "the connection failed".to_owned());
    if name_resolution { format!("the name could not be resolved: {why}") } else { why }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by an authority that this machine doesn't trust; add it to the machine's certificates, \
             and check that no proxy intercepts TLS"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired, or this machine's clock is wrong".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for other names; check the address".to_owned(),
        rustls::Error::InvalidMessage(_) => "the server doesn't speak TLS; check the address".to_owned(),
        other => format!("TLS: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_is_one_short_line() {
        assert_eq!(one_line(" a\n\tb\u{0}c\u{1b}[2J "), "a b c [2J");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), LONGEST + 1);
        assert_eq!(one_line(&"a ".repeat(1_000_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_key_is_not_shown() {
        let value = secret_header("Bearer abc").unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
        let error = secret_header("ab\nc").unwrap_err().to_string();
        assert!(!error.contains("ab"), "{error}");
    }
}
