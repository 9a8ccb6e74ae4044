//! `POST /webhooks/alertmanager`: an alert is on disk before its sender is answered. No cluster, model or Discord is asked.

use super::bodies::{self, Bytes};
use super::problem::{Code, Problem};
use super::request::{Params, Peer, is_json};
use super::state::App;
use crate::domain::{Delivery, Reading};
use crate::ports::{Accepted, Books, Taken};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{RequestExt, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::timeout;

/// So long a commit may take before the sender is told to come again. Group commits take milliseconds.
const COMMIT: Duration = Duration::from_secs(10);
/// A body that is longer than this, in bytes, is read on a thread of its own, so that it holds up nobody's answer.
const LONG: usize = 64 << 10;
/// The longest name of a cluster in the URL, in bytes: that of a label.
const LONGEST_CLUSTER: usize = 4 << 10;

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/webhooks/alertmanager", post(take))
}

#[derive(Deserialize)]
struct Query {
    cluster: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    #[serde(flatten)]
    accepted: Accepted,
}

async fn take<S: Books>(State(app): State<App<S>>, peer: Peer, mut request: Request) -> Result<Response, Problem> {
    let query = request.extract_parts_with_state::<Params<Query>, _>(&app).await;
    let (parts, body) = request.into_parts();
    let mut body = bodies::read(&app, &parts.headers, body, app.settings.serve.max_body).await?;
    app.senders
        .check(&parts.headers, body.as_slice(), peer.ip(), app.now())
        .map_err(|refusal| Problem::new(Code::Unauthenticated, "who sends could not be told").because(format!("{refusal:?}")))?;
    is_json(&parts.headers)?;
    let cluster = query.ok().and_then(|Params(query)| query.cluster).filter(|name| !name.is_empty());
    if cluster.as_ref().is_some_and(|name| name.len() > LONGEST_CLUSTER) {
        return Err(Problem::new(Code::Unparsable, "the name of the cluster is too long"));
    }
    let (body_again, read) = if body.as_slice().len() > LONG {
        let app = app.clone();
        let task = tokio::task::spawn_blocking(move || {
            let read = read(&app, &body, cluster.as_deref());
            (body, read)
        });
        task.await.map_err(|error| Problem::new(Code::Internal, "the body could not be read").because(error))?
    } else {
        let read = read(&app, &body, cluster.as_deref());
        (body, read)
    };
    body = body_again;
    let delivery = match read {
        Ok(delivery) => delivery,
        Err(problem) => {
            app.store.set_aside("unparsable", body.as_slice()).await?;
            return Err(problem);
        }
    };
    let taken = timeout(COMMIT, app.store.take(delivery, body.take())).await;
    let late =
        |_| Problem::new(Code::StoreUnavailable, "it could not be stored in time; come again").because("no commit in time");
    let accepted = taken.map_err(late)??;
    if accepted.alerts.iter().any(|alert| alert.result == Taken::Queued) {
        app.queued.notify_one();
    }
    Ok((StatusCode::ACCEPTED, axum::Json(Answer { status: "accepted", accepted })).into_response())
}

fn read<S>(app: &App<S>, body: &Bytes, cluster: Option<&str>) -> Result<Delivery, Problem> {
    let serve = &app.settings.serve;
    let payload = serde_json::from_slice(body.as_slice())
        .map_err(|error| Problem::new(Code::Unparsable, "the body is no JSON").because(error))?;
    let how = Reading {
        cluster_labels: &serve.cluster_labels,
        default_cluster: cluster.unwrap_or(&serve.default_cluster),
        severities: &serve.severity_map,
        received: app.now(),
    };
    Delivery::read(payload, &how).map_err(|error| Problem::new(Code::Unparsable, error.to_string()))
}
