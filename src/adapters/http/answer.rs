//! An answer: what a server sent, and what it says about itself.

use super::fault::HttpError;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// The longest wait that is believed; nobody waits that long anyway.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server answered, whatever its status.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// All of the body, decompressed.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Whether this is a page for people where data was asked for: of a proxy, a login, a wrong address.
    pub fn is_page(&self) -> bool {
        let html = self.header(CONTENT_TYPE).is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
        html || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The body as JSON of this shape.
    ///
    /// # Errors
    /// It is a page, or other JSON, or none. The body isn't quoted.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        if self.is_page() {
            return Err(HttpError::Unreadable(
                "a web page where JSON was asked for; check the address, and the proxy".to_owned(),
            ));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if error.is_data() { "JSON of another shape" } else { "no JSON" };
            HttpError::Unreadable(format!("{what}, at line {} column {}", error.line(), error.column()))
        })
    }

    /// What `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date, which is compared with the server's own
    /// clock where it tells it.
    pub fn retry_after(&self) -> Option<Duration> {
        let asked = self.header(RETRY_AFTER)?.trim();
        if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
            // What is too long for a number is long.
            return Some(asked.parse().map_or(LONGEST_WAIT, Duration::from_secs).min(LONGEST_WAIT));
        }
        let until = httpdate::parse_http_date(asked).ok()?;
        let now = self.header(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
        Some(until.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
    }

    /// Each code or type that an error's body has, in the shapes of the APIs that models are served by.
    pub fn codes(&self) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else { return Vec::new() };
        let places = ["/error/code", "/error/type", "/error/details/error_code", "/code", "/type"];
        places.iter().filter_map(|place| body.pointer(place)?.as_str()).map(str::to_ascii_lowercase).collect()
    }

    /// What the server says, whole and as it is: the message of an error's JSON, else the first line of text.
    pub(super) fn said(&self) -> String {
        if self.status.is_redirection() {
            let to = self.header(LOCATION).and_then(|to| reqwest::Url::parse(to).ok()).map(|to| super::origin(&to));
            return format!("redirected{}; check the address", to.map(|to| format!(" to {to}")).unwrap_or_default());
        }
        if self.is_page() {
            return "a web page; check the address, and the proxy".to_owned();
        }
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            let text = String::from_utf8_lossy(&self.body);
            let line = text.lines().find(|line| !line.trim().is_empty()).map(str::to_owned);
            return line.unwrap_or_else(|| "no reason given".to_owned());
        };
        let places = ["/error/message", "/error", "/message", "/detail"];
        let message = places.iter().filter_map(|place| body.pointer(place)?.as_str()).find(|text| !text.is_empty());
        message.unwrap_or("no reason given").to_owned()
    }

    fn header(&self, name: reqwest::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> HttpAnswer {
        let headers = headers.iter().map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        HttpAnswer { status: StatusCode::from_u16(status).unwrap(), headers: headers.collect(), body: body.to_vec() }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_of_the_servers_clock() {
        let wait = |asked: &str| {
            let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
            answer(429, &[("retry-after", asked), date], b"").retry_after().map(|wait| wait.as_secs())
        };
        assert_eq!(wait("2"), Some(2));
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(wait("99999999999999999999999"), Some(LONGEST_WAIT.as_secs()));
        assert_eq!([wait(""), wait("-1"), wait("soon"), wait("1.5")], [None; 4]);
        assert_eq!(answer(429, &[], b"").retry_after(), None);
    }

    #[test]
    fn what_a_server_says_is_found_in_each_shape() {
        let said = |body: &str| answer(400, &[], body.as_bytes()).said();
        assert_eq!(said(r#"{"type":"error","error":{"type":"x","message":"too long"}}"#), "too long");
        assert_eq!(said(r#"{"error":"model not found"}"#), "model not found");
        assert_eq!(said(r#"{"object":"error","message":"no such model"}"#), "no such model");
        assert_eq!(said(r#"{"detail":"Not Found"}"#), "Not Found");
        assert_eq!(said("\nno such thing\nmore"), "no such thing");
        assert_eq!(said(""), "no reason given");
        assert!(said("<html>").starts_with("a web page"));
        let moved = answer(307, &[("location", "https://sso.corp/login?token=abc")], b"").said();
        assert_eq!(moved, "redirected to https://sso.corp; check the address");
    }

    #[test]
    fn a_page_with_success_is_no_answer() {
        for (headers, body) in [(vec![], "  <!doctype html>"), (vec![("content-type", "Text/HTML; charset=utf-8")], "{}")] {
            let error = answer(200, &headers, body.as_bytes()).json::<Value>().unwrap_err();
            assert!(error.to_string().contains("web page"), "{error}");
        }
        assert!(answer(200, &[], b"{\"a\"").json::<Value>().unwrap_err().to_string().contains("no JSON"));
    }

    proptest! {
        #[test]
        fn nothing_that_a_server_sends_is_too_much(
            body in proptest::collection::vec(any::<u8>(), 0..600), asked in "[ -~]{0,40}", status in 200u16..600,
        ) {
            let answer = answer(status, &[("retry-after", &asked), ("location", &asked)], &body);
            prop_assert!(answer.retry_after().is_none_or(|wait| wait <= LONGEST_WAIT));
            prop_assert!(!answer.said().is_empty());
            let _ = (answer.codes(), answer.json::<Value>().is_ok());
        }
    }
}
