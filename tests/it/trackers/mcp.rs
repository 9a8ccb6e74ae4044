//! Deploys by an MCP server, of today's protocol without sessions and of the one with a handshake.

use super::fake::Seen;
use super::teamcity::mapping;
use super::{Fake, Reply, asked};
use serde_json::{Value, json};
use sre_copilot::adapters::teamcity::Teamcity;
use sre_copilot::config::TeamcitySettings;
use sre_copilot::domain::{Deploy, SourceState};
use sre_copilot::ports::{Answered, DeployHistory};

fn settings(address: &str) -> TeamcitySettings {
    TeamcitySettings {
        mcp_url: Some(format!("{address}/mcp")),
        mcp_token: Some("the-token".to_owned().into()),
        deploys: vec![mapping("Shop_Checkout_Deploy", "checkout", "shop")],
        ..TeamcitySettings::default()
    }
}

async fn deploys(address: &str) -> Answered<Deploy> {
    Teamcity::new(&settings(address)).unwrap().unwrap().deploys(&asked()).await
}

fn list() -> Value {
    json!({"count": 2, "build": [
        {"id": 8134, "buildTypeId": "Shop_Checkout_Deploy", "number": "54", "status": "SUCCESS",
         "finishDate": "20260102T044554+0000", "webUrl": "https://ci.example.com/build/8134"},
        {"id": 8132, "buildTypeId": "Shop_Checkout_Test", "number": "99", "status": "SUCCESS"},
    ]})
}

fn details() -> Value {
    json!({"id": 8134, "buildTypeId": "Shop_Checkout_Deploy", "number": "54", "status": "SUCCESS",
        "triggered": {"type": "user", "user": {"username": "m.ortega"}}, "revisions": {"revision": [{"version": "0b6f5c2a"}]}})
}

fn result(seen: &Seen, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": result})
}

/// What a tool says, structured or as text.
fn tool(seen: &Seen, structured: bool) -> Value {
    let answer = if seen.json()["params"]["name"] == "list_builds" { list() } else { details() };
    let text = if structured { "see the structured content".to_owned() } else { answer.to_string() };
    let mut content = json!({"content": [{"type": "text", "text": text}]});
    if structured {
        content["structuredContent"] = answer;
        content["resultType"] = "complete".into();
    }
    content
}

/// Protocol 2026-07-28: no handshake, no session.
fn modern(_: usize, seen: &Seen) -> Reply {
    match seen.json()["method"].as_str() {
        Some("server/discover") => Reply::json(result(
            seen,
            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "teamcity", "version": "1"}, "ttlMs": 0, "cacheScope": "private"}),
        )),
        Some("tools/call") => Reply::json(result(seen, tool(seen, true))),
        _ => Reply::status(405, ""),
    }
}

/// Protocol 2025-11-25: a handshake that gives a session, answers as a stream of events, no stream of its own.
fn with_sessions(_: usize, seen: &Seen) -> Reply {
    let in_session = seen.header("mcp-session-id") == Some("session-1");
    match (seen.method.as_str(), seen.json()["method"].as_str()) {
        ("POST", Some("initialize")) => Reply::json(result(
            seen,
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "teamcity", "version": "1"}}),
        ))
        .header("mcp-session-id", "session-1"),
        ("POST", Some("notifications/initialized")) if in_session => Reply::status(202, ""),
        ("POST", Some("tools/call")) if in_session => {
            let event = format!("event: message\ndata: {}\n\n", result(seen, tool(seen, false)));
            Reply::status(200, &event).header("content-type", "text/event-stream")
        }
        ("DELETE", _) if in_session => Reply::status(200, ""),
        ("GET", _) => Reply::status(405, ""),
        _ => Reply::status(400, "Bad Request: no session"),
    }
}

fn is_as_expected(answered: &Answered<Deploy>) {
    assert_eq!(answered.state, SourceState::Ok);
    let [deploy] = answered.items.as_slice() else { panic!("{:?}", answered.items) };
    assert_eq!((deploy.service.as_str(), deploy.namespace.as_str(), deploy.number.as_str()), ("checkout", "shop", "54"));
    assert_eq!((deploy.sha.as_str(), deploy.triggered_by.as_str()), ("0b6f5c2a", "m.ortega"));
}

fn calls(seen: &[Seen]) -> Vec<Value> {
    seen.iter()
        .map(Seen::json)
        .filter(|message| message["method"] == "tools/call")
        .map(|message| message["params"].clone())
        .collect()
}

#[tokio::test]
async fn a_server_without_sessions() {
    let server = Fake::new(modern).await;
    is_as_expected(&deploys(&server.address).await);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.header("mcp-session-id").is_none() && seen.json()["method"] != "initialize"));
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some("Bearer the-token") && seen.target == "/mcp"));
    let calls = calls(&seen);
    let names: Vec<_> = calls.iter().map(|call| call["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["list_builds", "get_build"]);
    let locator = calls[0]["arguments"]["locator"].as_str().unwrap();
    assert!(locator.ends_with("finishDate:(date:20260102T030554+0000,condition:after)"), "{locator}");
    assert_eq!(calls[1]["arguments"], json!({"buildId": "8134"}));
}

#[tokio::test]
async fn a_server_with_sessions() {
    let server = Fake::new(with_sessions).await;
    is_as_expected(&deploys(&server.address).await);
    let calls = calls(&server.seen());
    assert_eq!(calls.len(), 2, "{calls:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_not_checked() {
    for (name, reply, state) in [
        ("401", Reply::status(401, "{}"), "forbidden: 401 Unauthorized"),
        ("401 that asks", Reply::status(401, "").header("www-authenticate", "Bearer"), "forbidden: 401 Unauthorized"),
        ("403", Reply::status(403, ""), "forbidden: 403 Forbidden"),
        ("429", Reply::status(429, ""), "unavailable: 429 Too Many Requests"),
        ("500", Reply::status(500, ""), "unavailable: 500 Internal Server Error"),
        ("redirect", Reply::status(302, "").header("location", "/login"), "unavailable: 302 Found"),
        ("410", Reply::status(410, ""), "unavailable: 410 Gone"),
        (
            "login page",
            Reply::status(200, "<html>").header("content-type", "text/html"),
            "unavailable: the answer is no MCP message",
        ),
        ("cut JSON", Reply::status(200, "{\"jsonrpc\": \"2.0\", "), "unavailable: the answer is no MCP message"),
        ("endless", Reply::endless(), "unavailable: the answer is longer than 8 MiB"),
    ] {
        let server = Fake::always(reply).await;
        let answered = deploys(&server.address).await;
        assert_eq!((answered.state.to_string().as_str(), answered.items.len()), (state, 0), "{name}");
    }
}

#[tokio::test]
async fn a_tool_that_fails_is_not_none() {
    let failed = json!({"isError": true, "resultType": "complete", "content": [{"type": "text", "text": "no right\u{1b}[2J"}]});
    let text = |text: &str| json!({"resultType": "complete", "content": [{"type": "text", "text": text}]});
    for (content, state) in [
        (failed, "unavailable: the tool list_builds failed: no right [2J"),
        (text("no builds were found"), "unavailable: the tool list_builds answered no JSON"),
        (text("{}"), "unavailable: the answer has no list of builds"),
        (json!({"resultType": "complete", "content": []}), "unavailable: the tool list_builds answered nothing"),
    ] {
        let server = Fake::new(move |number, seen| match seen.json()["method"].as_str() {
            Some("tools/call") => Reply::json(result(seen, content.clone())),
            _ => modern(number, seen),
        })
        .await;
        assert_eq!(deploys(&server.address).await.state.to_string(), state);
    }
    let unknown = |number: usize, seen: &Seen| match seen.json()["method"].as_str() {
        Some("tools/call") => {
            Reply::json(json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -32602, "message": "Unknown tool"}}))
        }
        _ => modern(number, seen),
    };
    let server = Fake::new(unknown).await;
    assert_eq!(deploys(&server.address).await.state.to_string(), "unavailable: the MCP server says: Unknown tool");
}

#[tokio::test]
async fn an_empty_list_is_none_and_details_that_fail_are_said() {
    let empty = |number: usize, seen: &Seen| match seen.json()["method"].as_str() {
        Some("tools/call") => {
            Reply::json(result(seen, json!({"resultType": "complete", "content": [], "structuredContent": {"result": []}})))
        }
        _ => modern(number, seen),
    };
    let server = Fake::new(empty).await;
    assert_eq!(deploys(&server.address).await, Answered { state: SourceState::Ok, items: Vec::new() });
    let bare = |number: usize, seen: &Seen| match seen.json()["params"]["name"].as_str() {
        Some("get_build") => Reply::status(500, ""),
        _ => modern(number, seen),
    };
    let server = Fake::new(bare).await;
    let answered = deploys(&server.address).await;
    assert_eq!((answered.state.to_string().as_str(), answered.items.len()), ("partial: builds without details: 1", 1));
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let server = Fake::new(|number, seen| if number < 2 { Reply::status(503, "") } else { modern(number, seen) }).await;
    is_as_expected(&deploys(&server.address).await);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_ten_seconds() {
    let server = Fake::always(Reply::silent()).await;
    let before = tokio::time::Instant::now();
    assert_eq!(deploys(&server.address).await.state.to_string(), "unavailable: timed out after 10 s");
    assert!(before.elapsed().as_secs() <= 11);
}
