//! What the API server would accept and the snapshot speaks against.

use super::Refusal;
use crate::cluster::Snapshot;
use crate::domain::ExecutionIntent;

/// Everything in the snapshot that speaks against an intent.
pub fn refusals(_snapshot: &Snapshot, _intent: &ExecutionIntent) -> Vec<Refusal> {
    Vec::new()
}
