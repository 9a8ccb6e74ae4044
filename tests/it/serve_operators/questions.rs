//! Questions, their jobs, and what people think of answers.

use super::*;
use sre_copilot::domain::{Class, JobKind};
use sre_copilot::ports::{JobQueue, NewJob};

#[tokio::test]
async fn a_question_is_its_askers() {
    let home = Home::new().await;
    let (anna, ben) = (token("anna", &["operator"]), token("ben", &["operator", "approver"]));
    let run = home.analysed().await;
    let (status, taken) = home.post("/copilot", &anna, json!({"prompt": "why?", "incident": run.incident})).await;
    assert_eq!(status, 202, "{taken}");
    let path = format!("/jobs/{}", taken["task_id"].as_str().unwrap());
    let (status, job) = home.get(&path, &anna).await;
    assert_eq!((status, &job["kind"], &job["status"]), (200, &json!("ask"), &json!("queued")), "{job}");
    assert_eq!(home.get(&path, &ben).await.0, 404);
    assert_eq!(home.get(&path.replace("/jobs/", "/webhooks/status/"), &anna).await.0, 404);
    // The conversation goes on.
    let again = json!({"prompt": "since when?", "conversation_id": taken["conversation_id"]});
    assert_eq!(home.post("/copilot", &anna, again).await.1["conversation_id"], taken["conversation_id"]);
}

#[tokio::test]
async fn any_other_job_is_told_to_whoever_may_look() {
    let home = Home::new().await;
    let job = NewJob {
        kind: JobKind::Digest,
        class: Class::Rest,
        incident_id: None,
        dedup_key: None,
        payload: json!({"secret": 1}),
        requested_by: None,
        not_before: None,
    };
    let job = home.app.store.enqueue(job).await.unwrap();
    let (status, document) = home.get(&format!("/jobs/{}", job.id), &token("anna", &["viewer"])).await;
    assert_eq!(status, 200);
    let expected = json!({
        "task_id": job.id, "kind": "digest", "status": "queued", "attempts": 0, "created_at": job.created_at, "started_at": null,
        "finished_at": null, "incident_id": null, "run_id": null, "result": null,
    });
    assert_eq!(document, expected);
    assert_eq!(home.get("/jobs/nothing", &token("anna", &["viewer"])).await.0, 404);
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_not_queued() {
    let home = Home::new().await;
    let anna = token("anna", &["operator"]);
    for (body, status, path) in [
        (json!({"prompt": " "}), 422, "prompt"),
        (json!({"prompt": "ä".repeat(20_001)}), 422, "prompt"),
        (json!({"prompt": "why?", "conversation_id": "mine"}), 422, "conversation_id"),
        (json!({"prompt": "why?", "model": "x"}), 422, ""),
        (json!({"incident": "x"}), 422, ""),
        (json!({"prompt": "why?", "incident": "019aa000-0000-7000-8000-000000000000"}), 404, ""),
    ] {
        let (got, document) = home.post("/copilot", &anna, body).await;
        assert_eq!(got, status, "{document}");
        if status == 422 {
            assert_eq!(document["errors"][0]["path"], path, "{document}");
        }
    }
    assert_eq!(home.app.store.jobs(sre_copilot::ports::JobFilter::default()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_last_word_of_a_person_about_an_analysis_counts() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let (anna, ben) = (token("anna", &["operator"]), token("ben", &["operator"]));
    let (_, none) = home.get("/evaluation/stats", &anna).await;
    assert_eq!((&none["total"], &none["accuracy_rate"]), (&json!(0), &Value::Null));
    let good = json!({"score": 5, "is_accepted": true});
    let bad = json!({"score": 1, "is_accepted": false, "cause": "oom_killed", "comment": "it was the memory"});
    // By the analysis's id, and by the incident's.
    assert_eq!(home.post(&format!("/evaluation/{}/submit", run.id), &anna, bad).await.1, json!({"status": "recorded"}));
    for caller in [&anna, &ben] {
        assert_eq!(home.post(&format!("/evaluation/{}/submit", run.incident), caller, good.clone()).await.0, 200);
    }
    let (_, counts) = home.get("/evaluation/stats", &anna).await;
    assert_eq!((&counts["total"], &counts["accepted"], &counts["accuracy_rate"]), (&json!(2), &json!(2), &json!("100.00%")));
    let (_, later) = home.get("/evaluation/stats?from=2030-01-01T00:00:00Z", &anna).await;
    assert_eq!((&later["total"], &later["accuracy_rate"]), (&json!(0), &Value::Null));
    for query in ["from=yesterday", "since=2030-01-01T00:00:00Z", "from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z"] {
        assert_eq!(home.get(&format!("/evaluation/stats?{query}"), &anna).await.0, 422, "{query}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_an_evaluation_is_said_at_once() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let anna = token("anna", &["operator"]);
    let path = format!("/evaluation/{}/submit", run.id);
    let wrong = json!({"score": 6, "is_accepted": true, "cause": "gremlins", "comment": "ä".repeat(2001)});
    let (status, document) = home.post(&path, &anna, wrong).await;
    let paths: Vec<_> = document["errors"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (422, vec!["score", "cause", "comment"]));
    for body in [json!({"score": 0, "is_accepted": true}), json!({"score": 3}), json!({"score": 3, "is_accepted": true, "x": 1})]
    {
        assert_eq!(home.post(&path, &anna, body).await.0, 422);
    }
    assert_eq!(home.post("/evaluation/nothing/submit", &anna, json!({"score": 3, "is_accepted": true})).await.0, 404);
}
