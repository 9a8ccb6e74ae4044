//! `POST /discord/interactions`: what people click. Nothing of a request is looked at before its signature is right, what a
//! click does is one transaction, and each click is answered in words. No network call is made; what takes longer is told
//! through the outbox.

mod answer;
mod payload;
mod signature;

pub use signature::key;

use super::bodies;
use super::problem::{Code, Problem};
use super::state::App;
use crate::config::Settings;
use crate::pipeline::may_approve::ApprovalRules;
use crate::pipeline::{ClickRules, Permalinks, judge};
use crate::ports::{Books, Click, Effect};
use crate::telemetry::metrics;
use answer::Page;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use payload::{Interaction, Kind};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// The longest body, in bytes.
const LONGEST: usize = 256 << 10;
/// Discord gives up after 3 s ("Interactions", "Responding to an Interaction"): before, the person is told that it isn't known.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The kind of interaction that is a click.
const COMPONENT: &str = Kind::Component.as_str();

/// The route.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/discord/interactions", post(take))
}

async fn take<S: Books>(State(app): State<App<S>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = bodies::read(&app.unproven, &parts.headers, body, LONGEST).await?;
    let key = app.settings.discord.public_key.as_deref().and_then(key);
    signature::check(key.as_ref(), &parts.headers, body.as_slice(), app.now()).map_err(|why| unauthenticated("unknown", why))?;
    let unparsable = || {
        metrics().interaction("unknown", "unparsable");
        Problem::new(Code::Unparsable, "this is no interaction that is known here")
    };
    let (interaction, kind) = Interaction::read(body.as_slice()).ok_or_else(unparsable)?;
    drop(body);
    if kind == Kind::Component {
        return clicked(&app, interaction.click().ok_or_else(unparsable)?).await;
    }
    let id = interaction.id;
    let noted = timeout(PATIENCE, app.store.is_new(&id)).await;
    if matches!(noted, Ok(Ok(false))) {
        return Err(unauthenticated(kind.as_str(), REPEATED));
    }
    metrics().interaction(kind.as_str(), if matches!(noted, Ok(Ok(_))) { "answered" } else { "store" });
    let answer = match (noted, kind) {
        // Neither does anything that could be lost.
        (_, Kind::Ping) => json!({ "type": 1 }),
        (_, Kind::Autocomplete) => json!({ "type": 8, "data": { "choices": [] } }),
        (Ok(Ok(_)), _) => answer::unsupported(),
        (Ok(Err(error)), _) => {
            tracing::error!(%error, "an interaction could not be noted");
            answer::not_recorded()
        }
        (Err(_), _) => answer::not_known(),
    };
    Ok(Json(answer).into_response())
}

/// An interaction counts once.
const REPEATED: &str = "an interaction that was there before";

/// One 401 for all of it: only our log and metric tell why.
fn unauthenticated(kind: &'static str, why: &str) -> Problem {
    metrics().interaction(kind, if why == REPEATED { "repeated" } else { "unauthenticated" });
    Problem::new(Code::Unauthenticated, "who asks could not be told").because(why)
}

async fn clicked<S: Books>(app: &App<S>, click: Click) -> Result<Response, Problem> {
    let (rules, user) = (rules(&app.settings), click.by.id.clone());
    let taken = timeout(PATIENCE, app.store.click(click, move |click, seen| judge(click, seen, &rules))).await;
    let answer: Value = match taken {
        Err(_) => {
            metrics().interaction(COMPONENT, "store");
            answer::not_known()
        }
        Ok(Err(error)) => {
            metrics().interaction(COMPONENT, "store");
            tracing::error!(%error, "a click could not be taken");
            answer::not_recorded()
        }
        Ok(Ok(None)) => return Err(unauthenticated(COMPONENT, REPEATED)),
        Ok(Ok(Some(clicked))) => {
            metrics().interaction(COMPONENT, answer::outcome(&clicked));
            match &clicked.effect {
                _ if clicked.lost.is_some() => {}
                Effect::Feedback(given) => metrics().feedback(given.is_accepted),
                Effect::Declined => metrics().attempt("declined"),
                Effect::Approved => {
                    metrics().attempt("approved");
                    app.queued.send_replace(());
                }
                Effect::UndoAsked => {
                    app.queued.send_replace(());
                }
                _ => {}
            }
            let attempt = clicked.attempt.as_ref().map(|attempt| attempt.code.as_str());
            tracing::info!(user, attempt, effect = answer::outcome(&clicked), "a click");
            let links = links(app).await;
            let page = Page { links: &links, now: app.now(), redactor: &app.redactor };
            page.answer(&clicked, &user)
        }
    };
    Ok(Json(answer).into_response())
}

/// Links for who clicked; unsigned where the key can't be read, because the click has its answer in any case.
async fn links<S: Books>(app: &App<S>) -> Permalinks {
    let serve = &app.settings.serve;
    let links = Permalinks::new(serve.public_url.as_deref());
    if !serve.permalink_ttl.is_positive() {
        return links;
    }
    match timeout(PATIENCE, app.store.key()).await {
        Ok(Ok(key)) => links.signed(serve.permalink_ttl, key),
        _ => links,
    }
}

/// What the settings say about clicks.
fn rules(settings: &Settings) -> ClickRules {
    let discord = &settings.discord;
    // Where a team's place is a channel and no webhook, it is a number.
    let is_channel = |place: &&str| !place.is_empty() && place.bytes().all(|digit| digit.is_ascii_digit());
    let teams = discord.team_channel_map.values().map(|place| place.expose()).filter(is_channel).map(str::to_owned);
    ClickRules {
        approval: approval_rules(settings),
        approver_users: discord.approvers_user_ids.clone(),
        approver_roles: discord.approvers_role_ids.clone(),
        feedback_roles: discord.feedback_roles.clone(),
        channels: discord.incident_channel_id.iter().cloned().chain(teams).collect(),
        per_hour: discord.approval_rate_limit_per_hour,
    }
}

/// What has to hold of any approval here.
pub fn approval_rules(settings: &Settings) -> ApprovalRules {
    let executor = &settings.executor;
    ApprovalRules { is_enabled: executor.enabled && executor.approval_enabled, separate: settings.approval.separate_approver }
}
