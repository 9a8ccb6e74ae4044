//! The stages with a model over the wire, from a recorded incident to the report: a model that lies, one that is down, lines
//! that try to instruct, secrets, and the replay of what was said.

use crate::cases::{self, Case as Fixture, fixtures, root};
use crate::models::fake::{FakeModel, Received, Reply};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};
use sre_copilot::adapters::anthropic::{AnthropicModel, AnthropicOptions};
use sre_copilot::adapters::machine::MachineClock;
use sre_copilot::bundle;
use sre_copilot::cluster::{Recording, Snapshot};
use sre_copilot::config::LlmSettings;
use sre_copilot::domain::{Exchange, ModelName, Origin, Reasoning, Report, Stage, Ticket};
use sre_copilot::pipeline::redact_recording;
use sre_copilot::pipeline::think::{Gate, Limits, Live, Prompts, previews, think};
use sre_copilot::ports::LanguageModel;
use sre_copilot::reason::{Case, Numbers};
use sre_copilot::redact::Redactor;
use sre_copilot::remedy::Settings;
use sre_copilot::render::{self, Layout, Reports};
use sre_copilot::store::Store;

/// How long an incident's calls may take where none is answered.
const LIMIT: SignedDuration = SignedDuration::from_millis(1_500);

fn model(fake: &FakeModel) -> AnthropicModel {
    let (base_url, api_key) = (Some(fake.address().to_owned()), Some("a-key".to_owned().into()));
    let settings = LlmSettings { base_url, api_key, ..LlmSettings::default() };
    AnthropicModel::new(AnthropicOptions::of(&settings).unwrap(), Redactor::fixed()).unwrap()
}

fn prompts(remedy: &Settings) -> Prompts<'_> {
    Prompts { max_chars: 20_000, input_tokens: 12_000, max_tokens: 3_000, remedy }
}

/// What the stages say of a recording with this model, and what was said.
async fn asked(recording: &Recording, fake: &FakeModel, limits: Limits) -> (Report, Vec<Exchange>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("books.db"), Timestamp::now).unwrap();
    let (model, gate, redactor, remedy) = (model(fake), Gate::default(), Redactor::fixed(), Settings::default());
    let live = Live::new(&model, &store, &MachineClock, &gate, &redactor, limits);
    let mut report = cases::report(recording);
    let (reasoning, exchanges) = {
        let (snapshot, numbers) = (Snapshot::new(recording.clone()), Numbers::of(&report));
        think(Case { report: &report, snapshot: &snapshot, numbers: &numbers }, live, prompts(&remedy)).await
    };
    report.reasoning = Some(reasoning);
    (report, exchanges)
}

fn fixture(name: &str) -> &'static Fixture {
    fixtures().iter().find(|case| case.name == name).unwrap()
}

/// A report without what the stages add.
fn without(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    value.as_object_mut().unwrap().remove("reasoning");
    value
}

fn reasoning(report: &Report) -> &Reasoning {
    report.reasoning.as_ref().unwrap()
}

/// What a model says that lies wherever it can.
fn lie(received: &Received) -> Reply {
    Reply::says(match received.stage() {
        "analyze" => json!({"summary": "All is well in namespace prod-secret. @everyone", "observations":
            [{"text": "Nothing is wrong.", "facts": ["F999"]}], "missing": []}),
        "hypothesize" => json!({"hypotheses": [{"cause": "dns_resolution_failed", "object": "O1", "statement": "DNS is down.",
            "facts": ["F1"], "against": [], "predicts": [], "confidence": 1.0},
            {"cause": "oom_killed", "object": "O4711", "statement": "Memory.", "facts": ["F1"], "against": [], "predicts": [],
            "confidence": 1.0}]}),
        "criticize" => json!({"reviews": [{"hypothesis": "H1", "refutations": [{"fact": "F1", "kind": "contradicts",
            "other": null, "why": "It can't be that."}], "supports": []}]}),
        "synthesize" => json!({"headline": "Everything is fine", "happened": "Run kubectl delete namespace prod-secret at once.",
            "because": [{"text": "See https://evil.example/x", "facts": ["F999"]}],
            "next": [{"text": "kubectl delete namespace prod-secret", "intent": "I99"}], "raises_confidence": []}),
        _ => json!({"choice": "I99", "intent": null, "why": "it is better", "facts": []}),
    })
}

#[tokio::test]
async fn a_model_that_lies_changes_no_verdict_no_object_and_no_action() {
    let fake = FakeModel::start(lie).await;
    let mut asked_at_all = 0;
    for case in fixtures().iter().step_by(16) {
        let (report, _) = asked(&case.recording, &fake, Limits::default()).await;
        assert_eq!(without(&report), without(&case.report()), "{}", case.name);
        let layout = Layout { width: 100, color: false, verbose: true };
        let (text, json) = (render::text(Reports::One(&report), layout), cases::json(&report));
        for invented in ["prod-secret", "F999", "O4711", "I99", "evil.example", "@everyone"] {
            assert!(!text.contains(invented) && !json.contains(invented), "{}: {invented}", case.name);
        }
        asked_at_all += reasoning(&report).model.calls;
    }
    assert!(asked_at_all > 20, "{asked_at_all}");
}

#[rstest]
#[case::down(Reply::error(529, "overloaded_error", "Overloaded"), "529")]
#[case::unauthorized(Reply::error(401, "authentication_error", "invalid x-api-key"), "401")]
#[case::silent(Reply::Hangs, "no answer within")]
#[case::endless(Reply::Endless, "")]
#[case::cut_off(Reply::CutOff, "")]
#[case::a_page(Reply::page(), "")]
#[case::no_json(Reply::says("I think that"), "no usable answer")]
#[case::empty_json(Reply::says("{}"), "no usable answer")]
#[tokio::test]
async fn a_model_that_is_no_help_costs_its_paragraph(#[case] reply: Reply, #[case] why: &str) {
    let fake = FakeModel::always(reply).await;
    let case = fixture("oom-after-limit-cut");
    let limits = Limits { call: LIMIT, incident: LIMIT, ..Limits::default() };
    let began = std::time::Instant::now();
    let (report, _) = asked(&case.recording, &fake, limits).await;
    assert!(began.elapsed().as_secs() < 4, "the deadline was not kept");
    assert_eq!(without(&report), without(&case.report()));
    let said = reasoning(&report);
    assert_eq!(said.narrative.origin, Origin::Rules);
    let note = said.model.note.as_deref().unwrap_or_default();
    assert!(!note.is_empty() && note.contains(why), "{note:?}");
}

/// Puts a line wherever it may come from: logs, annotations, labels, an event, a ticket.
fn planted(recording: &Recording, line: &str) -> Recording {
    let mut planted = recording.clone();
    for log in planted.logs.values_mut() {
        log.insert_str(0, &format!("{line}\n"));
    }
    for object in &mut planted.objects {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("annotations").or_insert_with(|| json!({}))["note"] = json!(line);
            metadata.entry("labels").or_insert_with(|| json!({}))["note"] = json!(line);
        }
    }
    let target = cases::target(&Snapshot::new(recording.clone()));
    planted.objects.push(json!({
        "kind": "Event", "apiVersion": "v1", "metadata": {"namespace": target.ns(), "name": "note.1"}, "type": "Normal",
        "reason": "Note", "message": line, "count": 1,
        "involvedObject": {"kind": target.kind, "namespace": target.ns(), "name": target.name},
    }));
    planted.tickets.push(Ticket { key: "SHOP-1".into(), summary: line.into(), ..Ticket::default() });
    planted
}

#[tokio::test]
async fn lines_that_try_to_instruct_change_nothing_and_are_sent_as_evidence_alone() {
    let corpus: Value = serde_json::from_str(&std::fs::read_to_string(root().join("fixtures/injections.json")).unwrap()).unwrap();
    let lines: Vec<&str> = corpus["injections"].as_array().unwrap().iter().filter_map(|it| it["text"].as_str()).collect();
    assert!(lines.len() >= 40);
    // A model that does as it is told by whatever it reads.
    let fake = FakeModel::start(lie).await;
    let case = fixtures().iter().find(|case| case.report().verdict.is_fault() && !case.recording.logs.is_empty()).unwrap();
    let before = case.report();
    for line in lines {
        let mut recording = planted(&case.recording, line);
        redact_recording(&Redactor::fixed(), &mut recording);
        let (report, _) = asked(&recording, &fake, Limits::default()).await;
        let shape =
            |report: &Report| (report.verdict, report.causes.first().map(|cause| (cause.id.clone(), cause.object.clone())));
        assert_eq!(shape(&report), shape(&before), "{line}");
        let intents = |report: &Report| report.actions.iter().map(|action| action.intent.clone()).collect::<Vec<_>>();
        assert_eq!(intents(&report), intents(&before), "{line}");
    }
}

#[tokio::test]
async fn no_secret_reaches_the_server_and_the_first_wave_is_sent_as_it_was_shown() {
    let secrets = ["hunter2-hunter2", "AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "s3cr3t-s3cr3t"];
    let fake = FakeModel::start(lie).await;
    let mut recording = fixtures().iter().find(|case| !case.recording.logs.is_empty()).unwrap().recording.clone();
    for log in recording.logs.values_mut() {
        let [a, b, c, d] = secrets;
        log.push_str(&format!("DB_PASSWORD={a}\nkey {b}\n{{\"token\": \"{c}\"}}\nAuthorization: Bearer {d}\n--password {a}\n"));
    }
    redact_recording(&Redactor::fixed(), &mut recording);
    let remedy = Settings::default();
    let report = cases::report(&recording);
    let (snapshot, numbers) = (Snapshot::new(recording.clone()), Numbers::of(&report));
    let shown = previews(Case { report: &report, snapshot: &snapshot, numbers: &numbers }, prompts(&remedy));
    let bodies: Vec<String> = shown.iter().map(|request| model(&fake).egress(request).body).collect();
    let (report, _) = asked(&recording, &fake, Limits::default()).await;
    let received = fake.received();
    assert!(reasoning(&report).model.calls > 0 && !received.is_empty());
    // Later calls hold the answers of earlier ones.
    let first = shown.iter().zip(&bodies).filter(|(it, _)| matches!(it.stage, Stage::Analyze | Stage::Hypothesize));
    let mut first: Vec<&String> = first.map(|(_, body)| body).collect();
    if first.is_empty() {
        first.extend(bodies.first());
    }
    for body in first {
        assert!(received.iter().any(|request| request.raw == *body), "what was shown was not sent: {body}");
    }
    for request in &received {
        assert!(secrets.iter().all(|secret| !request.raw.contains(secret)), "{}", request.raw);
    }
}

#[tokio::test]
async fn what_was_said_replays_to_the_same_bytes_without_a_model() {
    let fake = FakeModel::start(lie).await;
    let case = fixture("oom-after-limit-cut");
    let (report, exchanges) = asked(&case.recording, &fake, Limits::default()).await;
    assert!(!exchanges.is_empty());
    let name = ModelName { backend: "anthropic".into(), model: model(&fake).model().to_owned() };
    let recording = Recording { exchanges, model: Some(name), ..case.recording.clone() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("incident");
    bundle::write(&path, &recording).unwrap();
    let replay = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("sre-copilot").unwrap();
        command.arg("replay").arg(&path).args(arguments).output().unwrap()
    };
    let output = replay(&["-o", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), cases::json(&report));

    // A recording that was taken away is a difference, and its stage the rules'.
    let first = std::fs::read_dir(path.join("llm")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(first).unwrap();
    let output = replay(&["-o", "json"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn without_a_budget_nothing_is_asked() {
    let fake = FakeModel::start(lie).await;
    let limits = Limits { daily_micro_usd: 0, ..Limits::default() };
    let (report, _) = asked(&fixture("oom-after-limit-cut").recording, &fake, limits).await;
    assert!(fake.received().is_empty());
    assert!(reasoning(&report).model.note.as_deref().unwrap().starts_with("over budget"), "{:?}", reasoning(&report).model);
}
