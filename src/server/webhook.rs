//! `POST /webhooks/alertmanager`: an alert is on disk before its sender is answered. No cluster, model or Discord is asked.

use super::state::App;
use crate::ports::Books;
use axum::Router;

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new()
}
