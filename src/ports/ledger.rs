//! The book of what language models cost, so that a day's budget holds for all processes together.

use super::StoreError;
use jiff::civil::Date;
use std::future::Future;

/// A sum that was set aside before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation(pub i64);

/// The day's book. What can't be read or written denies the call.
pub trait Ledger: Sync {
    /// Sets `worst` micro-dollars aside in one transaction, if the day's sum stays within `limit`. `None` when it wouldn't.
    /// What a crash leaves set aside stays spent.
    fn reserve(&self, day: Date, worst: u64, limit: u64) -> impl Future<Output = Result<Option<Reservation>, StoreError>> + Send;

    /// Replaces what was set aside by what it really was.
    fn settle(&self, reservation: Reservation, real: u64) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What is spent or set aside on a day, in micro-dollars.
    fn spent(&self, day: Date) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// A book that could not be opened denies every call and says why.
impl<L: Ledger> Ledger for Result<L, StoreError> {
    async fn reserve(&self, day: Date, worst: u64, limit: u64) -> Result<Option<Reservation>, StoreError> {
        self.as_ref().map_err(Clone::clone)?.reserve(day, worst, limit).await
    }

    async fn settle(&self, reservation: Reservation, real: u64) -> Result<(), StoreError> {
        self.as_ref().map_err(Clone::clone)?.settle(reservation, real).await
    }

    async fn spent(&self, day: Date) -> Result<u64, StoreError> {
        self.as_ref().map_err(Clone::clone)?.spent(day).await
    }
}
