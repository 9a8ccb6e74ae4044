//! `POST /replay/{incident_id}`: an analysis again, today's code over what was recorded, or anew.

use super::auth::{Role, asks, caller};
use super::problem::{Code, Problem};
use super::request::{self as read, Peer};
use super::state::App;
use crate::domain::{Class, JobKind};
use crate::ports::{Books, NewJob};
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/replay/{incident_id}", post(replay))
}

/// What is run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Today's code over what the newest analysis read.
    #[default]
    Recorded,
    /// A new analysis.
    Live,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    mode: Mode,
}

async fn replay<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(incident): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = caller(&app, request.headers(), peer.ip(), Role::Operator)?;
    asks(&app, &caller)?;
    let has_body =
        request.headers().get(CONTENT_LENGTH).map_or(request.headers().contains_key(TRANSFER_ENCODING), |length| length != "0");
    let mode = if has_body { read::Json::<Asked>::from_request(request, &app).await?.0.mode } else { Mode::default() };
    let job = match mode {
        Mode::Live => app.store.ask_for_run(&incident, &caller.sub).await?,
        Mode::Recorded => {
            let Some(record) = app.store.incident(&incident).await? else { return Err(Problem::not_found("incident")) };
            let recorded = record.runs.last().map(|run| app.store.recording(&record.incident.id, &run.id));
            if !recorded.is_some_and(|folder| folder.is_dir()) {
                return Err(Problem::new(Code::NoRecording, "what the newest analysis of this incident read was not kept"));
            }
            let job = NewJob {
                kind: JobKind::Replay,
                class: Class::Ask,
                incident_id: Some(incident.clone()),
                dedup_key: Some(format!("replay:{incident}")),
                payload: json!({"mode": mode}),
                requested_by: Some(caller.sub),
                not_before: None,
            };
            Some(app.store.enqueue(job).await?)
        }
    };
    let job = job.ok_or_else(|| Problem::not_found("incident"))?;
    app.queued.send_replace(());
    // An incident that was merged is analysed as the one that it turned out to be.
    let incident = job.incident_id.unwrap_or(incident);
    Ok((StatusCode::ACCEPTED, Json(json!({"task_id": job.id, "incident_id": incident, "mode": mode}))).into_response())
}
