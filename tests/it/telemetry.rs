//! What the program shows of itself while it serves: a trace of each incident, figures, and a log without secrets.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Stands in the settings and in the alert: wherever it turns up, a secret would.
const CANARY: &str = "ghp_CanaryCanaryCanaryCanaryCanary12345";
const STAGES: [&str; 9] = ["collect", "diagnose", "analyze", "hypothesize", "criticize", "synthesize", "fix", "risk", "execute"];

struct Serving {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl Serving {
    fn start(folder: &Path, collector: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sre-copilot"));
        let database = format!("sqlite:{}", folder.join("state.db").display());
        command.env_clear().env("DATABASE_URL", database).env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).env("OTEL_RESOURCE_ATTRIBUTES", "team=sre");
        command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("x-key={CANARY}")).env("ALERTMANAGER_WEBHOOK_SECRET", CANARY);
        command.args(["serve", "-v", "--listen", "127.0.0.1:0"]).current_dir(folder).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended: {}", log.lock().unwrap());
            log.lock().unwrap().push_str(&line);
            let read: Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = read["address"].as_str() {
                break address.to_owned();
            }
        };
        let theirs = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                theirs.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { child, address, log }
    }

    fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let request = format!("{head}Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn deliver(&self, secret: &str) -> String {
        let labels = json!({"alertname": "Down", "namespace": "shop", "deployment": "checkout", "severity": "critical"});
        let annotations = json!({"description": format!("token={CANARY}")});
        let body = json!({"alerts": [{"labels": labels, "annotations": annotations, "startsAt": "2026-01-02T03:04:05Z"}]});
        self.ask(&format!("POST /webhooks/alertmanager HTTP/1.1\r\nAuthorization: Bearer {secret}\r\n"), &body.to_string())
    }

    /// Ends it in order; what it logged.
    fn end(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.log.lock().unwrap().clone()
    }
}

async fn collected(collector: &MockServer) -> Vec<Span> {
    let requests = collector.received_requests().await.unwrap();
    let requests = requests.iter().map(|request| ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn texts(span: &Span) -> BTreeMap<String, String> {
    let text = |value: &Any| match value {
        Any::StringValue(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let value = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        (attribute.key.clone(), text(attribute.value.as_ref().unwrap().value.as_ref().unwrap()))
    };
    span.attributes.iter().map(value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_one_trace_with_a_child_a_stage_and_no_secret_is_anywhere() {
    let collector = MockServer::start().await;
    let takes = Mock::given(method("POST")).and(path("/v1/traces")).and(header("x-key", CANARY));
    takes.respond_with(ResponseTemplate::new(200)).mount(&collector).await;
    let folder = tempfile::tempdir().unwrap();
    let (serving, address) = (folder.path().to_owned(), collector.uri());
    let serving = tokio::task::spawn_blocking(move || Serving::start(&serving, &address)).await.unwrap();
    assert!(serving.deliver("wrong").starts_with("HTTP/1.1 401") && serving.deliver("wrong").starts_with("HTTP/1.1 401"));
    let answer = serving.deliver(CANARY);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let is_root = |span: &&Span| span.name == "sre.copilot.incident.process";
    while !collected(&collector).await.iter().any(|span| is_root(&span)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let figures = serving.ask("GET /metrics HTTP/1.1\r\n", "");
    let log = tokio::task::spawn_blocking(move || serving.end()).await.unwrap();

    let spans = collected(&collector).await;
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let [root] = roots.as_slice() else { panic!("{roots:?}") };
    let about = texts(root);
    assert_eq!(about["sre.incident.id"], answer["alerts"][0]["incident_id"].as_str().unwrap());
    for (name, value) in [
        ("sre.user.source", "alertmanager"),
        ("sre.incident.namespace", "shop"),
        ("sre.incident.severity", "critical"),
        ("sre.incident.verdict", "inconclusive"),
    ] {
        assert_eq!(about[name], value, "{about:?}");
    }
    let children = spans.iter().filter(|span| span.parent_span_id == root.span_id).map(|span| span.name.as_str());
    let expected: BTreeSet<String> = STAGES.iter().map(|stage| format!("sre.copilot.stage.{stage}")).collect();
    assert_eq!(children.clone().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    assert_eq!(children.count(), STAGES.len());
    let events: BTreeSet<&str> = spans.iter().flat_map(|span| &span.events).map(|event| event.name.as_str()).collect();
    assert!(events.contains("source.unavailable"), "{events:?}");

    for request in collector.received_requests().await.unwrap() {
        assert!(!String::from_utf8_lossy(&request.body).contains(CANARY));
    }
    assert!(!log.contains(CANARY) && !figures.contains(CANARY), "{log}\n{figures}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["incident_id"] == about["sre.incident.id"] && line["run_id"].is_string()), "{log}");
    let refused = lines.iter().filter(|line| line["code"] == "unauthenticated");
    assert_eq!(refused.count(), 1, "{log}");
    for figure in [
        "sre_copilot_runs_total{state=\"done\",verdict=\"inconclusive\"} 1",
        "sre_copilot_incidents_open{severity=\"critical\"} 1",
        "sre_copilot_intake_alerts_total{status=\"firing\",result=\"queued\"} 1",
        "sre_copilot_job_attempts_total{kind=\"analyze\",outcome=\"done\"} 1",
        "sre_copilot_http_requests_total{route=\"/webhooks/alertmanager\",method=\"POST\",status=\"401\"} 2",
        "# EOF",
    ] {
        assert!(figures.contains(figure), "{figure}\n{figures}");
    }
    assert!(!figures.contains("checkout") && !figures.contains("Down"), "no text of an alert is a label");
}

#[test]
fn a_collector_that_is_not_there_costs_one_warning() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let serving = Serving::start(folder.path(), &format!("http://{closed}"));
    assert!(serving.deliver(CANARY).starts_with("HTTP/1.1 202"));
    while !serving.log.lock().unwrap().contains("collector of traces") {
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = serving.end();
    assert_eq!(log.matches("collector of traces").count(), 1, "{log}");
    assert!(!log.contains(CANARY), "{log}");
}
