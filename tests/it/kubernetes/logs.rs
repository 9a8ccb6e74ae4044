//! What the reader makes of a server's answers about logs.

use super::made::{Made, kubeconfig, status};
use super::{namespace, read, state};
use serde_json::{Value, json};
use sre_copilot::cluster::Recording;
use wiremock::ResponseTemplate;

const LOG: &str = "/api/v1/namespaces/shop/pods/web/log";

fn crashing(pod: &str, node: &str) -> Value {
    let status = json!({
        "name": "app", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1}},
    });
    json!({"metadata": {"name": pod, "namespace": "shop"}, "spec": {"nodeName": node}, "status": {"containerStatuses": [status]}})
}

fn text(text: &str) -> Vec<ResponseTemplate> {
    vec![ResponseTemplate::new(200).set_body_string(text)]
}

async fn read_shop(pods: &[Value], made: Made) -> (Recording, Vec<String>) {
    let server = made.with("/api/v1/namespaces/shop/pods", json!(pods)).start().await;
    let recording = read(kubeconfig(&server).options(), namespace("shop")).await.unwrap();
    let asked = server.received_requests().await.unwrap().into_iter().map(|request| request.url);
    let logs = asked.filter(|url| url.path().ends_with("/log")).map(|url| url.query().unwrap_or_default().to_owned());
    (recording, logs.collect())
}

#[tokio::test]
async fn both_instances_of_a_crashing_container_are_read() {
    let made = Made::today().answering(LOG, text("now\n")).answering(&format!("{LOG}?previous"), text("before\n"));
    let (recording, asked) = read_shop(&[crashing("web", "n1")], made).await;
    let logs: Vec<_> = recording.logs.iter().map(|(key, text)| (key.container.as_str(), key.previous, text.as_str())).collect();
    assert_eq!(logs, [("app", false, "now\n"), ("app", true, "before\n")]);
    assert_eq!(state(&recording, "logs"), "ok");
    assert_eq!(asked[0], "container=app&tailLines=200&limitBytes=1048576");
    assert_eq!(asked[1], "container=app&tailLines=200&limitBytes=1048576&previous=true");
}

#[tokio::test]
async fn a_container_that_has_no_log_yet_is_no_fault() {
    let none = vec![status(400, "previous terminated container \"app\" in pod \"web\" not found")];
    let made = Made::today().answering(LOG, text("now\n")).answering(&format!("{LOG}?previous"), none);
    let (recording, _) = read_shop(&[crashing("web", "n1")], made).await;
    assert_eq!(recording.logs.len(), 1);
    assert_eq!(state(&recording, "logs"), "ok");
}

#[tokio::test]
async fn long_lines_do_not_cost_the_newest() {
    let line = format!("{}\n", "x".repeat(10_000));
    let long = text(&line.repeat(110)).remove(0);
    let short = text("the end\n").remove(0);
    let made = Made::today().answering(LOG, vec![long, short]).answering(&format!("{LOG}?previous"), vec![status(400, "none")]);
    let (recording, asked) = read_shop(&[crashing("web", "n1")], made).await;
    assert_eq!(recording.logs.values().collect::<Vec<_>>(), ["the end\n"]);
    assert!(asked[1].contains("tailLines=20&"), "{asked:?}");
}

#[tokio::test]
async fn logs_that_are_forbidden() {
    let denied = vec![status(403, r#"pods "web" is forbidden: User "me" cannot get resource "pods/log""#)];
    let (recording, asked) = read_shop(&[crashing("web", "n1")], Made::today().answering(LOG, denied)).await;
    assert_eq!(state(&recording, "logs"), r#"forbidden: User "me" cannot get resource "pods/log""#);
    assert_eq!(asked.len(), 1);
    assert_eq!(state(&recording, "kubernetes"), "ok");
}

#[tokio::test]
async fn a_node_that_does_not_answer_costs_its_own_logs() {
    let dead = "Get \"https://10.0.0.9:10250/containerLogs/shop/web/app\": dial tcp 10.0.0.9:10250: connect: connection refused";
    let other = "/api/v1/namespaces/shop/pods/api/log";
    let made = Made::today()
        .answering(LOG, vec![status(500, dead)])
        .answering(other, text("here\n"))
        .answering(&format!("{other}?previous"), text("before\n"));
    let (recording, _) = read_shop(&[crashing("web", "dead"), crashing("api", "n2")], made).await;
    assert_eq!(recording.logs.len(), 2);
    let state = state(&recording, "logs");
    assert!(state.starts_with("partial: 1 of 2 containers could not be read: Get"), "{state}");
    assert!(state.ends_with("connection refused (HTTP 500)"), "{state}");
}

#[tokio::test]
async fn logs_of_pods_that_could_not_be_listed_are_unknown() {
    let made = Made::today().answering("/api/v1/namespaces/shop/pods", vec![status(403, "no")]);
    let (recording, _) = read_shop(&[], made).await;
    assert_eq!(state(&recording, "logs"), "unavailable: no pods: see kubernetes/pods");
}
