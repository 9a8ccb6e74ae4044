//! `GET /jobs/{task_id}`: where a job stands and what came of it. What somebody asked is told to nobody else.

use super::auth::{Role, caller};
use super::problem::Problem;
use super::request::Peer;
use super::state::App;
use crate::domain::{Job, JobKind, JobState};
use crate::ports::Books;
use crate::redact::Redactor;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/jobs/{task_id}", get(job))
}

async fn job<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(task_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let caller = caller(&app, &headers, peer.ip(), Role::Viewer)?;
    let is_theirs = |job: &Job| job.kind != JobKind::Ask || job.requested_by.as_deref() == Some(&caller.sub);
    let job = app.store.job(&task_id).await?.filter(is_theirs).ok_or_else(|| Problem::not_found("task"))?;
    Ok(Json(document(&job, &app.redactor)))
}

fn document(job: &Job, redactor: &Redactor) -> Value {
    let mut document = json!({
        "task_id": job.id,
        "kind": job.kind.as_str(),
        "status": job.state.as_str(),
        "attempts": job.attempts,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "incident_id": job.incident_id,
        "run_id": job.run_id,
    });
    let (key, value) = match (&job.error, job.state) {
        (Some(error), state) if state != JobState::Done => ("error", json!(redactor.text(error))),
        _ => ("result", json!(job.result)),
    };
    document[key] = value;
    document
}
