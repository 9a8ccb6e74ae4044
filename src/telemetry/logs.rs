//! The log: a line an event on standard error, JSON for machines and text on a terminal, with the ids of the request, the
//! incident, the analysis and the job that it is about, taken from the spans around it. Every text passes the redactor.

use super::traces::Mask;
use serde_json::{Map, Value};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What spans call an id, and what a line calls it.
const IDS: &[(&str, &str)] = &[
    ("request_id", "request_id"),
    ("sre.incident.id", "incident_id"),
    ("sre.run.id", "run_id"),
    ("task_id", "task_id"),
    ("sre.attempt.id", "attempt_id"),
];
/// The longest text of a field, in characters.
const LONGEST: usize = 4_096;

/// Where lines go.
pub(super) type Output = Box<dyn Fn(&str) + Send + Sync>;

/// Standard error. Whoever reads it may have gone.
pub(super) fn to_stderr() -> Output {
    Box::new(|line| _ = std::io::stderr().lock().write_all(line.as_bytes()))
}

/// Writes the log.
pub(super) struct Logs {
    pub form: LogForm,
    pub mask: Mask,
    pub output: Output,
}

/// The ids that a span has.
#[derive(Default)]
struct SpanIds(Vec<(&'static str, String)>);

impl Visit for SpanIds {
    fn record_str(&mut self, field: &Field, value: &str) {
        let Some((_, name)) = IDS.iter().find(|(known, _)| *known == field.name()) else { return };
        self.0.retain(|(known, _)| known != name);
        self.0.push((name, value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The fields of an event, in the order of their names.
struct Fields<'a>(Map<String, Value>, &'a Mask);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let masked: String = (self.1)(value).chars().take(LONGEST).collect();
        self.0.insert(field.name().to_owned(), Value::String(masked));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Logs {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut ids = SpanIds::default();
        attributes.record(&mut ids);
        span.extensions_mut().insert(ids);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(ids) = span.extensions_mut().get_mut::<SpanIds>() {
            values.record(ids);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields(Map::new(), &self.mask);
        event.record(&mut fields);
        let mut fields = fields.0;
        let message = fields.remove("message").unwrap_or_else(|| Value::String(event.metadata().name().to_owned()));
        // From the outside in: the innermost id counts.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(SpanIds(ids)) = span.extensions().get::<SpanIds>() {
                fields.extend(ids.iter().map(|(name, id)| ((*name).to_owned(), Value::String((self.mask)(id)))));
            }
        }
        let time = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        let level = event.metadata().level().as_str();
        let line = match self.form {
            LogForm::Json => {
                let own = [("time", format!("{time:.6}")), ("level", level.to_lowercase())];
                fields.extend(own.map(|(name, text)| (name.to_owned(), Value::String(text))));
                fields.insert("message".to_owned(), message);
                Value::Object(fields).to_string()
            }
            LogForm::Text => text(&format!("{time:.3}"), level, &message, &fields),
        };
        (self.output)(&(line + "\n"));
    }
}

/// `TIME LEVEL message key=value`, on one line whatever the values hold.
fn text(time: &str, level: &str, message: &Value, fields: &Map<String, Value>) -> String {
    let mut line = format!("{time} {level:5} {}", message.as_str().unwrap_or_default());
    for (name, value) in fields {
        // Writing into a String can't fail.
        _ = match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=']) => write!(line, " {name}={text}"),
            value => write!(line, " {name}={value}"),
        };
    }
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests;
