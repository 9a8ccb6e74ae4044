//! One GET to the API server: with a deadline, a limit on what is read, and patience with a server that is busy. It
//! never writes, and never puts a body or a credential into an error.

use super::fault::{self, Fault};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use kube::Client;
use kube::client::Body;
use std::time::Duration;
use tokio::time::Instant;

/// How often a busy server (429) is asked again before its answer stands.
const BUSY_RETRIES: u32 = 4;
/// How long to wait where a busy server doesn't say (`Retry-After`), as client-go does.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before a failing server (5xx) is asked once more.
const FAILED_WAIT: Duration = Duration::from_millis(200);

/// The moment by which something must be done, and how long that was when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// This long from now.
    pub fn after(allowed: Duration) -> Self {
        Self { at: Instant::now() + allowed, allowed }
    }

    /// This long from now, but not later than this deadline.
    pub fn within(self, allowed: Duration) -> Self {
        let sooner = Self::after(allowed);
        if sooner.at < self.at { sooner } else { self }
    }

    fn missed(self) -> Fault {
        Fault::Unreachable(format!("no answer within {} s", self.allowed.as_secs_f32()))
    }
}

/// What is done about an answer of 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnServerError {
    /// Ask once more: the server is restarting, or its storage has a new leader.
    AskAgain,
    /// Take it as the answer: what fails is behind the server (a kubelet), and asking costs seconds each time.
    GiveUp,
}

/// An answer of 2xx.
#[derive(Debug)]
pub(super) struct Answer {
    /// The server's clock, from the `Date` header.
    pub date: Option<Timestamp>,
    pub body: Vec<u8>,
}

/// GETs a path with its query. A busy server (429) is waited for as long as it asks, within the deadline; 5xx is
/// handled as `server_error` says.
pub(super) async fn get(
    client: &Client,
    path: &str,
    deadline: Deadline,
    max_bytes: usize,
    server_error: OnServerError,
) -> Result<Answer, Fault> {
    let (mut busy, mut failed) = (0, 0);
    loop {
        let fault = match tokio::time::timeout_at(deadline.at, get_once(client, path, max_bytes)).await {
            Err(_) => return Err(deadline.missed()),
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(fault)) => fault,
        };
        let wait = match &fault {
            Fault::Refused { code: 429, retry_after, .. } if busy < BUSY_RETRIES => {
                busy += 1;
                retry_after.unwrap_or(BUSY_WAIT)
            }
            Fault::Refused { code: 500.., retry_after, .. } if failed == 0 && server_error == OnServerError::AskAgain => {
                failed += 1;
                retry_after.unwrap_or(FAILED_WAIT)
            }
            _ => return Err(fault),
        };
        if deadline.at.duration_since(Instant::now()) <= wait {
            return Err(fault);
        }
        tokio::time::sleep(wait).await;
    }
}

async fn get_once(client: &Client, path: &str, max_bytes: usize) -> Result<Answer, Fault> {
    let request = Request::get(path)
        .header(header::ACCEPT, "application/json, text/plain")
        .body(Body::empty())
        .map_err(|_| Fault::Unreadable("the request's path is not a valid one".to_owned()))?;
    // Client::send, not request_text: that one drops the headers, and logs the bodies of failures.
    let response = client.send(request).await.map_err(|error| fault::of_transport(&error))?;
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, max_bytes).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Fault::Unreadable(format!("the answer is larger than {} MiB", max_bytes >> 20)));
        }
        Err(error) => return Err(fault::of_chain(error.as_ref())),
    };
    if parts.status.is_success() {
        return Ok(Answer { date: date(&parts.headers), body });
    }
    Err(Fault::Refused {
        code: parts.status.as_u16(),
        why: fault::of_status(parts.status, &body),
        retry_after: seconds(&parts.headers, parts.status),
    })
}

/// The `Date` header, an RFC 9110 IMF-fixdate, which RFC 2822 covers.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(headers.get(header::DATE)?.as_bytes()).ok()
}

/// `Retry-After` in its form of seconds, the only one that the API server uses.
fn seconds(headers: &HeaderMap, status: StatusCode) -> Option<Duration> {
    let asks = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let value = headers.get(header::RETRY_AFTER).filter(|_| asks)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A piece of a path or a query's value, with everything but RFC 3986's unreserved characters percent-encoded, so that
/// a name from outside can't lead to another path.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            // A path of `.` or `..` would be another path.
            b'.' if text.bytes().any(|other| other != b'.') => out.push('.'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_date_header_is_read_as_the_servers_clock() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(header::DATE, "Sun, 22 Nov 2026 21:07:31 GMT".parse().unwrap());
        assert_eq!(date(&headers), Some("2026-11-22T21:07:31Z".parse().unwrap()));
        headers.insert(header::DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(encode("web-0.shop"), "web-0.shop");
        assert_eq!(encode("../secrets?x=1"), "..%2Fsecrets%3Fx%3D1");
        assert_eq!(encode(".."), "%2E%2E");
        assert_eq!(encode("type!=a,b"), "type%21%3Da%2Cb");
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_path_is_one_segment(name in ".*") {
            let path = format!("/api/v1/namespaces/{}/pods", encode(&name));
            let uri: http::Uri = path.parse().unwrap();
            prop_assert_eq!(uri.path().matches('/').count(), 5);
            prop_assert_eq!(uri.query(), None);
        }
    }
}
