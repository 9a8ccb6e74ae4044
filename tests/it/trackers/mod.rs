//! The sources beside the cluster against servers that answer as the real ones do, and as they must not.

mod alertmanager;
mod fake;
mod jira;
mod mcp;
mod report;
mod seq;
mod teamcity;

use fake::{Fake, Reply};
use jiff::Timestamp;
use sre_copilot::domain::ObjectRef;
use sre_copilot::ports::EvidenceRequest;

/// What is asked for in these tests.
fn asked() -> EvidenceRequest {
    let at: Timestamp = "2026-01-02T05:05:54Z".parse().unwrap();
    EvidenceRequest {
        at,
        until: at,
        objects: vec![ObjectRef::new("Deployment", "shop", "checkout"), ObjectRef::new("Service", "shop", "web")],
        pods: vec![ObjectRef::new("Pod", "shop", "checkout-7c9f5d-x2x1z")],
        namespaces: vec!["shop".into()],
        alerts: vec!["KubePodCrashLooping".into()],
        ..EvidenceRequest::default()
    }
}

/// Answers of which none means that there is nothing, each with the state that it leads to and how many requests it takes.
fn not_an_answer() -> Vec<(&'static str, Reply, &'static str, usize)> {
    let html = "<!doctype html><html><title>Log in</title></html>";
    vec![
        ("401", Reply::status(401, "{}"), "forbidden: 401 Unauthorized", 1),
        ("403", Reply::status(403, html), "forbidden: 403 Forbidden", 1),
        ("404", Reply::status(404, ""), "unavailable: 404 Not Found", 1),
        ("410", Reply::status(410, "{\"errorMessages\": [\"gone\"]}"), "unavailable: 410 Gone", 1),
        ("429", Reply::status(429, "slow down"), "unavailable: 429 Too Many Requests", 1),
        ("redirect", Reply::status(302, "").header("location", "http://127.0.0.1:1/login"), "unavailable: 302 Found", 1),
        ("500s", Reply::status(500, "[]"), "unavailable: 500 Internal Server Error", 3),
        ("login page", Reply::status(200, html), "unavailable: the answer is not JSON", 1),
        ("empty", Reply::status(200, ""), "unavailable: the answer is not JSON", 1),
        ("cut JSON", Reply::status(200, "{\"issues\": [{\"key\": \"SHOP-"), "unavailable: the answer is not JSON", 1),
        ("not UTF-8", Reply::bytes(200, b"[\"\xff\xfe\"]".to_vec()), "unavailable: the answer is not JSON", 1),
        ("endless", Reply::endless(), "unavailable: the answer is longer than 8 MiB", 1),
    ]
}
