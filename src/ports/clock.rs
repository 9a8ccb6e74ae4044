//! The time, and waiting for it: what a test replaces.

use jiff::{SignedDuration, Timestamp};
use std::future::Future;

/// The time of this machine.
pub trait Clock: Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Ends after this long.
    fn wait(&self, time: SignedDuration) -> impl Future<Output = ()> + Send;
}
