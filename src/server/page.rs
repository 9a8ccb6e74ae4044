//! In which form an answer goes out, and what a page is sent with so that it stays what it is: nothing is loaded, run, framed or
//! told to others.

use crate::render::content_security_policy;
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// Whether a page is wanted rather than JSON, which is what is answered when nobody says.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    let weight = |kind: &str| {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next()?.eq_ignore_ascii_case(kind);
            let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
            q.filter(|_| is_it)
        });
        ranges.fold(0.0, f32::max)
    };
    let page = weight("text/html").max(weight("application/xhtml+xml"));
    page > 0.0 && page > weight("application/json")
}

/// A page.
pub(super) fn page(html: String) -> Response {
    let policy = HeaderValue::from_str(&content_security_policy()).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    private(response)
}

/// The same as JSON.
pub(super) fn json(document: impl Serialize) -> Response {
    private(axum::Json(document).into_response())
}

/// What was answered to one person isn't kept for another, and not for another form either.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, authorization"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", false)]
    #[case("*/*", false)]
    #[case("application/json", false)]
    #[case("text/html", true)]
    #[case("TEXT/HTML;charset=utf-8", true)]
    #[case("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true)]
    #[case("application/json, text/html", false)]
    #[case("application/json;q=0.5, text/html;q=0.9", true)]
    #[case("text/html;q=0", false)]
    #[case("text/html;q=x", false)]
    fn who_prefers_a_page_gets_one(#[case] accept: &str, #[case] expected: bool) {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
        assert_eq!(wants_page(&headers), expected);
        assert!(!wants_page(&HeaderMap::new()));
    }
}
