//! Alerts and interactions in, incidents out, over HTTP. It decides who may ask and in which shape it is answered; what it
//! means is the pipeline's.

mod answer;
mod approvals;
mod auth;
mod bodies;
mod confirm;
mod copilot;
mod evaluation;
mod figures;
mod health;
mod incidents;
pub mod interactions;
mod jobs;
mod jwt;
mod listener;
mod page;
pub mod problem;
mod rate;
mod replay;
pub mod request;
mod router;
pub mod sender;
mod state;
mod status;
mod stopping;
mod webhook;

pub use answer::{REQUEST_ID, RequestId};
pub use auth::{Caller, Role};
pub use jwt::Tokens;
pub use listener::serve;
pub use router::{metrics, router};
pub use state::{App, Clock, Parts};
pub use stopping::{Phase, Stopping};
