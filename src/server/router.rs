//! All routes, in one place.

use super::state::App;
use super::{answer, approvals, copilot, evaluation, figures, health, incidents, interactions, jobs, replay, status, webhook};
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
    let operators =
        Router::new().merge(jobs::routes()).merge(approvals::routes()).merge(evaluation::routes()).merge(copilot::routes());
    let mut routes = Router::new()
        .merge(webhook::routes())
        .merge(status::routes())
        .merge(health::routes())
        .merge(interactions::routes())
        .merge(incidents::routes())
        .merge(replay::routes())
        .merge(operators);
    if app.settings.serve.metrics_listen.is_none() {
        routes = routes.merge(figures::routes());
    }
    formed(routes, app)
}

/// `/metrics` alone.
pub fn metrics<S: Books>(app: App<S>) -> Router {
    formed(figures::routes(), app)
}

/// With what all answers have in common. The framework's own 404 and 405 pass through here too.
fn formed<S: Books>(routes: Router<App<S>>, app: App<S>) -> Router {
    routes
        .fallback(|| async { http::StatusCode::NOT_FOUND })
        .layer(CatchPanicLayer::custom(answer::panicked))
        .layer(middleware::from_fn(answer::formed))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::redact::Redactor;
    use crate::store::Store;
    use axum::body::Body;
    use axum::response::IntoResponse;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use jiff::Timestamp;
    use serde_json::Value;
    use std::sync::Arc;

    async fn ask(path: &str) -> (u16, Value, bool) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("state.db"), Timestamp::now).unwrap());
        let app = App::new(store, Settings::default(), Arc::new(Timestamp::now), Redactor::fixed()).unwrap();
        let panics = || async {
            let none = Vec::<u8>::new();
            assert!(!none.is_empty(), "a secret of ours");
            "never".into_response()
        };
        let routes = Router::new().route("/panics", get(panics)).route("/fails", get(|| async { http::StatusCode::BAD_GATEWAY }));
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let response = TowerToHyperService::new(formed(routes, app)).call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        let is_problem = parts.headers["content-type"] == "application/problem+json"
            && parts.headers[answer::REQUEST_ID] == document["request_id"].as_str().unwrap();
        (parts.status.as_u16(), document, is_problem)
    }

    #[tokio::test]
    async fn a_panic_costs_one_request_and_tells_nothing() {
        let (status, document, is_problem) = ask("/panics").await;
        assert!(status == 500 && is_problem && document["code"] == "internal", "{document}");
        assert!(!document.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn whatever_fails_has_the_same_form() {
        for (path, status, code) in [("/fails", 502, "internal"), ("/nowhere", 404, "not_found")] {
            let (got, document, is_problem) = ask(path).await;
            assert!(got == status && is_problem && document["code"] == code, "{document}");
        }
    }
}
