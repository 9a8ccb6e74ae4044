//! Who asks, of the endpoints that people and their programs use, and what they may.

use super::problem::{Code, Problem};
use super::state::App;
use crate::config::Environment;
use http::HeaderMap;
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

/// Who asks, if they have this role.
///
/// # Errors
/// 401 where it can't be told who asks, 403 where they don't have it.
pub fn caller<S>(app: &App<S>, headers: &HeaderMap, peer: IpAddr, role: Role) -> Result<Caller, Problem> {
    let _ = headers;
    // On somebody's own machine whoever is there may look and ask, never decide.
    let is_open = app.settings.environment == Environment::Development && app.settings.serve.jwt_public_key.is_none();
    if is_open && peer.is_loopback() {
        let roles = BTreeSet::from([Role::Viewer, Role::Operator]);
        let refused = || Problem::new(Code::Forbidden, "this needs another role");
        return if roles.contains(&role) { Ok(Caller { sub: "local".to_owned(), roles }) } else { Err(refused()) };
    }
    Err(Problem::new(Code::Unauthenticated, "this needs a token"))
}
