//! YAML, with the same keys and values as the JSON.

use super::escape::is_unsafe;
use super::json::indented;
use serde::Serialize;
use thiserror::Error;

/// Why a value can't be written as YAML.
#[derive(Debug, Error)]
pub enum YamlError {
    /// In block style.
    #[error(transparent)]
    Block(#[from] serde_saphyr::ser_error::Error),
    /// In flow style.
    #[error(transparent)]
    Flow(#[from] serde_json::Error),
}

/// One YAML document in block style. A document that holds invisible characters, which block style would print as they
/// are, is written in flow style (which is JSON's), where every string is quoted and they can be escaped.
///
/// # Errors
/// When the value can't be represented in YAML.
pub fn yaml(value: &impl Serialize) -> Result<String, YamlError> {
    let text = serde_saphyr::to_string_with_options(value, serde_saphyr::ser_options! { prefer_block_scalars: false })?;
    if text.chars().any(|char| is_unsafe(char) && char != '\n') {
        // Unlike JSON, YAML has an escape for characters above U+FFFF, and no surrogates.
        return Ok(indented(value, |char| format!("\\U{:08x}", u32::from(char)))?);
    }
    Ok(text)
}
