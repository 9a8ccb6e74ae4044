//! `GET /webhooks/status/{task_id}`: where a job stands that a delivery queued. A question's job isn't told of: it is its
//! asker's.

use super::auth::{Role, caller};
use super::problem::Problem;
use super::request::Peer;
use super::state::App;
use crate::domain::JobKind;
use crate::ports::Books;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/webhooks/status/{task_id}", get(status))
}

async fn status<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(task_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    if app.senders.check(&headers, b"", peer.ip(), app.now()).is_err() {
        caller(&app, &headers, peer.ip(), Role::Viewer)?;
    }
    let job = app.store.job(&task_id).await?.filter(|job| job.kind != JobKind::Ask);
    let job = job.ok_or_else(|| Problem::not_found("task"))?;
    Ok(Json(json!({"task_id": job.id, "status": job.state.as_str()})))
}
