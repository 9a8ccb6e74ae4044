//! One thing that has to be as it should for everything to work, how it is, and what to do about it.

use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Not configured, so that it wasn't looked at; nothing needs it.
    Off,
    /// It works, but for something.
    Warning,
    /// It doesn't work.
    Failed,
}

impl CheckState {
    /// The word used in JSON and on a screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `cluster`, `read rights`, `database`.
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What to do about it; of what is as it should be `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), state: CheckState::Ok, found: found.into(), fix: None }
    }

    /// Not configured. `fix` says how it would be.
    pub fn off(name: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: CheckState::Off, found: found.into(), fix: Some(fix.into()) }
    }

    /// It works, but for something.
    pub fn warning(name: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: CheckState::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    /// It doesn't work.
    pub fn failed(name: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: CheckState::Failed, found: found.into(), fix: Some(fix.into()) }
    }
}
