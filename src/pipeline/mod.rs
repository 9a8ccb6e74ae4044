//! What lies between the person who asks and the rules that answer: what leaves the recording masked, the objects that are
//! meant, and whether the report is the one that a case expects.

mod advice;
pub mod execute;
pub mod expectation;
mod memory;
mod redact;
mod selector;
mod target;

pub use advice::propose;
pub use memory::memory;
pub use redact::redact_recording;
pub use selector::{Selector, SelectorError};
pub use target::{NoTarget, SUGGESTIONS, Scope, Wanted, resolve};
