use super::*;
use crate::telemetry::{Stage, in_stage, stage};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

const LONG: Duration = Duration::from_secs(20);

type Requests = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// Runs this with traces on, and decodes what a collector gets of it, which refuses the first deliveries this way.
fn traced(refusals: Vec<Undelivered>, work: impl FnOnce()) -> Vec<ExportTraceServiceRequest> {
    let requests = Requests::default();
    let (theirs, refusals) = (Arc::clone(&requests), Mutex::new(refusals));
    let deliver: Delivery = Box::new(move |body| {
        let refusal = refusals.lock().unwrap().pop();
        let answer = refusal.map_or_else(
            || {
                theirs.lock().unwrap().push(ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
                Ok(())
            },
            Err,
        );
        Box::pin(ready(answer))
    });
    let exporter = Exporter::start(vec![("service.name".to_owned(), "sre-copilot".to_owned())], deliver).unwrap();
    let mask: Mask = Arc::new(|text| text.replace("hunter2", "<secret>"));
    let layer = Traces::new(&exporter, mask).with_filter(filter_fn(is_traced));
    tracing::subscriber::with_default(Registry::default().with(layer), work);
    exporter.end(LONG);
    let requests = requests.lock().unwrap();
    requests.clone()
}

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<Sent> {
    let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, any_value::Value> {
    let value = |value: &Option<AnyValue>| value.clone().unwrap().value.unwrap();
    of.iter().map(|attribute| (attribute.key.clone(), value(&attribute.value))).collect()
}

fn text(value: &str) -> any_value::Value {
    any_value::Value::StringValue(value.to_owned())
}

fn incident() {
    let root = tracing::info_span!(
        "sre.copilot.incident.process",
        sre.incident.id = "i-1",
        sre.flap_count = 2_u64,
        sre.is_recurrence = true,
        sre.verdict = tracing::field::Empty,
        sre.confidence = tracing::field::Empty,
        prompt = "the prompt says hunter2",
    );
    root.in_scope(|| {
        let between = tracing::info_span!("not ours", sre.subject = "not here");
        between.in_scope(|| {
            futures::executor::block_on(in_stage(
                Stage::Collect,
                async {
                    tracing::warn!(name: "source.unavailable", { sre.source = "seq", error = "hunter2" }, "log line: hunter2")
                },
                |()| "ok",
            ));
        });
        stage(Stage::Diagnose, || tracing::info!(name: "a log line", { sre.verdict = "no" }, "hunter2"));
        stage(Stage::Analyze, || {
            tracing::info_span!("sre.copilot.model.call", sre.model.tokens = -1_i64, sre.cause = %"password hunter2")
                .in_scope(|| {});
        });
        root.record("sre.verdict", "likely").record("sre.verdict", "confirmed").record("sre.confidence", 0.75);
    });
}

#[test]
fn an_incident_is_one_root_with_a_child_a_stage() {
    let requests = traced(Vec::new(), incident);
    let resource = requests[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attributes(&resource.attributes)["service.name"], text("sre-copilot"));
    let spans = spans(&requests);
    let roots: Vec<&Sent> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let [root] = roots.as_slice() else { panic!("{spans:?}") };
    assert_eq!(root.name, "sre.copilot.incident.process");
    let children: BTreeSet<&str> =
        spans.iter().filter(|span| span.parent_span_id == root.span_id).map(|span| span.name.as_str()).collect();
    let stages = ["sre.copilot.stage.analyze", "sre.copilot.stage.collect", "sre.copilot.stage.diagnose"];
    assert_eq!(children, BTreeSet::from(stages));
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(named("sre.copilot.model.call").parent_span_id, named("sre.copilot.stage.analyze").span_id);
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    assert_eq!((ids.len(), spans.len()), (5, 5));
    for span in &spans {
        assert_eq!(span.trace_id, root.trace_id);
        assert!(span.trace_id.len() == 16 && span.span_id.len() == 8 && span.kind() == SpanKind::Internal);
        assert!(root.start_time_unix_nano <= span.start_time_unix_nano, "{span:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.end_time_unix_nano <= root.end_time_unix_nano);
    }
}

#[test]
fn attributes_and_events_are_ours_alone_and_hold_no_secret() {
    let requests = traced(Vec::new(), incident);
    let spans = spans(&requests);
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let expected = BTreeMap::from([
        ("sre.incident.id".to_owned(), text("i-1")),
        ("sre.flap_count".to_owned(), any_value::Value::IntValue(2)),
        ("sre.is_recurrence".to_owned(), any_value::Value::BoolValue(true)),
        ("sre.verdict".to_owned(), text("confirmed")),
        ("sre.confidence".to_owned(), any_value::Value::DoubleValue(0.75)),
    ]);
    assert_eq!(attributes(&named("sre.copilot.incident.process").attributes), expected);
    let call = attributes(&named("sre.copilot.model.call").attributes);
    assert_eq!(call["sre.model.tokens"], any_value::Value::IntValue(-1));
    assert_eq!(call["sre.cause"], text("password <secret>"));
    let events: Vec<_> = spans.iter().flat_map(|span| span.events.iter().map(|event| (span.name.as_str(), event))).collect();
    let [(of, event)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((*of, event.name.as_str()), ("sre.copilot.stage.collect", "source.unavailable"));
    assert_eq!(attributes(&event.attributes), BTreeMap::from([("sre.source".to_owned(), text("seq"))]));
    let sent: Vec<u8> = requests.iter().flat_map(Message::encode_to_vec).collect();
    assert!(!String::from_utf8_lossy(&sent).contains("hunter2"));
}

#[test]
fn what_a_collector_cannot_take_now_it_gets_later_and_what_it_refuses_is_gone() {
    let down = vec![Undelivered::Again("connection refused".to_owned())];
    assert!(traced(down, incident).is_empty(), "at the end nobody waits for a collector that is down");
    let refused = vec![Undelivered::Never("400".to_owned())];
    assert!(traced(refused, incident).is_empty());
    let queue = Queue::default();
    traced(Vec::new(), || {});
    let span = |number: u64| Span {
        trace: [1; 16],
        id: number.to_be_bytes(),
        parent: None,
        name: "sre.copilot.stage.fix",
        began: 0,
        ended: 0,
        attributes: Vec::new(),
        events: Vec::new(),
    };
    (0..3_000).for_each(|number| queue.put(span(number)));
    let batch = queue.take();
    assert_eq!((batch.len(), batch[0].id), (512, 952_u64.to_be_bytes()), "the oldest went");
    queue.put_back(batch);
    assert_eq!(queue.take()[0].id, 952_u64.to_be_bytes());
    let batch = queue.take();
    (0..2_048).for_each(|number| queue.put(span(number)));
    queue.put_back(batch);
    assert_eq!(queue.take()[0].id, 0_u64.to_be_bytes(), "what is new goes before what could not be sent");
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let deliver: Delivery = Box::new(|_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    });
    let exporter = Exporter::start(Vec::new(), deliver).unwrap();
    let layer = Traces::new(&exporter, Arc::new(str::to_owned)).with_filter(filter_fn(is_traced));
    tracing::subscriber::with_default(Registry::default().with(layer), incident);
    exporter.end(Duration::from_millis(50));
    assert!(ASKED.load(Ordering::SeqCst) <= 1);
}
