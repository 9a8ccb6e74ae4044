//! The reader and the writer together, on folders and on what kubectl prints.

mod kubectl;
mod properties;

use super::*;
use crate::cluster::{Dependency, LogKey, ServiceName, Signal};
use crate::domain::{Deploy, Exchange, ModelName, ObjectRef, SourceState, Ticket};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": "w1"}})
}

fn log_key(container: &str, previous: bool) -> LogKey {
    LogKey { namespace: "shop".into(), pod: "web-0".into(), container: container.into(), previous }
}

/// The exchange of this number, with its outcome.
fn exchange_json(n: u32, outcome: Value) -> Value {
    let mut exchange = json!({"version": 1, "n": n, "stage": "criticize", "attempt": n, "backend": "anthropic",
        "model": "claude-sonnet-5-5", "request": {"system": "s", "messages": [{"role": "user", "content": "q"}],
        "schema": {"type": "object", "maximum": 0.1}, "maxTokens": 3000}, "requestSha256": "ab",
        "recordedAt": "2026-01-02T05:05:55.25Z", "tookMs": 250, "tries": 2, "microUsd": 44, "inputTokens": 7});
    let (Value::Object(fields), Value::Object(more)) = (&mut exchange, outcome) else { panic!("no object") };
    fields.extend(more);
    exchange
}

fn exchange(n: u32, outcome: Value) -> Exchange {
    serde_json::from_value(exchange_json(n, outcome)).unwrap()
}

/// A recording with something in every field.
fn recording() -> Recording {
    let service = |name: &str| ServiceName { namespace: "shop".into(), name: name.into() };
    Recording {
        captured_at: "2026-01-02T05:05:54.123456789Z".parse().ok(),
        target: Some(ObjectRef::new("Pod", "shop", "web-0")),
        title: Some("web is down".into()),
        sources: [("kubernetes", "ok"), ("logs", "partial: 1 forbidden"), ("signals", "unavailable: connection refused")]
            .map(|(name, state)| (name.to_owned(), SourceState::parse(state)))
            .into(),
        objects: vec![pod("web-0"), json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "w1"}, "n": 0.1})],
        logs: [(log_key("app", false), "a\r\n\u{1b}[31mb".to_owned()), (log_key("app", true), String::new())].into(),
        signals: vec![Signal {
            signal: "request_rate".into(),
            labels: BTreeMap::from([("service".into(), "web".into())]),
            values: vec![(1_767_330_354.0, 0.1 + 0.2), (1_767_330_384.5, 262_000_000.0)],
        }],
        dependencies: vec![Dependency { from: service("web"), to: service("db"), kind: "calls".into(), source: "mesh".into() }],
        deploys: vec![Deploy { service: "web".into(), number: "15".into(), changes: json!([{"id": 1}]), ..Deploy::default() }],
        tickets: vec![Ticket { key: "SHOP-1".into(), resolved: true, ..Ticket::default() }],
        log_events: vec![crate::cluster::LogEvent { level: "Error".into(), message: "no route".into(), ..Default::default() }],
        history: vec![remembered()],
        alert: Some(json!({"version": "4", "alerts": []})),
        model: Some(ModelName { backend: "anthropic".into(), model: "claude-sonnet-5-5".into() }),
        exchanges: vec![
            exchange(
                1,
                json!({"response": {"text": "{}", "stopReason": "end_turn", "usage": {"inputTokens": 7,
            "outputTokens": 3}}}),
            ),
            exchange(2, json!({"error": {"why": "refused"}})),
        ],
        warnings: vec!["one thing".into()],
    }
}

fn remembered() -> crate::domain::RememberedIncident {
    let at: jiff::Timestamp = "2026-01-01T05:05:54Z".parse().unwrap();
    crate::domain::RememberedIncident {
        id: "0199".into(),
        subject: ObjectRef::new("Deployment", "shop", "web"),
        opened_at: Some(at),
        resolved_at: Some(at),
        cause: Some("oom_killed".into()),
        alerts: vec!["HighErrors".into()],
        facts: vec!["oom_killed".into()],
        proposed: Some("rollback_deployment".into()),
        fixes: vec![crate::domain::PastFix {
            action: "rollback_deployment".into(),
            target: "shop/deployment/web".into(),
            at,
            result: crate::domain::FixResult::Verified,
        }],
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            all.extend(contents(&path).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            all.insert(name, fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("new/bundle");
    write(&bundle, &recording()).unwrap();
    assert_eq!(read(&bundle).unwrap(), recording());
    let first = contents(&bundle);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let expected = [
        "alert.json",
        "dependencies.json",
        "deploys.json",
        "history.json",
        "incident.json",
        "llm/001.json",
        "llm/002.json",
        "log_events.json",
        "logs/shop_web-0_app.log",
        "logs/shop_web-0_app.previous.log",
        "objects.json",
        "signals.json",
        "tickets.json",
    ];
    assert_eq!(names, expected);
    write(&bundle, &recording()).unwrap();
    assert_eq!(contents(&bundle), first, "the same recording gives the same bytes");
}

#[test]
fn an_earlier_bundle_is_replaced_but_not_what_people_added() {
    let folder = folder(&[
        ("expected.json", "{}"),
        ("llm/003.json", "{}"),
        ("llm/notes.md", ""),
        ("objects/old.yaml", "kind: Pod"),
        ("logs/notes.txt", ""),
    ]);
    fs::write(folder.path().join("incident.json"), r#"{"apiVersion": "sre-copilot/v1"}"#).unwrap();
    write(folder.path(), &recording()).unwrap();
    let small = Recording { objects: vec![pod("web-1")], ..Recording::default() };
    write(folder.path(), &small).unwrap();
    assert_eq!(read(folder.path()).unwrap().objects, small.objects);
    let left: Vec<String> = contents(folder.path()).into_keys().collect();
    assert_eq!(left, ["expected.json", "incident.json", "llm/notes.md", "logs/notes.txt", "objects.json"]);
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = folder(&[("thesis.txt", "years of work")]);
    let error = write(folder.path(), &recording()).unwrap_err();
    assert!(matches!(error, BundleError::NotEmpty { .. }), "{error}");
    assert_eq!(contents(folder.path()).len(), 1);
}

#[test]
fn a_recording_that_was_interrupted_does_not_look_whole() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &recording()).unwrap();
    // A folder in the place of the part of a file makes writing fail midway, as a full disk does.
    fs::create_dir(folder.path().join("signals.json.part")).unwrap();
    let error = write(folder.path(), &recording()).unwrap_err();
    assert!(matches!(error, BundleError::Write { .. }), "{error}");
    let read = read(folder.path()).unwrap();
    assert!(matches!(&read.sources["kubernetes"], SourceState::Partial(why) if why.contains("no incident.json")));
    assert_eq!(read.captured_at, None);
}

#[test]
fn exchanges_are_numbered_by_stage_perspective_and_attempt() {
    let answered = json!({"response": {"text": "{}"}});
    let one = |stage: &str, perspective: Option<&str>, attempt: u32| {
        let mut exchange = exchange_json(9, answered.clone());
        (exchange["stage"], exchange["attempt"]) = (json!(stage), json!(attempt));
        exchange["perspective"] = json!(perspective);
        serde_json::from_value::<Exchange>(exchange).unwrap()
    };
    let arrived = vec![
        one("fix", None, 1),
        one("hypothesize", Some("runtime"), 1),
        one("hypothesize", Some("app"), 2),
        one("synthesize", None, 1),
        one("hypothesize", Some("app"), 1),
        one("analyze", None, 1),
    ];
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &Recording { exchanges: arrived, ..recording() }).unwrap();
    let read = read(folder.path()).unwrap().exchanges;
    let order: Vec<_> =
        read.iter().map(|one| (one.n, one.stage.as_str(), one.perspective.map(|p| p.as_str()), one.attempt)).collect();
    let expected = [
        (1, "analyze", None, 1),
        (2, "hypothesize", Some("app"), 1),
        (3, "hypothesize", Some("app"), 2),
        (4, "hypothesize", Some("runtime"), 1),
        (5, "synthesize", None, 1),
        (6, "fix", None, 1),
    ];
    assert_eq!(order, expected);
    let text = fs::read_to_string(folder.path().join("llm/002.json")).unwrap();
    let keys: Value = serde_json::from_str(&text).unwrap();
    for key in [
        "version",
        "n",
        "stage",
        "perspective",
        "attempt",
        "backend",
        "model",
        "request",
        "requestSha256",
        "response",
        "recordedAt",
        "tookMs",
    ] {
        assert!(keys.get(key).is_some(), "{key} is missing in {text}");
    }
    assert!(keys["request"].get("maxTokens").is_some() && keys["response"].get("stopReason").is_some());
}

#[test]
fn what_is_no_exchange_costs_itself_and_a_warning() {
    let good = exchange_json(4, json!({"response": {"text": "{}"}})).to_string();
    let both = exchange_json(5, json!({"response": {"text": "{}"}, "error": {"why": "x"}})).to_string();
    let neither = exchange_json(6, json!({})).to_string();
    let later = good.replace("\"version\":1", "\"version\":2");
    let folder = folder(&[
        ("incident.json", r#"{"apiVersion": "sre-copilot/v1"}"#),
        ("llm/001.json", "{}"),
        ("llm/002.json", "[1]"),
        ("llm/003.json", &later),
        ("llm/004.json", &good),
        ("llm/005.json", &both),
        ("llm/006.json", &neither),
        ("llm/07.json", "not read"),
        ("llm/../001.json", "not read"),
        ("llm/notes", "not read"),
    ]);
    let recording = read(folder.path()).unwrap();
    assert_eq!(recording.exchanges.len(), 1);
    assert_eq!(recording.model, Some(recording.exchanges[0].name.clone()), "who was asked shows in what was said");
    assert_eq!(recording.warnings.len(), 1);
    assert!(
        recording.warnings[0].contains("no recorded exchange: 5 (first: 001.json, its version is none"),
        "{:?}",
        recording.warnings
    );

    fs::write(folder.path().join("llm/001.json"), "{\n \"version\": 1,,").unwrap();
    assert!(matches!(read(folder.path()), Err(BundleError::Syntax { line: 2, .. })));
    fs::write(folder.path().join("llm/001.json"), "[".repeat(100_000)).unwrap();
    assert!(matches!(read(folder.path()), Err(BundleError::Syntax { .. })));
    fs::write(folder.path().join("llm/001.json"), " ".repeat((8 << 20) + 1)).unwrap();
    let error = read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
}

#[test]
fn a_log_never_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = recording();
    let key = LogKey { pod: "../../../etc/cron.d/x".into(), ..log_key("app", false) };
    recording.logs.insert(key, "* * * * * root".into());
    let error = write(folder.path(), &recording).unwrap_err();
    assert!(matches!(error, BundleError::LogName { .. }), "{error}");
    assert!(contents(folder.path()).is_empty(), "nothing was touched");
}

#[test]
fn secrets_lose_their_values_and_keep_their_keys() {
    let secret = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations":
        {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}}, "data": {"password": "hunter2"}, "stringData": "hunter2"}"#;
    let expected = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {}},
        "data": {"password": ""}, "stringData": null});
    let typed =
        r#"{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "s"}, "data": {"password": "hunter2"}}]}"#;
    assert_eq!(read_stream(secret.as_bytes(), "x").unwrap().objects, [expected]);
    assert_eq!(read_stream(typed.as_bytes(), "x").unwrap().objects[0]["data"], json!({"password": ""}));

    let folder = tempfile::tempdir().unwrap();
    let recording = Recording { objects: vec![serde_json::from_str(secret).unwrap()], ..Recording::default() };
    write(folder.path(), &recording).unwrap();
    assert!(!String::from_utf8_lossy(&contents(folder.path())["objects.json"]).contains("\"password\": \"hunter2"));
}

#[test]
fn sources_that_nobody_stated() {
    let objects = r#"{"kind": "List", "apiVersion": "v1", "items": []}"#;
    let files = [("objects.json", objects), ("signals.json", r#"{"signals": []}"#), ("logs/shop_web-0_app.log", "x")];
    let plain = folder(&files);
    let sources = read(plain.path()).unwrap().sources;
    assert_eq!(sources.keys().collect::<Vec<_>>(), ["kubernetes", "logs", "signals"]);
    assert!(matches!(sources["kubernetes"], SourceState::Partial(_)) && matches!(sources["logs"], SourceState::Partial(_)));

    fs::write(plain.path().join("incident.json"), r#"{"apiVersion": "sre-copilot/v1", "later": 1}"#).unwrap();
    let sources = read(plain.path()).unwrap().sources;
    assert!(sources.values().all(|state| *state == SourceState::Ok) && sources.len() == 3);

    fs::write(plain.path().join("incident.json"), r#"{"apiVersion": "sre-copilot/v1", "sources": {"logs": "forbidden: no"}}"#)
        .unwrap();
    let sources = read(plain.path()).unwrap().sources;
    assert_eq!(sources, [("logs".to_owned(), SourceState::Forbidden("no".into()))].into());

    let only_alert = folder(&[("alert.json", r#"{"alerts": [{"labels": {"namespace": "shop", "pod": "web-0"}}]}"#)]);
    let read = read(only_alert.path()).unwrap();
    assert_eq!((read.sources.len(), read.target), (0, Some(ObjectRef::new("Pod", "shop", "web-0"))));
}

#[test]
fn objects_in_several_files() {
    let list = json!({"kind": "List", "apiVersion": "v1", "items": [pod("a")]}).to_string();
    let bundle = folder(&[
        ("objects.json", &list),
        ("objects/1.json", &pod("b").to_string()),
        ("objects/2.yaml", "---\nkind: Pod\nmetadata: {name: c}\n---\n# nothing\n---\nkind: Pod\nmetadata: {name: d}\n"),
        ("objects/3.yml", "kind: Pod\nmetadata: {name: e}\n"),
        ("objects/README.md", "not read"),
        ("objects/.hidden.json", "not read"),
    ]);
    let read = read(bundle.path()).unwrap();
    let names: Vec<&str> = read.objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert!(read.warnings.is_empty());
}

#[test]
fn entries_that_are_garbage_cost_themselves() {
    let bundle = folder(&[
        ("incident.json", r#"{"apiVersion": "sre-copilot/v1"}"#),
        (
            "objects.json",
            r#"{"kind": "List", "items": [7, {"a": 1}, {"kind": "Pod"}, {"kind": "Pod", "metadata": {"name": "a"}}]}"#,
        ),
        (
            "signals.json",
            r#"{"signals": [{"labels": {}}, {"signal": "x", "values": [[1, null]]}, {"signal": "y", "values": [[1, 2]]}]}"#,
        ),
        ("deploys.json", r#"{"deploys": [{"number": 7, "unknown": 1}, {"startedAt": "yesterday"}]}"#),
        ("tickets.json", r#"[]"#),
        ("logs/readme", ""),
    ]);
    let read = read(bundle.path()).unwrap();
    assert_eq!((read.objects.len(), read.signals.len(), read.deploys.len()), (1, 1, 1));
    assert_eq!(read.deploys[0].number, "7");
    assert_eq!(read.warnings.len(), 5, "{:#?}", read.warnings);
    assert!(read.warnings[0].contains("objects.json that are no Kubernetes objects: 3 (first: 7)"), "{}", read.warnings[0]);
}

#[test]
fn errors_name_the_file_the_place_and_the_next_step() {
    let with = |name: &str, content: &str| {
        let bundle = folder(&[("objects.json", r#"{"kind": "List", "items": []}"#), (name, content)]);
        let error = read(bundle.path()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(!error.hint().is_empty() && !error.hint().contains('\n') && !error.to_string().contains('\n'));
        error
    };
    for name in
        ["incident.json", "alert.json", "signals.json", "dependencies.json", "deploys.json", "tickets.json", "objects/a.json"]
    {
        let error = with(name, "{\n  \"a\": 1,,\n}");
        assert!(matches!(error, BundleError::Syntax { line: 2, column: 10, .. }), "{error}");
    }
    let error = with("incident.json", r#"{"apiVersion": "sre-copilot/v2"}"#);
    assert!(matches!(&error, BundleError::Version { found, .. } if found == "sre-copilot/v2"), "{error}");
    assert!(error.to_string().contains("sre-copilot/v1"));
    assert!(matches!(with("incident.json", "{}"), BundleError::Version { .. }));
    assert!(matches!(with("incident.json", r#"{"apiVersion": 1}"#), BundleError::Version { .. }));
    assert!(matches!(with("objects/b.json", " \n"), BundleError::Empty { .. }));
    assert!(matches!(with("objects/b.json", r#"{"kind": "Lis"#), BundleError::CutOff { line: 1, .. }));
    let error = with("incident.json", "{\"apiVersion\": \"sre-copilot/v1\",\n\"capturedAt\": \"\u{7}\"}");
    assert!(matches!(error, BundleError::Syntax { .. }), "{error}");

    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(read(&nowhere.path().join("x")), Err(BundleError::Read { .. })));
    assert!(matches!(read(nowhere.path()), Err(BundleError::NotABundle { inside: 0, .. })));
    assert!(matches!(write(&nowhere.path().join("x\0"), &recording()), Err(BundleError::Write { .. })));
}

#[test]
fn bundles_below_a_folder() {
    let files = [
        "b/incident.json",
        "a/objects.json",
        "deep/er/alert.json",
        "b/inner/incident.json",
        "none/x.json",
        "1/2/3/4/5/alert.json",
    ];
    let folder = folder(&files.map(|name| (name, "{}")));
    let found: Vec<PathBuf> = list(folder.path()).unwrap();
    let names: Vec<String> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
    assert_eq!(names, ["a", "b", "deep/er"]);
    assert_eq!(list(&folder.path().join("a")).unwrap(), [folder.path().join("a")]);
    assert!(matches!(read(folder.path()), Err(BundleError::NotABundle { inside: 2, .. })));
    assert!(list(&folder.path().join("nowhere")).is_err());
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_a_bundle_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("secret.log", "root:x:0:0"), ("objects.json", "{}")]);
    let log = "logs/shop_web-0_app.log";
    let refused = |prepare: &dyn Fn(&Path)| {
        let bundle = folder(&[("incident.json", r#"{"apiVersion": "sre-copilot/v1"}"#), ("alert.json", "{}")]);
        prepare(bundle.path());
        let error = read(bundle.path()).unwrap_err();
        assert!(matches!(error, BundleError::Outside { .. }), "{error}");
    };
    refused(&|bundle| symlink(outside.path().join("objects.json"), bundle.join("objects.json")).unwrap());
    refused(&|bundle| symlink(outside.path(), bundle.join("objects")).unwrap());
    refused(&|bundle| symlink(outside.path(), bundle.join("logs")).unwrap());
    refused(&|bundle| symlink("/nowhere", bundle.join("objects.json")).unwrap());
    refused(&|bundle| fs::create_dir(bundle.join("objects.json")).unwrap());
    refused(&|bundle| {
        fs::create_dir(bundle.join("logs")).unwrap();
        symlink(outside.path().join("secret.log"), bundle.join(log)).unwrap();
    });

    // As a mounted ConfigMap has them: inside, they are followed.
    let bundle = folder(&[("..data/objects.json", r#"{"kind": "List", "items": []}"#), ("..data/app", "x")]);
    symlink("..data/objects.json", bundle.path().join("objects.json")).unwrap();
    fs::create_dir(bundle.path().join("logs")).unwrap();
    symlink("../..data/app", bundle.path().join(log)).unwrap();
    assert_eq!(read(bundle.path()).unwrap().logs[&log_key("app", false)], "x");

    // Writing doesn't follow them either.
    let bundle = folder(&[("incident.json", r#"{"apiVersion": "sre-copilot/v1"}"#)]);
    symlink(outside.path(), bundle.path().join("logs")).unwrap();
    assert!(matches!(write(bundle.path(), &recording()), Err(BundleError::Outside { .. })));
    let bundle = folder(&[("incident.json", r#"{"apiVersion": "sre-copilot/v1"}"#)]);
    symlink(outside.path().join("secret.log"), bundle.path().join("objects.json.part")).unwrap();
    symlink(outside.path().join("secret.log"), bundle.path().join("alert.json")).unwrap();
    write(bundle.path(), &recording()).unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("secret.log")).unwrap(), "root:x:0:0");
}
