//! What lies between the stages and a language model: how a call is made, bounded, paid for, recorded and replayed.

mod breaker;
mod call;
mod converse;
mod gate;
mod live;
mod price;
mod purse;
mod replayed;
mod retry;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
mod waves;

pub use call::{Called, Caller, Gap, Question, Voice};
pub use converse::{Said, converse, converse_by_rules};
pub use gate::Gate;
pub use live::{Limits, Live};
pub use price::price_of;
pub use replayed::{Differences, Replayed};
pub use waves::{Prompts, by_rules, previews, think};
