//! All routes, in one place.

use super::state::App;
use super::{answer, health, interactions, status, webhook};
use crate::ports::Books;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

/// Every path there is, the only ones that metrics name.
pub(super) const ROUTES: &[&str] = &[
    "/webhooks/alertmanager",
    "/webhooks/status/{task_id}",
    "/discord/interactions",
    "/copilot",
    "/jobs/{task_id}",
    "/approvals/{id}",
    "/approvals/{id}/approve",
    "/approvals/{id}/reject",
    "/replay/{incident_id}",
    "/evaluation/{id}/submit",
    "/evaluation/stats",
    "/incidents",
    "/incidents/{id}",
    "/incidents/{id}/timeline",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Every endpoint. `/metrics` is among them where it has no address of its own.
pub fn router<S: Books>(app: App<S>) -> Router {
    let mut routes =
        Router::new().merge(webhook::routes()).merge(status::routes()).merge(health::routes()).merge(interactions::routes());
    if app.settings.serve.metrics_listen.is_none() {
        routes = routes.merge(health::metrics());
    }
    formed(routes, app)
}

/// `/metrics` alone.
pub fn metrics<S: Books>(app: App<S>) -> Router {
    formed(health::metrics(), app)
}

/// With what all answers have in common. The framework's own 404 and 405 pass through here too.
pub fn formed<S: Books>(routes: Router<App<S>>, app: App<S>) -> Router {
    routes
        .fallback(|| async { http::StatusCode::NOT_FOUND })
        .layer(CatchPanicLayer::custom(answer::panicked))
        .layer(middleware::from_fn(answer::formed))
        .with_state(app)
}
