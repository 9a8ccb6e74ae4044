//! Payloads as Alertmanager and vmalert send them, and as nobody should.

use super::{Server, settings};
use serde_json::{Value, json};
use sre_copilot::config::Settings;
use sre_copilot::domain::{Lane, ObjectRef, Report, Verdict};
use sre_copilot::ports::{JobQueue, Outcome};
use std::path::Path;

#[tokio::test]
async fn what_real_senders_send_is_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alerts");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12);
    for file in files {
        let server = Server::new().await;
        let body = std::fs::read(&file).unwrap();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let answer = server.deliver(&body).await;
        assert_eq!(answer.status, 202, "{}", file.display());
        let answer = answer.json();
        let keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["alerts", "intake_id", "replayed", "set_aside", "status", "truncated"]);
        assert_eq!((&answer["status"], &answer["replayed"]), (&json!("accepted"), &json!(false)));
        assert_eq!(answer["set_aside"], json!([]));
        assert_eq!(answer["truncated"], sent["truncatedAlerts"].as_u64().unwrap_or_default());
        let prints = |value: &Value| {
            let alerts = value["alerts"].as_array().unwrap().iter();
            alerts.map(|alert| alert["fingerprint"].clone()).collect::<Vec<_>>()
        };
        if sent["alerts"][0]["fingerprint"].is_string() {
            assert_eq!(prints(&answer), prints(&sent), "{}", file.display());
        }
        let again = server.deliver(&body).await.json();
        assert_eq!((&again["replayed"], &again["intake_id"]), (&json!(true), &answer["intake_id"]), "{}", file.display());
        assert_eq!(again["alerts"], answer["alerts"]);
    }
}

fn alert(number: usize) -> Value {
    let pod = format!("web-{number}");
    json!({"status": "firing", "startsAt": "2026-11-22T19:00:00Z",
           "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "web", "pod": pod}})
}

#[tokio::test]
async fn three_bad_alerts_cost_themselves() {
    let server = Server::new().await;
    let mut alerts: Vec<_> = (0..10).map(alert).collect();
    alerts[0] = json!("no alert");
    alerts[4] = json!({"labels": {"alertname": 7}});
    alerts[9] = json!({"labels": {"namespace": "shop"}});
    let answer = server.deliver(json!({ "alerts": alerts }).to_string().as_bytes()).await;
    assert_eq!(answer.status, 202);
    let answer = answer.json();
    let expected = json!([{"index": 0, "code": "not_an_object"}, {"index": 4, "code": "label_not_text"},
                          {"index": 9, "code": "no_alertname"}]);
    assert_eq!(answer["set_aside"], expected);
    let indexes: Vec<_> = answer["alerts"].as_array().unwrap().iter().map(|alert| alert["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [1, 2, 3, 5, 6, 7, 8]);
    assert_eq!((server.count("episodes"), server.count("set_aside"), server.count("incidents")), (7, 3, 1));

    let only_bad = server.deliver(br#"{"alerts": [1, 2]}"#).await;
    assert_eq!((only_bad.status, only_bad.json()["set_aside"].as_array().unwrap().len()), (202, 2));
}

#[tokio::test]
async fn twenty_thousand_alerts_in_one_body() {
    let server = Server::new().await;
    let alerts: Vec<_> = (0..20_000).map(alert).collect();
    let answer = server.deliver(json!({ "alerts": alerts }).to_string().as_bytes()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["alerts"].as_array().unwrap().len(), 20_000);
    assert_eq!((server.count("episodes"), server.count("incidents"), server.count("jobs")), (20_000, 1, 1));
}

#[tokio::test]
async fn what_is_no_delivery_is_set_aside() {
    let server = Server::new().await;
    let deep = "[".repeat(100_000);
    for body in ["", "null", "[]", "{", "{\"alerts\": {}}", "audience=tool&grant_type=x", "{\"a\": 1e999}", &deep, "\u{0}\u{1}"] {
        server.deliver(body.as_bytes()).await.is_problem(400, "unparsable");
    }
    server.deliver(b"{\"alerts\": [\"\xff\xfe\"]}").await.is_problem(400, "unparsable");
    let zeros = format!("{{\"alerts\": [{}0]}}", "0,".repeat(100_000));
    server.deliver(zeros.as_bytes()).await.is_problem(413, "too_large");
    assert_eq!(server.count("set_aside"), 11);
    assert_eq!(server.count("set_aside WHERE length(raw) > 65536"), 0);
    assert_eq!(server.count("intakes"), 0);
}

#[tokio::test]
async fn the_cluster_comes_from_the_label_then_the_url_then_the_settings() {
    let server = Server::new().await;
    let bearer = format!("Bearer {}", super::SECRET);
    let clusters = [("", "eu", "eu"), ("?cluster=us", "eu", "eu"), ("?cluster=us", "", "us"), ("?cluster=", "", "default")];
    for (number, (query, label, expected)) in clusters.into_iter().enumerate() {
        let mut sent = alert(number);
        sent["labels"]["alertname"] = json!(format!("A{number}"));
        if !label.is_empty() {
            sent["labels"]["cluster"] = json!(label);
        }
        let path = format!("/webhooks/alertmanager{query}");
        let body = json!({"alerts": [sent]}).to_string();
        assert_eq!(server.ask("POST", &path, &[("Authorization", &bearer)], body.as_bytes()).await.status, 202);
        assert_eq!(server.count(&format!("episodes WHERE name = 'A{number}' AND cluster = '{expected}'")), 1, "{query} {label}");
    }
    let long = format!("/webhooks/alertmanager?cluster={}", "x".repeat(5_000));
    server.ask("POST", &long, &[("Authorization", &bearer)], b"{\"alerts\": []}").await.is_problem(400, "unparsable");
}

#[tokio::test]
async fn where_too_much_waits_the_sender_comes_again() {
    let body = json!({"alerts": [alert(1)]}).to_string();
    let mut full = Settings { ..settings() };
    full.serve.job_queue = 0;
    let server = Server::with(full).await;
    server.deliver(body.as_bytes()).await.is_problem(503, "queue_full");
    let mut full = settings();
    full.serve.intake_queue = 0;
    let server = Server::with(full).await;
    let answer = server.deliver(body.as_bytes()).await;
    answer.is_problem(503, "queue_full");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(server.count("episodes"), 0);
}

#[tokio::test]
async fn while_the_database_is_locked_nothing_is_acknowledged() {
    let server = Server::new().await;
    let body = json!({"alerts": [alert(1)]}).to_string();
    let other = rusqlite::Connection::open(server.folder.path().join("state.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (answer, ready) = tokio::join!(server.deliver(body.as_bytes()), server.get("/readyz"));
    answer.is_problem(503, "store_unavailable");
    let ready = ready.is_problem(503, "store_unavailable");
    assert_eq!(ready["errors"][0]["path"], "store", "{ready}");
    assert_eq!(server.get("/healthz").await.status, 200);
    other.execute_batch("ROLLBACK").unwrap();
    let answer = server.deliver(body.as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["replayed"]), (202, &json!(false)));
}

#[tokio::test]
async fn with_direct_invocation_the_answer_waits_for_the_analysis() {
    let mut direct = settings();
    direct.serve.direct_invoke = true;
    let server = Server::with(direct).await;
    let body = json!({"alerts": [alert(1)]}).to_string();
    let store = std::sync::Arc::clone(&server.app.store);
    let mut queued = server.app.queued.subscribe();
    let worker = async {
        queued.changed().await.unwrap();
        let leased = store.claim(Lane::Analysis).await.unwrap().unwrap();
        let target = ObjectRef::new("Deployment", "shop", "web");
        let report = Outcome::Report(Box::new(Report::new(target, Verdict::Healthy, super::now())));
        store.finish(&leased, report).await.unwrap().unwrap();
        leased.job.id
    };
    let (answer, task) = tokio::join!(server.deliver(body.as_bytes()), worker);
    let answer = answer.json();
    assert_eq!((answer["alerts"][0]["result"].as_str(), answer["alerts"][0]["task_id"].as_str()), (Some("direct"), Some(&*task)));
}
