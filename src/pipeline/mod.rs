//! What lies between the person who asks and the rules that answer: the objects that are meant, and whether the report is
//! the one that a case expects.

pub mod expectation;
mod selector;
mod target;

pub use selector::{Selector, SelectorError};
pub use target::{NoTarget, SUGGESTIONS, Scope, Wanted, resolve};
