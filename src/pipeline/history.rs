//! Reading what is remembered of a cluster's incidents. A store that fails costs the memory and not the report.

use crate::domain::{RememberedIncident, SourceState};
use crate::ports::{Answered, IncidentStore};
use jiff::{SignedDuration, Timestamp};

/// How far back incidents are compared.
const REACH: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The cluster's incidents of 90 days, for `Snapshot::add` under the source `history`: the examination compares them with
/// what it finds.
pub async fn history(store: &impl IncidentStore, cluster: &str, now: Timestamp) -> Answered<RememberedIncident> {
    let since = now.checked_sub(REACH).unwrap_or(Timestamp::MIN);
    match store.remembered(cluster, since).await {
        Ok(items) => Answered { state: SourceState::Ok, items },
        Err(error) => Answered { state: SourceState::Unavailable(error.to_string()), items: Vec::new() },
    }
}
