//! The integration tests, one binary.

#![cfg(test)]

mod architecture;
mod cli;
mod generated;
mod kubernetes;
