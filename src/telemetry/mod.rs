//! What the program shows of itself: metrics, traces and logs. Everything may use it; it uses nothing of the program.

mod metrics;
mod standing;

pub use metrics::{Metrics, OPEN_METRICS, metrics, one_of, render};
pub use standing::Standing;
