//! A collector of traces that takes OTLP over HTTP, in protobuf (OTLP specification 1.x, "OTLP/HTTP"). What is in a request is
//! the telemetry's; who is asked, and which of its answers mean "later", is decided here.

use super::http::{HttpError, client_of_library, endpoint, origin, reason, secret_header};
use crate::telemetry::Undelivered;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use std::time::Duration;

/// So long one request may take (OTEL_EXPORTER_OTLP_TIMEOUT's default).
const TIME: Duration = Duration::from_secs(10);

/// The collector.
#[derive(Clone, Debug)]
pub struct Collector {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

impl Collector {
    /// At this address, which `v1/traces` is put below. `headers` are `name=value` with commas between, the values escaped as
    /// in a URL: OTEL_EXPORTER_OTLP_HEADERS. They are never shown.
    ///
    /// # Errors
    /// The address or a header can't be used, or the TLS library can't be set up.
    pub fn new(address: &str, headers: &str) -> Result<Self, HttpError> {
        let mut all = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))]);
        for header in headers.split(',').map(str::trim).filter(|header| !header.is_empty()) {
            let unusable = || HttpError::Setup("a header of OTEL_EXPORTER_OTLP_HEADERS can't be used: name=value,…".to_owned());
            let (name, value) = header.split_once('=').ok_or_else(unusable)?;
            let name = HeaderName::try_from(name.trim()).map_err(|_| unusable())?;
            all.insert(name, secret_header(&unescaped(value.trim())).map_err(|_| unusable())?);
        }
        Ok(Self { client: client_of_library(TIME)?, url: endpoint(address, &["v1", "traces"])?, headers: all })
    }

    /// Brings it a request.
    ///
    /// # Errors
    /// It did not take it, now or at all.
    pub async fn deliver(&self, body: Vec<u8>) -> Result<(), Undelivered> {
        let sent = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send().await;
        match sent {
            Err(error) => Err(Undelivered::Again(format!("{}: {}", origin(&self.url), reason(&error)))),
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                let (status, why) = (answer.status(), format!("{}: status {}", origin(&self.url), answer.status().as_u16()));
                // "Retryable Response Codes" of the specification.
                let later = matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                );
                Err(if later { Undelivered::Again(why) } else { Undelivered::Never(why) })
            }
        }
    }
}

/// Without the escapes of a URL; what is none stays as it is.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Once;
    use wiremock::matchers::{body_bytes, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn collector(address: &str, headers: &str) -> Result<Collector, HttpError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| _ = rustls::crypto::ring::default_provider().install_default());
        Collector::new(address, headers)
    }

    #[tokio::test]
    async fn a_request_arrives_as_it_is_with_its_headers() {
        let server = MockServer::start().await;
        let expected = Mock::given(method("POST"))
            .and(path("/otel/v1/traces"))
            .and(header("content-type", "application/x-protobuf"))
            .and(header("authorization", "Bearer a=b"))
            .and(header("x-team", "sre"))
            .and(body_bytes(b"\x0a\xff\x00"));
        expected.respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
        let collector = collector(&format!("{}/otel/", server.uri()), "authorization=Bearer%20a%3Db, x-team=sre").unwrap();
        assert_eq!(collector.deliver(b"\x0a\xff\x00".to_vec()).await, Ok(()));
        assert!(!format!("{collector:?}").contains("Bearer a"));
    }

    #[tokio::test]
    async fn some_answers_mean_later_and_others_never() {
        let server = MockServer::start().await;
        for (status, later) in [(429, true), (502, true), (503, true), (504, true), (400, false), (401, false), (404, false)] {
            server.reset().await;
            Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
            let refused = collector(&server.uri(), "").unwrap().deliver(Vec::new()).await;
            assert_eq!(matches!(refused, Err(Undelivered::Again(_))), later, "{status}: {refused:?}");
            assert!(refused.is_err());
        }
        let gone = server.uri();
        drop(server);
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = collector(&format!("http://{closed}"), "").unwrap().deliver(Vec::new()).await;
        assert!(matches!(refused, Err(Undelivered::Again(_))), "{gone} {refused:?}");
    }

    #[test]
    fn what_cannot_be_used_is_said_without_its_value() {
        for (address, headers) in
            [("nowhere", ""), ("http://user:hunter2@host", ""), ("http://host", "hunter2"), ("http://host", "a b=hunter2")]
        {
            let error = collector(address, headers).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(unescaped("100%,%zz%4"), "100%,%zz%4");
    }
}
