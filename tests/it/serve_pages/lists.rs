use super::{Server, keys};
use serde_json::{Value, json};
use sre_copilot::ports::{IncidentStore, Intake};

fn names(list: &Value) -> Vec<&str> {
    list["incidents"].as_array().unwrap().iter().map(|it| it["subject"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end_and_once_each() {
    let server = Server::new().await;
    for number in 0..7 {
        server.incident(&format!("web-{number}")).await;
        // Some are opened in the same moment.
        server.pass(number % 2);
    }
    let (mut seen, mut path) = (Vec::new(), "/incidents?limit=3".to_owned());
    loop {
        let list = server.get(&path).await.ok();
        assert_eq!(keys(&list), ["incidents", "next_cursor"]);
        assert!(names(&list).len() <= 3);
        seen.extend(names(&list).into_iter().map(str::to_owned));
        // What is new meanwhile doesn't move what is read.
        server.incident(&format!("new-{}", seen.len())).await;
        let Some(cursor) = list["next_cursor"].as_str() else { break };
        path = format!("/incidents?limit=3&cursor={cursor}");
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|number| format!("web-{number}")).collect::<Vec<_>>());
    assert_eq!(names(&server.get("/incidents?limit=1").await.ok()).len(), 1);
}

#[tokio::test]
async fn a_row_has_the_promised_keys_and_filters_leave_the_rest_out() {
    let server = Server::new().await;
    let first = server.incident("web").await;
    server.pass(60);
    server.alert("PodCrashLooping", "web", json!({}), true).await;
    server.alert("DiskFull", "db", json!({"severity": "critical", "cluster": "other", "namespace": "data"}), false).await;
    server.pass(60);
    server.app.store.resolve(&first).await.unwrap();
    let list = server.get("/incidents").await.ok();
    assert_eq!(names(&list), ["db", "web"]);
    let mut promised =
        ["chronic", "flap_count", "id", "merged_into", "opened_at", "recurrence", "resolved_at", "severity", "status", "subject"];
    promised.sort_unstable();
    assert_eq!(keys(&list["incidents"][0]), promised);
    assert_eq!(keys(&list["incidents"][0]["subject"]), ["cluster", "kind", "name", "namespace"]);
    for (filter, expected) in [
        ("status=open", vec!["db"]),
        ("status=resolved", vec!["web"]),
        ("status=all", vec!["db", "web"]),
        ("cluster=other", vec!["db"]),
        ("namespace=shop", vec!["web"]),
        ("namespace=shop&status=open", vec![]),
        ("severity=critical", vec!["db"]),
        ("severity=warning", vec!["web"]),
        ("alertname=DiskFull", vec!["db"]),
        ("alertname=DiskFull&namespace=shop", vec![]),
        ("since=2026-01-02T05:00:01Z", vec!["db"]),
        ("since=2026-01-02T05:00:00Z", vec!["db", "web"]),
        ("namespace=%27%20OR%201%3D1--", vec![]),
    ] {
        let list = server.get(&format!("/incidents?{filter}")).await.ok();
        assert_eq!(names(&list), expected, "{filter}");
        assert_eq!(list["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn what_can_not_be_a_filter_is_named() {
    let server = Server::new().await;
    for (query, path) in [
        ("status=merged", "status"),
        ("severity=page", "severity"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("since=yesterday", "since"),
        ("cursor=x", "cursor"),
        ("namespace=", "namespace"),
        ("colour=red", "query"),
    ] {
        let problem = server.get(&format!("/incidents?{query}")).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["path"], path, "{query}: {problem}");
    }
}

#[tokio::test]
async fn who_may_not_look_learns_nothing_of_what_may_be_asked() {
    let server = Server::closed().await;
    for path in ["/incidents?colour=red", "/incidents/x?colour=red", "/incidents/x/timeline?until=soon"] {
        server.get(path).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn the_same_again_is_counted_in_a_list_too() {
    let server = Server::new().await;
    let first = server.incident("web").await;
    server.alert("PodCrashLooping", "web", json!({}), true).await;
    server.app.store.resolve(&first).await.unwrap();
    server.pass(2 * 3600);
    let second = server.incident("web").await;
    assert_ne!(first, second);
    let list = server.get("/incidents").await.ok();
    let counts: Vec<_> = list["incidents"].as_array().unwrap().iter().map(|it| it["recurrence"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 0]);
    assert!(server.app.store.standing(&second).await.unwrap().is_some());
}

#[tokio::test]
async fn no_page_reads_what_it_does_not_show() {
    let server = Server::new().await;
    server.incident("web").await;
    let connection = rusqlite::Connection::open(server.folder.path().join("state.db")).unwrap();
    // As many as there may be after years, of one namespace that nobody asks for.
    connection
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
             INSERT INTO incidents (id, cluster, namespace, kind, name, status, opened_at, resolved_at)
             SELECT printf('00000000-0000-7000-8000-%012d', i), 'prod', 'other', 'Deployment', 'w' || i, 'resolved', 1700000000000 + i,
               1700000000001 + i FROM n;",
        )
        .unwrap();
    for (query, expected, ends) in [
        ("status=open", 1, true),
        ("namespace=shop", 1, true),
        ("status=open&namespace=other", 0, true),
        // Where no order leaves few, a page ends early instead of looking at all.
        ("alertname=Nothing", 0, false),
        ("cluster=nowhere", 0, false),
    ] {
        let list = server.get(&format!("/incidents?{query}")).await.ok();
        assert_eq!((list["incidents"].as_array().unwrap().len(), list["next_cursor"].is_null()), (expected, ends), "{query}");
    }
}
