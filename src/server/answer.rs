//! What all answers have in common: an id, problems of one form, a panic that costs one request, and a line in the log about
//! what failed.

use super::problem::{Code, Problem};
use super::router::ROUTES;
use crate::telemetry::{Sparse, metrics, one_of};
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// The header of a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id, among its extensions: a UUID v7.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

static REFUSED: Sparse = Sparse::new();

/// Gives a request its id and every answer its form.
pub(super) async fn formed(mut request: Request, next: Next) -> Response {
    let id: Arc<str> = Uuid::now_v7().to_string().into();
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = one_of(ROUTES, path.as_ref().map_or("", MatchedPath::as_str));
    let (method, began) = (request.method().clone(), Instant::now());
    let span = tracing::info_span!("request", request_id = %id, %method, route);
    async {
        let mut response = next.run(request).await;
        if let Some(problem) = problem(&mut response) {
            log(&problem);
            write(&mut response, &problem, &id);
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        metrics().http_request(route, method.as_str(), response.status().as_u16(), began.elapsed());
        response
    }
    .instrument(span)
    .await
}

/// What a handler could not do; or the router, or an extractor of the framework, which have words of their own.
fn problem(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let detail = match status {
        StatusCode::NOT_FOUND => "there is nothing at this path",
        StatusCode::METHOD_NOT_ALLOWED => "this path takes other methods",
        _ => "the request can't be read",
    };
    Some(Problem::new(Code::of(status), detail).status(status))
}

fn log(problem: &Problem) {
    let (code, status) = (problem.code.as_str(), problem.status.as_u16());
    let cause = problem.cause.as_deref().unwrap_or(&problem.detail);
    if problem.code == Code::Unauthenticated {
        // Whoever guesses secrets writes no log of any length.
        if let Some(left_out) = REFUSED.now() {
            tracing::warn!(code, cause, left_out, "who asks could not be told; such requests are logged now and then");
        }
    } else if problem.status.is_server_error() {
        tracing::error!(code, status, cause, "a request failed");
    } else {
        tracing::debug!(code, status, cause, "a request was refused");
    }
}

fn write(response: &mut Response, problem: &Problem, id: &str) {
    let body = serde_json::to_vec(&problem.document(id)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if problem.status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 15.5.2: it has to be there.
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    *response.body_mut() = Body::from(body);
}

/// A caught panic. Its text is for our log.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let cause = format!("panic: {}", text.unwrap_or_else(|| "without words".to_owned()));
    Problem::new(Code::Internal, "this request met a fault of the program").because(cause).into_response()
}
