//! Why a request brought nothing, in words that an engineer can act on. Words of servers are cut to one short line;
//! credentials, bodies and what a credential command printed never get in here.

use crate::domain::SourceState;
use http::StatusCode;
use kube::client::AuthError;
use rustls::{AlertDescription, CertificateError};
use serde::Deserialize;
use std::error::Error;
use std::io;
use std::time::Duration;

/// The longest text of a server that is shown, in characters.
const LONGEST: usize = 300;

/// Why a request brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No answer: no connection, no trust, or not in time.
    Unreachable(String),
    /// An answer other than 2xx.
    Refused {
        /// The HTTP status.
        code: u16,
        /// The server's own words.
        why: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// An answer of 2xx that is not what was asked for.
    Unreadable(String),
}

impl Fault {
    /// The reason alone.
    pub fn why(&self) -> &str {
        match self {
            Self::Unreachable(why) | Self::Refused { why, .. } | Self::Unreadable(why) => why,
        }
    }

    /// The HTTP status, where there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What it makes of the source that was asked for.
    pub fn state(&self) -> SourceState {
        match self.code() {
            Some(403) => SourceState::Forbidden(self.why().to_owned()),
            _ => SourceState::Unavailable(self.why().to_owned()),
        }
    }
}

/// One short line of what a server or a library said: control characters gone, blanks folded, cut.
pub(super) fn short(text: &str) -> String {
    let line: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = line.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// The words of an answer that is not 2xx: the message of its `Status` object, else its first line, unless that is a
/// proxy's page; and the status where there is nothing to quote.
pub(super) fn of_status(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let number = || format!("HTTP {}", status.as_u16());
    let said = match serde_json::from_slice::<Status>(body) {
        Ok(status) => status.message,
        Err(_) => String::from_utf8_lossy(body.get(..LONGEST * 4).unwrap_or(body)).lines().next().unwrap_or_default().to_owned(),
    };
    let said = short(&said);
    // `nodes is forbidden: User …`, `pods "a" is forbidden: User …`: what was asked for is known, the reason is what counts.
    let said = match said.split_once(" is forbidden: ") {
        Some((what, why)) if status == StatusCode::FORBIDDEN && what.split(' ').count() <= 2 => why.to_owned(),
        _ => said,
    };
    match said.as_str() {
        "" => number(),
        page if page.starts_with(['<', '{', '[']) => number(),
        // A server or a proxy that fails says little without its number.
        said if status.is_server_error() => format!("{} (HTTP {})", said, status.as_u16()),
        _ => said,
    }
}

/// Why a request never got an answer.
pub(super) fn of_transport(error: &kube::Error) -> Fault {
    of_chain(error)
}

/// Why an error arose, from the innermost cause that is known.
pub(super) fn of_chain(error: &(dyn Error + 'static)) -> Fault {
    let mut innermost = String::new();
    let mut name_resolution = false;
    let mut next = Some(error);
    // A chain is as long as the libraries' layers; the bound is against one that refers to itself.
    for _ in 0..32 {
        let Some(error) = next else { break };
        if let Some(error) = error.downcast_ref::<AuthError>() {
            return Fault::Refused { code: 401, why: of_credentials(error), retry_after: None };
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Fault::Unreachable(of_tls(error));
        }
        innermost = error.to_string();
        name_resolution |= innermost.starts_with("dns error");
        next = match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Fault::Unreachable("no answer in time".to_owned());
            }
            // An I/O error that wraps another gives that one's source as its own, and hides it so.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    let why = short(&innermost);
    Fault::Unreachable(if name_resolution { format!("the server's name could not be resolved: {why}") } else { why })
}

/// Why the credentials of the kubeconfig could not be used. What a command printed is left out: it may be a token.
pub(super) fn of_credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(why) => format!("the credential command of the kubeconfig could not be started: {why}"),
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential command of the kubeconfig failed ({}); run it by hand to see why", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) | AuthError::ExecPluginFailed => {
            "the credential command of the kubeconfig printed no credentials that could be read".to_owned()
        }
        AuthError::ReadTokenFile(why, path) => format!("the token file {} could not be read: {why}", path.display()),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the kubeconfig's token or password holds characters that no HTTP header may hold".to_owned()
        }
        AuthError::MissingCommand => "the kubeconfig's credential command is empty".to_owned(),
        AuthError::MalformedTokenExpirationDate(_) => "the credentials' expiry is no time that could be read".to_owned(),
        AuthError::UnrefreshableTokenResponse => "the credential command gave a token, and no new one later".to_owned(),
        AuthError::AuthExec(why) => short(why),
        _ => "the kubeconfig's way to get credentials is not supported".to_owned(),
    }
}

/// Why no trusted connection came about, and what to check.
fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = error else {
        return match error {
            rustls::Error::AlertReceived(
                alert @ (AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA),
            ) => format!("the server refuses the client certificate ({alert:?}); check the kubeconfig's client certificate"),
            rustls::Error::InvalidMessage(_) => "the server does not speak TLS; check the address in the kubeconfig".to_owned(),
            other => format!("TLS: {}", short(&other.to_string())),
        };
    };
    match why {
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by an unknown authority; check certificate-authority in the kubeconfig, \
             and that no proxy intercepts TLS"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, or check this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check this machine's clock".to_owned()
        }
        CertificateError::NotValidForName => other_name("other names"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            // Each is of the form `DnsName("localhost")` or `IpAddress(127.0.0.1)`.
            let names = presented.iter().map(|name| name.split_once('(').map_or(name.as_str(), |(_, name)| name));
            let names: Vec<_> = names.map(|name| name.trim_matches(['"', ')'])).collect();
            other_name(&short(&names.join(", ")))
        }
        other => format!("the server's certificate is not accepted: {}", short(&other.to_string())),
    }
}

fn other_name(names: &str) -> String {
    format!("the server's certificate is for {names}; check the address, or tls-server-name, in the kubeconfig")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(code: u16, body: &str) -> String {
        of_status(StatusCode::from_u16(code).unwrap(), body.as_bytes())
    }

    #[test]
    fn the_servers_message_is_quoted_without_what_is_known() {
        let body = r#"{"kind":"Status","message":"nodes is forbidden: User \"u\" cannot list resource \"nodes\"","code":403}"#;
        assert_eq!(status(403, body), r#"User "u" cannot list resource "nodes""#);
        assert_eq!(status(401, r#"{"message":"Unauthorized"}"#), "Unauthorized");
        assert_eq!(status(404, "404 page not found\n"), "404 page not found");
    }

    #[test]
    fn a_page_of_a_proxy_is_not_quoted() {
        assert_eq!(status(502, "<html><body>Bad Gateway"), "HTTP 502");
        assert_eq!(status(503, ""), "HTTP 503");
        assert_eq!(status(500, r#"{"message":"etcdserver: leader changed"}"#), "etcdserver: leader changed (HTTP 500)");
    }

    #[test]
    fn an_errors_innermost_cause_is_told() {
        let inner = io::Error::from(io::ErrorKind::ConnectionRefused);
        let fault = of_chain(&io::Error::other(inner));
        assert_eq!(fault, Fault::Unreachable("connection refused".to_owned()));
        let fault = of_chain(&io::Error::other(rustls::Error::InvalidCertificate(CertificateError::Expired)));
        assert!(fault.why().contains("has expired"), "{fault:?}");
    }

    #[test]
    fn what_a_credential_command_printed_is_not_told() {
        let out = std::process::Output {
            status: std::process::ExitStatus::default(),
            stdout: b"a-secret-token".to_vec(),
            stderr: b"a-secret-token".to_vec(),
        };
        let error = AuthError::AuthExecRun { cmd: "login --password a-secret-token".to_owned(), out: Box::new(out) };
        assert!(!of_credentials(&error).contains("secret"), "{}", of_credentials(&error));
        let fault = of_transport(&kube::Error::Auth(error));
        assert_eq!(fault.code(), Some(401));
        assert!(!fault.why().contains("secret"));
    }

    proptest! {
        #[test]
        fn whatever_the_server_says_it_is_one_short_line(code in 400u16..600, body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let said = of_status(StatusCode::from_u16(code).unwrap(), &body);
            prop_assert!(said.chars().count() <= LONGEST + 12);
            prop_assert!(!said.chars().any(char::is_control));
            prop_assert!(!said.is_empty());
        }
    }
}
