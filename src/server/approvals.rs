//! `GET /approvals/{id}`, `POST …/approve` and `…/reject`: a plan is shown and decided about. An approval needs two things of
//! whoever was shown the plan a moment ago, its digest and the word that came with it; applying it is the worker's.

use super::auth::{Caller, Role, caller, caller_with};
use super::confirm::{self, Unconfirmed, confirm};
use super::interactions::approval_rules;
use super::problem::{Code, Problem};
use super::request::Peer;
use super::state::{App, Clock};
use crate::domain::{Actor, Attempt, AttemptContext, AttemptState, Digest};
use crate::pipeline::execute::{ApproveError, Executor, Limits, Unheard};
use crate::pipeline::may_approve::{APPROVAL_RATE, Means, may_approve};
use crate::ports::{self, AdvanceError, Books};
use crate::redact::Redactor;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

/// The limit is so many an hour: after one, it is certain that another is allowed.
const HOUR: u32 = 3_600;

/// The routes.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new()
        .route("/approvals/{id}", get(show))
        .route("/approvals/{id}/approve", post(approve))
        .route("/approvals/{id}/reject", post(reject))
}

/// What is approved, by which word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    digest: String,
    confirm: String,
}

/// Why not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    reason: Option<String>,
}

async fn show<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = caller(&app, &headers, peer.ip(), Role::Viewer)?;
    let attempt = found(&app, &id).await?;
    let mut document = document(&app.redactor, &attempt);
    let is_open = attempt.state == AttemptState::Proposed && app.now() < attempt.expires_at;
    document["confirm"] = match is_open {
        true => json!(confirm(&app.store.key().await?, &attempt, &caller.sub, app.now())),
        false => Value::Null,
    };
    Ok(axum::Json(document).into_response())
}

async fn approve<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (caller, said) = caller_with::<S, Approval>(&app, peer, Role::Approver, request).await?;
    let attempt = found(&app, &id).await?;
    let executor = executor(&app, &caller);
    let Some(digest) = Digest::parse(said.digest.trim_start_matches("sha256:")).filter(|digest| *digest == attempt.digest) else {
        executor.deny(&attempt, "digest_differs").await?;
        return Err(stands(Code::DigestMismatch, "this is not the digest of the plan as it is now", &attempt));
    };
    if is_approved_by(&attempt, &executor.actor) {
        return Ok(answer(&app, &attempt));
    }
    is_open(&attempt, app.now())?;
    if let Err(why) = confirm::check(&app.store.key().await?, &attempt, &caller.sub, app.now(), &said.confirm) {
        executor.deny(&attempt, "not_confirmed").await?;
        return Err(match why {
            Unconfirmed::Over => {
                stands(Code::Expired, "the five minutes of this confirm are over: look at the plan again", &attempt)
            }
            Unconfirmed::Foreign => Problem::new(Code::Forbidden, "this confirm was not given to you for this plan"),
        });
    }
    if let Err(denied) = may_approve(&attempt, &executor.actor, Means::Pressing, approval_rules(&app.settings)) {
        executor.deny(&attempt, denied.code).await?;
        return Err(Problem::new(Code::Forbidden, denied.why).fault("rule", denied.code));
    }
    match executor.approve(&attempt, &digest).await {
        Ok(approved) => {
            tracing::info!(sub = caller.sub, attempt = approved.code, "approved over HTTP");
            app.queued.send_replace(());
            Ok(answer(&app, &approved))
        }
        Err(ApproveError::Advance(AdvanceError::Lost(now))) if is_approved_by(&now, &executor.actor) => Ok(answer(&app, &now)),
        Err(ApproveError::Advance(error)) => {
            if !matches!(error, AdvanceError::Store(_)) {
                let code = if matches!(error, AdvanceError::TooMany { .. }) { APPROVAL_RATE } else { "too_late" };
                executor.deny(&attempt, code).await?;
            }
            Err(refused(error))
        }
        Err(ApproveError::OtherDigest { .. }) => Err(stands(Code::DigestMismatch, "the plan is another one now", &attempt)),
    }
}

async fn reject<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (caller, said) = caller_with::<S, Rejection>(&app, peer, Role::Approver, request).await?;
    let attempt = found(&app, &id).await?;
    let executor = executor(&app, &caller);
    if is_declined_by(&attempt, &executor.actor) {
        return Ok(answer(&app, &attempt));
    }
    is_open(&attempt, app.now())?;
    let why = said.reason.map(|why| app.redactor.text(&why).into_owned());
    match executor.decline(&attempt, why.as_deref()).await {
        Ok(declined) => Ok(answer(&app, &declined)),
        Err(AdvanceError::Lost(now)) if is_declined_by(&now, &executor.actor) => Ok(answer(&app, &now)),
        Err(error) => Err(refused(error)),
    }
}

async fn found<S: Books>(app: &App<S>, id: &str) -> Result<Attempt, Problem> {
    app.store.attempt(id).await?.ok_or_else(|| Problem::not_found("approval"))
}

/// Takes this person's word down.
fn executor<'a, S: Books>(app: &'a App<S>, caller: &Caller) -> Executor<'a, (), S, Clock> {
    Executor {
        writer: &(),
        store: &app.store,
        clock: &app.clock,
        actor: caller.actor(),
        channel: "http".to_owned(),
        limits: Limits::of(&app.settings.remediation()),
        progress: &Unheard,
    }
}

impl ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        self()
    }

    async fn wait(&self, time: SignedDuration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }
}

fn is_by(attempt: &Attempt, who: &Actor) -> bool {
    attempt.decided_by.as_ref().is_some_and(|by| by.kind == who.kind && by.id == who.id)
}

/// Whether this person approved it, whatever came of it since. One that nobody took up in time has to be approved anew.
fn is_approved_by(attempt: &Attempt, who: &Actor) -> bool {
    use AttemptState::{Declined, Expired, Proposed, Superseded};
    is_by(attempt, who) && !matches!(attempt.state, Proposed | Declined | Expired | Superseded)
}

fn is_declined_by(attempt: &Attempt, who: &Actor) -> bool {
    is_by(attempt, who) && attempt.state == AttemptState::Declined
}

/// Whether it waits for a decision.
fn is_open(attempt: &Attempt, now: Timestamp) -> Result<(), Problem> {
    match attempt.state {
        AttemptState::Proposed if now < attempt.expires_at => Ok(()),
        AttemptState::Proposed | AttemptState::Expired => Err(stands(Code::Expired, "nobody decided in time", attempt)),
        _ => Err(stands(Code::NotPending, "it was decided already, or another plan took its place", attempt)),
    }
}

/// A problem that says how the attempt stands now.
fn stands(code: Code, detail: &str, attempt: &Attempt) -> Problem {
    Problem::new(code, detail).fault("state", attempt.state.as_str()).fault("digest", attempt.digest.as_str())
}

fn refused(error: AdvanceError) -> Problem {
    match error {
        AdvanceError::Store(error) => error.into(),
        AdvanceError::Lost(now) => stands(Code::NotPending, "somebody was first", &now),
        AdvanceError::TooLate(now) => stands(Code::Expired, "nobody decided in time", &now),
        AdvanceError::TargetHeld(other) => stands(Code::NotPending, &format!("{} holds the object", other.code), &other),
        AdvanceError::NoSuchTransition { from, .. } => {
            Problem::new(Code::NotPending, "it can't be decided as it stands").fault("state", from.as_str())
        }
        AdvanceError::NotFound(_) => Problem::not_found("approval"),
        AdvanceError::TooMany { given, allowed } => {
            let why = format!("you approved {given} times within the hour, and {allowed} are allowed");
            Problem::new(Code::RateLimited, why).retry_after(HOUR)
        }
    }
}

fn answer<S>(app: &App<S>, attempt: &Attempt) -> Response {
    axum::Json(document(&app.redactor, attempt)).into_response()
}

/// The envelope of an attempt. Plan, risk and decision keep their own keys.
pub(super) fn document(redactor: &Redactor, attempt: &Attempt) -> Value {
    let context: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
    json!({
        "id": attempt.id,
        "code": attempt.code,
        "incident_id": attempt.incident,
        "run_id": attempt.run_id,
        "state": attempt.state,
        "digest": attempt.digest,
        "plan": attempt.plan,
        "risk": attempt.plan.get("risk"),
        "decision": context.decision.map(|decision| json!({"value": decision.value, "rule": decision.rule})),
        "decided_by": attempt.decided_by,
        "reason": attempt.reason.as_deref().map(|why| redactor.text(why)),
        "expires_at": attempt.expires_at,
        "verification": attempt.verification,
    })
}
