//! The HTTP client of everything that isn't Kubernetes: models, metrics, trackers. Each call has one deadline for all of it
//! and a bound on what is read. It follows no redirect, since the key in a header would go along, retries nothing, and puts
//! neither an address's credentials and query nor a key into the text of an error.

mod answer;
mod fault;

pub use answer::HttpAnswer;
pub(super) use fault::one_line;
pub use fault::{HttpError, secret_header};

use super::proxy::Environment;
use crate::ports::Egress;
use crate::redact::Redactor;
use reqwest::header::HeaderMap;
use reqwest::{ClientBuilder, Method, Proxy, Url, redirect};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer of a model that is read, in bytes after decompression.
pub const MODEL_ANSWER: usize = 1 << 20;
/// The longest answer of a source of evidence that is read, in bytes after decompression.
pub const SOURCE_ANSWER: usize = 8 << 20;

/// One request. What it holds is sent as it is: whoever makes it has masked it.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The address, see [`endpoint`].
    pub url: Url,
    /// The headers; the value of a key is marked as sensitive, see [`secret_header`].
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: String,
}

impl HttpRequest {
    /// What people read before it is sent.
    pub fn egress(&self, destination: &'static str, redactor: &Redactor) -> Egress {
        Egress {
            destination,
            method: self.method.to_string(),
            address: redactor.text(self.url.as_str()).into_owned(),
            headers: self.headers.keys().map(|name| name.as_str().to_owned()).collect(),
            body: self.body.clone(),
        }
    }
}

/// A client that keeps its connections. Cloning shares them.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    redactor: Redactor,
}

impl HttpClient {
    /// The environment's proxy is used as kubectl does it; trusted are the certificates that this machine trusts.
    ///
    /// # Errors
    /// The TLS library can't be set up.
    pub fn new(redactor: Redactor) -> Result<Self, HttpError> {
        // On a machine that trusts no certificate at all, such as an image without any, plain HTTP still works.
        let client = builder().build().or_else(|_| builder().tls_certs_only([]).build());
        let client = client.map_err(|error| HttpError::Setup(fault::reason(&error)))?;
        Ok(Self { client, redactor })
    }

    /// What masks what is shown of an answer.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Sends a request, and reads at most `longest` bytes of the answer, whatever its status. All of it ends within `time`.
    ///
    /// # Errors
    /// There is no whole answer. An answer that refuses is one.
    pub async fn send(&self, request: &HttpRequest, time: Duration, longest: usize) -> Result<HttpAnswer, HttpError> {
        let answer = tokio::time::timeout(time, self.exchange(request, longest)).await;
        answer.unwrap_or(Err(HttpError::Timeout(time)))
    }

    async fn exchange(&self, request: &HttpRequest, longest: usize) -> Result<HttpAnswer, HttpError> {
        let HttpRequest { method, url, headers, body } = request;
        let failed = |error: &reqwest::Error| {
            let why = self.redactor.text(&fault::reason(error)).into_owned();
            let said = format!("{}: {}", origin(url), one_line(&why));
            if error.is_connect() { HttpError::Unreachable(said) } else { HttpError::Broken(said) }
        };
        let sent = self.client.request(method.clone(), url.clone()).headers(headers.clone()).body(body.clone());
        let mut response = sent.send().await.map_err(|error| failed(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len().saturating_add(chunk.len()) > longest {
                return Err(HttpError::TooLong(longest));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status, headers, body })
    }

    /// What a server says about why it refuses: one short line, masked before it is cut, without the keys of the request.
    pub fn words(&self, request: &HttpRequest, answer: &HttpAnswer) -> String {
        let mut said = answer.said();
        for key in request.headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok()) {
            let key = key.rsplit(' ').next().unwrap_or(key);
            if !key.is_empty() {
                said = said.replace(key, "<secret>");
            }
        }
        one_line(&self.redactor.text(&said))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpClient")
    }
}

fn builder() -> ClientBuilder {
    let environment = Environment::read();
    let proxy = Proxy::custom(move |url| {
        let server = url.as_str().parse().ok()?;
        environment.proxy_to(&server).map(|proxy| proxy.to_string())
    });
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        .proxy(proxy)
        .user_agent(concat!("sre-copilot/", env!("CARGO_PKG_VERSION")))
}

/// A base address with a path below it; its query stays.
///
/// # Errors
/// It is no web address, or holds a user or a password, which belong into a setting that can't be printed.
pub fn endpoint(base: &str, path: &[&str]) -> Result<Url, HttpError> {
    let wrong = |why: &str| HttpError::Setup(why.to_owned());
    let mut url = Url::parse(base.trim()).map_err(|_| wrong("the address is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("the address is no web address; it begins with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the address holds credentials; they belong into the setting for the key"));
    }
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut segments) => _ = segments.pop_if_empty().extend(path),
        Err(()) => return Err(wrong("the address is no web address")),
    }
    Ok(url)
}

/// Scheme, host and port: what may be shown of an address.
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_put_below_a_base() {
        let below = |base| endpoint(base, &["v1", "messages"]).map(String::from);
        assert_eq!(below("https://api.example.com").unwrap(), "https://api.example.com/v1/messages");
        assert_eq!(below(" https://gateway.corp/claude/ ").unwrap(), "https://gateway.corp/claude/v1/messages");
        assert_eq!(below("http://[::1]:11434?a=1#b").unwrap(), "http://[::1]:11434/v1/messages?a=1");
        for wrong in ["", "api.example.com", "ftp://x", "unix:/run/x", "https://me:pass@x.example.com"] {
            let error = below(wrong).unwrap_err().to_string();
            assert!(!error.contains("pass@"), "{error}");
        }
    }

    #[test]
    fn an_origin_shows_no_more_than_where() {
        let url = Url::parse("https://x.example.com:8443/secret/path?token=abc").unwrap();
        assert_eq!(origin(&url), "https://x.example.com:8443");
    }
}
