//! The integration tests, one binary.

#![cfg(test)]

mod architecture;
mod cli;
mod explain;
mod generated;
mod kubernetes;
