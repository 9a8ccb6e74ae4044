//! `POST /webhooks/alertmanager`: an alert is on disk before its sender is answered. No cluster, model or Discord is asked.

use super::bodies::{self, Bytes};
use super::problem::{Code, Problem, RETRY_IN};
use super::request::{Params, Peer, is_json};
use super::sender::{Proof, Refusal};
use super::state::App;
use super::stopping::Phase;
use crate::domain::{Delivery, JobState, Reading, Unparsable};
use crate::ports::{Accepted, Books, Taken};
use crate::telemetry::metrics;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, RequestExt, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// So long a commit may take before the sender is told to come again. Usual ones take milliseconds, 20,000 alerts a second.
const COMMIT: Duration = Duration::from_secs(30);
/// A body that is longer than this, in bytes, is read on a thread of its own, so that it holds up nobody's answer.
const LONG: usize = 64 << 10;
/// So many bytes an alert takes in memory beside its texts.
const ALERT: usize = 900;
/// The longest name of a cluster in the URL, in bytes: that of a label.
const LONGEST_CLUSTER: usize = 4 << 10;

/// `PIPELINE_DIRECT_INVOKE`: so long a sender waits for the analyses of what it delivered, and so often is looked.
const DIRECT: Duration = Duration::from_secs(25);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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

/// Counts what came of a delivery.
async fn take<S: Books>(State(app): State<App<S>>, peer: Peer, request: Request) -> Result<Response, Problem> {
    let taken = taken(&app, peer, request).await;
    metrics().intake_batch(match &taken {
        Ok(accepted) if accepted.replayed => "replayed",
        Ok(_) => "accepted",
        Err(problem) => problem.code.as_str(),
    });
    let answer = Answer { status: "accepted", accepted: taken? };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

async fn taken<S: Books>(app: &App<S>, peer: Peer, mut request: Request) -> Result<Accepted, Problem> {
    let query = request.extract_parts_with_state::<Params<Query>, _>(app).await;
    let (parts, body) = request.into_parts();
    // Whose headers alone say no takes no room for a body, and who has yet to prove something takes none from those who have.
    let budget = match app.senders.check_headers(&parts.headers, peer.ip(), app.now()) {
        Ok(Proof::Shown) => &app.bodies,
        Ok(Proof::InBody) => &app.unproven,
        Err(refusal) => {
            bodies::refuse(&parts.headers, body).await;
            return Err(refused(refusal, peer));
        }
    };
    let body = bodies::read(budget, &parts.headers, body, app.settings.serve.max_body).await?;
    let checked = app.senders.check(&parts.headers, body.as_slice(), peer.ip(), app.now());
    checked.map_err(|refusal| refused(refusal, peer))?;
    app.sender_rate.take(peer.ip()).map_err(|seconds| {
        let problem = Problem::new(Code::RateLimited, "this sender delivers too often; come again");
        problem.status(StatusCode::SERVICE_UNAVAILABLE).retry_after(seconds.max(RETRY_IN))
    })?;
    is_json(&parts.headers)?;
    let cluster = query.ok().and_then(|Params(query)| query.cluster).filter(|name| !name.is_empty());
    if cluster.as_ref().is_some_and(|name| name.len() > LONGEST_CLUSTER) {
        return Err(Problem::new(Code::Unparsable, "the name of the cluster is too long"));
    }
    let (mut body, delivery) = parsed(app, body, cluster).await?;
    let delivery = match delivery {
        Ok(delivery) => delivery,
        Err(problem) => {
            app.store.set_aside(problem.code.as_str(), body.as_slice()).await?;
            metrics().intake_set_aside(problem.code.as_str());
            return Err(problem);
        }
    };
    body.count_in(&app.bodies, delivery.alerts.len() * ALERT)?;
    let words: Vec<_> = delivery.alerts.iter().map(|alert| if alert.is_resolved { "resolved" } else { "firing" }).collect();
    let bad: Vec<_> = delivery.set_aside.iter().map(|bad| bad.code).collect();
    let began = Instant::now();
    let late =
        |_| Problem::new(Code::StoreUnavailable, "it could not be stored in time; come again").because("no commit in time");
    let (store, raw) = (Arc::clone(&app.store), body.take());
    // It counts among the bodies for as long as the writer has it, whether or not somebody still waits for the answer.
    let taking = tokio::spawn(async move {
        let taken = store.take(delivery, raw).await;
        drop(body);
        taken
    });
    let taken = timeout(COMMIT, taking).await.map_err(late)?;
    let accepted = taken.map_err(|error| Problem::new(Code::Internal, "it could not be stored").because(error))??;
    metrics().intake_commit(began.elapsed());
    if accepted.replayed {
        return Ok(accepted);
    }
    bad.into_iter().for_each(|code| metrics().intake_set_aside(code));
    for (alert, word) in accepted.alerts.iter().zip(words) {
        metrics().intake_alert(word, alert.result.as_str());
    }
    if accepted.alerts.iter().any(|alert| alert.task_id.is_some()) {
        app.queued.send_replace(());
    }
    if app.settings.serve.direct_invoke { Ok(waited_for(app, accepted).await) } else { Ok(accepted) }
}

/// The answer to a sender that could not prove who it is is the same for every reason; the log has that.
fn refused(refusal: Refusal, peer: Peer) -> Problem {
    let why = format!("a sender of alerts could not prove who it is: {refusal:?}, from {}", peer.ip());
    Problem::new(Code::Unauthenticated, "who sends could not be told").because(why)
}

/// Waits until the workers have done what a delivery queued, but not for long: the rest goes on by itself.
async fn waited_for<S: Books>(app: &App<S>, mut accepted: Accepted) -> Accepted {
    let until = Instant::now() + DIRECT;
    let mut left: BTreeSet<_> = accepted.alerts.iter().filter_map(|alert| alert.task_id.clone()).collect();
    let mut done = BTreeSet::new();
    while !left.is_empty() && Instant::now() < until && app.stopping.phase() == Phase::Serving {
        for task in &left {
            // What can't be read is not done.
            if let Ok(Some(job)) = app.store.job(task).await
                && !matches!(job.state, JobState::Queued | JobState::Running)
            {
                done.insert(task.clone());
            }
        }
        left.retain(|task| !done.contains(task));
        if !left.is_empty() {
            sleep(LOOK_AGAIN).await;
        }
    }
    for alert in &mut accepted.alerts {
        if alert.task_id.as_ref().is_some_and(|task| done.contains(task)) {
            alert.result = Taken::Direct;
        }
    }
    accepted
}

/// Reads a body, a long one on a thread of its own.
async fn parsed<S: Books>(
    app: &App<S>,
    body: Bytes,
    cluster: Option<String>,
) -> Result<(Bytes, Result<Delivery, Problem>), Problem> {
    if body.as_slice().len() <= LONG {
        let delivery = read(app, &body, cluster.as_deref());
        return Ok((body, delivery));
    }
    let _turn = app.parsing.acquire().await;
    let app = app.clone();
    let task = tokio::task::spawn_blocking(move || {
        let delivery = read(&app, &body, cluster.as_deref());
        (body, delivery)
    });
    task.await.map_err(|error| Problem::new(Code::Internal, "the body could not be read").because(error))
}

fn read<S>(app: &App<S>, body: &Bytes, cluster: Option<&str>) -> Result<Delivery, Problem> {
    let serve = &app.settings.serve;
    let how = Reading {
        cluster_labels: &serve.cluster_labels,
        default_cluster: cluster.unwrap_or(&serve.default_cluster),
        severities: &serve.severity_map,
        received: app.now(),
    };
    Delivery::read(body.as_slice(), &how).map_err(|error| {
        let code = if error == Unparsable::TooMany { Code::TooLarge } else { Code::Unparsable };
        Problem::new(code, error.to_string())
    })
}
