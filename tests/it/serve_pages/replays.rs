use super::Server;
use serde_json::{Value, json};
use sre_copilot::domain::JobKind;
use sre_copilot::ports::{IncidentPages, JobFilter, JobQueue};
use std::fs;

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn a_recorded_replay_waits_once_and_needs_a_recording() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    let path = format!("/replay/{id}");
    server.ask("POST", &path, JSON, "{}").await.problem(409, "no_recording");
    let run = server.analyse(|_| ()).await;
    server.ask("POST", &path, "", "").await.problem(409, "no_recording");
    fs::create_dir_all(server.app.store.recording(&id, run.job.run_id.as_deref().unwrap())).unwrap();
    let first = server.ask("POST", &path, "", "").await;
    assert_eq!(first.status, 202, "{}", first.body);
    let first: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&first["incident_id"], &first["mode"]), (&json!(id), &json!("recorded")));
    let again = server.ask("POST", &path, JSON, r#"{"mode": "recorded"}"#).await;
    assert_eq!(serde_json::from_str::<Value>(&again.body).unwrap(), first);
    let jobs = server.app.store.jobs(JobFilter::default()).await.unwrap();
    let replays: Vec<_> = jobs.iter().filter(|job| job.kind == JobKind::Replay).collect();
    assert_eq!(replays.len(), 1);
    assert_eq!((replays[0].requested_by.as_deref(), replays[0].incident_id.as_ref()), (Some("local"), Some(&id)));
}

#[tokio::test]
async fn a_live_replay_is_a_new_analysis() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    server.analyse(|_| ()).await;
    let answer = server.ask("POST", &format!("/replay/{id}"), JSON, r#"{"mode": "live"}"#).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let job = server.app.store.job(answer["task_id"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!((job.kind, job.incident_id), (JobKind::Analyze, Some(id)));
}

#[tokio::test]
async fn what_can_not_be_replayed_is_said() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    for mode in ["live", "recorded"] {
        let body = json!({"mode": mode}).to_string();
        server.ask("POST", "/replay/0198c2f0-7a1b-7c3d-8e4f-0123456789ab", JSON, &body).await.problem(404, "not_found");
    }
    server.ask("POST", &format!("/replay/{id}"), JSON, r#"{"mode": "dry"}"#).await.problem(422, "invalid");
    server.ask("POST", &format!("/replay/{id}"), JSON, r#"{"mood": "live"}"#).await.problem(422, "invalid");
    server.ask("POST", &format!("/replay/{id}"), JSON, "{").await.problem(400, "unparsable");
    server.ask("GET", &format!("/replay/{id}"), "", "").await.problem(405, "method_not_allowed");
    // Ten a minute; five were asked for, of which three could be read.
    let mut refused = 0;
    for _ in 0..10 {
        let answer = server.ask("POST", &format!("/replay/{id}"), JSON, r#"{"mode": "live"}"#).await;
        if answer.status == 429 {
            answer.problem(429, "rate_limited");
            assert!(answer.head.contains("retry-after: "), "{}", answer.head);
            refused += 1;
        }
    }
    assert!(refused >= 1, "{refused}");
}
