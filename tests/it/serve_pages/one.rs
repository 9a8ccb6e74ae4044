use super::{Server, keys};
use jiff::SignedDuration;
use serde_json::json;
use sre_copilot::domain::{Actor, AuditEvent, AuditName, Feedback, Lane, TimelineEntry, Verdict};
use sre_copilot::pipeline::Permalinks;
use sre_copilot::ports::{AttemptStore, AuditLog, FeedbackStore, JobQueue};

#[tokio::test]
async fn an_incident_is_told_whole() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    server.pass(30);
    let at = server.now();
    let run = server
        .analyse(|report| {
            report.verdict = Verdict::Likely;
            report.summary = "Its limit is too small.".to_owned();
            report.timeline =
                vec![TimelineEntry { at, what: "Pod shop/checkout-1 app: OOMKilled, exit code 137".into(), evidence: None }];
        })
        .await;
    let by = Actor { kind: "operator".into(), id: "7".into(), name: "anna".into() };
    let said = Feedback {
        incident_id: id.clone(),
        run_id: run.job.run_id.clone().unwrap(),
        by: by.clone(),
        channel: "http".into(),
        score: 5,
        is_accepted: true,
        reason: None,
        cause: None,
        comment: Some("right, password=hunter2hunter2".into()),
        at,
    };
    server.app.store.put_feedback(said).await.unwrap();
    let event = AuditEvent { incident_id: Some(id.clone()), ..AuditEvent::new(AuditName::GuardBlocked, by, "http") };
    server.app.store.append(event).await.unwrap();
    let whole = server.get(&format!("/incidents/{id}")).await;
    assert!(whole.head.contains("cache-control: no-store") && whole.head.contains("vary: accept"), "{}", whole.head);
    assert!(!whole.body.contains("ghp_") && !whole.body.contains("hunter2"), "{}", whole.body);
    let whole = whole.ok();
    let mut promised = [
        "id",
        "subject",
        "status",
        "severity",
        "opened_at",
        "resolved_at",
        "flap_count",
        "recurrence",
        "chronic",
        "merged_into",
        "episodes",
        "runs",
        "report",
        "analysis",
        "attempts",
        "feedback",
    ];
    promised.sort_unstable();
    assert_eq!(keys(&whole), promised);
    assert_eq!(whole["analysis"], json!({"state": "idle"}));
    assert_eq!(whole["report"]["kind"], "Report");
    assert_eq!(whole["runs"][0]["summary"], "Its limit is too small.");
    assert_eq!((&whole["episodes"][0]["name"], &whole["severity"]), (&json!("PodCrashLooping"), &json!("warning")));
    assert_eq!(whole["feedback"][0]["by"]["name"], "anna");

    let timeline = server.get(&format!("/incidents/{id}/timeline")).await.ok();
    assert_eq!(keys(&timeline), ["events", "from", "to", "unknown"]);
    assert_eq!(keys(&timeline["events"][0]), ["at", "evidence", "kind", "source", "what"]);
    let kinds: Vec<_> = timeline["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[0], "alert");
    for kind in ["pod_event", "run", "decision", "feedback"] {
        assert!(kinds.contains(&kind), "{kind} isn't in {kinds:?}");
    }
    assert_eq!((&timeline["from"], &timeline["to"]), (&json!("2026-01-02T04:00:00Z"), &json!("2026-01-02T05:00:30Z")));
    assert_eq!(timeline["unknown"][0], json!({"source": "deploys", "why": "not asked"}));
}

#[tokio::test]
async fn a_browser_gets_a_page_that_loads_and_runs_nothing() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    server.analyse(|report| report.summary = "<script>alert(1)</script>".to_owned()).await;
    for path in [format!("/incidents/{id}"), format!("/incidents/{id}/timeline")] {
        let page = server.page(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.head.contains("content-type: text/html"), "{}", page.head);
        let policy = page.head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
        assert!(policy.contains("default-src 'none'; style-src 'sha256-"), "{policy}");
        for header in ["x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"] {
            assert!(page.head.contains(header), "{header} isn't in {}", page.head);
        }
        assert!(!page.body.contains("<script") && !page.body.contains("ghp_"), "{}", page.body);
        assert!(page.body.contains("&lt;script&gt;") && page.body.contains("PodCrashLooping"), "{}", page.body);
    }
    // Errors stay what they are everywhere.
    server.page("/incidents/nothing").await.problem(404, "not_found");
    server.get("/incidents/nothing/timeline").await.problem(404, "not_found");
    server.get(&format!("/incidents/{id}?colour=red")).await.problem(422, "invalid");
}

#[tokio::test]
async fn a_signed_link_opens_one_incident_for_a_while_and_nothing_else() {
    let server = Server::closed().await;
    let (id, other) = (server.incident("checkout").await, server.incident("cart").await);
    let key = server.app.store.key().await.unwrap();
    let links = Permalinks::new(Some("")).signed(SignedDuration::from_hours(1), key);
    let link = links.to(&id, server.now()).unwrap();
    let query = link.split_once('?').unwrap().1;
    for closed in ["/incidents".to_owned(), format!("/incidents/{id}"), format!("/incidents/{other}?{query}")] {
        server.get(&closed).await.problem(401, "unauthenticated");
    }
    server.get(&link).await.ok();
    server.get(&format!("/incidents/{id}/timeline?{query}")).await.ok();
    assert_eq!(server.page(&link).await.status, 200);
    let last = link.len() - 1;
    let forged = format!("{}{}", &link[..last], if link.ends_with('0') { '1' } else { '0' });
    server.get(&forged).await.problem(401, "unauthenticated");
    server.ask("POST", &format!("/replay/{id}?{query}"), "", "").await.problem(401, "unauthenticated");
    server.pass(3600);
    server.get(&link).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_analysis_that_was_given_up_is_said_with_its_reason() {
    let server = Server::new().await;
    let id = server.incident("checkout").await;
    for _ in 0..4 {
        server.pass(600);
        let leased = server.app.store.claim(Lane::Analysis).await.unwrap().unwrap();
        server.app.store.fail(&leased, "it broke, password=hunter2hunter2").await.unwrap();
    }
    let analysis = server.get(&format!("/incidents/{id}")).await.ok()["analysis"].clone();
    assert_eq!((&analysis["state"], analysis["retry_at"].is_string()), (&json!("failed"), true), "{analysis}");
    let why = analysis["why"].as_str().unwrap();
    assert!(why.starts_with("it broke") && !why.contains("hunter2"), "{why}");
}
