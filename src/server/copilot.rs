//! `POST /copilot`: takes a question and queues it. Whether and how it is answered is the worker's; who asked alone gets the
//! answer, from `GET /jobs/{task_id}`.

use super::auth::{Role, asks, caller};
use super::problem::Problem;
use super::request::{Json, Peer};
use super::state::App;
use crate::domain::{Class, JobKind};
use crate::ports::{Books, NewJob};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/copilot", post(ask))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    prompt: String,
    incident: Option<String>,
    conversation_id: Option<String>,
}

async fn ask<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Json<Question>, Problem>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let caller = caller(&app, &headers, peer.ip(), Role::Operator)?;
    asks(&app, &caller)?;
    let Json(question) = body?;
    let most = app.settings.llm.prompt_input_max_chars;
    if question.prompt.trim().is_empty() {
        return Err(Problem::invalid("prompt", "is empty"));
    }
    if question.prompt.chars().count() > most {
        return Err(Problem::invalid("prompt", format!("is longer than {most} characters")));
    }
    let conversation_id = match question.conversation_id.as_deref().map(Uuid::parse_str) {
        None => Uuid::now_v7(),
        Some(Ok(id)) => id,
        Some(Err(_)) => return Err(Problem::invalid("conversation_id", "is no UUID")),
    }
    .to_string();
    if let Some(incident) = &question.incident {
        app.store.incident(incident).await?.ok_or_else(|| Problem::not_found("incident"))?;
    }
    let job = NewJob {
        kind: JobKind::Ask,
        class: Class::Ask,
        // Not the job's own: an analysis of the incident is nothing that a question waits for.
        incident_id: None,
        dedup_key: None,
        payload: json!({"prompt": question.prompt, "incident": question.incident, "conversation_id": conversation_id}),
        requested_by: Some(caller.sub),
        not_before: None,
    };
    let job = app.store.enqueue(job).await?;
    app.queued.notify_one();
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"task_id": job.id, "conversation_id": conversation_id}))))
}
