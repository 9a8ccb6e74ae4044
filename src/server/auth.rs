//! Who asks, of the endpoints that people and their programs use, and what they may.

use super::bodies;
use super::problem::{Code, Problem};
use super::request::{Json, Peer};
use super::state::App;
use crate::config::Environment;
use crate::domain::Actor;
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What somebody may do. Operator and approver include viewer; neither includes the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Ask, replay, judge.
    Operator,
    /// Decide.
    Approver,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Their id, the token's `sub`.
    pub sub: String,
    /// What they may.
    pub roles: BTreeSet<Role>,
}

impl Role {
    /// The role of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator, Self::Approver].into_iter().find(|role| role.as_str() == word)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

impl Caller {
    /// Them, as rows and the audit log name them.
    pub fn actor(&self) -> Actor {
        Actor { kind: "operator".to_owned(), id: self.sub.clone(), name: self.sub.clone() }
    }
}

/// Who asks, if they have this role and did not ask too often.
///
/// # Errors
/// 401 where it can't be told who asks, 429 where they ask too often, 403 where they don't have it.
pub fn caller<S>(app: &App<S>, headers: &HeaderMap, peer: IpAddr, role: Role) -> Result<Caller, Problem> {
    let unauthenticated = |why: &str| Problem::new(Code::Unauthenticated, "this needs a token").because(why);
    let caller = match &app.tokens {
        Some(tokens) => {
            tokens.check(bearer(headers).ok_or_else(|| unauthenticated("no token"))?, app.now()).map_err(unauthenticated)?
        }
        // On somebody's own machine whoever is there may look and ask, never decide.
        None if app.settings.environment == Environment::Development && peer.is_loopback() => {
            Caller { sub: "local".to_owned(), roles: BTreeSet::from([Role::Viewer, Role::Operator]) }
        }
        None => return Err(unauthenticated("there is no JWT_PUBLIC_KEY")),
    };
    app.operator_rate.take(caller.sub.clone()).map_err(too_often)?;
    if !caller.roles.contains(&role) {
        return Err(Problem::new(Code::Forbidden, format!("this needs the role {}", role.as_str())));
    }
    Ok(caller)
}

/// Who asks, and what: the body of somebody who isn't let in takes no room.
///
/// # Errors
/// As [`caller`], and as [`Json`] reads a body.
pub async fn caller_with<S: Send + Sync, T: DeserializeOwned>(
    app: &App<S>,
    peer: Peer,
    role: Role,
    request: Request,
) -> Result<(Caller, T), Problem> {
    match caller(app, request.headers(), peer.ip(), role) {
        Ok(caller) => {
            let Json(body) = Json::from_request(request, app).await?;
            Ok((caller, body))
        }
        Err(problem) => {
            let (parts, body) = request.into_parts();
            bodies::refuse(&parts.headers, body).await;
            Err(problem)
        }
    }
}

/// Takes one of the questions and replays that somebody may ask for.
///
/// # Errors
/// 429.
pub fn asks<S>(app: &App<S>, caller: &Caller) -> Result<(), Problem> {
    app.ask_rate.take(caller.sub.clone()).map_err(too_often)
}

fn too_often(seconds: u32) -> Problem {
    Problem::new(Code::RateLimited, "you asked too often; come again").retry_after(seconds)
}

/// The only token of the request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    // RFC 9110, section 11.1: the scheme's case doesn't matter.
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
