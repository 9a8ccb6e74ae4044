//! From a cause to one change: which intent a cause calls for, what speaks against it, how much can go wrong, what policy
//! says, the one request that it stands for, what takes it back and how one sees that it helped. It sends nothing, approves
//! nothing and trusts no text: a model may only choose among what the rules offer.

mod access;
mod body;
mod command;
mod data_plane;
mod diff;
mod freeze;
mod gitops;
mod inverse;
mod memory;
mod namespaces;
mod parse;
mod policy;
mod proposals;
mod refusal;
mod refusals;
mod request;
mod risk;
mod rollout;
mod settings;
mod verification;

#[cfg(test)]
mod samples;

pub use access::{access, write_rights};
pub use command::{command, shown};
pub use data_plane::{DataPlane, data_plane};
pub use diff::diff;
pub use freeze::Freeze;
pub use gitops::gitops_owner;
pub use inverse::inverse;
pub use memory::{Memory, PastAttempt, PastIncident, REMEMBERED};
pub use namespaces::{Tier, tier};
pub use parse::schema::schema;
pub use parse::{ParseContext, Rejection, parse, read, within_bounds};
pub use policy::{GateInput, Mode, RISK_HIGH, WRITE_BUDGET, gate, guard};
pub use proposals::{Advice, Refused, advise, causes};
pub use refusal::Refusal;
pub use refusals::refusals;
pub use request::{RESTARTED_AT, object_path, plan_target, request, resource, template};
pub use risk::{BlastRadius, RiskInput, risk};
pub use settings::{
    ApprovalSettings, AutoRule, GitopsOwned, MOST_GROWTH, NamespaceSettings, PolicySettings, RemedySettings, SeparateApprover,
    Settings, VerifySettings,
};
pub use verification::{Criterion, Outcome, Verification, VerifyInput, judge};
