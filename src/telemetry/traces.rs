//! Traces of what the program does with an incident: spans and events that are named after it, for a collector that takes OTLP.
//!
//! Only spans called `sre.copilot.…`, the events of [`EVENTS`] and the attributes called `sre.…` leave the process. The text of
//! an event, which may quote a log or an answer, never does; that is why this isn't a general bridge. A collector that is down
//! costs one warning: spans wait for a while, then the oldest go.

mod exporter;
mod otlp;

pub(super) use exporter::Exporter;
pub use exporter::{Delivery, Undelivered};

use exporter::Queue;
use otlp::{Span, SpanEvent, Value};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use uuid::Uuid;

/// The events that are sent; all others are for the log.
pub const EVENTS: &[&str] = &[
    "source.unavailable",
    "model.degraded",
    "alert.resolved_during_run",
    "lease.lost",
    "guardrail.passed",
    "guardrail.blocked",
    "approval.transition_rejected",
];
/// What a span's name begins with.
const SPANS: &str = "sre.copilot.";
/// What an attribute's name begins with.
const ATTRIBUTES: &str = "sre.";
/// The longest text of an attribute, in characters: names and ids of Kubernetes have at most 253 (RFC 1123 subdomain).
const LONGEST: usize = 256;

/// Whether this leaves the process.
pub(super) fn is_traced(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() { metadata.name().starts_with(SPANS) } else { EVENTS.contains(&metadata.name()) }
}

/// Masks a text.
pub(super) type Mask = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Gathers spans, and hands them over once they have ended.
pub(super) struct Traces {
    queue: Arc<Queue>,
    mask: Mask,
}

impl Traces {
    pub(super) fn new(exporter: &Exporter, mask: Mask) -> Self {
        Self { queue: exporter.queue(), mask }
    }
}

/// Attributes that a span, an event or a later record brings.
struct Recorder<'a>(&'a mut Vec<(&'static str, Value)>, &'a Mask);

impl Recorder<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        if !name.starts_with(ATTRIBUTES) {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    fn text(&self, text: &str) -> Value {
        Value::Text((self.1)(text).chars().take(LONGEST).collect())
    }
}

impl Visit for Recorder<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = self.text(value);
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Int(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Double(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // `%value` comes this way too.
        if field.name().starts_with(ATTRIBUTES) {
            let value = self.text(&format!("{value:?}"));
            self.put(field, value);
        }
    }
}

fn nanoseconds() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
}

/// The innermost span around it that is traced.
fn around<'a, S>(span: Option<SpanRef<'a, S>>) -> Option<SpanRef<'a, S>>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    span?.scope().find(|span| span.extensions().get::<Span>().is_some())
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = around(span.parent());
        let parent = parent.and_then(|parent| parent.extensions().get::<Span>().map(|parent| (parent.trace, parent.id)));
        let (random, trace) = (Uuid::new_v4(), parent.map_or_else(|| *Uuid::new_v4().as_bytes(), |(trace, _)| trace));
        let mut id = [0; 8];
        // The first eight bytes of a UUID v4 hold 60 random bits and are never all zero, which would be no id.
        id.copy_from_slice(&random.as_bytes()[..8]);
        let mut recorded = Span {
            trace,
            id,
            parent: parent.map(|(_, id)| id),
            name: span.name(),
            began: nanoseconds(),
            ended: 0,
            attributes: Vec::new(),
            events: Vec::new(),
        };
        attributes.record(&mut Recorder(&mut recorded.attributes, &self.mask));
        span.extensions_mut().insert(recorded);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(recorded) = span.extensions_mut().get_mut::<Span>() {
            values.record(&mut Recorder(&mut recorded.attributes, &self.mask));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = around(context.event_span(event)) else { return };
        let mut noted = SpanEvent { at: nanoseconds(), name: event.metadata().name(), attributes: Vec::new() };
        event.record(&mut Recorder(&mut noted.attributes, &self.mask));
        if let Some(recorded) = span.extensions_mut().get_mut::<Span>() {
            recorded.events.push(noted);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let recorded = span.extensions_mut().remove::<Span>();
        if let Some(recorded) = recorded {
            self.queue.put(Span { ended: nanoseconds(), ..recorded });
        }
    }
}

#[cfg(test)]
mod tests;
