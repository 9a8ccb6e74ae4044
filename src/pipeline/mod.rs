//! The stages in order, over ports and adapters that somebody else chose.

pub mod redact;
