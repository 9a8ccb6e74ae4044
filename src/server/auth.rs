//! Who asks, of the endpoints that people and their programs use, and what they may.

use super::problem::{Code, Problem};
use super::state::App;
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
    let _ = (app, headers, peer, role);
    Err(Problem::new(Code::Unauthenticated, "this needs a token"))
}
