//! Spans as a message of OTLP (`ExportTraceServiceRequest` of opentelemetry-proto 1.x), written in protobuf's wire format: of
//! the whole protocol a dozen fields are needed. The numbers are those of the .proto files.

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
}

/// What happened in a span.
#[derive(Clone, Debug)]
pub(super) struct SpanEvent {
    /// Nanoseconds since 1970.
    pub at: u64,
    pub name: &'static str,
    pub attributes: Vec<(&'static str, Value)>,
}

/// One span.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: &'static str,
    /// Nanoseconds since 1970, as the end.
    pub began: u64,
    pub ended: u64,
    pub attributes: Vec<(&'static str, Value)>,
    pub events: Vec<SpanEvent>,
}

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u64 = 1;

/// A protobuf message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

impl Message {
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(mut self, field: u64, value: u64) -> Self {
        self.raw(field << 3 | VARINT);
        self.raw(value);
        self
    }

    fn fixed64(mut self, field: u64, value: [u8; 8]) -> Self {
        self.raw(field << 3 | FIXED64);
        self.0.extend(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.raw(field << 3 | BYTES);
        self.raw(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn messages(self, field: u64, of: impl IntoIterator<Item = Self>) -> Self {
        of.into_iter().fold(self, |message, inner| message.bytes(field, &inner.0))
    }
}

/// `KeyValue`.
fn attribute(name: &str, value: &Value) -> Message {
    let any = Message::default();
    let any = match value {
        Value::Text(text) => any.bytes(1, text.as_bytes()),
        Value::Bool(value) => any.varint(2, u64::from(*value)),
        // An int64 of protobuf is its two's complement.
        Value::Int(value) => any.varint(3, value.cast_unsigned()),
        Value::Double(value) => any.fixed64(4, value.to_le_bytes()),
    };
    Message::default().bytes(1, name.as_bytes()).bytes(2, &any.0)
}

fn event(event: &SpanEvent) -> Message {
    let message = Message::default().fixed64(1, event.at.to_le_bytes()).bytes(2, event.name.as_bytes());
    message.messages(3, event.attributes.iter().map(|(name, value)| attribute(name, value)))
}

fn span(span: &Span) -> Message {
    let mut message = Message::default().bytes(1, &span.trace).bytes(2, &span.id);
    if let Some(parent) = span.parent {
        message = message.bytes(4, &parent);
    }
    let message = message.bytes(5, span.name.as_bytes()).varint(6, INTERNAL);
    let message = message.fixed64(7, span.began.to_le_bytes()).fixed64(8, span.ended.to_le_bytes());
    let message = message.messages(9, span.attributes.iter().map(|(name, value)| attribute(name, value)));
    message.messages(11, span.events.iter().map(event))
}

/// The request. `resource` says who sends.
pub(super) fn request(resource: &[(String, String)], spans: &[Span]) -> Vec<u8> {
    let about = resource.iter().map(|(name, value)| attribute(name, &Value::Text(value.clone())));
    let resource = Message::default().messages(1, about);
    let scope = Message::default().bytes(1, b"sre-copilot").bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
    let scoped = Message::default().bytes(1, &scope.0).messages(2, spans.iter().map(span));
    let of_resource = Message::default().bytes(1, &resource.0).bytes(2, &scoped.0);
    Message::default().bytes(1, &of_resource.0).0
}
