//! The book of what language models cost. A sum is read and set aside in one transaction that holds the write lock, so that
//! no two processes can set the same money aside.

use super::Store;
use crate::ports::{Ledger, Reservation, StoreError};
use jiff::civil::Date;
use rusqlite::{Connection, named_params};

impl Ledger for Store {
    async fn reserve(&self, day: Date, worst: u64, limit: u64) -> Result<Option<Reservation>, StoreError> {
        let worst = whole(worst)?;
        self.writer.write(move |connection, _| reserve(connection, day, worst, limit)).await
    }

    async fn settle(&self, reservation: Reservation, real: u64) -> Result<(), StoreError> {
        let real = whole(real)?;
        self.writer.write(move |connection, _| settle(connection, reservation, real)).await
    }

    async fn spent(&self, day: Date) -> Result<u64, StoreError> {
        self.reader.read(move |connection| spent(connection, day)).await
    }
}

/// As a column holds it.
fn whole(micro_usd: u64) -> Result<i64, StoreError> {
    i64::try_from(micro_usd).map_err(|_| StoreError::Invalid("a sum of money that is too large".to_owned()))
}

fn reserve(connection: &Connection, day: Date, worst: i64, limit: u64) -> Result<Option<Reservation>, StoreError> {
    let sum = spent(connection, day)?.saturating_add(worst.unsigned_abs());
    if sum > limit {
        return Ok(None);
    }
    let insert = "INSERT INTO model_spending (day, micro_usd, settled) VALUES (:day, :worst, 0)";
    connection.execute(insert, named_params! { ":day": day.to_string(), ":worst": worst })?;
    Ok(Some(Reservation(connection.last_insert_rowid())))
}

fn settle(connection: &Connection, reservation: Reservation, real: i64) -> Result<(), StoreError> {
    let settled = connection.execute(
        "UPDATE model_spending SET micro_usd = :real, settled = 1 WHERE id = :id AND settled = 0",
        named_params! { ":real": real, ":id": reservation.0 },
    )?;
    if settled == 1 { Ok(()) } else { Err(StoreError::Invalid("a reservation that there is none of".to_owned())) }
}

/// A sum that is larger than a column holds is an error of the engine, which denies the call.
fn spent(connection: &Connection, day: Date) -> Result<u64, StoreError> {
    let sum: i64 = connection.query_row(
        "SELECT COALESCE(SUM(micro_usd), 0) FROM model_spending WHERE day = :day",
        named_params! { ":day": day.to_string() },
        |row| row.get(0),
    )?;
    u64::try_from(sum).map_err(|_| StoreError::Damaged("a day's spending is negative".to_owned()))
}
