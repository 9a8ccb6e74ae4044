//! What the reader makes of a server's answers about objects.

use super::{Kubeconfig, connect, names, namespace, read, state};
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::ConnectOptions;
use sre_copilot::cluster::Recording;
use sre_copilot::domain::ObjectRef;
use sre_copilot::ports::{ClusterReader, ReadError, ReadRequest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The versions that a server of today has, and no older ones.
const TODAY: &[&str] = &[
    "/api/v1/",
    "/apis/apps/v1/",
    "/apis/batch/v1/",
    "/apis/autoscaling/v2/",
    "/apis/policy/v1/",
    "/apis/discovery.k8s.io/v1/",
    "/apis/networking.k8s.io/v1/",
    "/apis/storage.k8s.io/v1/",
    "/apis/scheduling.k8s.io/v1/",
    "/apis/coordination.k8s.io/v1/",
    "/apis/admissionregistration.k8s.io/v1/",
];

/// A server that has some API versions, a few objects, and for some paths other answers.
#[derive(Default)]
pub struct Made {
    versions: Vec<&'static str>,
    objects: BTreeMap<String, Value>,
    /// Answers in turn, by path; the last one stays. Further pages have `?continue` after their path, previous logs
    /// `?previous`.
    answers: Mutex<BTreeMap<String, Vec<ResponseTemplate>>>,
}

impl Made {
    pub fn today() -> Self {
        Self { versions: TODAY.to_vec(), ..Self::default() }
    }

    /// Puts objects where a path lists them.
    pub fn with(mut self, path: &str, objects: Value) -> Self {
        self.objects.insert(path.to_owned(), objects);
        self
    }

    pub fn answering(self, path: &str, answers: Vec<ResponseTemplate>) -> Self {
        self.answers.lock().unwrap().insert(path.to_owned(), answers);
        self
    }

    pub async fn start(self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self).mount(&server).await;
        server
    }
}

impl Respond for Made {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        let query = request.url.query().unwrap_or_default();
        let variant = ["continue", "previous"].into_iter().find(|name| query.contains(&format!("{name}=")));
        let key = variant.map_or(path.to_owned(), |variant| format!("{path}?{variant}"));
        if let Some(answers) = self.answers.lock().unwrap().get_mut(&key) {
            return if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        }
        if !self.versions.iter().any(|version| path.starts_with(version)) {
            return ResponseTemplate::new(404).set_body_string("404 page not found\n");
        }
        list(self.objects.get(path).cloned().unwrap_or(json!([])), "")
    }
}

pub fn list(items: Value, next: &str) -> ResponseTemplate {
    let body = json!({"kind": "List", "apiVersion": "v1", "metadata": {"continue": next}, "items": items});
    ResponseTemplate::new(200).set_body_json(body).insert_header("date", "Sun, 22 Nov 2026 21:07:31 GMT")
}

pub fn status(code: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({"kind": "Status", "message": message, "code": code}))
}

pub fn kubeconfig(server: &MockServer) -> Kubeconfig {
    Kubeconfig::new(&json!({"server": server.uri()}), &json!({"token": "the-token"}))
}

async fn read_shop(made: Made) -> Result<Recording, ReadError> {
    let server = made.start().await;
    read(kubeconfig(&server).options(), namespace("shop")).await
}

fn named(name: &str) -> Value {
    json!([{"metadata": {"name": name, "namespace": "shop"}}])
}

#[tokio::test]
async fn a_server_of_today_is_asked_once_a_kind() {
    let server = Made::today()
        .with("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", named("web-x1"))
        .with("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", named("web"))
        .with("/apis/batch/v1/namespaces/shop/cronjobs", named("nightly"))
        .start()
        .await;
    let recording = read(kubeconfig(&server).options(), namespace("shop")).await.unwrap();

    let versions: Vec<_> = recording.objects.iter().map(|object| (&object["kind"], &object["apiVersion"])).collect();
    assert_eq!(
        versions,
        [
            (&json!("EndpointSlice"), &json!("discovery.k8s.io/v1")),
            (&json!("CronJob"), &json!("batch/v1")),
            (&json!("HorizontalPodAutoscaler"), &json!("autoscaling/v2")),
        ]
    );
    assert_eq!(recording.captured_at.unwrap().to_string(), "2026-11-22T21:07:31Z");
    // The Gateway API is an add-on: without it nothing is missing.
    let states: Vec<_> = recording.sources.iter().map(|(source, state)| format!("{source} {state}")).collect();
    assert_eq!(states, ["kubernetes ok", "logs ok"]);

    let mut asked: Vec<_> =
        server.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    asked.retain(|path| !path.contains("gateway"));
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all, "{asked:?}");
}

#[tokio::test]
async fn an_old_server_is_read_under_its_old_versions() {
    let old = ["/api/v1/", "/apis/apps/v1/", "/apis/batch/v1/namespaces/shop/jobs", "/apis/storage.k8s.io/v1/"];
    let beta =
        ["/apis/batch/v1beta1/", "/apis/autoscaling/v2beta2/", "/apis/policy/v1beta1/", "/apis/networking.k8s.io/v1beta1/"];
    let other = [
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies",
        "/apis/scheduling.k8s.io/v1/",
        "/apis/coordination.k8s.io/v1/",
        "/apis/admissionregistration.k8s.io/v1beta1/",
    ];
    let made = Made { versions: [&old[..], &beta[..], &other[..]].concat(), ..Made::default() };
    let recording = read_shop(
        made.with("/api/v1/namespaces/shop/endpoints", named("web"))
            .with("/apis/batch/v1beta1/namespaces/shop/cronjobs", named("nightly"))
            .with("/apis/policy/v1beta1/namespaces/shop/poddisruptionbudgets", named("web")),
    )
    .await
    .unwrap();

    let versions: Vec<_> =
        recording.objects.iter().map(|object| format!("{} {}", object["apiVersion"], object["kind"])).collect();
    assert_eq!(versions, [r#""v1" "Endpoints""#, r#""batch/v1beta1" "CronJob""#, r#""policy/v1beta1" "PodDisruptionBudget""#]);
    assert_eq!(state(&recording, "kubernetes"), "ok");
}

#[tokio::test]
async fn a_kind_that_the_server_lacks_is_unknown() {
    let mut made = Made::today();
    made.versions.retain(|version| !version.contains("autoscaling"));
    let recording = read_shop(made).await.unwrap();
    assert_eq!(state(&recording, "kubernetes/horizontalpodautoscalers"), "unavailable: the server has no such kind");
    assert_eq!(state(&recording, "kubernetes"), "partial: 1 of 34 kinds could not be read");
}

#[tokio::test]
async fn a_list_is_begun_anew_once_when_its_snapshot_expires() {
    let path = "/api/v1/namespaces/shop/configmaps";
    let gone = || status(410, "The provided continue parameter is too old");
    let page = |name: &str, next: &str| list(json!([{"metadata": {"name": name}}]), next);
    let pages = |rest| Made::today().answering(path, vec![page("a", "next")]).answering(&format!("{path}?continue"), rest);

    let recording = read_shop(pages(vec![gone(), page("b", "")])).await.unwrap();
    assert_eq!(names(&recording, "ConfigMap"), ["a", "b"]);
    assert_eq!(state(&recording, "kubernetes/configmaps"), "");

    let recording = read_shop(pages(vec![gone()])).await.unwrap();
    assert_eq!(names(&recording, "ConfigMap"), ["a"]);
    assert_eq!(
        state(&recording, "kubernetes/configmaps"),
        "partial: only the first 1: The provided continue parameter is too old"
    );
}

#[tokio::test]
async fn a_busy_server_is_waited_for_as_long_as_it_asks_but_not_past_the_deadline() {
    let path = "/api/v1/namespaces/shop/services";
    let busy = |seconds| status(429, "too many requests").insert_header("retry-after", seconds);

    let recording = read_shop(Made::today().answering(path, vec![busy("0"), busy("0"), list(named("web"), "")])).await.unwrap();
    assert_eq!(names(&recording, "Service"), ["web"]);
    assert_eq!(state(&recording, "kubernetes"), "ok");

    let recording = read_shop(Made::today().answering(path, vec![busy("3600")])).await.unwrap();
    assert_eq!(state(&recording, "kubernetes/services"), "unavailable: too many requests");
}

#[tokio::test]
async fn a_failing_server_is_asked_once_more() {
    let path = "/api/v1/namespaces/shop/services";
    let failing = || status(500, "etcdserver: leader changed");
    let recording = read_shop(Made::today().answering(path, vec![failing(), list(named("web"), "")])).await.unwrap();
    assert_eq!(names(&recording, "Service"), ["web"]);

    let recording = read_shop(Made::today().answering(path, vec![failing()])).await.unwrap();
    assert_eq!(state(&recording, "kubernetes/services"), "unavailable: etcdserver: leader changed (HTTP 500)");
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_unknown_and_not_quoted() {
    let garbage = ResponseTemplate::new(200).set_body_string("{\"items\": [c2VjcmV0");
    let recording = read_shop(Made::today().answering("/api/v1/namespaces/shop/secrets", vec![garbage])).await.unwrap();
    let state = state(&recording, "kubernetes/secrets");
    assert!(state.starts_with("unavailable: the answer is not JSON: "), "{state}");
    assert!(!state.contains("c2Vj"), "{state}");
}

#[tokio::test]
async fn what_is_forbidden_is_told_and_the_rest_is_read() {
    let denied = |plural: &str| {
        let why = format!(r#"{plural} is forbidden: User "me" cannot list resource "{plural}" at the cluster scope"#);
        vec![status(403, &why)]
    };
    let made = Made::today()
        .with("/api/v1/namespaces/shop/pods", named("web"))
        .with("/api/v1/namespaces/shop/endpoints", named("web"))
        .answering("/api/v1/nodes", denied("nodes"))
        .answering("/api/v1/namespaces", denied("namespaces"))
        .answering(
            "/api/v1/namespaces/shop",
            vec![ResponseTemplate::new(200).set_body_json(json!({"metadata": {"name": "shop"}}))],
        )
        .answering("/api/v1/namespaces/default/events", denied("events"))
        // Refused before the server looks whether there is such a kind: only the one that exists is missing.
        .answering("/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways", denied("gateways"))
        .answering("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", denied("endpointslices"));
    let recording = read_shop(made).await.unwrap();
    let states: Vec<_> = recording.sources.iter().map(|(source, state)| format!("{source} {state}")).collect();
    assert_eq!(
        states,
        [
            "kubernetes partial: 1 of 34 kinds could not be read, 2 more only in part",
            r#"kubernetes/events partial: nodes: forbidden: User "me" cannot list resource "events" at the cluster scope"#,
            r#"kubernetes/namespaces partial: only those of the request: User "me" cannot list resource "namespaces" at the cluster scope"#,
            r#"kubernetes/nodes forbidden: User "me" cannot list resource "nodes" at the cluster scope"#,
            "logs ok",
        ]
    );
    assert_eq!(names(&recording, "Endpoints"), ["web"]);
    assert_eq!(names(&recording, "Namespace"), ["shop"]);
}

#[tokio::test]
async fn an_addon_that_is_there_and_forbidden_is_unknown() {
    let made = Made::today()
        .answering("/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways", vec![status(403, "no")])
        .answering(
            "/apis/gateway.networking.k8s.io",
            vec![ResponseTemplate::new(200).set_body_json(json!({"kind": "APIGroup"}))],
        );
    let recording = read_shop(made).await.unwrap();
    assert_eq!(state(&recording, "kubernetes/gateways"), "forbidden: no");
    assert_eq!(state(&recording, "kubernetes/httproutes"), "");
}

#[tokio::test]
async fn pods_elsewhere_are_read_when_a_pod_waits_for_a_node() {
    let waiting = json!([{"metadata": {"name": "web", "namespace": "shop"}, "status": {"phase": "Pending"}}]);
    let made = || Made::today().with("/api/v1/namespaces/shop/pods", waiting.clone());
    let elsewhere = json!([
        {"metadata": {"name": "other", "namespace": "kube-system"}},
        {"metadata": {"name": "web", "namespace": "shop"}},
    ]);
    let recording = read_shop(made().with("/api/v1/pods", elsewhere)).await.unwrap();
    assert_eq!(names(&recording, "Pod"), ["web", "other"]);

    let recording = read_shop(made().answering("/api/v1/pods", vec![status(403, "no")])).await.unwrap();
    assert_eq!(
        state(&recording, "kubernetes/pods"),
        "partial: pods of other namespaces, without which the room on nodes is unknown: forbidden: no"
    );
}

#[tokio::test]
async fn secrets_come_without_their_values() {
    let secret = json!([{
        "metadata": {"name": "db", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "aHVudGVyMg=="}},
        "type": "Opaque", "data": {"password": "aHVudGVyMg=="}, "stringData": {"user": "hunter2"},
    }]);
    let server = Made::today().with("/api/v1/namespaces/shop/secrets", secret).start().await;
    let recording = read(kubeconfig(&server).options(), namespace("shop")).await.unwrap();
    assert_eq!(recording.objects[0]["data"], json!({"password": ""}));
    assert_eq!(recording.objects[0]["stringData"], json!({"user": ""}));
    let shown = format!("{recording:?}");
    assert!(!shown.contains("aHVudGVyMg") && !shown.contains("hunter2") && !shown.contains("the-token"), "{shown}");
}

#[tokio::test]
async fn each_of_several_namespaces_is_listed_once() {
    let server = Made::today().start().await;
    let kubeconfig = kubeconfig(&server);
    let targets =
        vec![ObjectRef::new("Pod", "shop", "a"), ObjectRef::new("Pod", "shop", "b"), ObjectRef::new("Pod", "cart", "a")];
    read(ConnectOptions { page_size: 7, ..kubeconfig.options() }, targets).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    let urls = asked.iter().map(|request| &request.url).filter(|url| url.path().ends_with("/pods"));
    let mut pods: Vec<_> = urls.map(|url| format!("{}?{}", url.path(), url.query().unwrap_or_default())).collect();
    pods.sort();
    assert_eq!(pods, ["/api/v1/namespaces/cart/pods?limit=7", "/api/v1/namespaces/shop/pods?limit=7"]);
}

#[tokio::test]
async fn a_list_that_never_ends_is_cut() {
    let path = "/api/v1/namespaces/shop/services";
    let again = || vec![list(named("web"), "next")];
    let recording =
        read_shop(Made::today().answering(path, again()).answering(&format!("{path}?continue"), again())).await.unwrap();
    assert_eq!(names(&recording, "Service"), ["web"]);
    assert_eq!(state(&recording, "kubernetes/services"), "partial: only the first 200: there are too many");
}

#[tokio::test]
async fn who_waits_hears_what_is_read() {
    let server = Made::today().start().await;
    let kubeconfig = kubeconfig(&server);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let reader =
        connect(kubeconfig.options()).await.unwrap().with_progress(move |text| hear.lock().unwrap().push(text.to_owned()));
    reader.read(&ReadRequest { targets: namespace("shop"), all_namespaces: false }).await.unwrap();
    let heard = heard.lock().unwrap();
    assert!(heard[0].starts_with("objects 1/35: "), "{heard:?}");
    assert!(heard[34].starts_with("objects 35/35: "), "{heard:?}");
}
