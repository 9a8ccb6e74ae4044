//! Asking a source beside the cluster: one deadline for all of it, retries for what may pass, and what each failure means. The
//! single attempt is [`HttpClient`]'s. It sends nothing that the redactor would mask.

use super::http::{HttpAnswer, HttpClient, HttpError, HttpRequest, SOURCE_ANSWER};
use crate::domain::SourceState;
use crate::redact::Redactor;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a source may take for everything that it is asked.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// How often is asked: once, and twice again where the failure may pass.
pub(super) const ATTEMPTS: u32 = 3;
/// The first pause before it is asked again; the second is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

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

/// A client that keeps connections.
#[derive(Clone, Debug)]
pub(super) struct Client(HttpClient);

impl Client {
    /// One client for each source.
    pub fn new(redactor: Redactor) -> Result<Self, SourceState> {
        HttpClient::new(redactor).map(Self).map_err(unavailable)
    }

    /// What masks what is sent and shown.
    pub fn redactor(&self) -> &Redactor {
        self.0.redactor()
    }

    /// Sends a request until an answer came that lasts, at most three times.
    ///
    /// # Errors
    /// How reading went: forbidden for 401 and 403, else unavailable with the reason.
    pub async fn send(&self, request: HttpRequest, deadline: Deadline) -> Result<HttpAnswer, SourceState> {
        deadline.wait(self.attempts(&request)).await?
    }

    async fn attempts(&self, request: &HttpRequest) -> Result<HttpAnswer, SourceState> {
        let mut attempt = 1;
        loop {
            let (state, is_passing) = match self.0.exchange(request, SOURCE_ANSWER, false).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => (refused(answer.status), answer.status.is_server_error()),
                Err(error) => (unavailable(error.clone()), matches!(error, HttpError::Unreachable(_) | HttpError::Broken(_))),
            };
            if !is_passing || attempt >= ATTEMPTS {
                return Err(state);
            }
            pause(attempt).await;
            attempt += 1;
        }
    }
}

/// The start of a request for JSON.
pub(super) fn request(method: Method, url: Url) -> HttpRequest {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    HttpRequest { method, url, headers, body: String::new() }
}

/// What is said of a source that can't be asked, or gave no answer.
pub(super) fn unavailable(error: HttpError) -> SourceState {
    SourceState::Unavailable(error.to_string())
}

/// Waits before what may pass is tried again.
pub(super) async fn pause(attempt: u32) {
    sleep(PAUSE * attempt).await;
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
