//! Structured logs from Seq.
mod events; mod filter;
