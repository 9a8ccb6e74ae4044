//! Between columns and types: times are milliseconds since 1970, words and JSON are text.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn unreadable(row: &Row<'_>, column: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    Error::FromSqlConversionFailure(index, Type::Text, Box::new(why))
}

pub(super) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, Error> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|why| unreadable(row, column, why))
}

pub(super) fn maybe_time(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, Error> {
    let stored: Option<i64> = row.get(column)?;
    stored.map(|at| Timestamp::from_millisecond(at).map_err(|why| unreadable(row, column, why))).transpose()
}

/// A text that stands for itself in JSON: an enum's word, a digest.
pub(super) fn word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    serde_json::from_value(Value::String(row.get(column)?)).map_err(|why| unreadable(row, column, why))
}

pub(super) fn maybe_word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, Error> {
    let stored: Option<String> = row.get(column)?;
    stored.map(|text| serde_json::from_value(Value::String(text)).map_err(|why| unreadable(row, column, why))).transpose()
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|why| unreadable(row, column, why))
}

pub(super) fn maybe_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|why| unreadable(row, column, why))).transpose()
}

/// As JSON text.
pub(super) fn text(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|why| Error::ToSqlConversionFailure(Box::new(why)))
}

pub(super) fn maybe_text(value: Option<&impl Serialize>) -> Result<Option<String>, Error> {
    value.map(text).transpose()
}
