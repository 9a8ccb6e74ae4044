//! What is wrong with a setting, in two sentences: what and where, and what to do.

use thiserror::Error;

/// Why settings could not be read.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file was named and can't be read.
    #[error("cannot read the settings in {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's own words.
        why: String,
    },
    /// The file is no TOML.
    #[error("{file} is not TOML: line {line}: {why}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What was expected.
        why: String,
    },
    /// A value that a setting can't have, or a key that there isn't.
    #[error("{source_name}: {why}")]
    Value {
        /// The file, or the variable of the environment.
        source_name: String,
        /// The key and what is wrong with it.
        why: String,
        /// The known key that is most like an unknown one.
        nearest: Option<String>,
    },
}

impl ConfigError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "name another file with --config, or take --config and $SRE_COPILOT_CONFIG away".to_owned()
            }
            Self::Syntax { .. } => "mend that line; https://toml.io shows the form".to_owned(),
            Self::Value { nearest: Some(nearest), .. } => format!("did you mean {nearest}?"),
            Self::Value { nearest: None, .. } => "docs/settings.md lists every setting with its default".to_owned(),
        }
    }
}
