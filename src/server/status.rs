//! `GET /webhooks/status/{task_id}`: where a job that a delivery queued stands.

use super::state::App;
use crate::ports::Books;
use axum::Router;

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new()
}
