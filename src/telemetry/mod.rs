//! What the program shows of itself: metrics, traces and logs. Everything may use it; it uses nothing of the program.
//!
//! Whoever works says what happens with `tracing` and [`metrics()`]; where it goes is decided once, by [`start`].

mod logs;
mod metrics;
mod sparse;
mod stages;
mod standing;
mod traces;

pub use logs::LogForm;
pub use metrics::{Metrics, OPEN_METRICS, metrics, one_of, render};
pub use sparse::Sparse;
pub use stages::{Stage, in_stage, skipped, stage};
pub use standing::Standing;
pub use traces::{Delivery, EVENTS, Undelivered};

use logs::Logs;
use std::sync::Arc;
use std::time::Duration;
use traces::{Exporter, Traces, is_traced};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

/// Where logs and traces go.
pub struct Setup {
    /// The form of the log's lines.
    pub form: LogForm,
    /// Which lines, as `RUST_LOG` says it: `info`, `warn,sre_copilot=debug`.
    pub filter: String,
    /// Masks every text.
    pub mask: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// Who takes traces; `None` without one.
    pub collector: Option<TraceCollector>,
}

/// Who takes traces.
pub struct TraceCollector {
    /// Who it is told sends them: `service.name` and so on.
    pub resource: Vec<(String, String)>,
    /// The way to it.
    pub deliver: Delivery,
}

/// What was started: it is ended before the process ends, or the last traces are lost.
#[derive(Debug)]
#[must_use]
pub struct Telemetry(Option<Exporter>);

/// Sends logs and traces where they are to go, from now on, for the whole process.
///
/// # Errors
/// The filter can't be read: why.
pub fn start(setup: Setup) -> Result<Telemetry, String> {
    let filter: Targets = setup.filter.parse().map_err(|error| format!("the log's filter {:?}: {error}", setup.filter))?;
    let mask: traces::Mask = Arc::from(setup.mask);
    let exporter = match setup.collector {
        Some(TraceCollector { resource, deliver }) => {
            Exporter::start(resource, deliver).map_err(|error| format!("traces can't be sent: {error}"))?.into()
        }
        None => None,
    };
    let traces = exporter.as_ref().map(|exporter| Traces::new(exporter, Arc::clone(&mask)).with_filter(filter_fn(is_traced)));
    let logs = Logs { form: setup.form, mask, output: logs::to_stderr() }.with_filter(filter);
    // Only in tests there is one already, which goes on.
    _ = tracing::subscriber::set_global_default(Registry::default().with(logs).with(traces));
    Ok(Telemetry(exporter))
}

impl Telemetry {
    /// Sends the traces that wait; those that aren't taken within this time are lost.
    pub fn end(self, within: Duration) {
        if let Some(exporter) = self.0 {
            exporter.end(within);
        }
    }
}
