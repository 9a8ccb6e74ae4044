//! How the ports are answered by the world outside: one module a system. Nothing in the core names an adapter; only
//! `cli/wiring.rs` does.

pub mod anthropic;
pub mod claude_cli;
pub mod http;
pub mod kubernetes;
pub mod machine;
pub mod model;
pub mod openai;
mod proxy;
