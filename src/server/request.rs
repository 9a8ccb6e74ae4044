//! How handlers read a request, so that what can't be read is answered in the one form: unknown keys are an error.

use super::bodies;
use super::problem::{Code, Problem};
use super::state::App;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::net::{IpAddr, SocketAddr};

/// The longest body of a request that a person writes, in bytes.
const LONGEST: usize = 256 << 10;

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

impl Peer {
    /// Its address.
    pub fn ip(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

impl<S: Send + Sync> FromRequestParts<App<S>> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App<S>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Self>().copied();
        peer.ok_or_else(|| Problem::new(Code::Internal, "who asks is not known").because("a connection without its peer"))
    }
}

/// A body of JSON. Whether a key that nobody knows is an error is the type's: `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<App<S>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App<S>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = bodies::read(&app.bodies, &parts.headers, body, LONGEST.min(app.settings.serve.max_body)).await?;
        is_json(&parts.headers)?;
        // Where everything may be left out, so may the body.
        let text = if body.as_slice().is_empty() { b"{}" } else { body.as_slice() };
        serde_json::from_slice(text).map(Self).map_err(|error| match error.classify() {
            Category::Data => Problem::invalid("", error.to_string()),
            _ => Problem::new(Code::Unparsable, "the body is no JSON").because(error),
        })
    }
}

/// The query of a URL, read into a type.
#[derive(Clone, Copy, Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<App<S>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App<S>) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|error| {
            let text = error.body_text();
            Problem::invalid("query", text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text))
        })
    }
}

/// That it says it is JSON, or nothing; and that it isn't compressed.
///
/// # Errors
/// 415.
pub fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::new(Code::UnsupportedMediaType, why));
    if headers.contains_key(CONTENT_ENCODING) {
        return refused("a body may not be compressed");
    }
    let essence =
        |value: &HeaderValue| value.to_str().ok().map(|text| text.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    match headers.get(CONTENT_TYPE).map(essence) {
        None => Ok(()),
        Some(Some(kind)) if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) => Ok(()),
        Some(_) => refused("a body has to be application/json"),
    }
}
