//! Asking a source beside the cluster over HTTP: one deadline for all of it, retries for what may pass, a bound on what is
//! read, and what each failure means. It follows no redirect, since a key in a header would go along, and sends nothing that
//! the redactor would mask.

use crate::domain::SourceState;
use crate::ports::Egress;
use crate::redact::Redactor;
use reqwest::header::{ACCEPT, HeaderMap};
use reqwest::{Method, Request, RequestBuilder, StatusCode, Url, redirect};
use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a source may take for everything that it is asked.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes after decompression.
pub(super) const LONGEST: usize = 8 << 20;
/// How often is asked: once, and twice again where the failure may pass.
pub(super) const ATTEMPTS: u32 = 3;
/// The first pause before it is asked again; the second is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// The most characters of a reason.
const REASON: usize = 120;

/// The moment at which a source's time is up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// From now on.
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// What is said of a source that took longer.
    pub fn missed(self) -> SourceState {
        SourceState::Unavailable(format!("timed out after {} s", self.limit.as_secs()))
    }

    /// Waits for something until the time is up.
    pub async fn wait<T>(self, work: impl Future<Output = T>) -> Result<T, SourceState> {
        timeout_at(self.at, work).await.map_err(|_| self.missed())
    }
}

/// An answer with a status of success.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why one attempt failed.
enum Failure {
    /// It may be another way next time.
    Passing(SourceState),
    /// It will be the same.
    Lasting(SourceState),
}

/// A client that keeps connections.
#[derive(Clone, Debug)]
pub(super) struct Client(reqwest::Client);

impl Client {
    /// One client for each source.
    pub fn new() -> Result<Self, SourceState> {
        http_client().map(Self)
    }

    /// The start of a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url).header(ACCEPT, "application/json")
    }

    /// Sends a request until an answer came that lasts, at most three times.
    ///
    /// # Errors
    /// How reading went: forbidden for 401 and 403, else unavailable with the reason.
    pub async fn send(&self, request: Request, deadline: Deadline) -> Result<Reply, SourceState> {
        deadline.wait(self.attempts(request)).await?
    }

    async fn attempts(&self, request: Request) -> Result<Reply, SourceState> {
        let mut attempt = 1;
        loop {
            let again = request.try_clone();
            let Some(again) = again else { return Err(SourceState::Unavailable("the request can't be sent".to_owned())) };
            match self.once(again).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Passing(_)) if attempt < ATTEMPTS => pause(attempt).await,
                Err(Failure::Passing(state) | Failure::Lasting(state)) => return Err(state),
            }
            attempt += 1;
        }
    }

    async fn once(&self, request: Request) -> Result<Reply, Failure> {
        let passing = |error: &reqwest::Error| Failure::Passing(SourceState::Unavailable(reason(error)));
        let mut response = self.0.execute(request).await.map_err(|error| passing(&error))?;
        let status = response.status();
        if !status.is_success() {
            let state = refused(status);
            return Err(if status.is_server_error() { Failure::Passing(state) } else { Failure::Lasting(state) });
        }
        let (headers, mut body) = (response.headers().clone(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
            if body.len() + chunk.len() > LONGEST {
                let why = format!("the answer is longer than {} MiB", LONGEST >> 20);
                return Err(Failure::Lasting(SourceState::Unavailable(why)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { headers, body })
    }
}

/// Waits before what may pass is tried again.
pub(super) async fn pause(attempt: u32) {
    sleep(PAUSE * attempt).await;
}

/// The HTTP client as every source needs it: bounded, and leading nowhere but where it was sent.
pub(super) fn http_client() -> Result<reqwest::Client, SourceState> {
    let builder = reqwest::Client::builder().connect_timeout(CONNECT).timeout(LIMIT).redirect(redirect::Policy::none());
    let client = builder.user_agent(concat!("sre-copilot/", env!("CARGO_PKG_VERSION"))).build();
    client.map_err(|error| SourceState::Unavailable(reason(&error)))
}

/// What a status that isn't success means. Only those two say that a right is missing.
pub(super) fn refused(status: StatusCode) -> SourceState {
    let text = status.to_string();
    let text = text.trim_end_matches(" <unknown status code>").to_owned();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceState::Forbidden(text),
        _ => SourceState::Unavailable(text),
    }
}

/// Why a transport failed, without the address, which may hold what was asked for: the innermost reason, since the outer ones
/// only say that something failed.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = if innermost.is::<reqwest::Error>() { "the connection failed".to_owned() } else { innermost.to_string() };
    text.chars().filter(|char| !char.is_control()).take(REASON).collect()
}

/// A source's address with a path below it. Without TLS a key would be readable on the way; a source that is always outside
/// (`https` required) is then only asked on this machine.
pub(super) fn address(base: &str, https: bool, path: &[&str]) -> Result<Url, SourceState> {
    let wrong = |why: &str| SourceState::Unavailable(why.to_owned());
    let mut url = Url::parse(base.trim()).map_err(|_| wrong("the address is no URL"))?;
    let is_loopback = match url.host_str() {
        Some(host) => host == "localhost" || host.starts_with("127.") || host == "[::1]",
        None => return Err(wrong("the address has no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if !https || is_loopback => {}
        "http" => return Err(wrong("the address is not https")),
        _ => return Err(wrong("the address is no web address")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the address holds credentials"));
    }
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut segments) => _ = segments.pop_if_empty().extend(path),
        Err(()) => return Err(wrong("the address is no web address")),
    }
    Ok(url)
}

/// The finished request; a key that no header can hold is said, and not shown.
pub(super) fn built(request: RequestBuilder) -> Result<Request, SourceState> {
    request.build().map_err(|_| SourceState::Unavailable("the key has characters that no header can hold".to_owned()))
}

/// What a request looks like on its way out, without the values of its headers.
pub(super) fn shown(destination: &'static str, request: &Request) -> Egress {
    let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
    Egress {
        destination,
        method: request.method().to_string(),
        address: request.url().to_string(),
        headers: request.headers().keys().map(ToString::to_string).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

/// Refuses a query of which the redactor would mask something: sent as it is it would tell a secret, masked it would ask for
/// something else.
pub(super) fn sendable(redactor: &Redactor, query: &str) -> Result<(), SourceState> {
    match redactor.text(query) {
        Cow::Owned(masked) if masked != query => {
            Err(SourceState::Unavailable("not asked: the query would hold what is masked".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What is said of a place-holder that a template has and a request doesn't.
pub(super) fn without(place_holder: &str) -> SourceState {
    SourceState::Unavailable(format!("not asked: there is no ${place_holder} to ask for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_leak_a_key_are_refused() {
        let why = |base: &str, https| address(base, https, &["a"]).map(String::from).map_err(|state| state.to_string());
        assert_eq!(why("https://x.atlassian.net/", true).unwrap(), "https://x.atlassian.net/a");
        assert_eq!(why("https://ci.example.com/teamcity?x=1#y", false).unwrap(), "https://ci.example.com/teamcity/a");
        assert_eq!(why("http://127.0.0.1:8080", true).unwrap(), "http://127.0.0.1:8080/a");
        assert_eq!(why("http://seq.logging:5341", false).unwrap(), "http://seq.logging:5341/a");
        assert_eq!(why("http://jira.example.com", true).unwrap_err(), "unavailable: the address is not https");
        assert!(why("https://u:p@x.example.com", false).unwrap_err().contains("credentials"));
        for base in ["", "x", "file:///etc", "ftp://x", "mailto:a@b"] {
            assert!(why(base, false).is_err(), "{base}");
        }
    }

    #[test]
    fn statuses_mean_what_they_say() {
        assert_eq!(refused(StatusCode::GONE).to_string(), "unavailable: 410 Gone");
        assert_eq!(refused(StatusCode::UNAUTHORIZED).to_string(), "forbidden: 401 Unauthorized");
        assert_eq!(refused(StatusCode::FOUND).to_string(), "unavailable: 302 Found");
        assert_eq!(refused(StatusCode::from_u16(599).unwrap()).to_string(), "unavailable: 599");
    }

    #[test]
    fn what_would_be_masked_is_not_sent() {
        let redactor = Redactor::fixed();
        assert!(sendable(&redactor, "text ~ \"checkout\"").is_ok());
        assert!(sendable(&redactor, "text ~ \"password=hunter2\"").is_err());
    }
}
