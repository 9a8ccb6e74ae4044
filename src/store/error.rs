//! What the database engine says, as the ports' errors. Statements and values stay out of the text.

use super::WRITE_TIMEOUT;
use crate::ports::{AdvanceError, StoreError};
use rusqlite::{Error, ErrorCode};

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(failure, message) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::ReadOnly => Self::ReadOnly,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked { seconds: WRITE_TIMEOUT.as_secs() },
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(failure.to_string()),
                // Names of constraints and columns, no values.
                ErrorCode::ConstraintViolation => Self::Invalid(message.clone().unwrap_or_else(|| failure.to_string())),
                _ => Self::Failed(failure.to_string()),
            },
            Error::FromSqlConversionFailure(column, _, _) | Error::IntegralValueOutOfRange(column, _) => {
                Self::Damaged(format!("column {column} of a row can't be read"))
            }
            Error::InvalidColumnType(_, name, _) => Self::Damaged(format!("column {name} of a row can't be read")),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Error> for AdvanceError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}
