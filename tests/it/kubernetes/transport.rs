//! What the reader says when it can't get through: to no server, to one that hangs, with credentials that don't count.

use super::made::{Made, kubeconfig, list, status};
use super::{Kubeconfig, connect, names, namespace, read, state};
use serde_json::json;
use sre_copilot::adapters::kubernetes::ConnectOptions;
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn error(kubeconfig: &Kubeconfig) -> String {
    let options = ConnectOptions { request_timeout: Duration::from_millis(500), ..kubeconfig.options() };
    read(options, namespace("shop")).await.unwrap_err().to_string()
}

async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn no_server() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("https://127.0.0.1:{port}");
    let kubeconfig = Kubeconfig::new(&json!({"server": address}), &json!({}));
    assert_eq!(error(&kubeconfig).await, format!("no answer from {address}: Connection refused (os error 111)"));
}

#[tokio::test]
async fn a_server_that_hangs() {
    let server = always(ResponseTemplate::new(200).set_delay(Duration::from_secs(3600))).await;
    assert_eq!(error(&kubeconfig(&server)).await, format!("no answer from {}: no answer within 0.5 s", server.uri()));
}

#[tokio::test]
async fn a_kind_that_hangs_costs_that_kind_alone() {
    let hanging = vec![list(json!([]), "").set_delay(Duration::from_secs(3600))];
    let pods = json!([{"metadata": {"name": "web", "namespace": "shop"}}]);
    let made = Made::today().with("/api/v1/namespaces/shop/pods", pods).answering("/api/v1/nodes", hanging);
    let server = made.start().await;
    let kubeconfig = kubeconfig(&server);
    let options = ConnectOptions { request_timeout: Duration::from_secs(1), ..kubeconfig.options() };
    let recording = read(options, namespace("shop")).await.unwrap();
    assert_eq!(names(&recording, "Pod"), ["web"]);
    assert_eq!(state(&recording, "kubernetes/nodes"), "unavailable: no answer within 1 s");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    let server = always(ResponseTemplate::new(200)).await;
    let address = server.uri().replace("http://", "https://");
    let kubeconfig = Kubeconfig::new(&json!({"server": address}), &json!({}));
    let error = error(&kubeconfig).await;
    assert!(error.contains("does not speak TLS; check the address"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_kubernetes() {
    let page = |code| ResponseTemplate::new(code).set_body_string("<html>hello</html>");
    let error_of = async |code| error(&kubeconfig(&always(page(code)).await)).await;
    assert!(error_of(404).await.contains("has no kind of Kubernetes; check the address"), "{}", error_of(404).await);
    assert!(error_of(200).await.contains("the answer is not JSON"), "{}", error_of(200).await);
    assert!(error_of(502).await.contains("HTTP 502"), "{}", error_of(502).await);
}

#[tokio::test]
async fn credentials_that_do_not_count() {
    let server = always(status(401, "Unauthorized")).await;
    let expected = format!("{} does not accept these credentials: Unauthorized", server.uri());
    assert_eq!(error(&kubeconfig(&server)).await, expected);
}

#[tokio::test]
async fn nothing_is_allowed() {
    let server = always(status(403, r#"pods is forbidden: User "me" cannot list resource "pods""#)).await;
    assert_eq!(error(&kubeconfig(&server)).await, r#"nothing could be read: User "me" cannot list resource "pods""#);
}

fn with_command(server: &str, command: &str) -> Kubeconfig {
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", command], "interactiveMode": "Never",
    });
    Kubeconfig::new(&json!({"server": server}), &json!({"exec": exec}))
}

#[tokio::test]
async fn a_credential_command_that_works() {
    let server = Made::today().start().await;
    let credential =
        json!({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "fresh"}});
    let kubeconfig = with_command(&server.uri(), &format!("echo '{credential}'"));
    read(kubeconfig.options(), namespace("shop")).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.headers["authorization"] == "Bearer fresh"));
}

#[tokio::test]
async fn a_credential_command_that_fails_is_not_quoted() {
    for command in ["echo my-token; echo my-token >&2; exit 3", "echo 'token: [my-token'", "echo my-token"] {
        let error = error(&with_command("http://127.0.0.1:1", command)).await;
        assert!(error.contains("credential command"), "{error}");
        assert!(!error.contains("my-token"), "{error}");
    }
}

#[tokio::test]
async fn where_it_leads_is_told_without_credentials() {
    let kubeconfig = Kubeconfig::new(&json!({"server": "https://me:pass@k8s.example:6443/"}), &json!({"token": "the-token"}));
    let reader = connect(kubeconfig.options()).await.unwrap();
    assert_eq!(reader.server(), "https://k8s.example:6443");
    assert_eq!(reader.default_namespace(), "shop");
    assert_eq!(format!("{reader:?}"), r#"KubernetesReader { server: "https://k8s.example:6443", .. }"#);
}
