//! How the ports are answered by the world outside: one module a system. Nothing in the core names an adapter; only
//! `cli/wiring` does.

pub mod alertmanager;
pub mod anthropic;
pub mod claude_cli;
pub mod discord;
pub mod http;
pub mod jira;
pub mod kubernetes;
pub mod machine;
pub mod model;
pub mod openai;
pub mod otlp;
pub mod prometheus;
mod proxy;
pub mod seq;
mod source;
pub mod teamcity;
