//! Faults that only time series show.

use crate::cluster::Signal;
use crate::domain::{Evidence, EvidenceSource, ObjectRef};
use jiff::Timestamp;
use serde_json::json;

/// One sample of a series as evidence.
pub fn sample(object: &ObjectRef, signal: &Signal, at: f64, value: f64) -> Evidence {
    let labels: Vec<String> = signal.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    #[expect(clippy::cast_possible_truncation, reason = "a float of seconds that is too large for a timestamp gives none")]
    let at = Timestamp::from_second(at as i64).ok();
    Evidence {
        source: EvidenceSource::Signal,
        object: object.clone(),
        container: signal.labels.get("container").cloned(),
        path: format!("{}{{{}}}", signal.signal, labels.join(",")),
        line: None,
        value: json!(value),
        at,
        count: None,
    }
}
