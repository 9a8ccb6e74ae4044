//! What is answered when a request can't be done: `application/problem+json` (RFC 9457), of one form on every path. Handlers
//! return a [`Problem`]; [`super::answer`] writes it out with the request's id, and logs what only we may know.

use crate::ports::StoreError;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// Alertmanager retries by gaps of its own, proxies by this: seconds.
pub(super) const RETRY_IN: u32 = 5;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong. The words are public.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word used in JSON, in metrics and in logs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The status that it is answered with, where nothing else is said.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The same for people, in a few words.
            fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// It is not of the form that was expected: no JSON, no array of alerts.
    Unparsable = "unparsable", BAD_REQUEST, "The request can't be read";
    /// Who asks could not be told.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Who asks could not be told";
    /// Who asks may not do this.
    Forbidden = "forbidden", FORBIDDEN, "Not allowed";
    /// There is no such thing, or it isn't theirs.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// There is, and it takes other methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Not by this method";
    /// The request took too long to arrive.
    Timeout = "timeout", REQUEST_TIMEOUT, "The request took too long";
    /// The request is longer than it may be.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The request is too large";
    /// It is no JSON, or it is compressed.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Not in this form";
    /// It can be read, and a value can't be.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "A value is not valid";
    /// It was decided already.
    NotPending = "not_pending", CONFLICT, "It does not wait for a decision";
    /// It is another plan than the one that was seen.
    DigestMismatch = "digest_mismatch", CONFLICT, "Another plan than the one that was seen";
    /// There is no bundle of the incident.
    NoRecording = "no_recording", CONFLICT, "There is no recording";
    /// It could have been done earlier.
    Expired = "expired", GONE, "Too late";
    /// Too many requests of one caller.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// Too much waits.
    QueueFull = "queue_full", SERVICE_UNAVAILABLE, "Too much waits";
    /// Nothing can be written or read at the moment.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "Not at the moment";
    /// A bug of ours.
    Internal = "internal", INTERNAL_SERVER_ERROR, "A fault of this program";
}

impl Code {
    /// Of a status that something else than a handler answered with.
    pub(super) fn of(status: StatusCode) -> Self {
        // What comes first in the list is the general case of its status.
        let known = Self::ALL.iter().find(|code| code.status() == status).copied();
        known.unwrap_or(if status.is_server_error() { Self::Internal } else { Self::Invalid })
    }
}

/// One value that is not valid, or one check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: the key, or the check.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// Why a request was not done.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// The status; that of the code, unless something else was said.
    pub status: StatusCode,
    /// One sentence for who asked: never text of an error, SQL, a path or a secret.
    pub detail: String,
    /// What is wrong in particular.
    pub errors: Vec<Fault>,
    /// When to come again, in seconds.
    pub retry_after: Option<u32>,
    /// What only our log may say.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem that is answered with its code's own status.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = code.status();
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_IN);
        Self { code, status, detail: detail.into(), errors: Vec::new(), retry_after, cause: None }
    }

    /// There is no such thing, or it isn't theirs.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// A value is not valid.
    pub fn invalid(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Code::Invalid, "a value of the request is not valid").fault(path, why)
    }

    /// With one more value that is not valid, or check that failed.
    #[must_use]
    pub fn fault(mut self, path: impl Into<String>, why: impl Into<String>) -> Self {
        self.errors.push(Fault { path: path.into(), why: why.into() });
        self
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// To be asked again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// With what only our log may say.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// What is sent.
    pub(super) fn document(&self, request_id: &str) -> impl Serialize + use<'_> {
        Document {
            kind: format!("urn:sre-copilot:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            request_id: request_id.to_owned(),
            errors: &self.errors,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    request_id: String,
    errors: &'a [Fault],
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = match &error {
            StoreError::Busy => Self::new(Code::QueueFull, "too much waits to be stored; come again"),
            StoreError::Invalid(_) => Self::new(Code::Internal, "it could not be stored"),
            _ => Self::new(Code::StoreUnavailable, "nothing can be stored at the moment; come again"),
        };
        problem.because(error)
    }
}

impl IntoResponse for Problem {
    /// Status and headers; the body is written by [`super::answer`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_general_code() {
        assert_eq!(Code::of(StatusCode::CONFLICT), Code::NotPending);
        assert_eq!(Code::of(StatusCode::SERVICE_UNAVAILABLE), Code::QueueFull);
        assert_eq!(Code::of(StatusCode::IM_A_TEAPOT), Code::Invalid);
        assert_eq!(Code::of(StatusCode::BAD_GATEWAY), Code::Internal);
    }

    #[test]
    fn what_the_store_says_stays_with_us() {
        let problem = Problem::from(StoreError::Failed("no such table: secrets".to_owned()));
        assert_eq!((problem.code, problem.retry_after), (Code::StoreUnavailable, Some(5)));
        let sent = serde_json::to_string(&problem.document("r")).unwrap();
        assert!(!sent.contains("table"), "{sent}");
        assert!(sent.contains(r#""type":"urn:sre-copilot:problem:store_unavailable""#), "{sent}");
    }
}
