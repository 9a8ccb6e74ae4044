//! How the ports are answered by the world outside: one module a system. Nothing in the core names an adapter; only
//! `cli/wiring` does.

pub mod jira;
pub mod kubernetes;
pub mod machine;
pub mod seq;
mod source;
pub mod teamcity;
