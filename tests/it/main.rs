//! The integration tests, one binary.

#![cfg(test)]

mod architecture;
mod cases;
mod catalogue;
mod cli;
mod doctor;
mod execute;
mod explain;
mod generated;
mod kubernetes;
mod memory;
mod metrics;
mod models;
mod prompts;
mod properties;
mod readme;
mod reasoning;
mod remedy;
mod replay;
mod serve_ask;
mod serve_clicks;
mod serve_discord;
mod serve_faults;
mod serve_http;
mod serve_live;
mod serve_operators;
mod serve_pages;
mod serve_store;
mod serve_worker;
mod stages;
mod store;
mod telemetry;
mod trackers;
