//! Metrics servers that answer something else than what was asked.

use super::{ask, health, request};
use sre_copilot::domain::{HealthStatus, SourceState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{body_string_contains, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn answering(answer: ResponseTemplate) -> (MockServer, SourceState, usize) {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    let answered = ask(&server.uri(), &request()).await;
    assert_eq!(health(&answered).status, HealthStatus::Unknown);
    (server, answered.state, answered.items.len())
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable_or_forbidden_and_nothing_is_zero() {
    let html = ResponseTemplate::new(200).set_body_string("<html>Sign in</html>");
    let scalar = ResponseTemplate::new(200)
        .set_body_string(r#"{"status":"success","data":{"resultType":"scalar","result":[1767330000,"1"]}}"#);
    let failed = ResponseTemplate::new(200).set_body_string(r#"{"status":"error","errorType":"internal","error":"disk"}"#);
    let huge = ResponseTemplate::new(200).set_body_string(" ".repeat(9 << 20));
    for (answer, expected) in [
        (html, "unavailable: the answer is not that of a metrics server"),
        (scalar, "unavailable: the answer is a scalar"),
        (failed, "unavailable: the server says: disk"),
        (huge, "unavailable: the answer is longer than 8 MiB"),
        (ResponseTemplate::new(401), "forbidden: 401 Unauthorized"),
        (ResponseTemplate::new(403), "forbidden: 403 Forbidden"),
        (ResponseTemplate::new(404), "unavailable: 404 Not Found"),
        (ResponseTemplate::new(410), "unavailable: 410 Gone"),
        (ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"), "unavailable: 302 Found"),
    ] {
        let (server, state, items) = answering(answer).await;
        assert!(state.to_string().starts_with(expected), "{state}");
        assert_eq!(items, 0);
        // It is left alone after as many failures as are asked at once.
        assert!(server.received_requests().await.unwrap().len() <= 16);
    }
}

#[tokio::test]
async fn a_server_error_is_tried_again_and_one_query_costs_itself() {
    let server = MockServer::start().await;
    let empty = |kind: &str| {
        ResponseTemplate::new(200)
            .set_body_string(format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[]}}}}"#))
    };
    let total = "count(max by (node) (kube_node_info))";
    Mock::given(path("/api/v1/query"))
        .and(query_param("query", total))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/query")).respond_with(empty("vector")).mount(&server).await;
    Mock::given(path("/api/v1/query_range")).respond_with(empty("matrix")).mount(&server).await;
    let answered = ask(&server.uri(), &request()).await;
    assert_eq!(answered.state.to_string(), "partial: nodes_total: 503 Service Unavailable");
    let asked = server.received_requests().await.unwrap();
    let times = asked.iter().filter(|request| request.url.query_pairs().any(|(_, value)| value == total)).count();
    assert_eq!(times, 3);
    let range = asked.iter().find(|request| request.url.path() == "/api/v1/query_range").unwrap();
    let given = |name: &str| range.url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!([given("start"), given("end"), given("step")], ["1767326400.000", "1767330900.000", "30s"]);
}

#[tokio::test]
async fn a_long_query_goes_into_the_body() {
    let server = MockServer::start().await;
    let empty = ResponseTemplate::new(200).set_body_string(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
    Mock::given(method("POST")).and(body_string_contains("web-")).respond_with(empty.clone()).mount(&server).await;
    Mock::given(method("GET")).respond_with(empty).mount(&server).await;
    let mut long = request();
    long.pods = (0..120)
        .map(|n| {
            sre_copilot::domain::ObjectRef::new("Pod", "shop", format!("web-of-the-great-department-store-in-the-old-town-{n}"))
        })
        .collect();
    ask(&server.uri(), &long).await;
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().any(|request| request.method.as_str() == "POST" && request.url.query().is_none()));
    assert!(asked.iter().all(|request| request.url.as_str().len() < 8 << 10));
}

#[tokio::test]
async fn an_endless_answer_ends_at_its_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut line = [0; 4096];
                _ = stream.read(&mut line).await;
                _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
                while stream.write_all(&chunk).await.is_ok() {}
            });
        }
    });
    let answered = ask(&url, &request()).await;
    assert_eq!(answered.state.to_string(), "unavailable: the answer is longer than 8 MiB");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let answered = ask(&url, &request()).await;
    assert!(matches!(answered.state, SourceState::Unavailable(_)), "{}", answered.state);
}
