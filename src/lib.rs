//! sre-copilot finds the root cause of a Kubernetes incident from facts, with its proof.
//!
//! # Who may use whom
//!
//! Each module may use only what stands to its right:
//!
//! `main → cli → {server, worker} → pipeline → reason → {diagnose, remedy, bundle} → {cluster, ports} → {domain, redact}`;
//! `adapters → {ports, cluster, config, domain, redact}`; `store → {ports, cluster, domain}`; `config → {remedy, domain}`;
//! `render → {domain, redact}`. `telemetry` is used by what isn't pure and uses nothing.
//!
//! Only `cli/wiring` names concrete adapters. `domain`, `redact`, `cluster`, `diagnose`, `reason` and `remedy` are pure: they name no
//! tokio, HTTP client, Kubernetes client, file system, environment or wall clock. `tests/it/architecture.rs` reads the
//! `use` lines and fails with the line that breaks this.

pub mod adapters;
pub mod bundle;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod diagnose;
pub mod domain;
pub mod pipeline;
pub mod ports;
pub mod reason;
pub mod redact;
pub mod remedy;
pub mod render;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod worker;
