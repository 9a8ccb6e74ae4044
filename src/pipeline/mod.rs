//! What lies between the person who asks and the rules that answer: what leaves the recording masked, the objects that are
//! meant, and whether the report is the one that a case expects.

mod advice;
mod buttons;
mod click;
mod conversation;
mod decision;
pub mod execute;
pub mod expectation;
mod history;
mod inquiry;
mod look;
pub mod may_approve;
mod memory;
mod permalink;
mod redact;
mod remediation;
mod replayed;
mod screen;
mod selector;
mod situation;
mod target;
pub mod think;
mod timeline;
mod view;
mod witnesses;

pub use advice::propose;
pub use buttons::{ButtonRules, buttons};
pub use click::{ClickRules, judge, needs_another, undo_ends_at};
pub use conversation::{About, answer, ask, nothing_named, subject_of_question};
pub use decision::{Decision, DecisionError, planned, situation};
pub use history::history;
pub use inquiry::{Examined, Inquiry};
pub use look::{FreshLook, Look, look};
pub use memory::memory;
pub use permalink::{opens, permalink};
pub use redact::redact_recording;
pub use remediation::{Remediation, subject};
pub use replayed::{Otherwise, Replayed, replayed};
pub use screen::context;
pub use selector::{Selector, SelectorError};
pub use situation::Situation;
pub use target::{NoTarget, SUGGESTIONS, Scope, Wanted, resolve};
pub use timeline::timeline;
pub use view::{view, view_and_runs};
pub use witnesses::{Witnesses, evidence_request};
