//! `POST /copilot`: takes a question and queues it. Whether and how it is answered is the worker's; who asked alone gets the
//! answer, from `GET /jobs/{task_id}`.

use super::auth::{Role, asks, caller_with};
use super::problem::Problem;
use super::request::Peer;
use super::state::App;
use crate::pipeline;
use crate::ports::{AskError, Books, NewQuestion};
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::post;
use http::StatusCode;
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
    request: Request,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let (caller, question) = caller_with::<S, Question>(&app, peer, Role::Operator, request).await?;
    asks(&app, &caller)?;
    if question.conversation_id.as_deref().is_some_and(|id| Uuid::parse_str(id).is_err()) {
        return Err(Problem::invalid("conversation_id", "is no UUID"));
    }
    let about = NewQuestion {
        by: caller.sub,
        conversation: question.conversation_id,
        incident: question.incident,
        target: None,
        prompt: question.prompt,
    };
    let asked = pipeline::ask(&*app.store, &app.redactor, about).await.map_err(|error| match error {
        AskError::NoConversation => Problem::not_found("conversation"),
        AskError::NoIncident => Problem::not_found("incident"),
        AskError::Over(_) => Problem::invalid("conversation_id", error.to_string()),
        AskError::Invalid(why) => Problem::invalid("prompt", why),
        AskError::Store(error) => error.into(),
    })?;
    app.queued.send_replace(());
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"task_id": asked.job.id, "conversation_id": asked.conversation}))))
}
