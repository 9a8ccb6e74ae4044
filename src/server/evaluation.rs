//! `POST /evaluation/{id}/submit` and `GET /evaluation/stats`: what people think of analyses, and how it adds up.

use super::auth::{Role, caller, caller_with};
use super::problem::Problem;
use super::request::{Params, Peer};
use super::state::App;
use crate::diagnose;
use crate::domain::Feedback;
use crate::ports::Books;
use crate::telemetry::metrics;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest comment, in characters.
const LONGEST_COMMENT: usize = 2000;

/// The routes.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/evaluation/{id}/submit", post(submit)).route("/evaluation/stats", get(stats))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluation {
    score: i64,
    is_accepted: bool,
    cause: Option<String>,
    comment: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

async fn submit<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    request: Request,
) -> Result<axum::Json<Value>, Problem> {
    let (caller, said) = caller_with::<S, Evaluation>(&app, peer, Role::Operator, request).await?;
    let score = checked(&said)?;
    let (incident_id, run_id) = analysis(&app, &id).await?;
    let feedback = Feedback {
        incident_id,
        run_id,
        by: caller.actor(),
        channel: "http".to_owned(),
        score,
        is_accepted: said.is_accepted,
        reason: None,
        cause: said.cause,
        comment: said.comment.map(|comment| app.redactor.text(&comment).into_owned()),
        at: app.now(),
    };
    app.store.put_feedback(feedback).await?;
    metrics().feedback(said.is_accepted);
    Ok(axum::Json(json!({"status": "recorded"})))
}

/// All that is wrong with it, at once; else the score.
fn checked(said: &Evaluation) -> Result<u8, Problem> {
    let score = u8::try_from(said.score).ok().filter(|score| (1..=5).contains(score));
    let cause = said.cause.as_deref().filter(|id| diagnose::cause(id).is_none());
    let comment = said.comment.as_deref().filter(|text| text.chars().count() > LONGEST_COMMENT);
    let faults = [
        ("score", score.is_none(), "is from 1 to 5".to_owned()),
        ("cause", cause.is_some(), "is no id of a cause: sre-copilot explain lists them".to_owned()),
        ("comment", comment.is_some(), format!("is longer than {LONGEST_COMMENT} characters")),
    ];
    let mut wrong = faults.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
    match (score, wrong.next()) {
        (Some(score), None) => Ok(score),
        (_, first) => {
            let (path, why) = first.map(|(path, _, why)| (path, why)).unwrap_or_default();
            Err(wrong.fold(Problem::invalid(path, why), |problem, (path, _, why)| problem.fault(path, why)))
        }
    }
}

/// The analysis that is meant: by its own id, or an incident's newest.
async fn analysis<S: Books>(app: &App<S>, id: &str) -> Result<(String, String), Problem> {
    if let Some(run) = app.store.run(id).await? {
        return Ok((run.incident, run.id));
    }
    let record = app.store.incident(id).await?.ok_or_else(|| Problem::not_found("incident or analysis"))?;
    let newest = record.runs.last().ok_or_else(|| Problem::not_found("analysis"))?;
    Ok((newest.incident.clone(), newest.id.clone()))
}

async fn stats<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    headers: HeaderMap,
    span: Result<Params<Span>, Problem>,
) -> Result<axum::Json<Value>, Problem> {
    caller(&app, &headers, peer.ip(), Role::Viewer)?;
    let Params(Span { from, to }) = span?;
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Problem::invalid("to", "is not after from"));
    }
    let counts = app.store.feedback_counts(from, to).await?;
    let mut document = serde_json::to_value(&counts).unwrap_or_default();
    document["accuracy_rate"] = json!(counts.accuracy_rate());
    Ok(axum::Json(document))
}
