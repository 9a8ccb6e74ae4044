//! Does what waits: analyses, messages, approved changes and what happens by the clock. It judges nothing itself.

pub mod follow_up;
