//! The lines of `fixtures/injections.json`, for tests.

use serde::Deserialize;

/// All lines.
#[derive(Debug, Deserialize)]
pub struct Corpus {
    /// What tries to instruct.
    pub injections: Vec<Injection>,
    /// What only looks odd.
    pub harmless: Vec<String>,
}

/// One line.
#[derive(Debug, Deserialize)]
pub struct Injection {
    /// It.
    pub text: String,
    /// Whether the guard marks it.
    pub marked: bool,
}

/// Reads them.
pub fn corpus() -> Corpus {
    serde_json::from_str(include_str!("../../fixtures/injections.json")).unwrap()
}
